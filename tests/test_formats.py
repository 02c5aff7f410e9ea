"""Records as lines: which format shows which event, and how."""

import csv
import json
from typing import Any

import pytest

from streamer.events import End, Event, Gap, Partial, Start, Status, Utterance
from streamer.sinks.formats import CsvFormat, jsonl, label, text
from streamer.sinks.record import Record, to_record

PROBS = {"anger": 0.7, "neutral": 0.3}
COUNTS: dict[str, Any] = {
    "utterances": 4,
    "gaps": 1,
    "lost_samples": 160,
    "overflows": 2,
    "dropped": 0,
    "latency_ms": {},
}
TIME = "2026-11-22T22:03:01.123Z"
DEVICE = {"name": "USB Audio"}
MODEL = {"name": "toy"}
EVENTS: dict[str, Event] = {
    "start": Start("0.1.0", MODEL, {"name": "speech"}, {"kind": "microphone", "device": DEVICE}, {}),
    "partial": Partial(3, 160_000, 168_000, "anger", PROBS, 168_320, 0),
    "utterance": Utterance(3, 160_000, 192_000, "uncertain", PROBS, 196_800, 2, "pause"),
    "gap": Gap(192_000, 160, "ring_overflow"),
    "status": Status(960_000, "overflow", "", -41.3, -12.0, ["hum"], **COUNTS),
    "end": End("signal", 976_000, **COUNTS),
}
RECORDS = {name: to_record(event, latency_ms={"total": 300.0}, time=TIME) for name, event in EVENTS.items()}
OFFLINE = {name: {key: value for key, value in record.items() if key != "time"} for name, record in RECORDS.items()}


def start_from(**source: Any) -> Record:
    return {**RECORDS["start"], "source": source}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_jsonl_is_one_line_of_the_whole_record(record: Record) -> None:
    line = jsonl(record)

    assert "\n" not in line
    assert list(json.loads(line).items()) == list(record.items())


def test_jsonl_wastes_no_space_and_keeps_letters() -> None:
    line = jsonl({"v": 1, "label": "Ärger", "probs": {"Ärger": 0.5}})

    assert line == '{"v":1,"label":"Ärger","probs":{"Ärger":0.5}}'


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("start", "listening to USB Audio with toy (emotion-streamer 0.1.0)"),
        ("partial", f"{TIME}     10.000 -    10.500 s  anger...     (anger 0.70, neutral 0.30)"),
        ("utterance", f"{TIME}     10.000 -    12.000 s  uncertain    (anger 0.70, neutral 0.30)"),
        ("gap", "   12.000 s  160 samples lost (ring_overflow)"),
        ("status", "   60.000 s  4 utterances, 1 gaps, 2 overflows, level -41 dBFS, health overflow; input: hum"),
        ("end", "   61.000 s  4 utterances, 1 gaps, 2 overflows; ended: signal"),
    ],
)
def test_text_tells_every_event(name: str, line: str) -> None:
    assert text(RECORDS[name]) == line


@pytest.mark.parametrize("name", ["status", "end"])
def test_text_tells_of_dropped_records_where_there_are_any(name: str) -> None:
    assert " 2 overflows, 7 dropped" in text({**RECORDS[name], "dropped": 7})


def test_text_of_a_recording_has_no_clock() -> None:
    assert text(OFFLINE["utterance"]).startswith("   10.000 -    12.000 s  uncertain")


@pytest.mark.parametrize(
    ("source", "name"),
    [({"kind": "file", "path": "a b.wav"}, "a b.wav"), ({"kind": "pipe", "rate_hz": 16_000}, "standard input")],
)
def test_text_names_the_source(source: dict[str, Any], name: str) -> None:
    assert text(start_from(**source)) == f"listening to {name} with toy (emotion-streamer 0.1.0)"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("two\nlines.wav", r"two\nlines.wav"),
        ("red\x1b[31m.wav", r"red\x1b[31m.wav"),
        ("not \udcff text.wav", r"not \udcff text.wav"),
        ("next\x85line\u2028.wav", r"next\x85line\u2028.wav"),
        ("Gespräch 日本.wav", "Gespräch 日本.wav"),
    ],
)
def test_text_stays_one_line_whatever_the_file_is_called(path: str, shown: str) -> None:
    assert f" {shown} " in text(start_from(kind="file", path=path))


@pytest.mark.parametrize("name", RECORDS)
def test_label_is_the_bare_label_of_utterances(name: str) -> None:
    assert label(RECORDS[name]) == ("uncertain" if name == "utterance" else None)


def test_csv_has_a_column_of_probability_for_each_label() -> None:
    assert CsvFormat(["anger", "neutral"]).header == (
        "id,start_s,end_s,start_sample,end_sample,label,p,p_anger,p_neutral,cut,time"
    )


@pytest.mark.parametrize("name", RECORDS)
def test_csv_shows_utterances_only(name: str) -> None:
    line = CsvFormat(["anger", "neutral"])(RECORDS[name])

    assert line == (
        f"3,10.000,12.000,160000,192000,uncertain,0.7,0.7,0.3,pause,{TIME}" if name == "utterance" else None
    )


def test_csv_of_a_recording_leaves_the_time_empty() -> None:
    line = CsvFormat(["anger", "neutral"])(OFFLINE["utterance"])

    assert line is not None
    assert line.endswith(",pause,")


def test_csv_columns_are_those_of_the_header_in_any_order_of_labels() -> None:
    table = CsvFormat(["neutral", "anger"])

    (row,) = csv.DictReader([table.header, table(RECORDS["utterance"]) or ""])

    assert (row["p_anger"], row["p_neutral"], row["time"]) == ("0.7", "0.3", TIME)


def test_csv_quotes_what_needs_it() -> None:
    table = CsvFormat(['the "calm" one', "b"])
    record = {**RECORDS["utterance"], "label": 'the "calm" one', "probs": {'the "calm" one': 1.0, "b": 0.0}}

    (row,) = csv.DictReader([table.header, table(record) or ""])

    assert row["label"] == 'the "calm" one'
    assert row['p_the "calm" one'] == "1.0"
