"""The page tells of every aim what the committed results say of it."""

from benchmarks.aims import RESULTS, table
from benchmarks.model_cost import summary


def test_the_page_has_the_table_of_the_committed_results() -> None:
    page = (RESULTS.parent / "accuracy.md").read_text(encoding="utf-8")

    assert table(RESULTS) in page, "paste what `python -m benchmarks.aims` prints"


def test_a_ratio_is_of_rounds_not_of_medians() -> None:
    found = summary([100.0, 300.0, 150.0], [100.0, 100.0, 100.0])

    assert (found["bundled_us"], found["other_us"]) == (150.0, 100.0)
    assert (found["ratio"], found["ratio_range"]) == (1.5, [1.0, 3.0])
