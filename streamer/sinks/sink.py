"""A sink: one format on one line writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from streamer.errors import SettingsError
from streamer.sinks.formats import CsvFormat, Formatter, jsonl, label, text
from streamer.sinks.lines import LineWriter, first_line
from streamer.sinks.record import Record

FORMATS = ("text", "jsonl", "csv", "label")


@dataclass(frozen=True)
class SinkSettings:
    """What ``-o`` asks for."""

    format: str
    """One of ``FORMATS``."""

    path: Path | None
    """A file, or None for standard output."""


class Sink:
    """Writes the records that its format shows."""

    dropped = 0
    """It waits for who reads."""

    def __init__(self, settings: SinkSettings, labels: Sequence[str]) -> None:
        """Open the file or standard output; ``labels`` are those of the model.

        Raises:
            SettingsError: It can not be opened, or holds a table with other columns.
            SinkError: The header can not be written.
        """
        path = settings.path
        present = self._require_columns(path, labels) if settings.format == "csv" and path else ""
        self._writer = LineWriter.standard_output() if path is None else LineWriter.open(path)
        self._format: Formatter
        if settings.format == "csv":
            self._format = CsvFormat(labels)
            if not present:
                self._writer.write(self._format.header)
        else:
            self._format = {"text": text, "jsonl": jsonl, "label": label}[settings.format]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self._writer.close()

    def write(self, record: Record) -> None:
        """Write the line of ``record``, if the format has one.

        Raises:
            ReaderGoneError: The pipe was closed.
            SinkError: The line can not be written.
        """
        line = self._format(record)
        if line is not None:
            self._writer.write(line)

    def shows(self, record: Record) -> bool:
        """Return whether the format has a line for ``record``."""
        return self._format(record) is not None

    def check(self) -> None:
        """Raise ReaderGoneError where the reader of a pipe has left."""
        self._writer.check()

    def finish(self) -> None:
        """Nothing is kept back."""

    @staticmethod
    def _require_columns(path: Path, labels: Sequence[str]) -> str:
        """Return the header that the file has already, empty where there is none; before anything is written."""
        try:
            present = first_line(path)
        except OSError as error:
            raise SettingsError(f"{path}: can not be read for its header ({error.strerror})") from error
        if present not in ("", CsvFormat(labels).header):
            raise SettingsError(f"{path}: has other columns than this model's: give another file (-o csv:FILE)")
        return present
