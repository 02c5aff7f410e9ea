"""The one place where events become the records of ``docs/events.md``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from streamer.events import End, Event, Gap, Partial, Start, Status, Utterance
from streamer.settings import SAMPLE_RATE_HZ

VERSION = 1
"""Of the contract; keys are added, never renamed."""

Record = dict[str, Any]


def to_record(event: Event, *, latency_ms: Mapping[str, float] | None = None, time: str | None = None) -> Record:
    """Return ``event`` as the object that is printed, its keys in the order of the contract.

    Args:
        event: What happened.
        latency_ms: For utterances and partials: how late the line is, by cause.
        time: For live streams: wall clock of the event, ISO 8601 in UTC.
    """
    record: Record = {"v": VERSION, "type": type(event).__name__.lower()}
    match event:
        case Utterance() | Partial():
            record |= _speech(event)
            record["latency_ms"] = dict(latency_ms or {})
        case Gap():
            end_sample = event.start_sample + event.lost_samples
            record |= _span(event.start_sample, end_sample)
            record |= {"lost_samples": event.lost_samples, "reason": event.reason}
        case Status() | End():
            record |= {"end_s": seconds(event.end_sample), **asdict(event)}
        case Start():
            record |= asdict(event)
    if time is not None:
        record["time"] = time
    return record


def seconds(sample: int) -> float:
    """Return the position ``sample`` in seconds, to the millisecond."""
    return round(sample / SAMPLE_RATE_HZ, 3)


def _span(start_sample: int, end_sample: int) -> Record:
    return {
        "start_s": seconds(start_sample),
        "end_s": seconds(end_sample),
        "start_sample": start_sample,
        "end_sample": end_sample,
    }


def _speech(event: Utterance | Partial) -> Record:
    probs = {label: round(p, 4) for label, p in event.probs.items()}
    record = {"id": event.id, **_span(event.start_sample, event.end_sample)}
    record |= {"label": event.label, "p": max(probs.values()), "probs": probs}
    record["heard_before"] = event.heard_before
    if isinstance(event, Utterance):
        record["cut"] = event.cut
    return record
