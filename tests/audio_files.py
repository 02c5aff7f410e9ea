"""Audio files that the tests write byte by byte, right ones and wrong ones."""

import io
import struct

import numpy as np
import soundfile
from signals import Samples

PCM, FLOAT = 1, 3
"""Format tags of WAV."""


def wav(
    content: bytes,
    *,
    rate_hz: int = 16_000,
    num_channels: int = 1,
    sample_bytes: int = 2,
    tag: int = PCM,
    data_size: int | None = None,
    riff_size: int | None = None,
    more_chunks: bytes = b"",
) -> bytes:
    """Return a WAV file of ``content``; the sizes in its header are right unless given."""
    block_align = num_channels * sample_bytes
    form = struct.pack("<HHIIHH", tag, num_channels, rate_hz, rate_hz * block_align, block_align, 8 * sample_bytes)
    size = len(content) if data_size is None else data_size
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + more_chunks + b"data" + struct.pack("<I", size) + content
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def rf64(content: bytes, *, data_size: int) -> bytes:
    """Return a mono 16-bit file of the kind that may exceed 4 GiB; its sizes are in a chunk of its own."""
    sizes = b"ds64" + struct.pack("<IQQQI", 28, data_size + 72, data_size, data_size // 2, 0)
    form = b"fmt " + struct.pack("<IHHIIHH", 16, PCM, 1, 16_000, 32_000, 2, 16)
    return b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + content


def encoded(samples: Samples, file_format: str, subtype: str | None = None, *, rate_hz: int = 16_000) -> bytes:
    """Return ``samples`` as libsndfile writes them."""
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, format=file_format, subtype=subtype)
    return content.getvalue()


def as_wav(samples: Samples) -> bytes:
    """Return ``samples`` as the most common WAV file."""
    return wav(samples.astype("<i2").tobytes())


def flac_of_unknown_length(samples: Samples) -> bytes:
    """Return FLAC as an encoder writes it into a pipe: it cannot go back to fill in the length."""
    content = bytearray(encoded(samples, "FLAC"))
    content[21] &= 0xF0  # the last 36 bits before the checksum, in the one block of metadata that comes first
    content[22:26] = bytes(4)
    return bytes(content)


def pcm_24(samples: Samples) -> bytes:
    """Return ``samples`` as little-endian 24-bit integers of the same level."""
    wide = (samples.astype("<i4") << 8).tobytes()
    return np.frombuffer(wide, np.uint8).reshape(-1, 4)[:, :3].tobytes()
