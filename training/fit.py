"""From corpora to a run folder with a network that is ready for export."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from streamer.emotion.model_file import ModelInfo
from training.calibration import MOST_RISK, Calibration
from training.corpora.base import LABELS, Clip, Corpus
from training.crossfitting import known_clips
from training.dataset import data_hash, load_examples
from training.experiment import QUIET, Experiment
from training.fitting import VALIDATION, Fitted, fit_task
from training.protocols import Clips, Task, final_task
from training.runs import require_no_model, require_same, write_run
from training.terms import describe_data, licence_of
from training.versions import versions


def fit(experiment: Experiment, corpora: Sequence[Corpus], clips: Sequence[Clip], out: Path, command: str) -> None:
    """Train, and write ``out``.

    A network that adapts learns from all speakers, and is calibrated by others of its kind, each of which did not know
    those it was asked about. Of any other the first fold chooses the epoch and calibrates.

    Nobody is left to test this network on: how right its kind is, ``evaluate`` tells with networks that are each
    trained without the speakers they are tested on.

    Args:
        experiment: How to train.
        corpora: Where ``clips`` come from.
        clips: What to train on.
        out: The run folder; it may hold an evaluation.
        command: What was typed, for the record.

    Raises:
        CorpusError: The clips do not allow it, or their licences can not be combined.
        RunError: ``out`` holds a network, or an evaluation of another experiment or of other clips; or training was
            interrupted before there was anything to keep.
    """
    require_no_model(out)
    data_sha256 = data_hash(clips)
    require_same(out, experiment, data_sha256)
    licence = licence_of(corpora)  # refused now, not after hours of training
    task = final_task(clips)
    fitted = fit_task(task, experiment)
    network, calibration = fitted.network(), fitted.calibrations[VALIDATION]
    examples = load_examples(task.validation, experiment.features, QUIET)
    name = "-".join([experiment.name, *(corpus.name for corpus in corpora)])
    more = {
        "command": command,
        "experiment": experiment.to_table(),
        "data_sha256": data_sha256,
        "coverage_on_validation": calibration.coverage,
        "risk_on_validation": MOST_RISK,
        "versions": versions(),
        "history": asdict(fitted.history),
        "is_complete": fitted.is_complete,
    }
    write_run(
        out,
        network,
        _model_info(name, describe_data(corpora, _sides(task, experiment)), licence, fitted, calibration),
        more,
        examples,
    )
    if not fitted.is_complete:
        print("interrupted: the best epoch so far was kept; another run folder goes on from here", file=sys.stderr)


def _sides(task: Task, experiment: Experiment) -> Mapping[str, Clips]:
    return task.sides if experiment.sessions is None else {"train": known_clips(task), "validation": ()}


def _model_info(
    name: str, data: list[dict[str, Any]], licence: dict[str, str], fitted: Fitted, calibration: Calibration
) -> ModelInfo:
    experiment = fitted.experiment
    return ModelInfo(
        name=name,
        labels=LABELS,
        features=experiment.features,
        mean=fitted.mean,
        std=fitted.std,
        temperature=calibration.temperature,
        uncertain_below=calibration.uncertain_below,
        voiceprints=fitted.voiceprints,
        data=data,
        licence=licence,
        figures={},
    )
