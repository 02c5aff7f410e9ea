"""How long the stages take, for those who want to know what a result cost."""

import time
from collections.abc import Callable, Collection

import numpy as np

STAGES = ("vad", "features", "infer")


class Stopwatch:
    """Adds up the time of each stage: what passes until a stage is called done is its own."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Measure with ``clock``, in seconds."""
        self._clock = clock
        self.start()

    def start(self) -> None:
        """Start anew."""
        self.spent_s = dict.fromkeys(STAGES, 0.0)
        self._last_s = self._clock()

    def skip(self) -> None:
        """Give what passed since the last call to nobody."""
        self._last_s = self._clock()

    def done(self, stage: str) -> None:
        """Give what passed since the last call to ``stage``, one of ``STAGES``."""
        now_s = self._clock()
        self.spent_s[stage] += now_s - self._last_s
        self._last_s = now_s


def percentiles(values: Collection[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile of ``values``, to 0.1; nothing of none."""
    if not values:
        return {}
    found = np.percentile(list(values), (50, 95, 99))
    return {name: round(float(value), 1) for name, value in zip(("p50", "p95", "p99"), found, strict=True)}
