"""Audio that the tests make themselves: int16, 16 kHz, the same on every run."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ

Samples = NDArray[np.int16]

VOWEL_FORMANTS = ((700, 130, 1.0), (1220, 170, 0.7), (2600, 250, 0.35))
"""Centre in Hz, bandwidth in Hz and gain of the resonances of an "a"."""


def silence(num_samples: int) -> Samples:
    """Return digital silence."""
    return np.zeros(num_samples, np.int16)


def ramp(num_samples: int) -> Samples:
    """Return samples that say their own index, modulo 2 ** 16."""
    return np.arange(num_samples).astype(np.uint16).view(np.int16)


def noise(num_samples: int, *, seed: int = 0, level: float = 1000.0) -> Samples:
    """Return white noise with standard deviation ``level``."""
    drawn = np.random.default_rng(seed).normal(0.0, level, num_samples)
    return np.clip(np.rint(drawn), -32768, 32767).astype(np.int16)


def tone(num_samples: int, *, hz: float = 440.0, peak: float = 10_000.0, rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Return a sine wave."""
    return np.rint(peak * np.sin(2 * np.pi * hz * np.arange(num_samples) / rate_hz)).astype(np.int16)


def speech(num_samples: int, *, seed: int = 0, peak: float = 12_000.0) -> Samples:
    """Return what a voice activity detector calls speech: a vowel of swaying pitch, four syllables a second."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(num_samples) / SAMPLE_RATE_HZ
    pitch_hz = rng.uniform(100, 200)
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * seconds))) / SAMPLE_RATE_HZ
    voice = np.zeros(num_samples)
    for harmonic in range(1, int(5000 / pitch_hz)):
        hz = harmonic * pitch_hz
        gain = sum(height / (1 + ((hz - centre) / width) ** 2) for centre, width, height in VOWEL_FORMANTS)
        voice += gain * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    voice *= 0.55 + 0.45 * np.sin(2 * np.pi * 4 * seconds)
    voice *= peak / max(1e-9, np.abs(voice).max(initial=0.0))
    return np.rint(voice + rng.normal(0, 20, num_samples)).astype(np.int16)


def conversation(*durations_ms: int, seed: int = 0) -> Samples:
    """Return faint noise and speech in turn, each for its duration; the first is noise."""
    parts = []
    for turn, duration_ms in enumerate(durations_ms):
        num_samples = duration_ms * SAMPLE_RATE_HZ // 1000
        made = (
            noise(num_samples, seed=seed + turn, level=20) if turn % 2 == 0 else speech(num_samples, seed=seed + turn)
        )
        parts.append(made)
    return np.concatenate(parts) if parts else silence(0)


def loud_where(flags: str, frame_samples: int, *, seed: int = 0) -> Samples:
    """Return noise, one frame a flag: loud for ``1``, faint for ``0``, as ``fakes.LoudnessDetector`` judges it."""
    made = noise(len(flags) * frame_samples, seed=seed, level=1000).reshape(len(flags), frame_samples)
    made[:, 0] = 30_000
    made[[flag == "0" for flag in flags]] //= 100
    return made.reshape(-1)


def split(samples: Samples, sizes: Iterable[int]) -> Iterator[Samples]:
    """Yield ``samples`` in chunks of ``sizes``, which may be 0, and what they leave as the last chunk."""
    position = 0
    for size in sizes:
        yield samples[position : position + size]
        position += size
    yield samples[position:]
