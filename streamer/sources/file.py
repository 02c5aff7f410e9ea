"""Audio files of any rate, width and channels; the only user of soundfile."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from streamer.errors import InputError, StreamBrokenError
from streamer.sources.base import AudioBlock
from streamer.sources.conditioner import ChannelChoice, Conditioner
from streamer.sources.recorded import condition

_BLOCK_MS = 500
_LOSSLESS = ("WAV", "WAVEX", "FLAC", "AIFF")
_UNKNOWN_LENGTH = 0x7FFF_0000
"""Writers that cannot seek back leave lengths of about 2^31 or more in the header: they promise nothing."""


class FileSource:
    """An audio file as libsndfile reads it: WAV, FLAC, OGG, MP3 and others."""

    is_live = False
    is_device = False
    overflows = 0

    def __init__(self, path: Path, channel: ChannelChoice) -> None:
        """Read ``path``, in blocks, however long it is."""
        self._path, self._channel = path, channel
        self._is_interrupted = False

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            InputError: It is missing, unreadable, empty or not audio.
            SettingsError: It has no such channel.
        """
        import soundfile  # only where a file is read

        try:
            with self._path.open("rb") as raw:
                is_empty = not raw.read(1)
        except OSError as error:
            raise InputError(f"{self._path}: can not be read ({error.strerror})") from error
        if is_empty:
            raise InputError(f"{self._path}: the file is empty; expected audio (WAV, FLAC, OGG, MP3)")
        try:
            self._file = soundfile.SoundFile(str(self._path))
        except soundfile.LibsndfileError as error:
            raise InputError(
                f"{self._path}: not audio that libsndfile reads ({error.error_string}) expected WAV, FLAC, OGG or MP3"
            ) from error
        if self._file.frames == 0:
            self._file.close()
            raise InputError(f"{self._path}: the file holds no audio samples")
        self._conditioner = Conditioner(self._file.samplerate, self._file.channels, self._channel)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self._file.close()

    def describe(self) -> dict[str, Any]:
        """Return kind, path, rate and channels."""
        rate_hz, num_channels = self._file.samplerate, self._file.channels
        return {"kind": "file", "path": str(self._path), "rate_hz": rate_hz, "channels": num_channels}

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the file from its start.

        Raises:
            StreamBrokenError: The file is shorter than it says, or a sample is not a finite number.
        """
        return condition(str(self._path), self._frames(), self._conditioner)

    def interrupt(self) -> None:
        """End with the block in hand."""
        self._is_interrupted = True

    def _frames(self) -> Iterator[NDArray[Any]]:
        import soundfile

        block_frames = max(1, self._file.samplerate * _BLOCK_MS // 1000)
        num_read = 0
        while not self._is_interrupted:
            try:
                # int16 survives the way through float32 unchanged: one path serves all widths.
                frames = self._file.read(block_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise StreamBrokenError(f"{self._path}: broken after {num_read} samples ({error})") from error
            if not len(frames):
                self._check_length(num_read)
                return
            num_read += len(frames)
            yield frames

    def _check_length(self, num_read: int) -> None:
        promised = max(self._file.frames, _promised_wav_frames(self._path))
        if self._file.format in _LOSSLESS and num_read < promised < _UNKNOWN_LENGTH:
            raise StreamBrokenError(
                f"{self._path}: truncated: its header promises {promised} samples, it holds {num_read}; "
                "what it holds was processed"
            )


def _promised_wav_frames(path: Path) -> int:
    """Return the length in a WAV header, 0 where there is none; libsndfile silently corrects it."""
    with path.open("rb") as wav:
        if wav.read(12)[:4] != b"RIFF":
            return 0
        block_align = 0
        while len(header := wav.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                return 0 if size >= _UNKNOWN_LENGTH or not block_align else size // block_align
            if name == b"fmt ":
                block_align = struct.unpack("<H", wav.read(16)[12:14])[0]
                size -= 16
            wav.seek(size + size % 2, 1)
    return 0
