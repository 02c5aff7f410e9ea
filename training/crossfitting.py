"""Learning from all speakers, and asking about each a network that never heard him.

What a network says of those it learnt from tells nothing about strangers. So beside the network that learns from all
clips there is one for each part of the speakers that learns from the others, and one for each corpus, since most
strangers speak another language into another microphone: what these say of those they never heard is what would be
said of strangers. From that follow the trust in what is remembered, doubt, temperature and threshold, and how right the
kind of network is, epoch by epoch; no speaker has to be kept from the network that is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.memory import Voiceprints
from streamer.features.normalise import GlobalNormaliser
from training.adapting import Asked, known_voices, prepare, trust_and_doubt, voiceprints
from training.calibration import Calibration, calibrate
from training.corpora.base import LABELS, Clip
from training.dataset import Example
from training.errors import RunError
from training.experiment import Experiment
from training.figures import decisions, label_indices, mean_uar
from training.folds import speaker_of
from training.judging import Judge, Sounds, logits_by_state
from training.learning import History, Learner, Weights
from training.networks import build_network, in_sessions
from training.networks.streaming import NUM_KNOWN_VOICES, StreamingNetwork
from training.noises import noise_rows
from training.protocols import Task
from training.sessions import Material, SessionSampler
from training.states import COLD
from training.strangers import guesses

HELD_OUT = "validation"
"""What the speakers are called whom a network does not learn from."""

_ROUNDS = 2
"""What is guessed, and so what is remembered, depends on doubt, and how far to trust that on both."""

_CALIBRATED_ON = (COLD, "warm_10")


@dataclass(frozen=True)
class CrossFitted:
    """What was learnt from all clips."""

    weights: Weights
    voiceprints: Voiceprints
    calibration: Calibration
    history: History
    """The loss of the network that is used; the UAR of the others on their parts, cold."""
    is_complete: bool


@dataclass(frozen=True)
class _Pupil:
    """A network that has learnt."""

    judge: Judge
    network: StreamingNetwork
    """The judge's."""
    voiceprints: Voiceprints
    history: History
    is_complete: bool
    strangers: Sequence[Example]
    """What it did not learn from."""

    def hear_strangers(self) -> Sounds:
        """Return what it makes of what it did not learn from."""
        return self.judge.hear(self.strangers)


def parts_of(task: Task, num_parts: int) -> NDArray[np.int64]:
    """Return the part of each clip of ``task`` that is learnt from: of its speaker, or its own where clips are drawn.

    Speakers are dealt out corpus by corpus, and clips label by label, so that parts are alike.
    """
    clips = known_clips(task)
    if task.protocol == "random":
        owners = [(clip.corpus, str(clip.path)) for clip in clips]
        groups = [(clip.corpus, clip.label) for clip in clips]
    else:
        owners = [speaker_of(clip) for clip in clips]
        groups = [(clip.corpus, "") for clip in clips]
    dealt: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for owner, group in dict.fromkeys(zip(owners, groups, strict=True)):
        dealt.setdefault(group, []).append(owner)
    part = {owner: index % num_parts for group in dealt.values() for index, owner in enumerate(group)}
    return np.array([part[owner] for owner in owners])


def held_out(task: Task, num_parts: int) -> list[NDArray[np.bool_]]:
    """Return which of the clips that are learnt from to keep out together.

    Each part of the speakers, and each corpus of several; not those without which a label could not be learnt.
    """
    clips = known_clips(task)
    parts, corpora = parts_of(task, num_parts), np.array([clip.corpus for clip in clips])
    groups = [parts] if task.protocol == "random" else [parts, corpora]
    kept_out = [group == value for group in groups for value in np.unique(group)]
    labels = label_indices(clips)
    return [kept for kept in kept_out if np.unique(labels[~kept]).size == len(LABELS)]


def tasks_held_out(task: Task, num_parts: int) -> list[Task]:
    """Return a task for each of :func:`held_out`: who is kept out is tested, every second other speaker validates."""
    clips, parts = known_clips(task), parts_of(task, num_parts)
    tasks = []
    for kept in held_out(task, num_parts):
        others = list(dict.fromkeys(speaker_of(clips[index]) for index in np.flatnonzero(~kept)))
        validates = ~kept & np.array([speaker_of(clip) in others[::2] for clip in clips])
        train, validation, test = (
            tuple(clips[index] for index in np.flatnonzero(side)) for side in (~kept & ~validates, validates, kept)
        )
        unknown = {clip.corpus for clip in test} - {clip.corpus for clip in (*train, *validation)}
        protocol, name = ("corpus", f"without {min(unknown)}") if unknown else ("speakers", f"part {parts[kept].min()}")
        tasks.append(Task(protocol, name, train, validation, test))
    return tasks


def known_clips(task: Task) -> tuple[Clip, ...]:
    """Return the clips that are learnt from: also those that choose, where there is something to choose."""
    return (*task.train, *task.validation)


def _calibrated(pupils: Sequence[_Pupil], hop_ms: float) -> Calibration:
    """Return what turns logits into probabilities: those of strangers, cold and after ten clips alike."""
    clips: list[Clip] = []
    logits = []
    for pupil in pupils:
        by_state = logits_by_state(pupil.judge, pupil.hear_strangers(), pupil.voiceprints, hop_ms)
        for state in _CALIBRATED_ON:
            clips += by_state[state][0]
            logits.append(by_state[state][1])
    return calibrate(clips, np.concatenate(logits))


class CrossFitter:
    """What is heard of clips, once for all networks that learn from them."""

    def __init__(
        self, task: Task, experiment: Experiment, normaliser: GlobalNormaliser, recordings: Sequence[Sequence[Example]]
    ) -> None:
        """Hear ``recordings`` of the known clips of ``task``, the quiet room first."""
        if experiment.sessions is None:
            raise ValueError("the experiment has no sessions")
        self._task, self._experiment, self._normaliser = task, experiment, normaliser
        self._sessions, self._quiet = experiment.sessions, recordings[0]
        self._clips, self._parts = known_clips(task), parts_of(task, self._sessions.num_parts)
        network, judge = self._untaught()
        network.statistics.precision = "float32"  # half the time, and learning is not that exact
        random = np.random.default_rng(experiment.seed)
        self._statistics = np.stack(
            [
                np.stack([judge.statistics(view) for view in (whole, self._cropped(whole, random))])
                for whole in recordings
            ]
        )
        noises = noise_rows(experiment.features, self._sessions.num_noises)
        self._noises = judge.statistics([Example(self._clips[0], rows) for rows in noises if len(rows)])
        prepare(network, self._clips, self._statistics[:, 0])
        described = np.asarray(network.scaled(self._statistics[:, 0]))
        self._guesses = guesses(self._clips, described, self._parts, experiment)

    def fit(self, checkpoint: Path) -> CrossFitted:
        """Learn; each network is resumed where it was interrupted, from ``checkpoint`` or a file beside it.

        Raises:
            RunError: Ctrl-C came before the network that is used had seen its first epoch, or there are too few
                speakers to keep some out.
        """
        pupils = self._pupils(checkpoint)
        used = self._taught(np.ones(len(self._clips), bool), checkpoint)
        if not used.history.loss:
            raise RunError(f"{self._task}: interrupted before the first epoch ended: there is nothing to keep")
        used.network.trust.assign(pupils[0].network.trust)
        used.network.doubt.assign(pupils[0].network.doubt)
        curve = np.mean([pupil.history.uar[HELD_OUT] for pupil in pupils], axis=0)
        history = History(used.history.loss, {HELD_OUT: curve.tolist()}, {HELD_OUT: len(used.history.loss)})
        calibration = _calibrated(pupils, self._experiment.features.hop_ms)
        return CrossFitted(used.network.get_weights(), used.voiceprints, calibration, history, used.is_complete)

    def fit_held_out(self, checkpoint: Path) -> list[CrossFitted]:
        """Learn without those that each of :func:`held_out` keeps out, resumed as in :meth:`fit`; one network each.

        Raises:
            RunError: Ctrl-C came, or there are too few speakers to keep some out.
        """
        pupils = self._pupils(checkpoint)
        calibration = _calibrated(pupils, self._experiment.features.hop_ms)
        return [
            CrossFitted(pupil.network.get_weights(), pupil.voiceprints, calibration, pupil.history, pupil.is_complete)
            for pupil in pupils
        ]

    def _pupils(self, checkpoint: Path) -> list[_Pupil]:
        """Return the networks that each keep some out, with the trust and the doubt that follow from all of them."""
        pupils: list[_Pupil] = []
        for index, kept in enumerate(held_out(self._task, self._sessions.num_parts)):
            pupil = self._taught(~kept, checkpoint.with_suffix(f".{index}.npz"))
            if not pupil.is_complete:
                raise RunError(f"{self._task}: interrupted; the same command goes on from there")
            pupils.append(pupil)
        if not pupils:
            raise RunError(f"{self._task}: too few speakers to learn from some and ask about others")
        for _ in range(_ROUNDS):
            asked = [Asked(pupil.judge, pupil.hear_strangers(), pupil.voiceprints) for pupil in pupils]
            trust, doubt = trust_and_doubt(asked, self._experiment.features.hop_ms)
            for pupil in pupils:
                pupil.network.trust.assign(trust)
                pupil.network.doubt.assign(doubt)
        return pupils

    def _taught(self, learns: NDArray[np.bool_], checkpoint: Path) -> _Pupil:
        """Return a network that has learnt from the clips that ``learns`` says."""
        network, judge = self._untaught()
        clips = [self._clips[index] for index in np.flatnonzero(learns)]
        prepare(network, clips, self._statistics[:, 0, learns])
        described = np.asarray(network.scaled(self._statistics[:, :, learns]))
        noises = np.asarray(network.scaled(self._noises))
        sampler = SessionSampler(Material(clips, described, self._guesses[:, learns], noises), self._experiment)
        judges = {} if learns.all() else {HELD_OUT: partial(self._uar, network, ~learns)}
        learner = Learner(in_sessions(network), sampler, judges, self._experiment.learning, checkpoint)
        is_complete = learner.learn(f"{self._experiment.name} {self._task}")
        network.set_weights(learner.average)
        projection, variance = voiceprints(clips, described[:, 0], self._experiment.network.voiceprint_size)
        network.voiceprint.assign(projection)
        network.voices.assign(known_voices(clips, described[0, 0] @ projection, NUM_KNOWN_VOICES))
        prints = Voiceprints(network.told_size, variance, self._sessions.memory_temperature)
        strangers = [self._quiet[index] for index in np.flatnonzero(~learns).tolist()]
        return _Pupil(judge, network, prints, learner.history, is_complete, strangers)

    def _untaught(self) -> tuple[StreamingNetwork, Judge]:
        network = build_network(self._experiment, len(LABELS))
        if not isinstance(network, StreamingNetwork):
            raise TypeError("only a network that adapts is cross-fitted")
        return network, Judge(network, self._normaliser, self._sessions.memory_temperature)

    def _uar(self, network: StreamingNetwork, asked: NDArray[np.bool_]) -> float:
        """Return the UAR on the clips that ``asked`` says, in the quiet room, of somebody never heard before."""
        logits = network.logits_as_stranger(network.scaled(self._statistics[0, 0, asked]))
        clips = [self._clips[index] for index in np.flatnonzero(asked)]
        return mean_uar(clips, decisions(np.asarray(logits, np.float64)))

    def _cropped(self, examples: Sequence[Example], random: np.random.Generator) -> list[Example]:
        """Return a part of each of ``examples``, from anywhere in it."""
        parts = []
        for example in examples:
            num_rows = len(example.rows)
            kept = int(random.integers(min(self._sessions.fewest_rows, num_rows), num_rows + 1))
            first = int(random.integers(0, num_rows - kept + 1))
            parts.append(Example(example.clip, example.rows[first : first + kept]))
        return parts
