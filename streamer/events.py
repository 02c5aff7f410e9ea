"""What comes out of the daemon; positions are samples at 16 kHz from the start of the stream.

How an event looks as a line is the business of ``streamer.sinks``; ``docs/events.md`` is the registry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Cut = Literal["pause", "max", "eof", "gap", "stop"]
"""Why an utterance ended: a pause, its maximum length, the end of the input, lost samples, or a signal."""


@dataclass(frozen=True)
class Start:
    """The stream is open; everything that explains the lines to come."""

    version: str
    model: Mapping[str, Any]
    detector: Mapping[str, Any]
    source: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Partial:
    """What an utterance sounds like so far."""

    id: int
    start_sample: int
    end_sample: int
    label: str
    probs: Mapping[str, float]
    decided_sample: int
    """How far the stream had been heard when this was decided."""
    heard_before: int
    """How many utterances of the same voice this rests on, beside the one in hand."""


@dataclass(frozen=True)
class Utterance:
    """Speech from its first to its last speech frame, half-open, with its emotion."""

    id: int
    start_sample: int
    end_sample: int
    label: str
    probs: Mapping[str, float]
    decided_sample: int
    heard_before: int
    cut: Cut


@dataclass(frozen=True)
class Gap:
    """Samples that never arrived; the timeline goes on behind them."""

    start_sample: int
    lost_samples: int
    reason: str


@dataclass(frozen=True)
class Status:
    """How a device is doing, once a minute and when that changes."""

    end_sample: int
    health: str
    detail: str
    """What happened, empty where nothing did."""
    level_dbfs: float
    peak_dbfs: float
    faults: Sequence[str]
    """What is wrong with the input and was not so the time before; see :class:`streamer.level.InputReport`."""

    utterances: int
    gaps: int
    lost_samples: int
    overflows: int
    dropped: int
    """How many records for outputs that nobody read were dropped, of all outputs."""

    latency_ms: Mapping[str, float]


@dataclass(frozen=True)
class End:
    """The last event of every stream that had a ``Start``."""

    reason: str
    end_sample: int
    utterances: int
    gaps: int
    lost_samples: int
    overflows: int
    dropped: int
    latency_ms: Mapping[str, float]


Event = Start | Partial | Utterance | Gap | Status | End
