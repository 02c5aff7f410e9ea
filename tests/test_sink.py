"""A sink: which lines land where."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from test_formats import RECORDS

from streamer.errors import SettingsError, SinkError
from streamer.sinks.sink import FORMATS, Sink, SinkSettings

LABELS = ("anger", "neutral")
HEADER = "id,start_s,end_s,start_sample,end_sample,label,p,p_anger,p_neutral,cut,time"


def write_all(name: str, path: Path | None, labels: Sequence[str] = LABELS) -> None:
    """Write a record of every type."""
    with Sink(SinkSettings(name, path), labels) as sink:
        for record in RECORDS.values():
            sink.write(record)


@pytest.mark.parametrize(("name", "num_lines"), [("text", 6), ("jsonl", 6), ("csv", 2), ("label", 1)])
def test_a_format_shows_its_events(tmp_path: Path, name: str, num_lines: int) -> None:
    write_all(name, tmp_path / "out")

    assert len((tmp_path / "out").read_text().splitlines()) == num_lines


@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_gets_what_a_file_would(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    write_all(name, tmp_path / "out")
    write_all(name, None)

    assert capfd.readouterr().out == (tmp_path / "out").read_text()


def test_a_table_that_is_added_to_keeps_its_one_header(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    for _ in range(3):
        write_all("csv", path)

    header, *rows = path.read_text().splitlines()
    assert header == HEADER
    assert len(rows) == 3
    assert all(row.startswith("3,10.000,12.000,") for row in rows)


def test_a_table_of_other_columns_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_all("csv", path)
    before = path.read_bytes()

    with pytest.raises(SettingsError, match=r"out\.csv: has other columns than this model's: give another file"):
        Sink(SinkSettings("csv", path), ("anger", "joy"))
    assert path.read_bytes() == before


def test_a_file_of_another_kind_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write_all("jsonl", path)

    with pytest.raises(SettingsError, match="has other columns"):
        Sink(SinkSettings("csv", path), LABELS)


def test_a_header_without_its_end_of_line_is_a_header(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text(HEADER)

    write_all("csv", path)

    assert [line[:3] for line in path.read_text().splitlines()] == ["id,", "3,1"]


def test_a_header_that_can_not_be_written_is_an_error() -> None:
    with pytest.raises(SinkError, match="No space left"):
        Sink(SinkSettings("csv", Path("/dev/full")), LABELS)


def test_leaving_closes_the_file(tmp_path: Path) -> None:
    with Sink(SinkSettings("label", tmp_path / "out"), LABELS) as sink:
        pass

    with pytest.raises(SinkError):
        sink.write(RECORDS["utterance"])
