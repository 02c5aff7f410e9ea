"""Functionals and a support vector machine; the only module that imports scikit-learn."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.cache import code_hash
from training.corpora.base import Clip
from training.figures import Indices, label_indices, mean_uar
from training.folds import speaker_of
from training.peers.base import Decisions
from training.peers.memory import remembered
from training.peers.normalisation import Normalise
from training.protocols import Clips, Task

Square = NDArray[np.float64]

_CACHE_MB = 500

_DECIDED_BY = ("svm.py", "normalisation.py", "../figures.py")


@dataclass(frozen=True)
class SvmGrid:
    """What is tried on the training clips, in order; of settings that do equally well the first is taken."""

    penalties: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
    """C: what a training clip on the wrong side costs."""
    gammas: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    """Of the kernel exp(-gamma d), where d is the squared difference of two clips, averaged over columns."""
    num_folds: int = 5


@dataclass(frozen=True)
class SvmSettings:
    """One point of the grid."""

    gamma: float
    penalty: float


class Functionals(Protocol):
    """Where the columns come from."""

    @property
    def version(self) -> str:
        """Tell one way of making them from another."""

    def functionals(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """Return one row a clip."""


class SvmPeer:
    """An RBF SVM with balanced classes; its settings are chosen for each task anew, on the training clips alone."""

    def __init__(self, name: str, title: str, source: Functionals, normalise: Normalise, grid: SvmGrid) -> None:
        """Learn from the rows of ``source`` after ``normalise``, with the best settings of ``grid``."""
        self.name, self.title = name, title
        self._source, self._normalise, self._grid = source, normalise, grid

    def answers(self, protocol: str) -> bool:
        """Return whether ``protocol`` is one of clips."""
        return protocol != "live"

    def decide(self, task: Task) -> Decisions:
        """Return the decisions and the settings chosen; see :meth:`training.peers.base.Peer.decide`."""
        return remembered(self.name, self._description(), task, self._decide)

    def _description(self) -> list[Any]:
        code = code_hash(Path(__file__).parent / name for name in _DECIDED_BY)
        return [self._source.version, self._normalise.__name__, asdict(self._grid), version("scikit-learn"), code]

    def _decide(self, task: Task) -> Decisions:
        known = (*task.train, *task.validation)
        clips = (*known, *task.test)
        rows = self._source.functionals(clips).astype(np.float64)
        distances = mean_squared_distances(self._normalise(rows, clips, len(known)))
        seen = distances[: len(known), : len(known)]
        settings, best_uar = choose(seen, known, groups_of(task), self._grid)
        kernel = _Kernel(seen, distances[len(known) :, : len(known)], settings.gamma)
        decided = kernel.learn_and_decide(label_indices(known), settings.penalty)
        return Decisions(decided, {**asdict(settings), "uar_when_chosen": round(best_uar, 4)})


def mean_squared_distances(rows: NDArray[np.float64]) -> Square:
    """Return the squared difference of each two rows, averaged over columns, shape ``(num_rows, num_rows)``.

    Made once a task: a kernel is the exponential of a part of it.
    """
    squares = np.square(rows).sum(axis=1)
    distances = rows @ rows.T
    distances *= -2.0
    distances += squares[:, np.newaxis] + squares
    return np.asarray(np.maximum(distances, 0.0) / rows.shape[1])


def groups_of(task: Task) -> Indices:
    """Return what must not be torn apart when choosing, a number for each clip that is trained on.

    The choice is made as the test is: among other speakers where speakers are held out, among other clips of the
    same speakers where they are not.
    """
    known = (*task.train, *task.validation)
    if task.protocol == "random":
        return np.arange(len(known))
    numbers = {speaker: number for number, speaker in enumerate(dict.fromkeys(map(speaker_of, known)))}
    return np.array([numbers[speaker_of(clip)] for clip in known])


def choose(distances: Square, clips: Clips, groups: Indices, grid: SvmGrid) -> tuple[SvmSettings, float]:
    """Return the settings that do best on the training clips, and how well: mean over corpora of the UAR.

    Each clip is decided about by a machine that has not seen its group.

    Args:
        distances: Of the training clips only, shape ``(num_clips, num_clips)``.
        clips: The training clips.
        groups: One a clip, shape ``(num_clips,)``; those of a group stay together.
        grid: What is tried.
    """
    truth, folds = label_indices(clips), _folds(groups, grid.num_folds)
    decided = np.zeros((len(grid.gammas), len(grid.penalties), len(clips)), np.int64)

    def decide(gamma_index: int, seen: Indices, unseen: Indices) -> None:
        within, between = distances[np.ix_(seen, seen)], distances[np.ix_(unseen, seen)]
        machines = _Kernel(within, between, grid.gammas[gamma_index])
        for index, penalty in enumerate(grid.penalties):
            decided[gamma_index, index, unseen] = machines.learn_and_decide(truth[seen], penalty)

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # libsvm works without the interpreter's lock
        jobs = [(index, *fold) for index, fold in product(range(len(grid.gammas)), folds)]
        list(threads.map(lambda job: decide(*job), jobs))
    scores = np.array([[mean_uar(clips, one) for one in of_gamma] for of_gamma in decided])
    gamma_index, penalty_index = np.unravel_index(scores.argmax(), scores.shape)
    return SvmSettings(grid.gammas[gamma_index], grid.penalties[penalty_index]), float(scores.max())


def _folds(groups: Indices, num_folds: int) -> list[tuple[Indices, Indices]]:
    """Return for each fold the clips that are learnt from and those that are decided about."""
    from sklearn.model_selection import GroupKFold

    splitter = GroupKFold(min(num_folds, len(np.unique(groups))))
    return list(splitter.split(groups, groups=groups))


class _Kernel:
    """Made once for a gamma: the machines of all penalties learn with it."""

    def __init__(self, within: Square, between: Square, gamma: float) -> None:
        """Take the distances of the clips learnt from to each other, and of those decided about to them."""
        self._within, self._between = np.exp(-gamma * within), np.exp(-gamma * between)

    def learn_and_decide(self, truth: Indices, penalty: float) -> Indices:
        """Return the decisions of a machine that has learnt ``truth``, the labels of the clips learnt from."""
        from sklearn.svm import SVC

        machine = SVC(C=penalty, kernel="precomputed", class_weight="balanced", cache_size=_CACHE_MB)
        return np.asarray(machine.fit(self._within, truth).predict(self._between), np.int64)
