"""Recordings that were never made: a speaker's clips as if spoken by somebody else, elsewhere, into something else.

What belongs to a recording (how fast and high the voice is, the room, the microphone, the band, the level, the kind of
noise) is drawn for a speaker and a recording's number, and is the same in all of his clips; the rest is drawn for each
clip. Seeded, so that a second run hears the same.
"""

import zlib

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from streamer.settings import SAMPLE_RATE_HZ, ms_to_samples
from training.experiment import Recording
from training.rooms import LEAD_MS, TAIL_MS
from training.scenes.acoustics import Acoustics, active_level_db, reverberate
from training.scenes.noises import NOISES

Signal = NDArray[np.float64]
Random = np.random.Generator

_SPEED_PERCENT = (88, 112)
_REVERBERATION_S, _DIRECT_DB = (0.1, 0.7), (0.0, 14.0)
_MOST_TILT = 0.6
_NUM_RESONANCES, _RESONANCE_DB, _RESONANCE_OCTAVES = 4, 6.0, (0.4, 1.7)
_TELEPHONE_HZ, _LOWPASS_HZ, _HIGHPASS_HZ = (300.0, 3400.0), (3000.0, 7500.0), (60.0, 200.0)
_LEVEL_DB, _CLIP_LEVEL_DB = 6.0, 1.0
_HISS_DBFS = (-90.0, -62.0)
_SNR_DB, _CLIP_SNR_DB = (5.0, 30.0), 2.0
_MU = 255.0


def recorded(samples: Signal, recording: Recording, speaker: str, clip_seed: int) -> NDArray[np.int16]:
    """Return ``samples``, -1 to 1, as ``recording`` of ``speaker`` holds them, with silence before and after.

    Args:
        samples: Shape ``(num_samples,)`` at 16 kHz.
        recording: Which of the recordings that were never made.
        speaker: Who speaks, unique over all corpora.
        clip_seed: Makes what differs from clip to clip; the same for the same clip.

    Returns:
        Shape ``(num_samples,)``, int16.
    """
    of_all = np.random.default_rng([recording.number, zlib.crc32(speaker.encode())])
    of_clip = np.random.default_rng([recording.number, clip_seed])
    speed_percent = int(of_all.integers(_SPEED_PERCENT[0], _SPEED_PERCENT[1] + 1))
    heard = soxr.resample(samples, SAMPLE_RATE_HZ * speed_percent, SAMPLE_RATE_HZ * 100, "HQ")
    heard = np.pad(heard, (ms_to_samples(LEAD_MS), ms_to_samples(TAIL_MS)))
    heard = _in_room(heard, of_all)
    heard = _by_microphone(heard, of_all)
    heard = _in_band(heard, of_all)
    level_db = of_all.normal(0.0, _LEVEL_DB) + of_clip.normal(0.0, _CLIP_LEVEL_DB)
    heard = _with_hiss(heard * 10.0 ** (level_db / 20.0), of_all, of_clip)
    heard = _over_noise(heard, of_all, of_clip)
    heard = _coded(heard, of_all)
    return np.clip(np.rint(32768.0 * heard), -32768, 32767).astype(np.int16)


def _in_room(heard: Signal, random: Random) -> Signal:
    """Half of the recordings are made in a room that can be heard."""
    room = Acoustics("any", random.uniform(*_REVERBERATION_S), random.uniform(*_DIRECT_DB))
    echoes = np.random.default_rng(int(random.integers(1 << 30)))
    return reverberate(heard, room, echoes) if random.random() < 0.5 else heard


def _by_microphone(heard: Signal, random: Random) -> Signal:
    """A tilt of the spectrum, and humps and hollows in it."""
    tilt = random.uniform(-_MOST_TILT, _MOST_TILT)
    heard = np.asarray(lfilter([1.0, -tilt], [1.0], heard) if tilt > 0 else lfilter([1.0], [1.0, tilt], heard))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(heard.size, 1 / SAMPLE_RATE_HZ), 20.0))
    gain_db = np.zeros(octaves.size)
    for _ in range(_NUM_RESONANCES):
        place, width = random.uniform(np.log2(100.0), np.log2(7500.0)), random.uniform(*_RESONANCE_OCTAVES)
        gain_db += random.uniform(-_RESONANCE_DB, _RESONANCE_DB) * np.exp(-0.5 * np.square((octaves - place) / width))
    return np.asarray(np.fft.irfft(np.fft.rfft(heard) * 10.0 ** (gain_db / 20.0), heard.size))


def _in_band(heard: Signal, random: Random) -> Signal:
    """Some recordings are of a telephone, some lack high frequencies, some low ones."""
    kind, low_hz, high_hz = random.random(), random.uniform(*_HIGHPASS_HZ), random.uniform(*_LOWPASS_HZ)
    if kind < 0.12:
        return _filtered(heard, 4, _TELEPHONE_HZ, "bandpass")
    if kind < 0.3:
        return _filtered(heard, 4, high_hz, "lowpass")
    return _filtered(heard, 2, low_hz, "highpass") if kind < 0.45 else heard


def _filtered(heard: Signal, order: int, edges_hz: float | tuple[float, float], kind: str) -> Signal:
    return np.asarray(sosfilt(butter(order, edges_hz, kind, fs=SAMPLE_RATE_HZ, output="sos"), heard))


def _with_hiss(heard: Signal, of_all: Random, of_clip: Random) -> Signal:
    hiss = 10.0 ** (of_all.uniform(*_HISS_DBFS) / 20.0) * of_clip.standard_normal(heard.size)
    return np.asarray(heard + hiss)


def _over_noise(heard: Signal, of_all: Random, of_clip: Random) -> Signal:
    """In more than half of the recordings something sounds beside the voice."""
    is_noisy, name = of_all.random() < 0.6, list(NOISES)[int(of_all.integers(len(NOISES)))]
    snr_db = of_all.uniform(*_SNR_DB) + of_clip.normal(0.0, _CLIP_SNR_DB)
    if not is_noisy:
        return heard
    noise = NOISES[name](heard.size, of_clip)
    gain_db = active_level_db(heard) - snr_db - active_level_db(noise)
    return np.asarray(heard + noise * 10.0 ** (gain_db / 20.0))


def _coded(heard: Signal, random: Random) -> Signal:
    """A tenth went through a coder of 8 bits, mu-law as of ITU-T G.711."""
    if random.random() >= 0.1:
        return heard
    loud = np.clip(heard, -1.0, 1.0)
    code = np.rint(np.sign(loud) * np.log1p(_MU * np.abs(loud)) / np.log1p(_MU) * 128.0) / 128.0
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(_MU)) / _MU)
