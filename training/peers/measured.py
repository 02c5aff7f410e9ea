"""What a system did in one protocol on one corpus, and whether another did better: figures with intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.corpora.base import LABELS, Clip
from training.figures import Indices, label_indices, uar
from training.folds import speaker_of
from training.intervals import mean_uar_interval, speaker_interval, wilson_interval
from training.peers.base import Decisions
from training.protocols import Task

_NUM_RESAMPLES = 10_000


MEAN = "mean"
"""Stands for a corpus where a figure is the mean over all of them."""


class Column(NamedTuple):
    """Where something is measured."""

    protocol: str
    corpus: str


@dataclass(frozen=True)
class Result:
    """What was decided about the clips of one corpus in all tasks of one protocol."""

    by_speaker: Indices
    """One confusion matrix a speaker, by name, shape ``(num_speakers, num_labels, num_labels + 1)``."""
    num_clips: int
    """Less than the counts where clips are tested repeatedly."""

    @property
    def confusion(self) -> Indices:
        """Of all speakers; see :func:`training.figures.confusion`."""
        return np.asarray(self.by_speaker.sum(axis=0))

    @property
    def accuracy(self) -> float:
        """The part of the decisions that are right."""
        counts = self.confusion
        return float(np.trace(counts) / counts.sum())


def results_of(decided: Iterable[tuple[Task, Decisions]]) -> dict[Column, Result]:
    """Return what one system did, for each protocol and corpus."""
    groups: dict[Column, list[tuple[Clip, int]]] = {}
    for task, decisions in decided:
        for clip, decision in zip(task.test, decisions.indices, strict=True):
            groups.setdefault(Column(task.protocol, clip.corpus), []).append((clip, int(decision)))
    return {column: _result(group) for column, group in groups.items()}


def figures(result: Result) -> dict[str, Any]:
    """Return accuracy and UAR with their intervals and what they are made of, ready for JSON.

    A clip that is tested in several repetitions is one trial for the interval of the accuracy, not several.
    """
    return {
        "clips": result.num_clips,
        "speakers": len(result.by_speaker),
        "accuracy": _estimate(result.accuracy, wilson_interval(result.accuracy, result.num_clips)),
        "uar": _estimate(uar(result.confusion), speaker_interval(result.by_speaker)),
        "confusion": result.confusion.tolist(),
    }


def mean_figures(results: Sequence[Result]) -> dict[str, Any]:
    """Return the mean over corpora of the UAR of ``results``, one a corpus, ready for JSON."""
    value = float(np.mean([uar(result.confusion) for result in results]))
    return {"uar": _estimate(value, mean_uar_interval([result.by_speaker for result in results]))}


def difference(ones: Sequence[Result], others: Sequence[Result], seed: int = 0) -> dict[str, Any]:
    """Return how much larger the UAR of ``ones`` is than that of ``others``, tested by drawing speakers.

    In each draw both are measured on the same speakers, so that a speaker who is hard for both does not blur the
    difference.

    Args:
        ones: The results of one system, one a corpus; what counts is their mean.
        others: Those of the other, on the same corpora.
        seed: Makes the draws.
    """
    random, pairs = np.random.default_rng(seed), list(zip(ones, others, strict=True))
    drawn = np.mean([_drawn_difference(one, other, random) for one, other in pairs], axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = float(np.mean([uar(one.confusion) - uar(other.confusion) for one, other in pairs]))
    return {
        **_estimate(value, (float(low), float(high))),
        "share_of_draws_below_0": round(float((drawn < 0).mean()), 4),
    }


def differences(
    reference: str, results: Mapping[str, Mapping[Column, Result]], protocols: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the differences of ``reference`` to each other system, in each column of ``protocols`` that both have."""
    ours = results[reference]
    found = []
    for protocol, (name, others) in product(protocols, results.items()):
        columns = [column for column in ours if column.protocol == protocol and column in others]
        if name == reference:
            continue
        groups = {column.corpus: [column] for column in columns}
        if len(columns) > 1:
            groups[MEAN] = columns
        for corpus, chosen in groups.items():
            tested = difference([ours[column] for column in chosen], [others[column] for column in chosen])
            found.append({"of": reference, "to": name, "protocol": protocol, "corpus": corpus, **tested})
    return found


def _drawn_difference(one: Result, other: Result, random: np.random.Generator) -> NDArray[np.float64]:
    num_speakers = len(one.by_speaker)
    # How often each speaker is drawn: as drawing with replacement, but a draw is a product of matrices.
    times = random.multinomial(num_speakers, [1.0 / num_speakers] * num_speakers, _NUM_RESAMPLES)
    return _uars(times, one.by_speaker) - _uars(times, other.by_speaker)


def _result(group: list[tuple[Clip, int]]) -> Result:
    clips = [clip for clip, _ in group]
    speakers = sorted({speaker_of(clip) for clip in clips})
    counts = np.zeros((len(speakers), len(LABELS), len(LABELS) + 1), np.int64)
    who = np.array([speakers.index(speaker_of(clip)) for clip in clips])
    np.add.at(counts, (who, label_indices(clips), np.array([decision for _, decision in group])), 1)
    return Result(counts, len(set(clips)))


def _uars(times: Indices, by_speaker: Indices) -> NDArray[np.float64]:
    """Return the UAR of each row of ``times``, which counts speakers; see :func:`training.figures.uar`."""
    counts = np.tensordot(times, by_speaker, axes=1)
    occurring, right = counts.sum(axis=2), np.diagonal(counts, axis1=1, axis2=2)
    recalls = right / np.maximum(occurring, 1)
    return np.asarray(recalls.sum(axis=1) / (occurring > 0).sum(axis=1))


def _estimate(value: float, interval: tuple[float, float]) -> dict[str, Any]:
    return {"value": round(value, 4), "interval_95": [round(end, 4) for end in interval]}
