"""What a source gives, and what it can be asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

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


@dataclass(frozen=True)
class LostSamples:
    """Samples that the source knows to be missing between two blocks."""

    num_samples: int
    """How many at 16 kHz; 0 where the driver does not tell."""

    reason: str
    """``driver_overflow`` (lost before they reached us) or ``ring_overflow`` (we were too slow)."""


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

    def blocks(self) -> Iterator[AudioBlock | LostSamples]:
        """Yield the audio as it comes, until its end or until :meth:`interrupt`."""

    def interrupt(self) -> None:
        """Make :meth:`blocks` end soon, also where it waits; may be called from another thread."""
