"""How loud the input is."""

import math

import numpy as np
from numpy.typing import NDArray

FLOOR_DBFS = -120.0
"""What stands for silence without any noise, below all that 16 bits can say."""


class LevelMeter:
    """Mean and peak level since they were last taken, in dB relative to full scale."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._energy = self._peak = 0.0
        self._num_samples = 0

    def push(self, samples: NDArray[np.int16]) -> None:
        """Take ``samples``, shape ``(num_samples,)``."""
        if samples.size:
            signal = samples.astype(np.float64)
            self._energy += float(np.dot(signal, signal))
            self._peak = max(self._peak, float(np.abs(signal).max()))
            self._num_samples += samples.size

    def take(self) -> tuple[float, float]:
        """Return mean and peak level in dBFS, to 0.1 dB, and start anew."""
        mean_square = self._energy / max(1, self._num_samples)
        levels = _dbfs(math.sqrt(mean_square)), _dbfs(self._peak)
        self._energy = self._peak = 0.0
        self._num_samples = 0
        return levels


def _dbfs(amplitude: float) -> float:
    return max(FLOOR_DBFS, round(20 * math.log10(amplitude / 32768), 1)) if amplitude else FLOOR_DBFS
