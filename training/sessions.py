"""What the daemon hears one after the other, simulated: in training a network knows what it will know in use.

A session is one speaker in one recording, clip after clip; before each the earlier ones of its stretch are known, as
if the daemon had just been started, or had just noticed that somebody else speaks, when the stretch began. In some
stretches the speaker shows one emotion only; some begin with an enrolment, of clips that are known to be neutral.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.features.normalise import GlobalNormaliser
from training.batches import Batch, padded
from training.corpora.base import LABELS, Clip
from training.experiment import Experiment
from training.figures import label_indices
from training.folds import Speaker, speaker_of
from training.hearing import Rows
from training.networks.streaming import NUM_PITCH_COLUMNS, ROWS_FOR_ALL

_STRETCHES = (1, 2, 4, 8, 16)
"""Lengths of stretches, in clips."""
_NUM_LABELS, _NEUTRAL = len(LABELS), LABELS.index("neutral")
_MOST_ENROLMENT = 12
"""Clips with which a speaker enrols."""
_LEAST_AFTER_ENROLMENT = 6


@dataclass(frozen=True)
class Material:
    """What there is to hear."""

    clips: Sequence[Clip]
    """Who says what."""
    heard: Sequence[Sequence[Rows]]
    """For each recording the rows of each clip; a clip without rows is not drawn."""
    posteriors: NDArray[np.float32]
    """For each recording and clip what somebody who does not know the speaker takes it for, shape
    ``(num_recordings, num_clips, num_labels)``."""
    noises: Sequence[Rows]
    """Rows of what is no speech."""


class SessionSampler:
    """Gives batches of sessions, balanced over corpora, speakers and labels."""

    def __init__(self, material: Material, normaliser: GlobalNormaliser, experiment: Experiment) -> None:
        """Draw from ``material`` as ``experiment`` says."""
        if experiment.sessions is None:
            raise ValueError("the experiment has no sessions")
        clips, learning = material.clips, experiment.learning
        self._heard = [[normaliser.normalise(rows) for rows in of_one] for of_one in material.heard]
        self._noises = [normaliser.normalise(rows) for rows in material.noises]
        self._posteriors, self._settings, self._seed = material.posteriors, experiment.sessions, experiment.seed
        self._batch_size, self.num_batches = learning.batch_size, learning.min_batches
        self._labels = label_indices(clips)
        self._of_speaker: dict[str, dict[Speaker, Mapping[int, NDArray[np.int64]]]] = {}
        speakers = [speaker_of(clip) for clip in clips]
        is_heard = np.array([all(len(of_one[index]) for of_one in material.heard) for index in range(len(clips))])
        for speaker in dict.fromkeys(speakers):
            own = is_heard & np.array([other == speaker for other in speakers])
            by_label = {label: np.flatnonzero(own & (self._labels == label)) for label in range(_NUM_LABELS)}
            by_label = {label: indices for label, indices in by_label.items() if indices.size}
            if by_label:
                self._of_speaker.setdefault(speaker[0], {})[speaker] = by_label

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of epoch number ``epoch``, the same whatever came before it."""
        random = np.random.default_rng([self._seed, epoch])
        for _ in range(self.num_batches):
            yield self._batch(random)

    def _batch(self, random: np.random.Generator) -> Batch:
        size, per_session = self._batch_size, self._settings.clips_per_session
        parts: list[Rows] = []
        memory, posteriors = np.zeros((size, size), np.float32), np.full((size, _NUM_LABELS), 1 / _NUM_LABELS)
        targets, is_speech = np.full((size, _NUM_LABELS), 1 / _NUM_LABELS), np.zeros((size, 1))
        is_asked = np.ones(size, np.float32)
        for first in range(0, size, per_session):
            for position, heard in enumerate(self._session(min(per_session, size - first), random), first):
                parts.append(heard.rows)
                is_asked[position] = not heard.is_known  # or every first clip would be neutral
                memory[position, heard.start + first : position] = [
                    # What is remembered of each of those before is worth as much as there is of it; noise is not.
                    min(1.0, len(parts[before]) / ROWS_FOR_ALL) * is_speech[before, 0]
                    for before in range(heard.start + first, position)
                ]
                if heard.index is not None:
                    label = self._labels[heard.index]
                    targets[position] = np.eye(_NUM_LABELS)[label]
                    guessed = self._posteriors[heard.recording, heard.index]
                    posteriors[position] = targets[position] if heard.is_known else guessed
                    is_speech[position] = 1.0
        rows, is_valid = padded(parts)
        labels = targets.astype(np.float32)
        inputs = [rows, is_valid, memory, posteriors.astype(np.float32)]
        return Batch(inputs, [labels, labels, is_speech.astype(np.float32)], is_asked)

    def _session(self, length: int, random: np.random.Generator) -> Iterator["_Heard"]:
        """Give what is heard in a session, one after the other."""
        settings = self._settings
        by_speaker = list(self._of_speaker.values())[int(random.integers(len(self._of_speaker)))]
        by_label = list(by_speaker.values())[int(random.integers(len(by_speaker)))]
        labels, recording = list(by_label), int(random.integers(len(self._heard)))
        offset = (settings.offset * random.standard_normal(self._num_columns)).astype(np.float32)
        offset[-NUM_PITCH_COLUMNS:] = 0.0
        position = 0
        while position < length:
            start, end = position, min(length, position + int(random.choice(_STRETCHES)))
            only = labels[int(random.integers(len(labels)))] if random.random() < settings.one_emotion else None
            is_enrolled = _NEUTRAL in by_label and random.random() < settings.enrolled
            enrolment_end = start + int(random.integers(1, _MOST_ENROLMENT + 1)) if is_enrolled else start
            end = max(end, min(length, enrolment_end + _LEAST_AFTER_ENROLMENT)) if is_enrolled else end
            for position in range(start, end):
                is_known = position < enrolment_end
                if self._noises and not is_known and random.random() < settings.noise:
                    noise = self._noises[int(random.integers(len(self._noises)))]
                    yield _Heard(self._cropped(noise, random) + offset, None, recording, start, is_known)
                    continue
                label = labels[int(random.integers(len(labels)))] if only is None else only
                label = _NEUTRAL if is_known else label
                index = int(by_label[label][int(random.integers(by_label[label].size))])
                rows = self._cropped(self._heard[recording][index], random) + offset
                yield _Heard(rows, index, recording, start, is_known)
            position = end

    @property
    def _num_columns(self) -> int:
        return int(self._heard[0][0].shape[1])

    def _cropped(self, rows: Rows, random: np.random.Generator) -> Rows:
        settings = self._settings
        kept = min(len(rows), settings.most_rows)
        if random.random() < settings.cropped:
            kept = int(random.integers(min(settings.fewest_rows, kept), kept + 1))
        first = int(random.integers(0, len(rows) - kept + 1))
        return rows[first : first + kept]


@dataclass(frozen=True)
class _Heard:
    """A clip, or a noise, in a session."""

    rows: Rows
    index: int | None
    """Of the clip; None for a noise."""
    recording: int
    start: int
    """Where in the session the stretch began: what was heard before is forgotten."""
    is_known: bool
    """Whether the label is, since the speaker enrols."""
