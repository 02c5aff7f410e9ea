"""A clip as a microphone in a room would hear it: seeded, so that a second run hears the same."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ, ms_to_samples
from training.errors import CorpusError
from training.experiment import Room

LEAD_MS = 600
TAIL_MS = 1000
_QUIET_RMS = 4.0  # of 32768: -78 dBFS, a quiet room


def read_samples(path: Path) -> NDArray[np.float64]:
    """Return the audio file at ``path`` as mono of 16 kHz, shape ``(num_samples,)``, float64 from -1 to 1.

    Raises:
        CorpusError: It is not audio.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise CorpusError(f"{path}: can not be read as audio ({error})") from error
    mono = samples.mean(axis=1)
    return np.asarray(soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ, "VHQ") if rate_hz != SAMPLE_RATE_HZ else mono)


def place(samples: NDArray[np.float64], room: Room, clip_seed: int) -> NDArray[np.int16]:
    """Return ``samples``, -1 to 1, after 0.6 s and before 1 s of the room's noise, shape ``(num_samples,)``, int16.

    Args:
        samples: Shape ``(num_samples,)`` at 16 kHz.
        room: How they are heard.
        clip_seed: Makes the noise of this clip; the same for the same clip.
    """
    random = np.random.default_rng([room.seed, clip_seed])
    if room.speed_percent != 100:
        samples = soxr.resample(samples, SAMPLE_RATE_HZ * room.speed_percent, SAMPLE_RATE_HZ * 100, "HQ")
    lead, tail = ms_to_samples(LEAD_MS), ms_to_samples(TAIL_MS)
    heard = np.pad(samples * 32768.0, (lead, tail))
    heard += _QUIET_RMS * random.standard_normal(heard.size)
    if room.snr_db is not None:
        speech_rms = float(np.sqrt(np.mean(np.square(samples * 32768.0))))
        noise_rms = speech_rms * 10.0 ** (-random.uniform(*room.snr_db) / 20.0)
        heard += noise_rms * _noise(heard.size, random)
    return np.clip(np.rint(heard), -32768, 32767).astype(np.int16)


def _noise(size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of RMS 1 whose spectrum falls by 0 to 6 dB an octave."""
    spectrum = np.fft.rfft(random.standard_normal(size))
    spectrum /= np.maximum(1, np.arange(spectrum.size)) ** random.uniform(0.0, 1.0)
    noise = np.fft.irfft(spectrum, size)
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))))
