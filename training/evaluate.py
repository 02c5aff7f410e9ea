"""All protocols for one experiment: each network trained, or taken from the cache, and asked about its test clips."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from streamer.settings import SpeechSettings
from training.cache import write_text_whole
from training.calibration import Calibration
from training.corpora.base import Clip, Corpus
from training.dataset import Example, data_hash, load_examples, titled
from training.evaluation import HEARD_S, LIVE, NOISY_ROOM, Outcome, evaluation_of, summary
from training.experiment import QUIET, Experiment
from training.fitting import VALIDATION, Fitted, fit_task
from training.judging import logits_by_state
from training.live import Heard, NetworkClassifier, Recording, in_noise, listen, record
from training.pool import in_processes
from training.predictions import Predictions, Said, predictions, write_csv
from training.protocols import Task, all_tasks
from training.runs import EVALUATION_FILE, PREDICTIONS_FILE, make_folder, require_same
from training.states import COLD, WARM
from training.versions import versions


def evaluate(experiment: Experiment, corpora: Sequence[Corpus], clips: Sequence[Clip], out: Path, command: str) -> str:
    """Write ``evaluation.json`` and ``predictions.csv`` into the run folder ``out``; return the figures as a table.

    Args:
        experiment: How to train.
        corpora: Where ``clips`` come from.
        clips: Who trains and is tested.
        out: The run folder; it may hold the network of the same experiment.
        command: What was typed, for the record.

    Raises:
        CorpusError: The clips do not allow it.
        RunError: ``out`` holds another experiment, or a network can not be trained.
    """
    make_folder(out)
    tasks = all_tasks(clips)
    require_same(out, experiment, data_hash(clips))
    outcomes = run_tasks(tasks, experiment)
    return summary(write_evaluation(out, {**about(experiment, corpora, clips), "command": command}, outcomes))


def about(experiment: Experiment, corpora: Sequence[Corpus], clips: Sequence[Clip]) -> dict[str, Any]:
    """Return what an evaluation tells beside its figures, ready for JSON."""
    return {
        "experiment": experiment.to_table(),
        "corpora": [_of_corpus(corpus, clips) for corpus in corpora],
        "data_sha256": data_hash(clips),
        "versions": versions(),
    }


def write_evaluation(out: Path, told: Mapping[str, Any], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Write ``evaluation.json`` and, of what was said, ``predictions.csv`` into the folder ``out``.

    Args:
        out: It is there.
        told: What is told beside the figures, see :func:`about`.
        outcomes: What the figures follow from.

    Returns:
        What the first file holds.
    """
    evaluation = {**told, **evaluation_of(outcomes)}
    write_csv(out / PREDICTIONS_FILE, [said for outcome in outcomes for said in outcome.said])
    text = json.dumps(evaluation, indent=1, ensure_ascii=False) + "\n"
    write_text_whole(out / EVALUATION_FILE, text)
    return evaluation


def _of_corpus(corpus: Corpus, clips: Sequence[Clip]) -> dict[str, Any]:
    own = [clip for clip in clips if clip.corpus == corpus.name]
    return {
        "corpus": corpus.title,
        "name": corpus.name,
        "language": corpus.language,
        "licence": corpus.licence,
        "clips": len(own),
        "speakers": len({clip.speaker for clip in own}),
        "remarks": corpus.remarks(own),
    }


def run_tasks(tasks: Sequence[Task], experiment: Experiment) -> list[Outcome]:
    """Return what the networks of ``experiment`` say in ``tasks``; what was trained before is not trained again."""
    clips = list(
        dict.fromkeys(clip for task in tasks for side in (task.train, task.validation, task.test) for clip in side)
    )
    fill_cache(clips, experiment)
    outcomes = dict(in_processes(partial(run_task, experiment=experiment), tasks, f"{experiment.name} networks"))
    return [outcomes[index] for index in range(len(tasks))]


def fill_cache(clips: Sequence[Clip], experiment: Experiment) -> None:
    """Make all rows that networks need to learn and to be asked, on all cores, before several need them at once."""
    for hearing, title in titled(dict.fromkeys((QUIET, NOISY_ROOM, *experiment.hearings))):
        load_examples(clips, experiment.features, hearing, title=title)


def run_task(task: Task, experiment: Experiment) -> Outcome:
    """Train and ask one network, in this process."""
    return ask(task, fit_task(task, experiment, num_processes=1))


def ask(task: Task, fitted: Fitted) -> Outcome:
    """Return what a network that learnt for ``task`` says of those it tests."""
    experiment = fitted.experiment
    test = load_examples(task.test, experiment.features, QUIET, num_processes=1)
    said, voiceprints, hop_ms = [], fitted.voiceprints, experiment.features.hop_ms
    for selection in fitted.weights:
        judge = fitted.judge(selection)
        for state, (clips, logits) in logits_by_state(judge, judge.hear(test), voiceprints, hop_ms).items():
            made = predictions(clips, logits, fitted.calibrations[selection])
            said.append(Said(task.protocol, state, selection, task, made))
    if task.protocol != "speakers":
        return Outcome(task, tuple(said), fitted.history)
    calibration = fitted.calibrations[VALIDATION]
    recordings = recordings_of(task)
    heard = _listen(fitted, calibration, recordings)
    noisy = [in_noise(each, seed) for seed, each in enumerate(recordings)]
    heard_in_noise = _listen(fitted, calibration, noisy)
    for state, each in heard.items():
        said.append(Said(LIVE, state, VALIDATION, task, _said_live(each, calibration)))
    last = list(heard)[-1]
    return Outcome(
        task,
        tuple(said),
        fitted.history,
        in_noise=_in_noise(fitted, calibration, task),
        by_seconds=_by_seconds(fitted, calibration, test),
        heard=heard[last],
        live_in_noise=_said_live(heard_in_noise[last], calibration),
        heard_in_noise=heard_in_noise[last],
    )


def _in_noise(fitted: Fitted, calibration: Calibration, task: Task) -> Predictions:
    test = load_examples(task.test, fitted.experiment.features, NOISY_ROOM, num_processes=1)
    return predictions(task.test, fitted.judge().hear(test).logits, calibration)


def _by_seconds(fitted: Fitted, calibration: Calibration, test: Sequence[Example]) -> dict[float, Predictions]:
    features, judge = fitted.experiment.features, fitted.judge()
    by_seconds = {}
    for heard_s in HEARD_S:
        span_ms = SpeechSettings().pre_roll_ms + round(1000 * heard_s)
        num_rows = (span_ms - features.window_ms) // features.hop_ms + 1
        sounds = judge.hear([Example(example.clip, example.rows[:num_rows]) for example in test])
        by_seconds[heard_s] = predictions(sounds.clips, sounds.logits, calibration)
    return by_seconds


def recordings_of(task: Task) -> list[Recording]:
    """Return the clips that ``task`` tests, each speaker's in one recording."""
    speakers: dict[tuple[str, str], list[Clip]] = {}
    for clip in task.test:
        speakers.setdefault((clip.corpus, clip.speaker), []).append(clip)
    return [record(clips, seed) for seed, clips in enumerate(speakers.values())]


def _listen(fitted: Fitted, calibration: Calibration, recordings: Sequence[Recording]) -> dict[str, tuple[Heard, ...]]:
    """Return what is heard in each state of knowledge that the network can be in."""
    states = {COLD: False, **({WARM: True} if fitted.voiceprints else {})}
    return {
        state: tuple(listen(each, NetworkClassifier(fitted, calibration, adapts=adapts)) for each in recordings)
        for state, adapts in states.items()
    }


def _said_live(heard: Sequence[Heard], calibration: Calibration) -> Predictions:
    clips = [clip for one in heard for clip in one.clips]
    probabilities = np.concatenate([one.probabilities for one in heard])
    logits = calibration.temperature * np.log(np.maximum(probabilities, 1e-30))  # back from what the pipeline said
    return predictions(clips, logits, calibration)
