"""What ``evaluate`` and ``fit`` wrote about one run, read back and checked."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamer.settings import FeatureSettings
from training.corpora.base import LABELS
from training.errors import RunError
from training.pictures.values import Bin, Curve, Estimate
from training.runs import DESCRIPTION_FILE, EVALUATION_FILE, PREDICTIONS_FILE

_TEXT_COLUMNS = ("protocol", "state", "selection", "task", "corpus", "speaker", "clip", "label")
_SELECTION = "validation"
POOLED = "pooled"
"""The name of the group of all clips."""

Read = TypeVar("Read")


@dataclass(frozen=True)
class Group:
    """The figures on some of the clips of a test."""

    num_clips: int
    num_speakers: int
    num_unheard: int
    accuracy: Estimate
    uar: Estimate
    confusion: NDArray[np.int64]
    """Shape ``(num_labels, num_labels + 1)``."""
    coverage: float
    accuracy_of_covered: Estimate | None
    """None where nothing is covered."""
    uar_by_speaker: Mapping[str, float]
    """By ``corpus/speaker``."""
    reliability: tuple[Bin, ...]
    note: str


@dataclass(frozen=True)
class Figures:
    """The figures on all clips of a test, and on those of each corpus."""

    groups: Mapping[str, Group]
    """By name; :data:`POOLED` is the first."""
    mean_uar: Estimate
    """Over the corpora."""
    nll: float | None
    """None where nobody was heard."""


@dataclass(frozen=True)
class Protocol:
    """One way of testing."""

    name: str
    title: str
    note: str
    states: Mapping[str, Figures | None]
    """By what the daemon knows of the speaker; None is absent."""
    selected_on_test: Figures | None
    by_seconds: Mapping[float, Figures]
    utterances: Mapping[str, int]
    """What became of the utterances of the live protocol."""


@dataclass(frozen=True)
class Prediction:
    """What was said about one clip in one test."""

    protocol: str
    state: str
    selection: str
    """On which clips the epoch was chosen: ``validation`` or ``test``."""
    task: str
    corpus: str
    speaker: str
    clip: str
    label: str
    posterior: tuple[float, ...] | None
    """None where nobody was heard."""


@dataclass(frozen=True)
class Run:
    """What ``fit`` wrote beside the network that is used, where it did."""

    command: str = ""
    history: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """Everything that is known of one run."""

    folder: Path
    name: str
    evaluation: Mapping[str, Any]
    """The whole of ``evaluation.json``."""
    run: Run
    protocols: Mapping[str, Protocol]
    histories: Mapping[str, Curve]
    predictions: tuple[Prediction, ...]
    features: FeatureSettings

    @property
    def corpus_titles(self) -> Mapping[str, str]:
        """The title of each corpus by its name."""
        return {corpus["name"]: corpus["corpus"] for corpus in self.evaluation["corpora"]}


def read_record(folder: Path) -> Record:
    """Return what the run in ``folder`` says.

    Raises:
        RunError: It was not evaluated yet, or a file is missing, damaged or of another shape.
    """
    path = folder / EVALUATION_FILE
    if folder.is_dir() and not path.exists():
        raise RunError(
            f"{folder}: holds no {EVALUATION_FILE}; it is made by "
            f"python -m training evaluate EXPERIMENT CORPORA_DIR --out {folder}"
        )
    return _checked(path, lambda evaluation: _record(folder, evaluation))


def _record(folder: Path, evaluation: Mapping[str, Any]) -> Record:
    # Missed here, not in the middle of a report.
    for key, kind in {"command": str, "data_sha256": str, "versions": dict, "states": dict, "corpora": list}.items():
        if not isinstance(evaluation[key], kind):
            raise TypeError(f"{key} is a {type(evaluation[key]).__name__}")
    for corpus in evaluation["corpora"]:
        str(corpus["name"]), str(corpus["corpus"])
    run_path = folder / DESCRIPTION_FILE
    run = _checked(run_path, _run) if run_path.exists() else Run()
    return Record(
        folder,
        str(evaluation["experiment"]["name"]),
        evaluation,
        run,
        {name: _protocol(name, each) for name, each in evaluation["protocols"].items()},
        {**{name: _history(each) for name, each in evaluation["histories"].items()}, **run.history},
        _predictions(folder / PREDICTIONS_FILE),
        FeatureSettings(**evaluation["experiment"]["features"]),
    )


def _run(found: Mapping[str, Any]) -> Run:
    history = found["history"]
    curve = Curve(
        tuple(float(loss) for loss in history["loss"]),
        tuple(float(uar) for uar in history["uar"][_SELECTION]),
        int(history["best_epoch"][_SELECTION]),
    )
    return Run(str(found["command"]), {"final/all": curve})


def _checked(path: Path, parse: Callable[[Any], Read]) -> Read:
    """Return what ``parse`` makes of the JSON file at ``path``; every surprise in there is one line."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RunError(f"{path}: can not be read ({error.strerror}); expected the folder of a run") from error
    except KeyError as error:
        raise RunError(f"{path}: lacks {error}; make it anew with python -m training evaluate") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{path}: damaged ({error}); make it anew with python -m training evaluate") from error


def _protocol(name: str, found: Mapping[str, Any]) -> Protocol:
    return Protocol(
        name,
        str(found["title"]),
        str(found["note"]),
        {state: _figures(each) if each else None for state, each in found["states"].items()},
        _figures(found["selected_on_test"]) if found.get("selected_on_test") else None,
        {float(seconds): _figures(each) for seconds, each in (found.get("by_seconds_heard") or {}).items()},
        {event: int(count) for event, count in (found.get("utterances") or {}).items()},
    )


def _figures(found: Mapping[str, Any]) -> Figures:
    groups = {name: _group(each) for name, each in found.items() if isinstance(each, Mapping) and "confusion" in each}
    return Figures({POOLED: groups.pop(POOLED), **groups}, _estimate(found["mean_uar_of_corpora"]), _nll(found["nll"]))


def _nll(found: Any) -> float | None:
    return None if found is None else float(found)


def _group(found: Mapping[str, Any]) -> Group:
    confusion = np.array(found["confusion"], np.int64)
    if confusion.shape != (len(LABELS), len(LABELS) + 1):
        raise ValueError(f"confusion of shape {confusion.shape}")
    return Group(
        int(found["clips"]),
        int(found["speakers"]),
        int(found["unheard"]),
        _estimate(found["accuracy"]),
        _estimate(found["uar"]),
        confusion,
        float(found["coverage"]),
        None if found["accuracy_of_covered"]["value"] is None else _estimate(found["accuracy_of_covered"]),
        {speaker: float(uar) for speaker, uar in (found.get("uar_by_speaker") or {}).items()},
        tuple(
            Bin(int(each["clips"]), float(each["confidence"]), float(each["accuracy"]))
            for each in found.get("reliability") or ()
        ),
        str(found.get("note", "")),
    )


def _estimate(found: Mapping[str, Any]) -> Estimate:
    low, high = found["interval_95"]
    return Estimate(float(found["value"]), float(low), float(high))


def _history(found: Mapping[str, Any]) -> Curve:
    return Curve(
        tuple(float(loss) for loss in found["loss"]),
        tuple(float(uar) for uar in found["validation_uar"]),
        int(found["best_epoch"]),
    )


def _predictions(path: Path) -> tuple[Prediction, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return tuple(_prediction(row) for row in csv.DictReader(lines))
    except OSError as error:
        raise RunError(f"{path}: can not be read ({error.strerror}); evaluate again") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise RunError(f"{path}: damaged ({error}); make it anew with python -m training evaluate") from error


def _prediction(row: Mapping[str, str]) -> Prediction:
    posterior = tuple(float(row[label]) for label in LABELS) if row[LABELS[0]] else None
    if row["label"] not in LABELS:
        raise ValueError(f"label {row['label']!r}")
    return Prediction(**{name: row[name] for name in _TEXT_COLUMNS}, posterior=posterior)
