"""The daemon must not grow, however long it runs."""

import pytest

from benchmarks.hours import hours

pytestmark = pytest.mark.system


def test_memory_stays_where_it_is() -> None:
    found = hours(2, parts_per_hour=6)

    assert found[-1].utterances > 500
    # In the first hour the latencies that are kept fill up.
    # What a buffer is given and gives back comes and goes: it is the most that must not grow.
    first, second = (max(hour.rss_mib for hour in half) for half in (found[:6], found[6:]))
    assert second - first < 0.25
