"""Rows of a clip, made by the very stages that the daemon runs: the feature code exists once."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamer.events import Utterance
from streamer.pipeline import Pipeline
from streamer.settings import FeatureSettings, SpeechSettings
from streamer.speech.network import NetworkDetector
from training.corpora.base import LABELS

Rows = NDArray[np.float32]


class RowGatherer:
    """What a classifier that wants the rows of an utterance at once makes of those that it is given as they come."""

    labels: Sequence[str] = LABELS
    heard_before = 0

    def __init__(self, features: FeatureSettings) -> None:
        """Ask the pipeline for rows as ``features`` says."""
        self.features = features
        self.reset()

    def forget(self) -> None:
        """Forget the rows heard; of voices nothing is remembered."""
        self.reset()

    def reset(self) -> None:
        """Forget the rows heard."""
        self._heard: list[Rows] = []

    def push(self, rows: Rows) -> None:
        """Hear the rows that follow, shape ``(num_rows, num_columns)``."""
        self._heard.append(rows.copy())

    def mark(self) -> int:
        """Return what :meth:`go_back` takes to forget what is heard from now on."""
        return len(self._heard)

    def go_back(self, mark: int) -> None:
        """Forget the rows heard since ``mark`` was given."""
        del self._heard[mark:]

    def learn(self) -> None:
        """Remember nothing of the voice."""

    @property
    def rows(self) -> Rows:
        """All rows since the last reset, at least one."""
        return np.concatenate(self._heard)


class RowRecorder(RowGatherer):
    """A classifier that keeps the rows of each utterance that it is asked about."""

    def __init__(self, features: FeatureSettings) -> None:
        """Ask the pipeline for rows as ``features`` says."""
        super().__init__(features)
        self.recorded: list[Rows] = []

    def posterior(self) -> NDArray[np.float64]:
        """Keep the rows of the utterance in hand; return that all labels are as probable."""
        self.recorded.append(self.rows)
        return np.full(len(LABELS), 1.0 / len(LABELS))

    def decide(self, _posterior: NDArray[np.float64]) -> str:
        """Return any label."""
        return self.labels[0]


@cache  # it takes longer to load than to hear a clip; a pipeline begins by resetting it
def _detector(speech: SpeechSettings) -> NetworkDetector:
    return NetworkDetector(speech)


def heard_rows(samples: NDArray[np.int16], features: FeatureSettings, speech: SpeechSettings) -> Rows:
    """Return the rows of the longest utterance in ``samples``, int16 at 16 kHz; no rows where there is none."""
    recorder = RowRecorder(features)
    pipeline = Pipeline(speech, _detector(speech), recorder)
    events = [*pipeline.push(samples), *pipeline.finish()]
    lengths = [event.end_sample - event.start_sample for event in events if isinstance(event, Utterance)]
    if not lengths:
        return np.empty((0, features.num_columns), np.float32)
    return recorder.recorded[int(np.argmax(lengths))]
