"""Records as lines: text for people, jsonl, csv and label for programs."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from streamer.sinks.lines import escaped
from streamer.sinks.record import Record

Formatter = Callable[[Record], str | None]
"""Gives the line of a record, without its end; None where the format leaves the record out."""


def jsonl(record: Record) -> str:
    """Return one JSON object; every event has one."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def label(record: Record) -> str | None:
    """Return the bare label of an utterance."""
    return str(record["label"]) if record["type"] == "utterance" else None


def text(record: Record) -> str:
    """Return a line for people; every event has one."""
    return escaped(_TEXT[record["type"]](record))


class CsvFormat:
    """Utterances as comma-separated values."""

    def __init__(self, labels: Sequence[str]) -> None:
        """Make a column of probabilities for each of ``labels``."""
        self._labels = labels

    @property
    def header(self) -> str:
        """The first line of the file."""
        fixed = ["id", "start_s", "end_s", "start_sample", "end_sample", "label", "p"]
        return _csv_line([*fixed, *(f"p_{name}" for name in self._labels), "cut", "time"])

    def __call__(self, record: Record) -> str | None:
        """Return the line of an utterance."""
        if record["type"] != "utterance":
            return None
        times = [f"{record['start_s']:.3f}", f"{record['end_s']:.3f}"]
        fixed = [record["id"], *times, record["start_sample"], record["end_sample"], record["label"], record["p"]]
        probs = [record["probs"][name] for name in self._labels]
        return _csv_line([*fixed, *probs, record["cut"], record.get("time", "")])


def _csv_line(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _speech_text(record: Record) -> str:
    others = ", ".join(f"{name} {p:.2f}" for name, p in record["probs"].items())
    clock = f"{record['time']}  " if "time" in record else ""
    span = f"{record['start_s']:9.3f} - {record['end_s']:9.3f} s"
    mark = "..." if record["type"] == "partial" else ""
    return f"{clock}{span}  {record['label'] + mark:<12} ({others})"


def _start_text(record: Record) -> str:
    source = record["source"]
    device = source.get("device") or {"name": "a microphone that is not there yet"}
    names = {"microphone": lambda: device["name"], "file": lambda: source["path"]}
    heard = names.get(source["kind"], lambda: "standard input")()
    return f"listening to {heard} with {record['model']['name']} (emotion-streamer {record['version']})"


def _gap_text(record: Record) -> str:
    return f"{record['start_s']:9.3f} s  {record['lost_samples']} samples lost ({record['reason']})"


def _counts(record: Record) -> str:
    counts = f"{record['utterances']} utterances, {record['gaps']} gaps, {record['overflows']} overflows"
    dropped = f", {record['dropped']} dropped" if record["dropped"] else ""
    return f"{record['end_s']:9.3f} s  {counts}{dropped}"


def _status_text(record: Record) -> str:
    faults = f"; input: {', '.join(record['faults'])}" if record["faults"] else ""
    detail = f" ({record['detail']})" if record["detail"] else ""
    return f"{_counts(record)}, level {record['level_dbfs']:.0f} dBFS, health {record['health']}{detail}{faults}"


def _end_text(record: Record) -> str:
    return f"{_counts(record)}; ended: {record['reason']}"


_TEXT: dict[str, Callable[[Record], str]] = {
    "start": _start_text,
    "partial": _speech_text,
    "utterance": _speech_text,
    "gap": _gap_text,
    "status": _status_text,
    "end": _end_text,
}
