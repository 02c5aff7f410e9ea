"""A session on disk: what a source gave, block by block, so that it can be heard again.

``docs/replay.md`` says what is in the files.
"""

import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from streamer import clock as system_clock
from streamer import errors
from streamer.clock import Clock
from streamer.errors import SettingsError, StreamerError
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import NOTHING, AudioBlock, AudioSource, DeviceState, LostSamples, SourceItem

FORMAT = 1
HEADER = "session.json"
_SEGMENT_SAMPLES = 60 * SAMPLE_RATE_HZ
_SEGMENT_LINE_BYTES = 500_000
"""A segment ends where either is reached: its audio a minute, or the lines that tell how it came."""
SAMPLE_BYTES = 2

Warn = Callable[[str], None]


def lines_path(folder: Path, number: int) -> Path:
    """Return where the lines of segment ``number``, from 1, are."""
    return folder / f"{number:06}.jsonl"


def audio_path(folder: Path, number: int) -> Path:
    """Return where the samples of segment ``number``, from 1, are."""
    return folder / f"{number:06}.s16le"


@dataclass(frozen=True)
class RecordingSettings:
    """What is asked to be kept of a stream, and where."""

    folder: Path
    """Made, unless it is there and empty."""

    minutes: int
    """How many are kept, the last; while the next one is heard one more."""


class Recording:
    """Hands on what ``source`` gives, and keeps it in a folder: the last minutes of it.

    It stands in three places: as the source, whose items it keeps; as a sink, since ``start`` and ``end`` say what is
    needed around them; and as the clock, so that one reading of the wall clock for each item, which is kept, is all
    that the times of events follow from. Only appended to, the files are whole up to the moment of whatever happens.
    Where they can not be written any more, ``warn`` is told once, and the stream goes on without.
    """

    dropped = 0
    """It has no reader."""

    def __init__(
        self,
        source: AudioSource,
        settings: RecordingSettings,
        warn: Warn,
        *,
        voice: dict[str, Any] | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Keep what ``source`` gives.

        Args:
            source: Not open yet.
            settings: Where, and how much of it.
            warn: Told in a line what becomes of it.
            voice: That is known from the beginning, as JSON knows it; kept as well.
            clock: The time.
        """
        self._source, self._warn = source, warn
        self._folder, self._minutes = settings.folder, settings.minutes
        self._voice, self._clock = voice, clock
        self._is_writing = True
        self._segment: _Segment | None = None
        self._numbers: deque[int] = deque()  # of the segments kept
        self._position = 0
        self._error: StreamerError | None = None
        self._wall_offset_s = 0.0  # of the wall clock against the other, when the last item came
        self.overflows = 0
        """As the source counted them when the last item came."""

    @property
    def is_live(self) -> bool:
        """Of the source."""
        return self._source.is_live

    @property
    def is_device(self) -> bool:
        """Of the source."""
        return self._source.is_device

    def __enter__(self) -> Self:
        """Make the folder and open the source.

        Raises:
            SettingsError: There is something in the folder already, or it can not be made.
            StreamerError: The source can not be opened.
        """
        _make(self._folder)
        self._read_clock()
        self._source.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the source and the files."""
        if self._segment:
            self._segment.close()
        self._source.__exit__(*exc_info)

    def describe(self) -> dict[str, Any]:
        """Return what the source says."""
        return self._source.describe()

    def interrupt(self) -> None:
        """End the source."""
        self._source.interrupt()

    def blocks(self) -> Iterator[SourceItem]:
        """Yield and keep what the source gives; of a live one first when it began, which dates what it never heard."""
        try:
            if self.is_live:
                began = AudioBlock(NOTHING, self._clock.monotonic())
                self._keep_item(began)
                yield began
            for item in self._source.blocks():
                self._keep_item(item)
                yield item
        except StreamerError as error:
            self._error = error
            raise
        finally:
            self.overflows = self._source.overflows

    def monotonic(self) -> float:
        """Return the time by which sources stamp."""
        return self._clock.monotonic()

    def wall_at(self, moment_s: float) -> float:
        """Return the wall clock at ``moment_s``, as it went when the last item came."""
        return moment_s + self._wall_offset_s

    def write(self, record: dict[str, Any]) -> None:
        """Keep ``start``, and how the stream came to its ``end``."""
        if record["type"] == "start":
            self._begin(record)
        elif record["type"] == "end":
            self._keep({"end": record["reason"], **_error_line(self._error), **self._count()})

    def check(self) -> None:
        """Nobody reads it meanwhile."""

    def finish(self) -> None:
        """Nothing is kept back."""

    def _begin(self, start: dict[str, Any]) -> None:
        header = {"session": FORMAT, "is_live": self.is_live, "is_device": self.is_device, "start": start}
        with self._writing(), _new_file(self._folder / HEADER) as file:
            _write(file, _line({**header, "voice": self._voice}))
        if self._is_writing:
            megabytes = (self._minutes + 1) * (_SEGMENT_SAMPLES * SAMPLE_BYTES + _SEGMENT_LINE_BYTES) / 1e6
            profile = ", and a copy of the profile" if self._voice else ""
            self._warn(
                f"what is heard is recorded in {self._folder}: the last {self._minutes} minutes of it, "
                f"at most {megabytes:.0f} MB{profile}"
            )

    def _keep_item(self, item: SourceItem) -> None:
        if isinstance(item, AudioBlock) and item.captured_s is None and self.is_live:
            return  # only a sign of life, of which nothing follows, not even a time
        self.overflows = self._source.overflows
        taken_s, wall_s = self._read_clock()
        moment = {"taken_s": taken_s, "wall_s": wall_s} if self.is_live else {}
        rest = {**moment, **self._count()}
        match item:
            case AudioBlock(samples, captured_s):
                stamp = {} if captured_s is None else {"captured_s": captured_s}
                self._keep({"samples": samples.size, **stamp, **rest}, samples)
            case LostSamples(num_samples, reason):
                self._keep({"lost": num_samples, "reason": reason, **rest})
            case DeviceState(health, detail):
                self._keep({"health": health, "detail": detail, **rest})

    def _count(self) -> dict[str, int]:
        return {"overflows": self.overflows} if self.overflows else {}

    def _read_clock(self) -> tuple[float, float]:
        taken_s = self._clock.monotonic()
        wall_s = self._clock.wall_at(taken_s)
        self._wall_offset_s = wall_s - taken_s
        return taken_s, wall_s

    def _keep(self, line: dict[str, Any], samples: NDArray[np.int16] = NOTHING) -> None:
        with self._writing():
            if self._is_writing and (self._segment is None or (self._segment.is_full and "end" not in line)):
                self._next_segment()
            if self._is_writing and self._segment:
                self._segment.add(line, samples)
        self._position += samples.size + line.get("lost", 0)

    def _next_segment(self) -> None:
        if self._segment:
            self._segment.close()
        self._numbers.append(self._numbers[-1] + 1 if self._numbers else 1)
        self._segment = _Segment(self._folder, self._numbers[-1], self._position)
        while len(self._numbers) > self._minutes + 1:
            oldest = self._numbers.popleft()
            lines_path(self._folder, oldest).unlink(
                missing_ok=True
            )  # first, since without them the samples are out of sight
            audio_path(self._folder, oldest).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Stop to record where something can not be written: the stream is worth more."""
        try:
            yield
        except OSError as error:
            self._is_writing = False
            self._warn(f"{self._folder}: can not be written ({error.strerror}): nothing more is recorded")


class _Segment:
    """A minute of a session: its samples, and a line for each item."""

    def __init__(self, folder: Path, number: int, position: int) -> None:
        """Make the files; ``position`` is the index of the first sample."""
        with contextlib.ExitStack() as opened:
            self._audio = opened.enter_context(_new_file(audio_path(folder, number)))
            self._lines = opened.enter_context(_new_file(lines_path(folder, number)))
            self._num_samples = self._num_line_bytes = 0
            self.add({"position": position}, NOTHING)
            self._opened = opened.pop_all()

    @property
    def is_full(self) -> bool:
        """Whether the next item goes into another."""
        return self._num_samples >= _SEGMENT_SAMPLES or self._num_line_bytes >= _SEGMENT_LINE_BYTES

    def add(self, line: dict[str, Any], samples: NDArray[np.int16]) -> None:
        """Write ``samples`` and then ``line``, so that what a line tells of is there."""
        content = _line(line)
        _write(self._audio, samples.astype("<i2").tobytes())
        _write(self._lines, content)
        self._num_samples += samples.size
        self._num_line_bytes += len(content)

    def close(self) -> None:
        """Close the files."""
        self._opened.close()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if any(folder.iterdir()):
            holds = "holds a session already" if (folder / HEADER).exists() else "is not empty"
            raise SettingsError(f"{folder}: {holds}, and nothing is written over: give a new folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SettingsError(f"{folder}: can not be written: give a folder of your own")
    except OSError as error:
        raise SettingsError(f"{folder}: can not be made a folder for a session ({error.strerror})") from error


def _new_file(path: Path) -> BinaryIO:
    """Open a file that must not be there yet, for its owner's eyes only, without a buffer."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb", buffering=0)


def _write(file: BinaryIO, content: bytes) -> None:
    """Write all of ``content``: what a disk takes of it last may be a part."""
    while content:
        content = content[file.write(content) :]


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _error_line(error: StreamerError | None) -> dict[str, Any]:
    """Return what broke the stream, by the name under which everybody knows it."""
    if error is None:
        return {}
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return {"error": name, "message": str(error)}
