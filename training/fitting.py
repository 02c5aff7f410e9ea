"""One network for one task: from the cache where it was trained before, and resumed where that was interrupted."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streamer.emotion.memory import Voiceprints
from streamer.features.normalise import GlobalNormaliser
from training.batches import Shuffler, normaliser_of
from training.cache import cache_dir, code_hash, reading, write_whole
from training.calibration import Calibration, calibrate
from training.corpora.base import LABELS, Clip
from training.crossfitting import HELD_OUT, CrossFitted, CrossFitter, known_clips, tasks_held_out
from training.dataset import Example, data_hash, load_examples, rows_code, titled
from training.errors import RunError
from training.experiment import QUIET, Experiment, Hearing
from training.figures import decisions, mean_uar
from training.judging import Judge
from training.learning import History, Learner, Weights
from training.networks import Network, build_network, on_rows
from training.networks.statistics import RowStatistics
from training.protocols import Task

VALIDATION, TEST = HELD_OUT, "test"
"""Which clips chose and calibrate: of speakers held out, or, only to show how it flatters, the tested ones."""

_LEARNT_BY = (
    *("adapting.py", "batches.py", "calibration.py", "crossfitting.py", "figures.py", "fitting.py", "judging.py"),
    *("learning.py", "networks/*.py", "noises.py", "sessions.py", "states.py", "strangers.py"),
)
"""The files that decide about the weights, beside those that decide about rows."""

_Scale = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Fitted:
    """A trained network with what it needs beside it."""

    experiment: Experiment
    mean: tuple[float, ...]
    std: tuple[float, ...]
    voiceprint_variance: tuple[float, ...]
    """Of :class:`streamer.emotion.memory.Voiceprints`; empty where the network does not adapt."""
    weights: dict[str, Weights]
    """For each of ``VALIDATION`` and ``TEST`` that chose."""
    calibrations: dict[str, Calibration]
    """Likewise: what turns logits into probabilities."""
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

    def judge(self, selection: str = VALIDATION) -> Judge:
        """Return the network with what it needs to be asked."""
        return Judge(self.network(selection), self.normaliser, _memory_temperature(self.experiment))

    @property
    def voiceprints(self) -> Voiceprints | None:
        """How the network tells voices apart, where it adapts to them."""
        if not self.voiceprint_variance:
            return None
        first = RowStatistics(self.experiment.features.num_cepstra).size + len(LABELS)
        return Voiceprints(first, self.voiceprint_variance, _memory_temperature(self.experiment))


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
        _forget(checkpoint)
    return fitted


@contextlib.contextmanager
def fit_held_out(task: Task, experiment: Experiment) -> Iterator[list[tuple[Task, Fitted]]]:
    """Train the networks of cross-fitting that each keep some out, and give with each whom it can be asked about.

    Of these it knows the scale of the rows, and what guesses of others they took part in; trust, doubt and temperature
    follow from what all of them say. What they learnt is cached until the context is left, and not by an error.

    Raises:
        CorpusError: A clip can not be read.
        RunError: Nobody is heard, Ctrl-C came, or there are too few speakers.
        ValueError: The network does not adapt.
    """
    if experiment.sessions is None:
        raise ValueError("only a network that adapts is cross-fitted")
    checkpoint = cache_dir() / "fits" / f"{_key(task, experiment)}.held_out.npz"
    recordings, scale = _hear(task, known_clips(task), experiment, num_processes=1)
    found = CrossFitter(task, experiment, GlobalNormaliser(*scale), recordings).fit_held_out(checkpoint)
    fits = [_cross_fitted(experiment, scale, one) for one in found]
    yield list(zip(tasks_held_out(task, experiment.sessions.num_parts), fits, strict=True))
    _forget(checkpoint)


def _forget(checkpoint: Path) -> None:
    """Remove ``checkpoint`` and those beside it."""
    for path in (checkpoint, *checkpoint.parent.glob(f"{checkpoint.stem}.*.npz")):
        path.unlink(missing_ok=True)  # another process that trains the same may have been first


def _learn(task: Task, experiment: Experiment, checkpoint: Path, num_processes: int | None) -> Fitted:
    if experiment.sessions is not None:
        recordings, scale = _hear(task, known_clips(task), experiment, num_processes)
        found = CrossFitter(task, experiment, GlobalNormaliser(*scale), recordings).fit(checkpoint)
        return _cross_fitted(experiment, scale, found)
    recordings, scale = _hear(task, task.train, experiment, num_processes)
    normaliser = GlobalNormaliser(*scale)
    examples = [example for recording in recordings for example in recording if len(example.rows)]
    judge = Judge(build_network(experiment, len(LABELS)), normaliser)
    chooses = {VALIDATION: _examples(task.validation, experiment, QUIET, num_processes)}
    if experiment.learning.select_on_test_too and task.test:
        chooses[TEST] = _examples(task.test, experiment, QUIET, num_processes)
    judges = {name: partial(_uar, judge, clips) for name, clips in chooses.items()}
    sampler = Shuffler(examples, normaliser, experiment.learning, experiment.seed)
    learner = Learner(on_rows(judge.network), sampler, judges, experiment.learning, checkpoint)
    is_complete = learner.learn(f"{experiment.name} {task}")
    if not learner.best:
        raise RunError(f"{task}: interrupted before the first epoch ended: there is nothing to keep")
    calibrations = {}
    for name, best in learner.best.items():
        judge.network.set_weights(best)
        calibrations[name] = calibrate(task.validation, judge.hear(chooses[VALIDATION]).logits)
    return Fitted(experiment, *scale, (), learner.best, calibrations, learner.history, is_complete)


def _cross_fitted(experiment: Experiment, scale: _Scale, found: CrossFitted) -> Fitted:
    return Fitted(
        experiment,
        *scale,
        found.voiceprints.variance,
        {VALIDATION: found.weights},
        {VALIDATION: found.calibration},
        found.history,
        found.is_complete,
    )


def _hear(
    task: Task, clips: Sequence[Clip], experiment: Experiment, num_processes: int | None
) -> tuple[list[list[Example]], _Scale]:
    """Return ``clips`` in each recording, and the mean and the deviation of their rows."""
    recordings = [
        _examples(clips, experiment, hearing, num_processes, title) for hearing, title in titled(experiment.hearings)
    ]
    examples = [example for recording in recordings for example in recording if len(example.rows)]
    if not examples:
        raise RunError(f"{task}: nobody is heard in any of the {len(clips)} training clips")
    mean, std = _statistics(examples, experiment)
    return recordings, (tuple(mean), tuple(std))


def _examples(
    clips: Sequence[Clip], experiment: Experiment, hearing: Hearing, num_processes: int | None, title: str = "rows"
) -> list[Example]:
    examples = load_examples(clips, experiment.features, hearing, title=title, num_processes=num_processes)
    # All that the seed network sees is the mean: taken once, not in each of its thousand batches.
    return [_mean_of(example) for example in examples] if experiment.network.kind == "seed" else examples


def _memory_temperature(experiment: Experiment) -> float:
    return experiment.sessions.memory_temperature if experiment.sessions else 1.0


def _uar(judge: Judge, examples: Sequence[Example]) -> float:
    """Return the mean over the corpora of the UAR."""
    sounds = judge.hear(examples)
    return mean_uar(sounds.clips, decisions(sounds.logits))


def _mean_of(example: Example) -> Example:
    return replace(example, rows=example.rows.mean(axis=0, keepdims=True)) if len(example.rows) else example


def _statistics(examples: Sequence[Example], experiment: Experiment) -> tuple[list[float], list[float]]:
    num_columns = experiment.features.num_columns
    if not experiment.learning.normalise:
        return [0.0] * num_columns, [1.0] * num_columns
    return normaliser_of(examples, experiment.features)


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
    about = {
        "mean": fitted.mean,
        "std": fitted.std,
        "voiceprint_variance": fitted.voiceprint_variance,
        "calibrations": {name: asdict(calibration) for name, calibration in fitted.calibrations.items()},
        "history": asdict(fitted.history),
    }
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
        calibrations = {name: Calibration(**values) for name, values in about["calibrations"].items()}
        names = [name for name in arrays.files if name != "about"]
        weights = {
            selection: [arrays[f"{selection} {index}"] for index in range(_count(names, selection))]
            for selection in calibrations
        }
    mean, std, variance = (tuple(about[name]) for name in ("mean", "std", "voiceprint_variance"))
    return Fitted(experiment, mean, std, variance, weights, calibrations, history, is_complete=True)


def _count(names: list[str], selection: str) -> int:
    return sum(name.startswith(f"{selection} ") for name in names)
