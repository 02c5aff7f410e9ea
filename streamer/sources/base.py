"""What a source gives, and what it can be asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Patience = Callable[[], int]
"""Tells a live source how many samples at 16 kHz it may gather before it gives a block; at least 1."""


@dataclass(frozen=True)
class AudioBlock:
    """Samples that follow those of the block before."""

    samples: NDArray[np.int16]
    """Shape ``(num_samples,)``, int16, 16 kHz, mono; any length."""

    captured_s: float | None = None
    """When the last sample was captured, on the monotonic clock; None where the stream is not live."""


NOTHING = np.empty(0, np.int16)
"""The samples of a block that only says that somebody is still waiting."""


@dataclass(frozen=True)
class LostSamples:
    """Samples that the source knows to be missing between two blocks."""

    num_samples: int
    """How many at 16 kHz; 0 where nobody can tell."""

    reason: str
    """``driver_overflow`` (lost before they reached us), ``ring_overflow`` (we were too slow) or ``device_lost``."""


@dataclass(frozen=True)
class DeviceState:
    """How a device has come to be, told when it changes and as often as a status is due while it is away."""

    health: Literal["ok", "device_lost", "silent_input"]
    """As of :class:`streamer.events.Status`."""

    detail: str
    """What happened, in one line."""


SourceItem = AudioBlock | LostSamples | DeviceState
"""What a source yields."""


class AudioSource(Protocol):
    """Audio on one timeline; open inside its ``with`` block."""

    @property
    def is_live(self) -> bool:
        """Whether blocks carry the time at which they were captured."""

    @property
    def is_device(self) -> bool:
        """Whether a device delivers the samples, whose health is worth a ``status`` event."""

    @property
    def overflows(self) -> int:
        """How often the driver or the ring buffer lost samples."""

    def __enter__(self) -> Self:
        """Open the source."""

    def __exit__(self, *exc_info: object) -> None:
        """Close the source."""

    def describe(self) -> dict[str, Any]:
        """Return what the ``start`` event says about the open source."""

    def blocks(self) -> Iterator[SourceItem]:
        """Yield the audio as it comes, until its end or until :meth:`interrupt`."""

    def interrupt(self) -> None:
        """Make :meth:`blocks` end soon, also where it waits; may be called from another thread."""
