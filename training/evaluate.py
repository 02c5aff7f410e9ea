"""All protocols for one experiment: each network trained, or taken from the cache, and asked about its test clips."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SpeechSettings
from training.cache import write_text_whole
from training.calibration import Calibration, calibrate
from training.corpora.base import LABELS, Clip, Corpus
from training.dataset import Example, data_hash, load_examples
from training.evaluation import HEARD_S, LIVE, NOISY_ROOM, Outcome, evaluation_of, summary
from training.experiment import QUIET, Experiment
from training.fitting import VALIDATION, Fitted, fit_task
from training.judging import Judge, Sounds, logits_after, remembered
from training.live import Heard, NetworkClassifier, Recording, in_noise, listen, record
from training.pool import in_processes
from training.predictions import Predictions, Said, predictions, write_csv
from training.protocols import Task, all_tasks
from training.runs import EVALUATION_FILE, PREDICTIONS_FILE, make_folder, require_same
from training.states import COLD, ENROLLED, ONE_EMOTION, WARM, WARM_AFTER, earlier_clips, enrolments
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
    data_sha256, tasks = data_hash(clips), all_tasks(clips)
    require_same(out, experiment, data_sha256)
    outcomes = run_tasks(tasks, experiment)
    evaluation = {
        "experiment": experiment.to_table(),
        "command": command,
        "corpora": [_about(corpus, clips) for corpus in corpora],
        "data_sha256": data_sha256,
        "versions": versions(),
        **evaluation_of(outcomes),
    }
    write_csv(out / PREDICTIONS_FILE, [said for outcome in outcomes for said in outcome.said])
    text = json.dumps(evaluation, indent=1, ensure_ascii=False) + "\n"
    write_text_whole(out / EVALUATION_FILE, text)
    return summary(evaluation)


def _about(corpus: Corpus, clips: Sequence[Clip]) -> dict[str, Any]:
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
    for hearing in dict.fromkeys((QUIET, NOISY_ROOM, *experiment.hearings)):
        # On all cores, into the cache, before the networks need them.
        load_examples(clips, experiment.features, hearing)
    outcomes = dict(in_processes(partial(run_task, experiment=experiment), tasks, f"{experiment.name} networks"))
    return [outcomes[index] for index in range(len(tasks))]


def run_task(task: Task, experiment: Experiment) -> Outcome:
    """Train and ask one network, in this process."""
    fitted = fit_task(task, experiment, num_processes=1)
    validation = load_examples(task.validation, experiment.features, QUIET, num_processes=1)
    test = load_examples(task.test, experiment.features, QUIET, num_processes=1)
    said, calibrations = [], {}
    for selection in fitted.weights:
        judge = fitted.judge(selection)
        calibrations[selection] = calibrated(fitted, judge, judge.hear(validation))
        for state, (clips, logits) in logits_by_state(fitted, judge, judge.hear(test)).items():
            made = predictions(clips, logits, calibrations[selection])
            said.append(Said(task.protocol, state, selection, task, made))
    if task.protocol != "speakers":
        return Outcome(task, tuple(said), fitted.history)
    calibration = calibrations[VALIDATION]
    recordings = _recordings(task)
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


def calibrated(fitted: Fitted, judge: Judge, sounds: Sounds) -> Calibration:
    """Return what turns logits into probabilities, from ``sounds`` of speakers that chose the epoch.

    A network that adapts is calibrated on what it says of them cold and after ten clips, alike.
    """
    by_state = logits_by_state(fitted, judge, sounds)
    chosen = [by_state[state] for state in (COLD, "warm_10") if state in by_state]
    clips = [clip for clips, _ in chosen for clip in clips]
    return calibrate(clips, np.concatenate([logits for _, logits in chosen]))


def logits_by_state(
    fitted: Fitted, judge: Judge, sounds: Sounds
) -> dict[str, tuple[tuple[Clip, ...], NDArray[np.float64]]]:
    """Return the clips that are judged in each state of knowledge, and what is said of them."""
    clips, voiceprints = sounds.clips, fitted.voiceprints
    found = {COLD: (clips, sounds.logits)}
    if voiceprints is None:
        return found
    earlier = {state: earlier_clips(clips, count) for state, count in WARM_AFTER.items()}
    earlier[ONE_EMOTION] = earlier_clips(clips, 10, one_emotion=True)
    for state, before in earlier.items():
        memories = [remembered(sounds, indices, voiceprints) for indices in before]
        found[state] = clips, logits_after(judge, sounds, memories)
    seconds = sounds.num_rows * fitted.experiment.features.hop_ms / 1000.0
    enrolled_with = enrolments(clips, seconds.tolist())
    neutral = judge.known_as(sounds, LABELS.index("neutral"))
    memories = [remembered(neutral, indices, voiceprints) for indices in enrolled_with]
    logits = logits_after(judge, sounds, memories)
    asked = [index for index, indices in enumerate(enrolled_with) if indices]
    if asked:
        found[ENROLLED] = tuple(clips[index] for index in asked), logits[asked]
    return found


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


def _recordings(task: Task) -> list[Recording]:
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
