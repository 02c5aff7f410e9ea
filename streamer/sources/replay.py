"""A session that is heard again."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer import clock as system_clock
from streamer import errors
from streamer.errors import InputError, StreamBrokenError, StreamerError
from streamer.settings import SpeechSettings
from streamer.sources.base import AudioBlock, DeviceState, LostSamples, SourceItem
from streamer.sources.session import FORMAT, HEADER, SAMPLE_BYTES, audio_path, lines_path

_MOST_HEADER_BYTES = 10_000_000
_MOST_LINE_BYTES = 100_000
_COUNTS = ("samples", "lost", "position", "overflows")
_TIMES = ("captured_s", "taken_s", "wall_s")
_WORDS = ("reason", "detail", "end", "message")
_KINDS = {"position": (), "samples": (), "lost": ("reason",), "health": ("detail",), "end": ()}
"""What tells of what a line is, and what it must have besides."""
_HEALTHS = ("ok", "device_lost", "silent_input")
_LARGEST_COUNT = 2**53
"""More samples than anybody hears."""
_LARGEST_S = 1e11
"""More than any time here is, and less than calendars end with."""


class Replay:
    """Gives again what a recorded source gave, as fast as it is taken, and stands for the clock of then.

    The wall clock goes as it went. The other begins anew with each item at the time at which that was taken, so that
    what was waited for, in audio time and in the queue, is as it was, and what is computed takes the time of now.
    """

    def __init__(self, folder: Path) -> None:
        """Read what the session in ``folder`` began with.

        Raises:
            InputError: There is none, or it is damaged.
        """
        self._folder = folder
        path = folder / HEADER
        header = _header(path)
        try:
            self.start = _of(dict, header["start"])
            """The ``start`` event that was printed."""
            settings = _of(dict, self.start["settings"])
            self.speech = SpeechSettings(**settings["speech"])
            self.partials, self.auto_gain = _of(bool, settings["partials"]), _of(bool, settings["auto_gain"])
            self.is_live, self.is_device = _of(bool, header["is_live"]), _of(bool, header["is_device"])
            self.voice = header["voice"]
            """That was known from the beginning, as JSON knows it; None for none."""
            for made_with in ("model", "detector"):
                _of(str, self.start[made_with]["name"]), _of(str, self.start[made_with]["sha256"])
            _of(str, _of(dict, self.start["source"])["kind"])
            began_s = datetime.fromisoformat(self.start["time"]).timestamp() if self.is_live else 0.0
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: damaged, or of another version ({error})") from error
        self.overflows = 0
        self.at_stop: Callable[[str], None] = lambda _reason: None
        """Called where a signal ended the stream, with the reason of ``end``."""
        self._wall_offset_s = began_s  # against the other clock, which begins with 0
        self._taken_s = 0.0  # when the last item was taken then, on its clock
        self._given_s: float | None = None  # and now, on today's
        self._is_interrupted = False

    def __enter__(self) -> Self:
        """Look which segments of the session are kept.

        Raises:
            InputError: There is one missing.
        """
        self._numbers = sorted(int(path.stem) for path in self._folder.glob("[0-9]*.jsonl") if path.stem.isdecimal())
        for number, next_number in zip(self._numbers, self._numbers[1:], strict=False):
            if next_number != number + 1:
                raise InputError(f"{lines_path(self._folder, number + 1)}: missing, and the session goes on behind it")
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing is open."""

    def describe(self) -> dict[str, Any]:
        """Return what the source said."""
        return dict(self.start["source"])

    def interrupt(self) -> None:
        """End with the item in hand."""
        self._is_interrupted = True

    def blocks(self) -> Iterator[SourceItem]:
        """Yield what the source gave; what is kept no more is lost.

        Raises:
            StreamBrokenError: A file is damaged.
            StreamerError: What broke the stream then.
        """
        for number in self._numbers:
            for line, samples in self._lines(number):
                if self._is_interrupted:
                    return
                self._set_clock(line)
                match line:
                    case {"position": position}:
                        if position and number == self._numbers[0]:
                            yield LostSamples(position, "not_kept")
                    case {"samples": _}:
                        yield AudioBlock(samples, line.get("captured_s"))
                    case {"lost": num_samples, "reason": reason}:
                        yield LostSamples(num_samples, reason)
                    case {"health": health, "detail": detail}:
                        yield DeviceState(health, detail)
                    case {"end": _}:
                        self._end(line)

    def monotonic(self) -> float:
        """Return the time by which the source stamped."""
        return self._taken_s + (0.0 if self._given_s is None else system_clock.monotonic() - self._given_s)

    def wall_at(self, moment_s: float) -> float:
        """Return the wall clock at ``moment_s``, as it went when the last item came."""
        return moment_s + self._wall_offset_s

    def _lines(self, number: int) -> Iterator[tuple[dict[str, Any], NDArray[np.int16]]]:
        """Yield each line of a segment, and the samples that it tells of."""
        path, is_last = lines_path(self._folder, number), number == self._numbers[-1]
        try:
            with path.open("rb") as lines, audio_path(self._folder, number).open("rb") as audio:
                num_left = audio.seek(0, 2)
                audio.seek(0)
                place = 0
                while content := lines.readline(_MOST_LINE_BYTES):
                    place += 1
                    if is_last and not content.endswith(b"\n"):
                        return  # the program was killed, or the disk full, while it was written
                    line = _line(content)
                    num_samples = line.get("samples", 0)
                    if is_last and SAMPLE_BYTES * num_samples > num_left:
                        return  # likewise
                    samples = np.frombuffer(audio.read(min(SAMPLE_BYTES * num_samples, num_left)), "<i2", num_samples)
                    num_left -= samples.nbytes
                    yield line, samples.astype(np.int16, copy=False)
        except OSError as error:
            raise StreamBrokenError(f"{error.filename}: can not be read ({error.strerror})") from error
        except ValueError as error:
            raise StreamBrokenError(f"{path}: damaged in line {place} ({error})") from error

    def _set_clock(self, line: dict[str, Any]) -> None:
        self.overflows = line.get("overflows", self.overflows)
        self._given_s = system_clock.monotonic()
        if "taken_s" in line:
            self._taken_s = line["taken_s"]
            self._wall_offset_s = line["wall_s"] - line["taken_s"]

    def _end(self, line: dict[str, Any]) -> None:
        if line["end"] in ("signal", "reload"):
            self.at_stop(line["end"])
        if "error" in line:
            kind: type[StreamerError] = getattr(errors, line["error"])
            raise kind(line.get("message", ""))


def _header(path: Path) -> dict[str, Any]:
    """Return what is in the file at ``path``, of a version that is known here.

    Raises:
        InputError: It is none.
    """
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(_MOST_HEADER_BYTES))
    except OSError as error:
        raise InputError(f"{path}: no session can be read there ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a session, or damaged ({error})") from error
    if not isinstance(values, dict) or values.get("session") != FORMAT:
        raise InputError(f"{path}: not a session that this version reads")
    return values


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def _line(content: bytes) -> dict[str, Any]:
    """Return the line ``content``.

    Raises:
        ValueError: It is none.
    """
    try:
        line = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    kinds = [kind for kind in _KINDS if isinstance(line, dict) and kind in line]
    if len(kinds) != 1 or not all(key in line for key in _KINDS[kinds[0]]) or ("taken_s" in line) != ("wall_s" in line):
        raise ValueError(f"unknown: {content[:80]!r}")
    values: dict[str, Any] = line
    for key, value in values.items():
        if not _is_valid(key, value):
            raise ValueError(f"{key} is {str(value)[:80]!r}")
    return values


def _is_valid(key: str, value: Any) -> bool:
    if key in _COUNTS or key in _TIMES:
        kinds = (int,) if key in _COUNTS else (int, float)
        largest = _LARGEST_COUNT if key in _COUNTS else _LARGEST_S
        return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < largest
    if key == "health":
        return value in _HEALTHS
    if key == "error":
        kind = getattr(errors, value, None) if isinstance(value, str) else None
        return isinstance(kind, type) and issubclass(kind, StreamerError)
    return isinstance(value, str) or key not in _WORDS
