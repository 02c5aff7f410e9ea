"""A room between a source and a microphone, and how loud a sound is where it sounds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from streamer.settings import SAMPLE_RATE_HZ

Signal = NDArray[np.float64]
FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
"""10 ms, the grain of every label."""


@dataclass(frozen=True)
class Acoustics:
    """A room, by what of it is heard."""

    name: str
    reverberation_s: float
    """Until an echo has fallen by 60 dB."""
    direct_db: float
    """The direct sound over all echoes."""


ROOMS = (Acoustics("booth", 0.15, 12.0), Acoustics("living room", 0.4, 5.0), Acoustics("hall", 0.8, 0.0))


def reverberate(signal: Signal, room: Acoustics, random: np.random.Generator) -> Signal:
    """Return ``signal`` as heard in ``room``, no longer and no later: the direct sound keeps its time.

    The response is the direct sound and, from 3 ms on, white noise that decays exponentially, high frequencies
    faster: J. A. Moorer, "About this reverberation business", Computer Music Journal 3 (2), 1979.
    """
    size = int(room.reverberation_s * SAMPLE_RATE_HZ)
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    decay = np.exp(-6.9 * time_s / room.reverberation_s)
    bright = random.standard_normal(size)
    dull = np.convolve(random.standard_normal(size), np.ones(6) / 6**0.5, "same")
    echoes = np.where(time_s < 0.003, 0.0, decay * (bright * decay + dull))
    echoes *= 10.0 ** (-room.direct_db / 20.0) / np.sqrt(np.sum(np.square(echoes)))
    echoes[0] = 1.0
    return np.asarray(fftconvolve(signal, echoes)[: signal.size])


def frame_levels_db(signal: Signal) -> NDArray[np.float64]:
    """Return the level of each whole frame of 10 ms, shape ``(num_frames,)``, in dB of any reference."""
    frames = signal[: signal.size // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.asarray(10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12))


def active_level_db(signal: Signal) -> float:
    """Return how loud ``signal`` is while it sounds: over the frames within 20 dB of its loud ones.

    For a steady noise it is the level; for clicks or slams that of the blows, not of the quiet between.
    """
    levels = frame_levels_db(signal)
    active = levels[levels >= np.percentile(levels, 99) - 20.0]
    return float(10.0 * np.log10(np.mean(10.0 ** (active / 10.0))))
