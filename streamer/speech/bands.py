"""How far the bands of the spectrum stand out of the noise that is always there."""

import numpy as np
from numpy.typing import NDArray

from streamer.mel import mel_filterbank
from streamer.settings import SAMPLE_RATE_HZ, ms_to_samples

NUM_BANDS = 20
WINDOW_SAMPLES = ms_to_samples(20)
_LOW_HZ, _HIGH_HZ = 80, 7600
_LEAST_POWER = 1024.0
"""Added to the power of each band: about what a room of -86 dBFS has. Over digital zeros all else would be as loud."""
_GROUP_ROWS = 5
_FALL, _RISE = 0.6, 0.06
_OCTAVES_PER_UNIT = 4.0
_LOWEST, _HIGHEST = -1.0, 4.0


def describe() -> dict[str, float]:
    """Return what decides about the rows."""
    return {
        "num_bands": NUM_BANDS,
        "window_samples": WINDOW_SAMPLES,
        "low_hz": _LOW_HZ,
        "high_hz": _HIGH_HZ,
        "least_power": _LEAST_POWER,
        "group_rows": _GROUP_ROWS,
        "fall": _FALL,
        "rise": _RISE,
        "octaves_per_unit": _OCTAVES_PER_UNIT,
        "lowest": _LOWEST,
        "highest": _HIGHEST,
    }


class BandSnr:
    """Rows of the level of each mel band over a tracked noise floor; in units of 12 dB.

    The floor of a band goes quickly down to what is quieter and slowly up to what stays louder, once every
    ``_GROUP_ROWS`` rows, so that a row depends on the stream alone, not on how many are computed at once. The first
    row is the first floor.
    """

    def __init__(self) -> None:
        """Know no floor."""
        filters = mel_filterbank(NUM_BANDS, WINDOW_SAMPLES, _LOW_HZ, _HIGH_HZ, SAMPLE_RATE_HZ)
        # Real and imaginary parts lie side by side: what is a power is summed by the same product as a band. The size
        # is what the spectrum is divided by: without a factor numpy would compute float32 in double precision.
        filters *= WINDOW_SAMPLES**2
        self._filters = np.ascontiguousarray(np.repeat(filters.T, 2, axis=0), np.float32)
        self._mean = np.full(NUM_BANDS, 1.0 / NUM_BANDS, np.float32)
        self._window = np.hanning(WINDOW_SAMPLES + 2)[1:-1].astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the floor."""
        self._floor = np.zeros(NUM_BANDS, np.float32)
        self._has_floor = False
        self._sum = np.zeros(NUM_BANDS, np.float32)  # of the rows since the floor went last
        self._num_summed = 0

    def push(self, windows: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a row a window, and how loud each is.

        Args:
            windows: Shape ``(num_windows, WINDOW_SAMPLES)``, int16; each counts as the next.

        Returns:
            Rows of shape ``(num_windows, NUM_BANDS)``, and the mean of each row before the floor is taken off, in
            octaves of power.
        """
        if not len(windows):
            return np.empty((0, NUM_BANDS), np.float32), np.empty(0, np.float32)
        parts = np.fft.rfft(windows * self._window, axis=1, norm="forward").view(np.float32)
        levels = np.matmul(np.square(parts, out=parts), self._filters)
        levels += np.float32(_LEAST_POWER)
        np.log2(levels, out=levels)
        loudness = levels @ self._mean
        first = 0
        if not self._has_floor:
            self._floor, self._has_floor = levels[0].copy(), True
        while first < len(levels):
            group = levels[first : first + _GROUP_ROWS - self._num_summed]
            self._sum += np.add.reduce(group, axis=0)
            self._num_summed += len(group)
            first += len(group)
            group -= self._floor
            if self._num_summed == _GROUP_ROWS:
                self._follow()
        levels *= np.float32(1.0 / _OCTAVES_PER_UNIT)
        np.minimum(levels, np.float32(_HIGHEST), out=levels)
        np.maximum(levels, np.float32(_LOWEST), out=levels)
        return levels, loudness

    def _follow(self) -> None:
        """Let the floor go towards the mean of the last rows."""
        self._sum *= np.float32(1.0 / _GROUP_ROWS)
        self._sum -= self._floor
        below = np.minimum(self._sum, np.float32(0.0))
        self._sum *= np.float32(_RISE)
        below *= np.float32(_FALL - _RISE)
        self._floor += self._sum
        self._floor += below
        self._sum.fill(0.0)
        self._num_summed = 0
