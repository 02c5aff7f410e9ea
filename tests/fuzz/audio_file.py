"""Audio files: whatever they hold is heard as samples, or refused."""

import numpy as np
from audio_files import FLOAT, as_wav, encoded, flac_of_unknown_length, rf64, wav
from signals import noise

from fuzz.outcome import as_file, result_or_one_line
from streamer.sources.conditioner import MIX
from streamer.sources.file import FileSource

_MOST_SAMPLES = 10_000_000
"""A file of some bytes may stand for hours: what follows is as what was before."""


def check(data: bytes) -> None:
    """Hear the audio file ``data``."""
    with as_file(data, "x.wav") as path, result_or_one_line(), FileSource(path, MIX) as source:
        about = source.describe()
        assert about["channels"] >= 1
        num_samples = 0
        for block in source.blocks():
            assert block.samples.dtype == np.int16
            assert block.samples.ndim == 1
            num_samples += block.samples.size
            if num_samples > _MOST_SAMPLES:
                source.interrupt()


def seeds() -> list[bytes]:
    """Return a file of each kind."""
    samples = noise(600, level=3000)
    floats = (samples / np.float32(32768)).astype("<f4").tobytes()
    return [
        as_wav(samples),
        wav(samples.tobytes(), num_channels=2, rate_hz=44_100),
        wav(floats, sample_bytes=4, tag=FLOAT, rate_hz=8000),
        wav(samples.tobytes(), more_chunks=b"LIST\x04\0\0\0INFO"),
        wav(samples.tobytes(), data_size=0xFFFF_FFFF, riff_size=0xFFFF_FFFF),
        rf64(samples.tobytes(), data_size=samples.nbytes),
        flac_of_unknown_length(samples),
        *(encoded(samples, kind) for kind in ("FLAC", "OGG", "MP3", "AIFF", "AU", "W64")),
        *(encoded(samples, "WAV", kind) for kind in ("ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")),
    ]
