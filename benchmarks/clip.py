"""The speech that the benchmarks of cost hear: the demonstration clip, synthetic voices for about 70 % of it."""

import numpy as np
import soundfile
from numpy.typing import NDArray

from streamer.bench import DEMONSTRATION
from streamer.settings import SAMPLE_RATE_HZ


def speech(seconds: int | None = None) -> NDArray[np.int16]:
    """Return the clip, int16 at 16 kHz, as often as ``seconds`` hold; once for None."""
    samples: NDArray[np.int16] = soundfile.read(DEMONSTRATION, dtype="int16")[0]
    return samples if seconds is None else np.resize(samples, seconds * SAMPLE_RATE_HZ)
