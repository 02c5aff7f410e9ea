"""Faint noise in the place of digital silence.

A gate, noise suppression or an editor leaves zeros in pauses, and no network knows their logarithm: it learnt in rooms,
which are never so quiet. Speech recognisers add noise to all that they hear (``--dither`` of Kaldi: Povey et al., "The
Kaldi speech recognition toolkit", 2011); here nothing is changed that a microphone heard.
"""

import random
from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ

_RMS = 4.0
"""Of 32768: -78 dBFS, the quiet room that the networks learnt in, and below every fault that is told."""


def dithered(frames: NDArray[np.int16], first_frame: int) -> NDArray[np.int16]:
    """Return ``frames`` with noise in those that are zeros throughout, the same noise however the stream is split.

    Args:
        frames: Shape ``(num_frames, frame_samples)``, int16; never changed.
        first_frame: Index of the first on the stream's grid.
    """
    is_heard = frames.any(axis=1)
    if is_heard.all():
        return frames
    noise = _noise(frames.shape[1])
    silent = np.flatnonzero(~is_heard)
    filled = frames.copy()
    filled[silent] = noise[(first_frame + silent) % len(noise)]
    return filled


@cache
def _noise(frame_samples: int) -> NDArray[np.int16]:
    """Return a second of Gaussian noise, in frames: repeated as seldom as that it is no tone."""
    drawn = random.Random(0)  # noqa: S311 (no secret; numpy's generators would have to be loaded for it)
    shape = SAMPLE_RATE_HZ // frame_samples, frame_samples
    noise = [drawn.gauss(0.0, _RMS) for _ in range(shape[0] * shape[1])]
    return np.rint(noise).astype(np.int16).reshape(shape)
