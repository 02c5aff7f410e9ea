"""Run folders as ``evaluate`` and ``fit`` write them, of networks that were never trained: what they say is drawn."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.calibration import Calibration
from training.corpora.base import LABELS, Clip, Gender
from training.experiment import load_experiment
from training.predictions import Predictions, Said, joined, predictions, write_csv
from training.protocols import Task, all_tasks
from training.runs import DESCRIPTION_FILE, EVALUATION_FILE, PREDICTIONS_FILE
from training.scores import score

TITLES = {"first": "First Corpus", "second": "Second"}
_NUM_SPEAKERS, _NUM_SENTENCES = 5, 4
_STATES = {
    "cold": "every clip with a fresh state",
    "warm_5": "absent: nothing is learned",
    "enrolled": "absent: not yet",
}


@dataclass(frozen=True)
class ToyNetwork:
    """How well it does."""

    experiment: str = "streaming"
    skill: float = 1.0
    """What the logit of the truth is higher on average for somebody unknown."""
    familiarity: float = 2.0
    """What is added for somebody who was trained on."""
    is_selected_on_test_too: bool = False


def toy_clips() -> list[Clip]:
    """Return clips of two corpora, which are no files."""
    genders: Sequence[Gender] = ("woman", "man")
    return [
        Clip(Path(f"{corpus}-{speaker}-{label}-{sentence}.wav"), label, f"s{speaker}", corpus, genders[speaker % 2])
        for corpus in TITLES
        for speaker in range(_NUM_SPEAKERS)
        for label in LABELS
        for sentence in range(_NUM_SENTENCES)
    ]


def write_toy_run(folder: Path, network: ToyNetwork = ToyNetwork(), *, is_fitted: bool = True) -> Path:
    """Write what ``evaluate``, and ``fit`` where ``is_fitted``, leave for reports; return ``folder``."""
    folder.mkdir(parents=True)
    experiment = load_experiment(network.experiment)
    clips = toy_clips()
    said = [one for seed, task in enumerate(all_tasks(clips)) for one in _said(task, network, seed)]
    evaluation = {
        "experiment": experiment.to_table(),
        "command": f"python -m training evaluate {network.experiment} CORPORA_DIR --out RUN",
        "corpora": [_about(name, title, clips) for name, title in TITLES.items()],
        "data_sha256": "0123456789abcdef" * 4,
        "versions": {"python": "3.11.9", "keras": "3.15.1"},
        "states": _STATES,
        "protocols": _protocols(said),
        "histories": {str(one.task): _history(seed) for seed, one in enumerate(said) if one.protocol != "live"},
    }
    _write(folder / EVALUATION_FILE, evaluation)
    write_csv(folder / PREDICTIONS_FILE, said)
    if is_fitted:
        history = _history(99)
        uar, best_epoch = {"validation": history["validation_uar"]}, {"validation": history["best_epoch"]}
        fitted = {"loss": history["loss"], "uar": uar, "best_epoch": best_epoch}
        _write(folder / DESCRIPTION_FILE, {"command": "python -m training fit toy", "history": fitted})
    return folder


def change_evaluation(folder: Path, **changes: Any) -> None:
    """Change entries of ``evaluation.json``; None removes one."""
    path = folder / EVALUATION_FILE
    evaluation = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    _write(path, {key: value for key, value in evaluation.items() if value is not None})


def _about(name: str, title: str, clips: Sequence[Clip]) -> dict[str, Any]:
    own = [clip for clip in clips if clip.corpus == name]
    num_speakers = len({clip.speaker for clip in own})
    about = {"corpus": title, "name": name, "language": "Polish", "licence": "CC0-1.0", "clips": len(own)}
    return {**about, "speakers": num_speakers, "remarks": []}


def _said(task: Task, network: ToyNetwork, seed: int) -> Iterator[Said]:
    familiarity = network.familiarity if task.protocol == "random" else 0.0
    yield Said(task.protocol, "cold", "validation", task, _drawn(task.test, network.skill + familiarity, seed))
    if network.is_selected_on_test_too:
        made = _drawn(task.test, network.skill + familiarity + 0.5, seed)
        yield Said(task.protocol, "cold", "test", task, made)
    if task.protocol == "speakers":
        yield Said("live", "cold", "validation", task, _drawn(task.test, network.skill - 0.3, seed + 100, unheard=0.05))


def _drawn(clips: Sequence[Clip], skill: float, seed: int, unheard: float = 0.0) -> Predictions:
    random = np.random.default_rng(seed)
    logits = random.normal(0.0, 1.0, (len(clips), len(LABELS)))
    logits[np.arange(len(clips)), [LABELS.index(clip.label) for clip in clips]] += skill
    logits[random.random(len(clips)) < unheard] = np.nan
    return predictions(clips, logits, Calibration(1.0, 0.4, 0.8))


def _protocols(said: Sequence[Said]) -> dict[str, Any]:
    protocols: dict[str, Any] = {}
    for name in ("random", "speakers", "corpus", "live"):
        chosen = {
            selection: [one.predictions for one in said if (one.protocol, one.selection) == (name, selection)]
            for selection in ("validation", "test")
        }
        figures = {selection: score(joined(parts)) if parts else None for selection, parts in chosen.items()}
        states = {state: figures["validation"] if state == "cold" else None for state in _STATES}
        told = {"title": f"title of {name}", "note": f"note on {name}"}
        protocols[name] = {**told, "states": states, "selected_on_test": figures["test"]}
    cold = protocols["speakers"]["states"]["cold"]
    protocols["speakers"]["by_seconds_heard"] = {"0.5": cold, "1.0": cold, "2.0": cold}
    protocols["live"]["utterances"] = {
        "clips": 160,
        "utterances": 158,
        "missed": 8,
        "split": 3,
        "merged": 2,
        "spurious": 1,
    }
    return protocols


def _history(seed: int, num_epochs: int = 6) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    uar = (0.3 + 0.05 * np.arange(num_epochs) + random.normal(0, 0.03, num_epochs)).tolist()
    return {
        "loss": [1.4 - 0.1 * epoch for epoch in range(num_epochs)],
        "validation_uar": uar,
        "best_epoch": int(np.argmax(uar)) + 1,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
