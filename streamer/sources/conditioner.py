"""From what a source delivers to the stream's format: one channel, 16 kHz, int16."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.errors import SettingsError
from streamer.settings import SAMPLE_RATE_HZ

MIX = "mix"
ChannelChoice = int | str
"""A channel counted from 1, or ``MIX`` for the mean of all."""

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 1000, 768_000
"""What is resampled: below is no speech, above no audio."""

_FULL_SCALE = 32768.0


class Conditioner:
    """Picks or mixes channels, resamples, rounds to int16; any split of the input gives the same samples.

    What already is 16 kHz mono int16 passes untouched. Delay: none at 16 kHz, else that of the resampler
    (about 20 ms); the output is aligned with the input all the same.
    """

    def __init__(self, rate_hz: int, num_channels: int, channel: ChannelChoice) -> None:
        """Prepare for frames of ``num_channels`` at ``rate_hz``.

        Raises:
            SettingsError: There is no such channel, or the rate is none of audio.
        """
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise SettingsError(f"expected {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} samples per second, got {rate_hz}")
        if isinstance(channel, int) and channel > num_channels:
            raise SettingsError(
                f"channel {channel} asked for, but the input has {num_channels}; use --channel 1, or mix"
            )
        self._channel = channel
        self._resampler = None if rate_hz == SAMPLE_RATE_HZ else _Resampler(rate_hz)

    def push(self, frames: NDArray[Any]) -> NDArray[np.int16]:
        """Return the samples that ``frames`` complete.

        Args:
            frames: Shape ``(num_frames, num_channels)``, int16, or finite float32; what exceeds -1 to 1 is clipped.
        """
        mono = self._mono(frames)
        if self._resampler is None and mono.dtype == np.int16:
            return mono
        signal: NDArray[Any] = mono / np.float32(_FULL_SCALE) if mono.dtype == np.int16 else np.clip(mono, -1.0, 1.0)
        return _to_int16(signal if self._resampler is None else self._resampler.push(signal))

    def finish(self) -> NDArray[np.int16]:
        """Return what the resampler still holds, and start anew behind it."""
        if self._resampler is None:
            return np.empty(0, np.int16)
        return _to_int16(self._resampler.finish())

    def _mono(self, frames: NDArray[Any]) -> NDArray[Any]:
        if isinstance(self._channel, int):
            return frames[:, self._channel - 1]
        if frames.shape[1] == 1:
            return frames[:, 0]
        scale = _FULL_SCALE if frames.dtype == np.int16 else 1.0
        return np.asarray(frames.mean(axis=1, dtype=np.float64) / scale, np.float32)


class _Resampler:
    """Stateful resampling to the stream's rate; the only user of soxr."""

    def __init__(self, rate_hz: int) -> None:
        import soxr  # only where a source has another rate

        # MQ is flat to 7 kHz with aliases at -119 dB; the int16 path dithers and would not be repeatable.
        self._stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="MQ")

    def push(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._stream.resample_chunk(np.ascontiguousarray(signal)))

    def finish(self) -> NDArray[np.float32]:
        tail = np.asarray(self._stream.resample_chunk(np.empty(0, np.float32), last=True))
        self._stream.clear()
        return tail


def _to_int16(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    scaled = np.rint(signal * np.float32(_FULL_SCALE))
    # Also behind the resampler, which overshoots.
    return np.asarray(np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1), np.int16)
