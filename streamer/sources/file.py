"""Audio files of any rate, width and channels; the only user of soundfile."""

import contextlib
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

from numpy.typing import NDArray

from streamer.errors import InputError, StreamBrokenError
from streamer.sources.base import AudioBlock
from streamer.sources.conditioner import ChannelChoice, Conditioner
from streamer.sources.recorded import condition
from streamer.stderr import silenced_stderr

_BLOCK_MS = 500
_MOST_BLOCK_SAMPLES = 1_000_000
"""Of all channels: a thousand of them at hundreds of kHz are a gigabyte in half a second."""
_OGG_PAGE_BYTES = 65_307  # at the most
_UNKNOWN_LENGTH = 0x7FFF_0000
"""Writers that cannot seek back leave lengths of about 2^31 or more in the header: they promise nothing."""
_MOST_CHUNKS = 1000
"""Of a WAV file before its samples: to step through a gigabyte of empty ones takes minutes."""


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
        with contextlib.ExitStack() as opened:
            content = opened.enter_context(self._open_content())
            self._promised_frames = _promised_wav_frames(content)
            content.seek(0)
            self._file = opened.enter_context(self._open_audio(content))
            self._conditioner = Conditioner(self._file.samplerate, self._file.channels, self._channel)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self._opened.close()

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

    def _open_content(self) -> BinaryIO:
        try:
            status = self._path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{self._path}: expected a file; raw PCM from a pipe goes with -i -")
            if status.st_size == 0:
                raise InputError(f"{self._path}: the file is empty; expected audio (WAV, FLAC, OGG, MP3)")
            return self._path.open("rb", buffering=0)
        except OSError as error:
            raise InputError(f"{self._path}: can not be read ({error.strerror})") from error

    def _open_audio(self, content: BinaryIO) -> Any:
        import soundfile  # only where a file is read

        try:
            # Not by its name, which may be no text, and would make soundfile ask how to read any *.raw.
            with silenced_stderr():  # where MP3 is damaged, libmpg123 tells
                file = soundfile.SoundFile(content.fileno(), closefd=False)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".")
            raise InputError(f"{self._path}: not readable as audio ({reason}); expected WAV, FLAC, OGG, MP3") from error
        if file.frames == 0:
            file.close()
            raise InputError(f"{self._path}: its header promises no audio samples; was the recording cut off?")
        # soundfile seeks after every block otherwise, which FLAC from a pipe does not allow.
        file.seekable = lambda: False
        return file

    def _frames(self) -> Iterator[NDArray[Any]]:
        import soundfile

        most_frames = _MOST_BLOCK_SAMPLES // self._file.channels
        block_frames = max(1, min(self._file.samplerate * _BLOCK_MS // 1000, most_frames))
        num_read = 0
        while not self._is_interrupted:
            try:
                # int16 survives the way through float32 unchanged: one path serves all widths.
                with silenced_stderr():
                    frames = self._file.read(block_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise StreamBrokenError(f"{self._path}: broken after {num_read} samples ({error})") from error
            if not len(frames):
                self._check_length(num_read)
                return
            num_read += len(frames)
            yield frames

    def _check_length(self, num_read: int) -> None:
        if self._file.format == "OGG" and not _ends_ogg(self._path):
            raise StreamBrokenError(f"{self._path}: truncated: its last page is missing; what it holds was processed")
        promised = self._file.frames if self._file.format == "FLAC" else self._promised_frames
        if num_read < promised < _UNKNOWN_LENGTH:
            raise StreamBrokenError(
                f"{self._path}: truncated: its header promises {promised} samples, it holds {num_read}; "
                "what it holds was processed"
            )


def _promised_wav_frames(content: BinaryIO) -> int:
    """Return the length in a WAV header, 0 where there is none; libsndfile silently corrects it."""
    kind, long_size, block_align = content.read(12)[:4], 0, 0
    for _ in range(_MOST_CHUNKS if kind in (b"RIFF", b"RF64") else 0):
        header = content.read(8)
        if len(header) < 8:
            break
        name, size = struct.unpack("<4sI", header)
        start = content.tell()
        if name == b"data":
            is_unknown = kind == b"RIFF" and size >= _UNKNOWN_LENGTH
            size = long_size if kind == b"RF64" else size
            return 0 if is_unknown or not block_align else size // block_align
        if name == b"ds64":
            long_size = int.from_bytes(content.read(16)[8:], "little")
        elif name == b"fmt ":
            block_align = int.from_bytes(content.read(14)[12:], "little")
        content.seek(start + size + size % 2)
    return 0


def _ends_ogg(path: Path) -> bool:
    """Return whether the last page of an OGG file is marked as such (RFC 3533, section 6)."""
    with path.open("rb") as content:
        content.seek(max(0, path.stat().st_size - _OGG_PAGE_BYTES))
        tail = content.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and len(tail) > page + 5 and bool(tail[page + 5] & 4)
