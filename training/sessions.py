"""What the daemon hears one after the other, simulated: in training a network knows what it will know in use.

A session is one speaker in one recording, clip after clip; before each the earlier ones of its stretch are known, as
if the daemon had just been started, or had just noticed that somebody else speaks, when the stretch began. In some
stretches the speaker shows one emotion only; some begin with an enrolment, of clips that are known to be neutral.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.batches import Batch
from training.corpora.base import LABELS, Clip
from training.experiment import Experiment
from training.figures import label_indices
from training.folds import Speaker, speaker_of

_STRETCHES = (1, 2, 4, 8, 16)
"""Lengths of stretches, in clips."""
_NUM_LABELS, _NEUTRAL = len(LABELS), LABELS.index("neutral")
_MOST_ENROLMENT = 12
"""Clips with which a speaker enrols."""
_LEAST_AFTER_ENROLMENT = 6
_NO_NOISE = -1


@dataclass(frozen=True)
class Material:
    """What there is to hear, as the network hears it."""

    clips: Sequence[Clip]
    """Who says what."""
    described: NDArray[np.float32]
    """What is heard in each recording of each clip, first as a whole, then of a part of it, shape
    ``(num_recordings, 2, num_clips, size)``; a clip in which nobody is heard, NaN, is not drawn."""
    posteriors: NDArray[np.float32]
    """For each recording and clip what somebody who does not know the speaker takes it for, shape
    ``(num_recordings, num_clips, num_labels)``."""
    noises: NDArray[np.float32]
    """What is heard of what is no speech, shape ``(num_noises, size)``."""


class SessionSampler:
    """Gives batches of sessions, balanced over corpora, speakers and labels."""

    def __init__(self, material: Material, experiment: Experiment) -> None:
        """Draw from ``material`` as ``experiment`` says."""
        if experiment.sessions is None:
            raise ValueError("the experiment has no sessions")
        clips, learning = material.clips, experiment.learning
        self._material, self._settings, self._seed = material, experiment.sessions, experiment.seed
        self._batch_size, self.num_batches = learning.batch_size, learning.min_batches
        self._labels = label_indices(clips)
        is_heard = ~np.isnan(material.described).any(axis=(0, 1, 3))
        of_corpus: dict[str, dict[Speaker, dict[int, list[int]]]] = {}
        for index in np.flatnonzero(is_heard).tolist():
            speaker = speaker_of(clips[index])
            by_label = of_corpus.setdefault(speaker[0], {}).setdefault(speaker, {})
            by_label.setdefault(int(self._labels[index]), []).append(index)
        self._corpora = [list(by_speaker.values()) for by_speaker in of_corpus.values()]

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of epoch number ``epoch``, the same whatever came before it."""
        # Python's own generator for the many single draws: numpy's takes as long as the network does.
        drawn = random.Random(f"{self._seed} {epoch}")
        offsets = np.random.default_rng([self._seed, epoch])
        for _ in range(self.num_batches):
            yield self._batch(drawn, offsets)

    def _batch(self, drawn: random.Random, offsets: np.random.Generator) -> Batch:
        size, per_session = self._batch_size, self._settings.clips_per_session
        heard: list[_Heard] = []
        while len(heard) < size:
            heard += self._session(len(heard), min(per_session, size - len(heard)), drawn)
        recordings, views, clips, noises, starts, is_known = (
            np.array([getattr(one, name) for one in heard]) for name in _Heard.__slots__
        )
        material, is_noise = self._material, noises != _NO_NOISE
        described = material.described[recordings, views, clips]
        described[is_noise] = material.noises[noises[is_noise]]
        own = offsets.standard_normal((-(-size // per_session), described.shape[1]), np.float32)
        described += self._settings.offset * np.repeat(own, per_session, axis=0)[:size]
        targets = np.eye(_NUM_LABELS, dtype=np.float32)[self._labels[clips]]
        guesses = np.where(is_known[:, np.newaxis], targets, material.posteriors[recordings, clips])
        targets[is_noise], guesses[is_noise] = 1.0 / _NUM_LABELS, 1.0 / _NUM_LABELS
        positions = np.arange(size)
        memory = (positions >= starts[:, np.newaxis]) & (positions < positions[:, np.newaxis]) & ~is_noise
        is_speech = ~is_noise[:, np.newaxis]
        return Batch(
            [described, memory.astype(np.float32), guesses.astype(np.float32)],
            [targets, targets, is_speech.astype(np.float32)],
            (~is_known).astype(np.float32),  # or every first clip would be neutral
        )

    def _session(self, first: int, length: int, drawn: random.Random) -> "Iterator[_Heard]":
        """Give what is heard in a session, one after the other; the first of it is the ``first`` of the batch."""
        settings, by_label = self._settings, drawn.choice(drawn.choice(self._corpora))
        labels, recording = list(by_label), drawn.randrange(len(self._material.described))
        position, end_of_session = first, first + length
        while position < end_of_session:
            start, end = position, min(end_of_session, position + drawn.choice(_STRETCHES))
            only = drawn.choice(labels) if drawn.random() < settings.one_emotion else None
            is_enrolled = _NEUTRAL in by_label and drawn.random() < settings.enrolled
            enrolment_end = start + drawn.randint(1, _MOST_ENROLMENT) if is_enrolled else start
            if is_enrolled:
                end = max(end, min(end_of_session, enrolment_end + _LEAST_AFTER_ENROLMENT))
            for position in range(start, end):
                is_known, noise = position < enrolment_end, _NO_NOISE
                if len(self._material.noises) and not is_known and drawn.random() < settings.noise:
                    noise = drawn.randrange(len(self._material.noises))
                label = _NEUTRAL if is_known else drawn.choice(labels) if only is None else only
                view = int(drawn.random() < settings.cropped)
                yield _Heard(recording, view, drawn.choice(by_label[label]), noise, start, is_known)
            position = end


@dataclass(frozen=True, slots=True)
class _Heard:
    """A clip, or a noise in its place, in a session."""

    recording: int
    view: int
    """0 for the whole of it."""
    clip: int
    noise: int
    start: int
    """Where in the batch the stretch began: what was heard before is forgotten."""
    is_known: bool
    """Whether the label is, since the speaker enrols."""
