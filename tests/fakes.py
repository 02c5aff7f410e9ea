"""Stand-ins that are passed to constructors: detectors, classifiers, a source, a sink and a clock."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.errors import StreamerError
from streamer.settings import FeatureSettings, SpeechSettings
from streamer.sinks.record import Record
from streamer.sources.base import LostSamples, SourceItem

LABELS = ("anger", "happiness", "neutral", "sadness")


class FlagDetector:
    """Verdicts from a string of flags, one a frame and silence after them; a reset begins it again."""

    def __init__(self, flags: str) -> None:
        self._flags = flags
        self.num_resets = 0
        self.reset()

    def frames_to_judge(self, num_frames: int) -> int:
        return num_frames

    def reset(self) -> None:
        self._num_heard = self._num_judged = 0
        self._levels: list[float] = []
        self.num_resets += 1

    def push(self, frames: NDArray[np.int16]) -> bytes:
        self._levels += np.square(frames.astype(np.float64)).sum(axis=1).tolist()
        self._num_heard += len(frames)
        return bytes([bool(self._flag(self._num_heard - len(frames) + index)) for index in range(len(frames))])

    def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
        frames = range(self._num_judged, self._num_heard)
        levels, self._levels = self._levels, []
        self._num_judged = self._num_heard
        return [float(self._flag(frame)) for frame in frames], levels

    def _flag(self, frame: int) -> bool:
        return self._flags[frame : frame + 1] == "1"


class LoudnessDetector(FlagDetector):
    """Verdicts from the samples alone: speech is what has a sample of 10,000 or more."""

    def __init__(self) -> None:
        super().__init__("")

    def reset(self) -> None:
        super().reset()
        self._flags = ""

    def push(self, frames: NDArray[np.int16]) -> bytes:
        self._flags += "".join(str(int(int(frame.max()) >= 10_000)) for frame in frames)
        return super().push(frames)


class FixedClassifier:
    """The same posterior for whatever it hears."""

    heard_before = 0

    def __init__(
        self,
        posterior: Sequence[float] = (0.1, 0.2, 0.6, 0.1),
        *,
        labels: Sequence[str] = LABELS,
        features: FeatureSettings | None = None,
    ) -> None:
        self.labels, self.features = tuple(labels), features or FeatureSettings()
        self._posterior = np.asarray(posterior, np.float64)

    def forget(self) -> None:
        self.reset()

    def reset(self) -> None:
        pass

    def learn(self) -> None:
        pass

    def push(self, rows: NDArray[np.float32]) -> None:
        pass

    def mark(self) -> object:
        return None

    def go_back(self, mark: Any) -> None:
        pass

    def posterior(self) -> NDArray[np.float64]:
        return self._posterior

    def decide(self, posterior: NDArray[np.float64]) -> str:
        return self.labels[int(np.argmax(posterior))]


class RecordingClassifier(FixedClassifier):
    """Keeps the rows of every posterior that it is asked for; each row has its say in it."""

    def __init__(self, *, features: FeatureSettings | None = None) -> None:
        super().__init__(features=features)
        self.heard: list[NDArray[np.float32]] = []
        self.num_pushed = 0

    def reset(self) -> None:
        self._rows: list[NDArray[np.float32]] = []

    def push(self, rows: NDArray[np.float32]) -> None:
        assert len(rows)
        self._rows.append(rows.copy())
        self.num_pushed += len(rows)

    def mark(self) -> int:
        return len(self._rows)

    def go_back(self, mark: int) -> None:
        del self._rows[mark:]

    def posterior(self) -> NDArray[np.float64]:
        rows = np.concatenate(self._rows)
        self.heard.append(rows)
        columns = np.arange(len(rows) * rows.shape[1]).reshape(rows.shape)
        scores = [float(np.sum(rows * np.cos(columns * (label + 1)), dtype=np.float64)) for label in range(len(LABELS))]
        weights = np.exp(np.tanh(np.asarray(scores) / 100.0))
        return np.asarray(weights / weights.sum())


class ListSource:
    """Gives the blocks and losses that it was made with, then raises ``error``, if any."""

    def __init__(
        self,
        *items: SourceItem,
        error: StreamerError | None = None,
        is_live: bool = False,
        is_device: bool = False,
    ) -> None:
        self.is_live, self.is_device, self.overflows = is_live, is_device, 0
        self._items, self._error = items, error
        self.is_interrupted = False
        self.calls: list[str] = []

    def __enter__(self) -> Self:
        self.calls.append("enter")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.calls.append("exit")

    def describe(self) -> dict[str, Any]:
        return {"kind": "list"}

    def blocks(self) -> Iterator[SourceItem]:
        for item in self._items:
            self.overflows += isinstance(item, LostSamples)
            yield item
            if self.is_interrupted:
                return
        if self._error:
            raise self._error

    def interrupt(self) -> None:
        self.is_interrupted = True
        self.calls.append("interrupt")


class ListSink:
    """Keeps the records; from ``fails_at`` on, counted from 0, it raises ``error``."""

    def __init__(self, error: StreamerError | None = None, fails_at: int = 0) -> None:
        self.records: list[Record] = []
        self.dropped = 0
        self.num_failures = 0
        self._error, self._fails_at = error, fails_at

    def write(self, record: Record) -> None:
        if self._error and len(self.records) >= self._fails_at:
            self.num_failures += 1
            raise self._error
        self.records.append(record)

    def check(self) -> None:
        """Somebody reads."""

    def finish(self) -> None:
        """Nothing is kept back."""


class FixedClock:
    """A clock that tests set; both of its times go on together."""

    def __init__(self, *, monotonic_s: float = 1000.0, wall_s: float = 1_795_384_981.0) -> None:
        self._monotonic_s, self._wall_s = monotonic_s, wall_s
        self.passed_s = 0.0

    def monotonic(self) -> float:
        return self._monotonic_s + self.passed_s

    def wall_at(self, moment_s: float) -> float:
        return self._wall_s + moment_s - self._monotonic_s


class JumpingClock(FixedClock):
    """A clock that goes on whenever somebody looks, and whose wall clock people set now and then."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def monotonic(self) -> float:
        self.passed_s += self._random.random() / 100
        if self._random.random() < 0.1:
            self._wall_s += self._random.uniform(-100, 100)
        return super().monotonic()


def with_hangover(hangover_ms: int, **others: Any) -> SpeechSettings:
    """Return settings in which every silence of ``hangover_ms`` ends an utterance, however somebody speaks."""
    return SpeechSettings(
        hangover_ms=hangover_ms, shortest_hangover_ms=hangover_ms, longest_hangover_ms=hangover_ms, **others
    )


def each_block() -> int:
    """Return how many samples a source gathers for somebody without patience: 20 ms."""
    return 320
