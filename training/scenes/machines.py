"""Sounds of machines, made from seeds: beeps, sirens, motors, hisses and whatever lies between them.

Nobody can list all that a detector may take for speech. So each sound is put together by chance: of tones or noise,
with a course of the pitch and a course of the loudness, wide enough that speech is a small part of what it may be, and
so regular that it never is speech.
"""

import numpy as np
from scipy.signal import butter, sosfilt

from streamer.settings import SAMPLE_RATE_HZ
from training.scenes.noises import Signal

_LOWEST_HZ, _HIGHEST_HZ = 30.0, 4000.0
_MOST_HZ = 7600.0
_MOST_HARMONICS = 40
_COURSES_PER_S = (0.1, 12.0)


def machine_sound(size: int, random: np.random.Generator) -> Signal:
    """Return ``size`` samples at 16 kHz, at any level."""
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    sound = np.zeros(size)
    for _ in range(random.integers(1, 4)):
        layer = _tone(time_s, random) if random.random() < 0.7 else _rush(size, random)
        layer *= _loudness(time_s, random)
        sound += 10.0 ** (random.uniform(-20.0, 0.0) / 20.0) * layer / (np.sqrt(np.mean(np.square(layer))) + 1e-9)
    return sound


def _tone(time_s: Signal, random: np.random.Generator) -> Signal:
    """Return harmonics, or partials beside them, of a pitch that runs its course."""
    pitch_hz = np.exp(random.uniform(np.log(_LOWEST_HZ), np.log(_HIGHEST_HZ)))
    octaves = random.choice([0.0, random.uniform(0.0, 0.1), random.uniform(0.1, 1.5)])
    octaves = min(octaves, np.log2(_MOST_HZ / pitch_hz))
    phase = 2 * np.pi * np.cumsum(pitch_hz * 2.0 ** (octaves * _course(time_s, random))) / SAMPLE_RATE_HZ
    fall, stretch = random.uniform(0.0, 2.0), random.choice([0.0, 0.0, random.uniform(0.0, 0.3)])
    step = random.choice([1, 1, 2])  # of a square wave only every other one
    tone = np.zeros(time_s.size)
    for harmonic in range(1, random.integers(2, _MOST_HARMONICS + 1), step):
        partial = harmonic ** (1.0 + stretch)
        if harmonic > 1 and partial * pitch_hz * 2.0**octaves > _MOST_HZ:
            break
        tone += np.sin(partial * phase + random.uniform(0, 2 * np.pi)) / harmonic**fall
    return tone


def _rush(size: int, random: np.random.Generator) -> Signal:
    """Return noise in one band."""
    low_hz, high_hz = np.sort(np.exp(random.uniform(np.log(50.0), np.log(7500.0), 2)))
    band_hz = [low_hz, min(max(high_hz, 1.2 * low_hz), 7900.0)]
    sections = butter(2, band_hz, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(sosfilt(sections, random.standard_normal(size)))


def _loudness(time_s: Signal, random: np.random.Generator) -> Signal:
    """Return factors: steady, swelling, switched on and off, struck, or wandering."""
    kind = random.integers(5)
    phase = _turns(time_s, random)
    if kind == 0:
        return np.ones(time_s.size)
    if kind == 1:
        return np.asarray(1.0 + random.uniform(0.1, 1.0) * np.sin(2 * np.pi * phase))
    if kind == 2:
        return np.asarray((phase - phase[0]) % 1.0 < random.uniform(0.1, 0.9), np.float64)
    if kind == 3:
        return np.asarray(np.exp(-(phase % 1.0) * random.uniform(1.0, 12.0)))
    return np.asarray(10.0 ** (random.uniform(3.0, 15.0) * _wander(time_s, random) / 20.0))


def _course(time_s: Signal, random: np.random.Generator) -> Signal:
    """Return numbers of -1 to 1 or so: up and down, up again and again, in steps, or wandering."""
    kind = random.integers(4)
    phase = _turns(time_s, random)
    if kind == 0:
        return np.asarray(np.sin(2 * np.pi * phase))
    if kind == 1:
        return np.asarray(2.0 * (phase % 1.0) - 1.0)
    if kind == 2:
        return np.asarray(random.uniform(-1.0, 1.0, int(phase.max(initial=0.0)) + 1)[phase.astype(int)])
    return _wander(time_s, random)


def _turns(time_s: Signal, random: np.random.Generator) -> Signal:
    """Return how often what repeats has done so, at a rate and from a point of chance."""
    return np.asarray(time_s * np.exp(random.uniform(*np.log(_COURSES_PER_S))) + random.random())


def _wander(time_s: Signal, random: np.random.Generator) -> Signal:
    """Return a random walk that goes about 1 away in a second."""
    return np.asarray(np.cumsum(random.standard_normal(time_s.size)) / np.sqrt(SAMPLE_RATE_HZ))
