"""Raw PCM from standard input, as ``arecord -t raw`` writes it."""

import os
import select
from collections.abc import Iterator
from typing import Any, Self

from numpy.typing import NDArray

from streamer.errors import InputError, StreamBrokenError
from streamer.sources.base import AudioBlock
from streamer.sources.conditioner import ChannelChoice, Conditioner
from streamer.sources.pcm import PcmFormat
from streamer.sources.recorded import condition

_READ_BYTES = 1 << 16
_CONTAINERS = {b"RIFF": "WAV", b"RF64": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}


class PipeSource:
    """Samples from a file descriptor, taken as they come."""

    is_live = False
    is_device = False
    overflows = 0

    def __init__(self, descriptor: int, pcm: PcmFormat, rate_hz: int, channel: ChannelChoice) -> None:
        """Read ``pcm`` at ``rate_hz`` from ``descriptor``, which stays open.

        Raises:
            SettingsError: There is no such channel.
        """
        self._descriptor, self._pcm, self._rate_hz = descriptor, pcm, rate_hz
        self._conditioner = Conditioner(rate_hz, pcm.num_channels, channel)

    def __enter__(self) -> Self:
        """Prepare to be interrupted.

        Raises:
            InputError: The descriptor is closed, a folder or a terminal.
        """
        try:
            os.read(self._descriptor, 0)
        except OSError as error:
            raise InputError(f"standard input can not be read ({error.strerror})") from error
        if os.isatty(self._descriptor):
            raise InputError("standard input is a terminal; `-i -` expects raw PCM from a pipe or file")
        self._wake_reader, self._wake_writer = os.pipe()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Release what :meth:`__enter__` took."""
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def describe(self) -> dict[str, Any]:
        """Return kind, rate, channels and format."""
        pcm = self._pcm
        return {"kind": "pipe", "rate_hz": self._rate_hz, "channels": pcm.num_channels, "format": pcm.name}

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the samples as they come.

        Raises:
            InputError: There is nothing to read, or it is a file format and not raw PCM.
            StreamBrokenError: The stream ends inside a sample, or a sample is not a finite number.
        """
        return condition("standard input", self._frames(), self._conditioner)

    def interrupt(self) -> None:
        """End a read that waits."""
        os.write(self._wake_writer, b"\0")

    def _frames(self) -> Iterator[NDArray[Any]]:
        frame_bytes, pending, num_frames, is_first = self._pcm.frame_bytes, b"", 0, True
        while (content := self._read()) is not None:
            pending += content
            if is_first and content and len(pending) < len(b"RIFF"):
                continue
            if is_first:
                _refuse_containers(pending[:4])
                is_first = False
            count = len(pending) // frame_bytes
            yield self._pcm.decode(pending[: count * frame_bytes])
            pending = pending[count * frame_bytes :]
            num_frames += count
            if not content:
                self._check_end(num_frames, len(pending))
                return

    def _read(self) -> bytes | None:
        """Return what can be read, empty at the end; None when interrupted."""
        ready, _, _ = select.select([self._descriptor, self._wake_reader], [], [])
        if self._wake_reader in ready:
            return None
        try:
            return os.read(self._descriptor, _READ_BYTES)
        except OSError as error:
            raise InputError(f"standard input can not be read ({error.strerror})") from error

    def _check_end(self, num_frames: int, num_left: int) -> None:
        if num_left:
            raise StreamBrokenError(
                f"standard input ended inside a sample, with {num_left} of {self._pcm.frame_bytes} bytes; "
                "check --format and --channels"
            )
        if not num_frames:
            raise InputError("standard input is empty; expected raw PCM")


def _refuse_containers(first_bytes: bytes) -> None:
    container = _CONTAINERS.get(first_bytes)
    if container:
        raise InputError(f"standard input is a {container} file; `-i -` expects raw PCM: give the file with -i FILE")
