"""A recording paced as if it were heard now."""

import threading
from collections.abc import Iterator
from typing import Any, Self

from streamer import clock
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import AudioBlock, AudioSource, LostSamples, Patience, SourceItem

_LATE_S = 0.5


class RealTime:
    """Delivers the blocks of ``source`` no earlier than a microphone would have, with the time of capture."""

    is_live = True
    is_device = False

    def __init__(self, source: AudioSource, patience: Patience) -> None:
        """Pace ``source``."""
        self._source, self._patience = source, patience
        self._interrupted = threading.Event()

    @property
    def overflows(self) -> int:
        """As the source paced counts them."""
        return self._source.overflows

    def __enter__(self) -> Self:
        """Open the source paced."""
        self._source.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the source paced."""
        self._source.__exit__(*exc_info)

    def describe(self) -> dict[str, Any]:
        """Return what the source paced says, marked as paced."""
        return {**self._source.describe(), "realtime": True}

    def blocks(self) -> Iterator[SourceItem]:
        """Yield the blocks, each at the time at which its last sample would have been heard."""
        first_s: float | None = None
        num_samples = 0
        for block in self._source.blocks():
            if not isinstance(block, AudioBlock):
                num_samples += block.num_samples if isinstance(block, LostSamples) else 0
                yield block
                continue
            start = 0
            while start < block.samples.size:
                samples = block.samples[start : start + self._patience()]
                first_s = clock.monotonic() if first_s is None else first_s
                captured_s = first_s + (num_samples + samples.size) / SAMPLE_RATE_HZ
                if captured_s < clock.monotonic() - _LATE_S:  # the source paused: what comes now is heard now
                    captured_s = clock.monotonic()
                    first_s = captured_s - (num_samples + samples.size) / SAMPLE_RATE_HZ
                if self._interrupted.wait(max(0.0, captured_s - clock.monotonic())):
                    num_due = int((clock.monotonic() - first_s) * SAMPLE_RATE_HZ) - num_samples
                    heard = block.samples[start : start + max(0, num_due)]
                    yield AudioBlock(heard, first_s + (num_samples + heard.size) / SAMPLE_RATE_HZ)
                    return
                start += samples.size
                num_samples += samples.size
                yield AudioBlock(samples, captured_s)

    def interrupt(self) -> None:
        """End the wait and the source."""
        self._interrupted.set()
        self._source.interrupt()
