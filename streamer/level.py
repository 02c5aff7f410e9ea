"""How loud the input is, and what is wrong with it."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ

FLOOR_DBFS = -120.0
"""What stands for silence without any noise, below all that 16 bits can say."""

_HIGHEST, _LOWEST = 32767, -32768
_CLIPPED_SHARE = 1e-4
_OFFSET_DBFS = -40.0
_HUM_DBFS = -60.0
_HUM_SHARE = 0.5
_MAINS_HZ = (50, 60)
_NUM_HARMONICS = 4


@dataclass(frozen=True)
class InputReport:
    """What the input was like for a while."""

    level_dbfs: float
    peak_dbfs: float
    """Mean and peak, to 0.1 dB, relative to full scale."""

    faults: tuple[str, ...]
    """``silent_input``: nothing but zeros. ``clipping``: more than one sample in 10,000 at full scale. ``dc_offset``:
    a mean above -40 dBFS. ``hum``: mains of 50 or 60 Hz are most of what was heard in the last second, above
    -60 dBFS."""


class InputMeter:
    """Listens along and tells, when asked, what was heard since it was asked last."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._energy = self._sum = 0.0
        self._peak = self._num_clipped = self._num_samples = 0
        self._last_second: deque[NDArray[np.int16]] = deque()
        self._num_last = 0

    def push(self, samples: NDArray[np.int16]) -> None:
        """Take ``samples``, shape ``(num_samples,)``, int16; they must not change later."""
        if not samples.size:
            return
        signal = samples.astype(np.float64)
        self._energy += float(np.dot(signal, signal))
        self._sum += float(signal.sum())
        highest, lowest = int(samples.max()), int(samples.min())
        self._peak = max(self._peak, highest, -lowest)
        if highest == _HIGHEST or lowest == _LOWEST:
            self._num_clipped += int(np.count_nonzero((samples == _HIGHEST) | (samples == _LOWEST)))
        self._num_samples += samples.size
        self._last_second.append(samples)
        self._num_last += samples.size
        while self._num_last - self._last_second[0].size >= SAMPLE_RATE_HZ:
            self._num_last -= self._last_second.popleft().size

    def take(self) -> InputReport:
        """Return what was heard since the last time, and start anew."""
        num_samples = max(1, self._num_samples)
        faults = {
            "silent_input": self._num_samples > 0 and self._peak == 0,
            "clipping": self._num_clipped > _CLIPPED_SHARE * num_samples,
            "dc_offset": _dbfs(abs(self._sum) / num_samples) > _OFFSET_DBFS,
            "hum": self._hums(),
        }
        report = InputReport(
            _dbfs(math.sqrt(self._energy / num_samples)),
            _dbfs(self._peak),
            tuple(fault for fault, is_there in faults.items() if is_there),
        )
        self._energy = self._sum = 0.0
        self._peak = self._num_clipped = self._num_samples = 0
        return report

    def _hums(self) -> bool:
        """Return whether the mains are most of what was heard in the last second."""
        if self._num_last < SAMPLE_RATE_HZ:
            return False
        second = np.concatenate(self._last_second)[-SAMPLE_RATE_HZ:].astype(np.float64)
        window = np.hanning(second.size)
        power = np.square(np.abs(np.fft.rfft((second - second.mean()) * window)))  # a bin a Hz
        # The window smears a line over its neighbours, and mains wander by a fraction of a Hz.
        hums = [
            sum(power[harmonic * mains - 2 : harmonic * mains + 3].sum() for harmonic in range(1, _NUM_HARMONICS + 1))
            for mains in _MAINS_HZ
        ]
        rms = math.sqrt(2.0 * max(hums) / float(np.square(window).sum()) / second.size)
        return bool(max(hums) > _HUM_SHARE * power.sum() and _dbfs(rms) > _HUM_DBFS)


def _dbfs(amplitude: float) -> float:
    return max(FLOOR_DBFS, round(20 * math.log10(amplitude / 32768), 1)) if amplitude else FLOOR_DBFS
