"""One network for one task: from the cache where it was trained before, and resumed where that was interrupted."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streamer.features.normalise import GlobalNormaliser
from training.batches import Shuffler, normaliser_of
from training.cache import cache_dir, code_hash, reading, write_whole
from training.corpora.base import LABELS, Clip
from training.dataset import Example, data_hash, load_examples, rows_code
from training.errors import RunError
from training.experiment import QUIET, Experiment, Room
from training.learning import History, Learner, Weights
from training.networks import Network, build_network
from training.protocols import Task

VALIDATION, TEST = "validation", "test"
"""Which clips chose the epoch: those of the validation speakers, or, only to show how it flatters, the tested ones."""

_LEARNT_BY = ("augment.py", "batches.py", "figures.py", "fitting.py", "learning.py", "networks/*.py")
"""The files that decide about the weights, beside those that decide about rows."""


@dataclass(frozen=True)
class Fitted:
    """A trained network with what it needs beside it."""

    experiment: Experiment
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: dict[str, Weights]
    """For each of ``VALIDATION`` and ``TEST`` that chose."""
    history: History
    is_complete: bool
    """Whether it saw its last epoch."""

    @property
    def normaliser(self) -> GlobalNormaliser:
        """What the network's rows go through."""
        return GlobalNormaliser(self.mean, self.std)

    def network(self, selection: str = VALIDATION) -> Network:
        """Return the network with the weights of the epoch that ``selection`` chose."""
        network = build_network(self.experiment, len(LABELS))
        network.set_weights(self.weights[selection])
        return network


def fit_task(task: Task, experiment: Experiment, *, num_processes: int | None = None) -> Fitted:
    """Train, or take from the cache.

    Args:
        task: Who trains, who chooses the epoch.
        experiment: How.
        num_processes: How many make rows that are not cached; None for one a core.

    Raises:
        CorpusError: A clip can not be read.
        RunError: Nobody is heard in any training clip, or Ctrl-C came before the first epoch ended.
    """
    done = cache_dir() / "fits" / f"{_key(task, experiment)}.npz"
    if done.exists():
        return _load(done, experiment)
    checkpoint = done.with_suffix(".checkpoint.npz")
    fitted = _learn(task, experiment, checkpoint, num_processes)
    if fitted.is_complete:
        write_whole(done, partial(_save, fitted=fitted))
        checkpoint.unlink(missing_ok=True)  # another process that trains the same may have been first
    return fitted


def _learn(task: Task, experiment: Experiment, checkpoint: Path, num_processes: int | None) -> Fitted:
    def heard(clips: Iterable[Clip], room: Room = QUIET) -> list[Example]:
        examples = load_examples(list(clips), experiment.features, room, num_processes=num_processes)
        # All that the seed network sees is the mean: taken once, not in each of its thousand batches.
        return [_mean_of(example) for example in examples] if experiment.network.kind == "seed" else examples

    learning = experiment.learning
    rooms = [heard(task.train, room) for room in experiment.rooms]
    ways = [[example for example in heard_as if len(example.rows)] for heard_as in zip(*rooms, strict=True)]
    ways = [heard_as for heard_as in ways if heard_as]
    if not ways:
        raise RunError(f"{task}: nobody is heard in any of the {len(task.train)} training clips")
    mean, std = _statistics(ways, experiment)
    judges = {VALIDATION: heard(task.validation)}
    if learning.select_on_test_too and task.test:
        judges[TEST] = heard(task.test)
    shuffler = Shuffler(ways, GlobalNormaliser(mean, std), experiment.augmentation, learning, experiment.seed)
    learner = Learner(build_network(experiment, len(LABELS)), shuffler, judges, learning, checkpoint)
    is_complete = learner.learn(f"{experiment.name} {task}")
    if not learner.best:
        raise RunError(f"{task}: interrupted before the first epoch ended: there is nothing to keep")
    return Fitted(experiment, tuple(mean), tuple(std), learner.best, learner.history, is_complete)


def _mean_of(example: Example) -> Example:
    return replace(example, rows=example.rows.mean(axis=0, keepdims=True)) if len(example.rows) else example


def _statistics(ways: list[list[Example]], experiment: Experiment) -> tuple[list[float], list[float]]:
    num_columns = experiment.features.num_columns
    if not experiment.learning.normalise:
        return [0.0] * num_columns, [1.0] * num_columns
    return normaliser_of([example for heard_as in ways for example in heard_as])


def _key(task: Task, experiment: Experiment) -> str:
    """Return what the fit follows from: settings, clips, code and the libraries that compute it."""
    chooses = [task.validation, *([task.test] if experiment.learning.select_on_test_too else [])]
    table = {**experiment.to_table(), "name": None}
    here = Path(__file__).parent
    code = code_hash(sorted(path for pattern in _LEARNT_BY for path in here.glob(pattern)))
    versions = [keras.__version__, keras.backend.backend(), np.__version__]
    data = [data_hash(clips) for clips in (task.train, *chooses)]
    return hashlib.sha256(json.dumps([table, data, rows_code(), code, versions]).encode()).hexdigest()[:32]


def _save(file: Any, fitted: Fitted) -> None:
    about = {"mean": fitted.mean, "std": fitted.std, "history": asdict(fitted.history)}
    arrays: dict[str, Any] = {
        f"{selection} {index}": array
        for selection, weights in fitted.weights.items()
        for index, array in enumerate(weights)
    }
    np.savez(file, about=np.array(json.dumps(about)), **arrays)


def _load(path: Path, experiment: Experiment) -> Fitted:
    with reading(path) as file, np.load(file) as arrays:
        about = json.loads(str(arrays["about"]))
        history = History(**about["history"])
        names = [name for name in arrays.files if name != "about"]
        weights = {
            selection: [arrays[f"{selection} {index}"] for index in range(_count(names, selection))]
            for selection in history.best_epoch
        }
    return Fitted(experiment, tuple(about["mean"]), tuple(about["std"]), weights, history, is_complete=True)


def _count(names: list[str], selection: str) -> int:
    return sum(name.startswith(f"{selection} ") for name in names)
