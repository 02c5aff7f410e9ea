"""Events as the objects of the contract: which keys, in which order, with which values."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.events import End, Event, Gap, Partial, Start, Status, Utterance
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sinks.record import seconds, to_record

PROBS = {"anger": 0.1, "happiness": 0.123449, "neutral": 0.6, "sadness": 0.176551}
LATENCY = {"total": 301.5, "hangover": 300.0, "infer": 1.5}
TIME = "2026-11-22T22:03:01.123Z"
UTTERANCE = Utterance(3, 197_440, 225_600, "neutral", PROBS, 230_400, 7, "pause")
PARTIAL = Partial(3, 197_440, 205_440, "neutral", PROBS, 205_760, 7)
COUNTS = {"utterances": 4, "gaps": 1, "lost_samples": 160, "overflows": 2, "dropped": 5}
PERCENTILES = {"p50": 300.0, "p95": 310.0, "p99": 311.0}


def test_an_utterance_has_its_keys_in_their_order() -> None:
    record = to_record(UTTERANCE, latency_ms=LATENCY, time=TIME)

    assert list(record.items()) == [
        ("v", 1),
        ("type", "utterance"),
        ("id", 3),
        ("start_s", 12.34),
        ("end_s", 14.1),
        ("start_sample", 197_440),
        ("end_sample", 225_600),
        ("label", "neutral"),
        ("p", 0.6),
        ("probs", {"anger": 0.1, "happiness": 0.1234, "neutral": 0.6, "sadness": 0.1766}),
        ("heard_before", 7),
        ("cut", "pause"),
        ("latency_ms", LATENCY),
        ("time", TIME),
    ]
    assert list(record["probs"]) == list(PROBS)
    assert list(record["latency_ms"]) == list(LATENCY)


def test_a_partial_has_the_keys_of_an_utterance_without_cut() -> None:
    utterance = to_record(UTTERANCE, latency_ms=LATENCY, time=TIME)

    record = to_record(PARTIAL, latency_ms=LATENCY, time=TIME)

    assert list(record) == [key for key in utterance if key != "cut"]
    assert (record["type"], record["id"], record["end_s"]) == ("partial", 3, 12.84)


def test_a_gap_spans_what_was_lost() -> None:
    record = to_record(Gap(960_000, 8_000, "ring_overflow"))

    assert list(record.items()) == [
        ("v", 1),
        ("type", "gap"),
        ("start_s", 60.0),
        ("end_s", 60.5),
        ("start_sample", 960_000),
        ("end_sample", 968_000),
        ("lost_samples", 8_000),
        ("reason", "ring_overflow"),
    ]


@pytest.mark.parametrize(
    ("event", "own_keys"),
    [
        (
            Status(960_000, "ok", "", -41.3, -12.0, ["clipping"], **COUNTS, latency_ms=PERCENTILES),
            {
                "end_sample": 960_000,
                "health": "ok",
                "detail": "",
                "level_dbfs": -41.3,
                "peak_dbfs": -12.0,
                "faults": ["clipping"],
            },
        ),
        (End("eof", 960_000, **COUNTS, latency_ms=PERCENTILES), {"reason": "eof", "end_sample": 960_000}),
    ],
    ids=["status", "end"],
)
def test_status_and_end_tell_the_counts(event: Status | End, own_keys: dict[str, Any]) -> None:
    record = to_record(event, time=TIME)

    head = {"v": 1, "type": type(event).__name__.lower(), "end_s": 60.0}
    assert list(record.items()) == [
        *{**head, **own_keys, **COUNTS, "latency_ms": PERCENTILES, "time": TIME}.items(),
    ]


def test_start_tells_what_explains_the_lines_to_come() -> None:
    record = to_record(Start("0.1.0", {"name": "m"}, {"name": "d"}, {"kind": "pipe"}, {"channel": 1}))

    assert list(record.items()) == [
        ("v", 1),
        ("type", "start"),
        ("version", "0.1.0"),
        ("model", {"name": "m"}),
        ("detector", {"name": "d"}),
        ("source", {"kind": "pipe"}),
        ("settings", {"channel": 1}),
    ]


@pytest.mark.parametrize("event", [UTTERANCE, PARTIAL, Gap(0, 1, "ring_overflow"), Start("", {}, {}, {}, {})])
def test_time_is_there_for_live_streams_only(event: Event) -> None:
    assert "time" not in to_record(event)
    assert list(to_record(event, time=TIME).items())[-1] == ("time", TIME)


def test_p_is_the_largest_probability_also_when_uncertain() -> None:
    record = to_record(replace(UTTERANCE, label="uncertain"))

    assert (record["label"], record["p"]) == ("uncertain", 0.6)


@given(weights=st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_p_is_always_one_of_probs(weights: list[float]) -> None:
    probs = {str(index): weight for index, weight in enumerate(weights)}

    record = to_record(replace(UTTERANCE, probs=probs))

    assert record["p"] == max(record["probs"].values())
    assert all(abs(record["probs"][name] - p) <= 0.00005 + 1e-12 for name, p in probs.items())


@given(sample=st.integers(0, 2**45))  # up to seventy years
def test_seconds_are_right_to_the_millisecond(sample: int) -> None:
    told = seconds(sample)

    assert abs(told * SAMPLE_RATE_HZ - sample) <= SAMPLE_RATE_HZ / 2000 + 0.01
    assert told == round(told, 3)
