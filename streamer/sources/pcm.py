"""Raw PCM: what bytes mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PCM_BYTES = {"s16le": 2, "s24le": 3, "s32le": 4, "f32le": 4}
"""Formats by their usual names, with the bytes of one sample."""


@dataclass(frozen=True)
class PcmFormat:
    """How interleaved samples are written as bytes."""

    name: str
    """A key of ``PCM_BYTES``."""

    num_channels: int
    """Samples per frame."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return PCM_BYTES[self.name] * self.num_channels

    def decode(self, content: bytes | memoryview) -> NDArray[Any]:
        """Return the frames in ``content``, which holds a whole number of them.

        Returns:
            Shape ``(num_frames, num_channels)``: int16 for s16le, otherwise float32 with full scale at 1.
        """
        if self.name == "s16le":
            samples: NDArray[Any] = np.frombuffer(content, "<i2").astype(np.int16, copy=False)
        elif self.name == "s24le":
            triples = np.frombuffer(content, np.uint8).reshape(-1, 3)
            quads = np.zeros((len(triples), 4), np.uint8)
            quads[:, 1:] = triples  # as the upper bytes of an int32, so that the sign is right
            samples = quads.view("<i4")[:, 0] / np.float32(2**31)
        elif self.name == "s32le":
            samples = np.frombuffer(content, "<i4") / np.float32(2**31)
        else:
            samples = np.frombuffer(content, "<f4").astype(np.float32, copy=False)
        return np.asarray(samples, np.int16 if self.name == "s16le" else np.float32).reshape(-1, self.num_channels)


def num_finite_frames(frames: NDArray[Any]) -> int:
    """Return how many frames, shape ``(num_frames, num_channels)``, come before the first NaN or infinity."""
    if frames.dtype == np.int16:
        return len(frames)
    finite = np.isfinite(frames).all(axis=1)
    return len(frames) if finite.all() else int(np.argmin(finite))
