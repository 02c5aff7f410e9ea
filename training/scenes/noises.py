"""Noises of a home and an office, made from seeds: what a detector of speech must not take for speech."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ

Signal = NDArray[np.float64]
Noise = Callable[[int, np.random.Generator], Signal]
"""Makes so many samples at 16 kHz, at any level."""


def _coloured(slope_db: float) -> Noise:
    """Return noise whose spectrum falls by ``slope_db`` an octave from 50 Hz on."""

    def make(size: int, random: np.random.Generator) -> Signal:
        spectrum = np.fft.rfft(random.standard_normal(size))
        octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), 50.0) / 50.0)
        return np.asarray(np.fft.irfft(spectrum * 10.0 ** (-slope_db * octaves / 20.0), size))

    return make


def _hum(size: int, random: np.random.Generator) -> Signal:
    """Mains hum, 50 or 60 Hz with harmonics that drift in level, over a fan's faint rush."""
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    base_hz = random.choice([50.0, 60.0]) * (1.0 + random.normal(0.0, 0.001))
    hum = np.zeros(size)
    for harmonic in range(1, 21):
        swell = 1.0 + 0.3 * np.sin(2 * np.pi * random.uniform(0.05, 0.5) * time_s + random.uniform(0, 2 * np.pi))
        level = random.uniform(0.3, 1.0) / harmonic
        hum += level * swell * np.sin(2 * np.pi * harmonic * base_hz * time_s + random.uniform(0, 2 * np.pi))
    rush = _coloured(3.0)(size, random)
    return hum + 0.05 * _level(hum) / _level(rush) * rush


def _clicks(size: int, random: np.random.Generator) -> Signal:
    """Typing: bursts of keystrokes, each a press and a softer release that ring for some milliseconds."""
    clicks = np.zeros(size)
    position = 0.0
    while position < size:
        for _ in range(random.integers(3, 30)):
            press = 10.0 ** (random.normal(0.0, 3.0) / 20.0)
            _add(clicks, int(position), press * _strike(random, (1500.0, 6000.0), (0.002, 0.012), 3))
            released = position + random.uniform(0.05, 0.12) * SAMPLE_RATE_HZ
            _add(clicks, int(released), 0.4 * press * _strike(random, (1500.0, 6000.0), (0.002, 0.008), 3))
            position += random.gamma(4.0, 0.045) * SAMPLE_RATE_HZ
        position += random.exponential(1.5) * SAMPLE_RATE_HZ
    return clicks


def _slams(size: int, random: np.random.Generator) -> Signal:
    """Doors: a thump with a rattle, every few seconds."""
    slams = np.zeros(size)
    position = random.uniform(0.2, 3.0) * SAMPLE_RATE_HZ
    while position < size:
        loudness = 10.0 ** (random.normal(0.0, 3.0) / 20.0)
        _add(slams, int(position), loudness * _strike(random, (50.0, 300.0), (0.05, 0.20), 8))
        for _ in range(random.integers(0, 6)):
            later = position + random.uniform(0.01, 0.25) * SAMPLE_RATE_HZ
            _add(slams, int(later), 0.4 * loudness * _strike(random, (300.0, 4000.0), (0.01, 0.05), 4))
        position += random.uniform(1.5, 6.0) * SAMPLE_RATE_HZ
    return slams


def _music(size: int, random: np.random.Generator) -> Signal:
    """Chords, a melody and a drum: harmonic and rhythmic as speech is, and yet no voice."""
    music = np.zeros(size)
    beat_s = 60.0 / random.uniform(70.0, 140.0)
    root = random.integers(45, 57)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    for beat in range(int(size / SAMPLE_RATE_HZ / beat_s) + 1):
        at = int(beat * beat_s * SAMPLE_RATE_HZ)
        if beat % 4 == 0:
            degree = random.integers(0, 7)
            for step in (0, 2, 4):
                semitone = root + scale[(degree + step) % 7] + 12 * ((degree + step) // 7)
                _add(music, at, 0.5 * _tone(random, float(semitone), 4.0 * beat_s))
        for half in range(random.integers(1, 3)):
            note = root + 12 + scale[random.integers(0, 7)]
            _add(music, at + int(half * beat_s / 2 * SAMPLE_RATE_HZ), _tone(random, float(note), beat_s))
        drum = (50.0, 120.0) if beat % 2 == 0 else (1000.0, 7000.0)
        _add(music, at, 0.7 * _strike(random, drum, (0.03, 0.10), 6))
    return music


def _tone(random: np.random.Generator, semitone: float, duration_s: float) -> Signal:
    time_s = np.arange(int(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    base_hz = 440.0 * 2.0 ** ((semitone - 69.0) / 12.0)
    brightness = random.uniform(0.8, 2.0)
    vibrato = 1.0 + 0.003 * np.sin(2 * np.pi * random.uniform(4.0, 6.5) * time_s)
    phase = 2 * np.pi * base_hz * np.cumsum(vibrato) / SAMPLE_RATE_HZ
    tone = sum(
        np.sin(harmonic * phase) / harmonic**brightness for harmonic in range(1, 12) if harmonic * base_hz < 7500.0
    )
    return np.asarray(tone * np.minimum(1.0, time_s / 0.01) * np.exp(-time_s / random.uniform(0.3, 1.5)))


def _strike(
    random: np.random.Generator, range_hz: tuple[float, float], decay_s: tuple[float, float], num_modes: int
) -> Signal:
    """Return what rings after a blow: ``num_modes`` decaying modes and a burst of noise."""
    lasting_s = random.uniform(*decay_s)
    time_s = np.arange(int(5 * lasting_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    struck = 0.5 * random.standard_normal(time_s.size) * np.exp(-time_s / (0.3 * lasting_s))
    for _ in range(num_modes):
        mode_hz = np.exp(random.uniform(*np.log(range_hz)))
        ringing = np.exp(-time_s / (lasting_s * random.uniform(0.5, 1.0)))
        struck += ringing * np.sin(2 * np.pi * mode_hz * time_s + random.uniform(0, 2 * np.pi))
    return np.asarray(struck)


def _add(track: Signal, at: int, sound: Signal) -> None:
    part = track[at : at + sound.size]
    part += sound[: part.size]


def _level(signal: Signal) -> float:
    return float(np.sqrt(np.mean(np.square(signal)))) or 1.0


NOISES: Mapping[str, Noise] = {
    "white": _coloured(0.0),
    "pink": _coloured(3.0),
    "brown": _coloured(6.0),
    "hum": _hum,
    "keyboard": _clicks,
    "doors": _slams,
    "music": _music,
}
"""By name; babble is not here, since it is made of speech."""
BABBLE = "babble"
"""Other people talking at once."""
