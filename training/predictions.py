"""What a network said of clips: everything that figures are made of."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.cache import write_whole
from training.calibration import Calibration, posteriors
from training.corpora.base import LABELS, Clip
from training.protocols import Task

COLUMNS = ("protocol", "state", "selection", "task", "corpus", "speaker", "clip", "label", *LABELS, "is_uncertain")


@dataclass(frozen=True)
class Predictions:
    """One row a clip; NaN in ``logits`` where nobody was heard."""

    clips: tuple[Clip, ...]
    logits: NDArray[np.float64]
    """Shape ``(num_clips, num_labels)``."""
    temperature: NDArray[np.float64]
    """Shape ``(num_clips,)``: of the network that was asked."""
    uncertain_below: NDArray[np.float64]
    """Shape ``(num_clips,)``, likewise."""

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Shape ``(num_clips, num_labels)``."""
        return posteriors(self.logits, self.temperature)

    @property
    def is_sure(self) -> NDArray[np.bool_]:
        """Whether the daemon would give a label, shape ``(num_clips,)``."""
        return np.asarray(self.probabilities.max(axis=1) >= self.uncertain_below)


def predictions(clips: Sequence[Clip], logits: NDArray[np.float64], calibration: Calibration) -> Predictions:
    """Return what one network said of ``clips``."""
    size = len(clips)
    temperature, threshold = np.full(size, calibration.temperature), np.full(size, calibration.uncertain_below)
    return Predictions(tuple(clips), logits, temperature, threshold)


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several networks as one."""
    return Predictions(
        tuple(clip for part in parts for clip in part.clips),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS),
    )


_ARRAYS = ("logits", "temperature", "uncertain_below")


@dataclass(frozen=True)
class Said:
    """Predictions and where they belong."""

    protocol: str
    state: str
    selection: str
    task: Task
    predictions: Predictions


def write_csv(path: Path, said: Iterable[Said]) -> None:
    """Write all predictions to ``path``, a line a clip, with :data:`COLUMNS`."""
    write_whole(path, partial(_write, said=list(said)))


def _write(file: Any, said: list[Said]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows(line for one in said for line in _lines(one))
    text.flush()
    text.detach()


def _lines(said: Said) -> Iterator[list[Any]]:
    made = said.predictions
    for clip, probabilities, is_sure in zip(made.clips, made.probabilities, made.is_sure, strict=True):
        numbers = ["" if np.isnan(p) else f"{p:.6f}" for p in probabilities]
        names = [said.protocol, said.state, said.selection, said.task.name, clip.corpus, clip.speaker, clip.path.name]
        yield [*names, clip.label, *numbers, int(not is_sure)]
