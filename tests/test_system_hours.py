"""The daemon must not grow, however long it runs."""

import pytest

from benchmarks.hours import hours

pytestmark = pytest.mark.system


def test_memory_stays_where_it_is() -> None:
    found = hours(2, parts_per_hour=6)

    assert found[-1].utterances > 500
    # In the first hour the latencies that are kept fill up.
    assert found[11].rss_mib - found[5].rss_mib < 0.25
