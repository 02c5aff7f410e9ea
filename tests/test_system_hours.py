"""The daemon must not grow, however long it runs."""

import pytest

from benchmarks.hours import hours

pytestmark = pytest.mark.system


def test_memory_stays_where_it_is() -> None:
    found = hours(4, parts_per_hour=3)

    assert found[-1].utterances > 2000
    assert found[-1].misplaced < 0.02 * found[-1].utterances  # a drift would move them all
    # What a buffer is given and gives back comes and goes, half a MiB at a time: it is the most that must not grow, and
    # by less than a KiB an utterance would make it.
    first, second = (max(hour.rss_mib for hour in half) for half in (found[:6], found[6:]))
    assert second - first < 0.75
