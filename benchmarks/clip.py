"""The speech that the benchmarks of cost hear: the demonstration clip, synthetic voices for about 70 % of it."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ

CLIP = Path(__file__).parent.parent / "streamer" / "demonstration.flac"


def speech(seconds: int | None = None) -> NDArray[np.int16]:
    """Return the clip, int16 at 16 kHz, as often as ``seconds`` hold; once for None."""
    samples: NDArray[np.int16] = soundfile.read(CLIP, dtype="int16")[0]
    return samples if seconds is None else np.resize(samples, seconds * SAMPLE_RATE_HZ)
