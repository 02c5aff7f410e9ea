"""The registry of events in ``docs/`` and what the program prints are one thing."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from streamer.events import End, Gap, Partial, Start, Status, Utterance
from streamer.sinks.formats import CsvFormat, jsonl
from streamer.sinks.record import to_record

DOCS = Path(__file__).parent.parent / "docs"
SCHEMA = json.loads((DOCS / "events.schema.json").read_text())
EXAMPLES = [json.loads(line) for line in (DOCS / "events.md").read_text().splitlines() if line.startswith("{")]
TIME = "2026-11-22T22:03:01.123Z"
LATENCY_MS = {"total": 300.5, "hangover": 300.0, "block": 0.0, "queue": 0.0, "vad": 0.2, "features": 0.2, "infer": 0.1}
PROBS = {"anger": 0.7, "neutral": 0.3}
SPEECH_SETTINGS = EXAMPLES[0]["settings"]["speech"]
EVENTS = [
    Start(
        "0.1.0",
        {"name": "m", "sha256": "0" * 64, "labels": ["anger", "neutral"]},
        {"name": "silero", "sha256": "0" * 64},
        {"kind": "pipe", "rate_hz": 16000, "channels": 1, "format": "s16le"},
        {
            "channel": 1,
            "partials": True,
            "auto_gain": False,
            "profile": "me.json",
            "learn": True,
            "on_device_loss": "wait",
            "speech": SPEECH_SETTINGS,
            "latency_ms": {"least": 220, "usual": 290},
        },
    ),
    Partial(1, 16, 8016, "anger", PROBS, 8320, 0),
    Utterance(1, 16, 16016, "uncertain", PROBS, 20800, 3, "pause"),
    Gap(32000, 160, "ring_overflow"),
    Status(
        960000,
        "device_lost",
        "the microphone was lost",
        -40.0,
        -3.0,
        ["hum"],
        1,
        0,
        0,
        0,
        7,
        {"p50": 300.0, "p95": 300.0, "p99": 300.0},
    ),
    End("eof", 970000, 1, 0, 0, 0, 0, {}),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["type"])
def test_documented_example_fits_the_schema(example: dict[str, object]) -> None:
    jsonschema.validate(example, SCHEMA)


def test_every_type_has_an_example() -> None:
    assert {example["type"] for example in EXAMPLES} == set(SCHEMA["$defs"])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("time", [None, TIME])
def test_printed_event_fits_the_schema(event: Start, time: str | None) -> None:
    latency_ms = {
        "total": 300.5,
        "hangover": 300.0,
        "block": 0.0,
        "queue": 0.0,
        "vad": 0.2,
        "features": 0.2,
        "infer": 0.1,
    }

    record = json.loads(jsonl(to_record(event, latency_ms=latency_ms, time=time)))

    jsonschema.validate(record, SCHEMA)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_printed_keys_come_in_the_documented_order(event: Start) -> None:
    record = to_record(
        event,
        latency_ms={
            "total": 1.0,
            "hangover": 0.0,
            "block": 0.0,
            "queue": 0.0,
            "vad": 0.2,
            "features": 0.2,
            "infer": 0.1,
        },
        time=TIME,
    )

    example = next(example for example in EXAMPLES if example["type"] == record["type"])
    assert [key for key in record if key != "time"] == [key for key in example if key != "time"]


def test_the_schema_refuses_an_unknown_key() -> None:
    """Otherwise the other tests here could not fail."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**EXAMPLES[1], "surprise": 1}, SCHEMA)


def test_csv_columns_are_as_documented() -> None:
    documented = re.search(r"^`(id,[^`]*)`", (DOCS / "events.md").read_text(), re.MULTILINE)

    assert documented
    assert CsvFormat(["anger"]).header == documented[1].replace("p_<label>...", "p_anger")
