"""What is remembered of the voices heard: statistics of the network's impressions of their utterances.

An impression is a vector that the network gives for an utterance. A part of it, the voiceprint, is made so that the
utterances of one voice in one recording spread around their mean with variance 1 a number, and the means of voices
around 0 with a variance that the model file tells (two-covariance model: Brummer and de Villiers, "The speaker
partitioning problem", 2010). So it can be told how probable it is that the same person still speaks, in the same
place, into the same microphone.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_MOST_WEIGHT = 50.0
"""So many utterances count; older ones fade, so that slow changes are followed."""
_MOST_VOICES = 8
_CHANGE_ODDS = 0.02
"""Odds that somebody else speaks next."""
_EVIDENCE = 14.0
"""How much better, in nats, what was heard of late must be explained by another voice before it is the one."""
_KNOWN_EVIDENCE = 0.3
"""Part of what a voiceprint tells by which a voice of a profile must explain an utterance better than anybody's does:
guests sound alike."""
_MOST_RECENT = 8
"""So many utterances late it may be noticed that somebody else speaks."""
_LEAST_OF_ONE_VOICE = 0.75
"""Part of what is heard that one voice must have learnt for it to be one voice that was heard."""
_TAIL = 10.0
"""Degrees of freedom of Student's t: people vary more than in the corpora, and one number may be far off."""


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice as it is remembered."""

    weight: float
    """How many utterances count."""
    mean: Vector
    """Mean of their impressions, shape ``(size,)``."""
    mean_square: Vector
    """Mean of their squares, shape ``(size,)``."""
    is_known: bool = False
    """Whether it was known at the beginning."""
    learnt: float = 0.0
    """How many utterances of this stream went into it; other than in ``weight``, none fades."""

    @classmethod
    def unknown(cls, size: int) -> "Voice":
        """Return a voice of which nothing is remembered."""
        return cls(0.0, np.zeros(size), np.zeros(size))

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` takes."""
        return {"weight": self.weight, "mean": self.mean.tolist(), "mean_square": self.mean_square.tolist()}

    @classmethod
    def from_json(cls, values: Any, size: int | None = None) -> "Voice":
        """Return the voice of a file.

        Args:
            values: What it holds.
            size: How many numbers its mean must have; None for any.

        Raises:
            ValueError: It is none.
        """
        if not isinstance(values, dict) or set(values) != {"weight", "mean", "mean_square"}:
            raise ValueError("a voice must hold weight, mean and mean_square")
        weight = _number(values["weight"], "weight")
        mean, mean_square = _vector(values["mean"], "mean"), _vector(values["mean_square"], "mean_square")
        if not 0.0 <= weight <= _MOST_WEIGHT:
            raise ValueError(f"weight must be from 0 to {_MOST_WEIGHT:g}, got {weight:g}")
        if mean.size != mean_square.size or (mean_square < np.square(mean) * (1.0 - 1e-6) - 1e-6).any():
            raise ValueError("mean_square must hold a number for each of mean, none below its square")
        if size is not None and mean.size != size:
            raise ValueError(f"a voice of {mean.size} numbers, expected {size}")
        return cls(weight, mean, mean_square)

    def heard(self, impression: Vector, weight: float) -> "Voice":
        """Return the voice after one more utterance.

        Args:
            impression: Shape ``(size,)``.
            weight: How much of an utterance it counts for, above 0 and at most 1.
        """
        before = min(self.weight, _MOST_WEIGHT - weight)
        part = weight / (before + weight)
        mean = self.mean + part * (impression - self.mean)
        mean_square = self.mean_square + part * (np.square(impression) - self.mean_square)
        return Voice(before + weight, mean, mean_square, self.is_known, self.learnt + weight)


@dataclass(frozen=True)
class Voiceprints:
    """Where the voiceprint is in an impression, and how voices differ in it."""

    first: int
    variance: tuple[float, ...]
    """Of the means of voices, a number for each of the voiceprint, above 0; within a voice it is 1."""
    temperature: float
    """Divides the logits of an utterance, where what is remembered is freed of the emotion in it; above 0."""

    @property
    def end(self) -> int:
        """What follows it in an impression."""
        return self.first + len(self.variance)

    @property
    def information(self) -> float:
        """How much better, in nats, a voice explains its own utterances than anybody's does, on average."""
        return 0.5 * float(np.log1p(self.variance).sum())

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` takes."""
        return {
            "voiceprint_first": self.first,
            "voiceprint_variance": list(self.variance),
            "temperature": self.temperature,
        }

    @classmethod
    def from_json(cls, values: Any) -> "Voiceprints":
        """Return the voiceprints of a file.

        Raises:
            ValueError: They are none.
        """
        if not isinstance(values, dict) or set(values) != {"voiceprint_first", "voiceprint_variance", "temperature"}:
            raise ValueError("expected voiceprint_first, voiceprint_variance and temperature")
        first, variance = values["voiceprint_first"], _vector(values["voiceprint_variance"], "voiceprint_variance")
        if not isinstance(first, int) or isinstance(first, bool) or first < 0:
            raise ValueError(f"voiceprint_first must be a whole number from 0 on, got {first!r}")
        if not variance.size or (variance < 1e-6).any():
            raise ValueError("voiceprint_variance must hold numbers from 1e-6 on")
        temperature = _number(values["temperature"], "temperature")
        if not 0.01 <= temperature <= 100.0:
            raise ValueError(f"temperature must be from 0.01 to 100, got {temperature:g}")
        return cls(first, tuple(variance.tolist()), temperature)

    def log_likelihood(self, voice: Voice, impression: Vector) -> float:
        """Return how well ``voice`` explains ``impression``, in nats, up to what is the same for all voices."""
        sums = voice.weight * self.of(voice.mean)
        return float(self.log_likelihoods(np.array([voice.weight]), sums, self.of(impression)))

    def log_likelihoods(self, weights: Vector, sums: Vector, prints: Vector) -> Vector:
        """Return how well voices explain voiceprints, as :meth:`log_likelihood` does.

        Args:
            weights: How many utterances of each voice were heard, shape ``(..., 1)``.
            sums: Of their voiceprints, shape ``(..., num_numbers)``.
            prints: What is to be explained, likewise.

        Returns:
            Shape ``(...)``.
        """
        certainty = weights + 1.0 / np.asarray(self.variance)
        variance = 1.0 / certainty + 1.0
        distance = np.square(prints - sums / certainty) / variance
        each = 0.5 * np.log(variance) + 0.5 * (_TAIL + 1.0) * np.log1p(distance / _TAIL)
        return np.asarray(-each.sum(axis=-1))

    def of(self, impression: Vector) -> Vector:
        """Return the voiceprint in ``impression``."""
        return impression[self.first : self.end]


def _sums_between(values: Vector) -> Vector:
    """Return the sums of ``values[first:second]``, shape ``(num_values, num_values, size)``.

    Args:
        values: Shape ``(num_values, size)``.
    """
    before = np.cumsum(values, axis=0) - values
    sums = before[np.newaxis] - before[:, np.newaxis]
    return np.asarray(sums * np.tri(len(values), k=-1).T[:, :, np.newaxis])


def _vector(values: Any, name: str) -> Vector:
    if not isinstance(values, list) or not all(map(_is_number, values)):
        raise ValueError(f"{name} must be a list of numbers, at most 1e6 large each")
    return np.array(values, np.float64)


def _number(value: Any, name: str) -> float:
    if not _is_number(value):
        raise ValueError(f"{name} must be a number, at most 1e6 large")
    return float(value)


def _is_number(value: Any) -> bool:
    # What is not a number is not at most anything.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e6


@dataclass(frozen=True, eq=False)
class _Heard:
    """An utterance of late."""

    impression: Vector
    weight: float
    before: Voice
    """Who was thought to speak, as he was remembered before."""


class VoiceMemory:
    """The voice that speaks, and those that spoke before it: learnt utterance by utterance, without labels.

    An utterance that sounds strange is not learnt. Where what was heard of late, from some utterance on, is better
    explained by another voice, one heard before or a new one, that is the one since then: it learns these utterances,
    and the voice before loses what it learnt of them, is kept, and known again when it returns (Bayesian change
    detection over the last few: Adams and MacKay, "Bayesian online changepoint detection", 2007).
    """

    def __init__(self, size: int, voiceprints: Voiceprints, known: Voice | None = None) -> None:
        """Begin with a voice that is known, or with none.

        Args:
            size: Of an impression.
            voiceprints: Tell voices apart.
            known: From a profile.
        """
        self._unknown, self._voiceprints = Voice.unknown(size), voiceprints
        self._first = replace(known, is_known=True, learnt=0.0) if known else self._unknown
        self.reset()

    def reset(self) -> None:
        """Forget everything but the voice that was known at the beginning."""
        self._voices = [self._first]  # the one that speaks is the last
        self.heard = 0.0  # how many utterances, whoever spoke and whether any voice learnt them
        self.num_changes = 0  # how often somebody else was noticed
        self._recent: list[_Heard] = []  # since somebody else began to speak

    @property
    def voice(self) -> Voice:
        """The voice that speaks."""
        return self._voices[-1]

    @property
    def known(self) -> Voice | None:
        """The voice that was known at the beginning, as it was learnt since."""
        return next((voice for voice in self._voices if voice.is_known), None)

    @property
    def most_heard(self) -> Voice:
        """The voice that most of what was heard went into."""
        return max(self._voices, key=lambda voice: voice.learnt)

    @property
    def is_of_one_voice(self) -> bool:
        """Whether one voice was heard, and hardly anything besides: a cough or a guest's word is nothing."""
        return self.most_heard.learnt >= _LEAST_OF_ONE_VOICE * self.heard

    def familiarity(self, impression: Vector) -> float:
        """Return how probable it is that ``impression`` is of the voice that speaks, and of no other: 0 to 1."""
        evidence = self._better_explained(self._unknown, impression) + math.log(_CHANGE_ODDS)
        return 1.0 / (1.0 + math.exp(min(evidence, 700.0)))

    def learn(self, impression: Vector, weight: float) -> None:
        """Take in the impression of an utterance that has ended.

        Args:
            impression: Shape ``(size,)``.
            weight: How much of an utterance it counts for, 0 to 1; nothing is learnt of 0.
        """
        if weight <= 0.0:
            return
        self.heard += weight
        before = self.voice
        if self._is_of_voice(impression):
            self._voices[-1] = before.heard(impression, weight)
        self._recent = [*self._recent[1 - _MOST_RECENT :], _Heard(impression, weight, before)]
        if len(self._recent) > 1:
            self._notice_change()

    def _is_of_voice(self, impression: Vector) -> bool:
        if self.voice.is_known:
            return self._is_surely_of(self.voice, impression)
        return self.familiarity(impression) >= 0.5

    def _is_surely_of(self, known: Voice, impression: Vector) -> bool:
        """Return whether a voice of a profile may learn ``impression``: what is learnt of a guest would stay in it."""
        likelihood, needed = self._voiceprints.log_likelihood, _KNOWN_EVIDENCE * self._voiceprints.information
        return likelihood(known, impression) - likelihood(self._unknown, impression) >= needed

    def _notice_change(self) -> None:
        """Go on with another voice, where that explains what was heard of late better from some utterance on."""
        of, likelihoods = self._voiceprints.of, self._voiceprints.log_likelihoods
        prints = np.stack([of(each.impression) for each in self._recent])
        weights = np.array([[each.weight] for each in self._recent])
        # By the first index, an utterance from which on a voice may speak, and the second, the one to be explained:
        # what the voice has heard of late when it comes to that.
        more_weight, more_sums = _sums_between(weights), _sums_between(weights * prints)
        voices = [each.before for each in self._recent]
        follows = np.tri(len(prints), dtype=bool).T

        def explained(first_weights: Vector, first_sums: Vector) -> Vector:
            """Return in nats, shape ``(num_recent, num_recent)``, how well a voice that had heard so much explains."""
            found = likelihoods(first_weights + more_weight, first_sums + more_sums, prints)
            return np.where(follows, found, 0.0)

        told = np.array([[[voice.weight]] for voice in voices])
        by_voice = explained(told, told * np.stack([of(voice.mean) for voice in voices])[:, np.newaxis])
        nobody = float(likelihoods(np.zeros(1), np.zeros(prints.shape[1]), prints[-1]))
        best, best_start, best_other = 0.0, 0, 0
        for index, other in enumerate([self._unknown, *self._voices[:-1]]):
            by_other = explained(np.array([[[other.weight]]]), other.weight * of(other.mean))
            # As much of each as it counts for: what is hardly speech, as a door, tells nothing of who speaks.
            evidence = ((by_other - by_voice) @ weights[:, 0])[:-1]
            # None where the last is no more like those before than anybody is: noises are all strange.
            evidence[by_other[:-1, -1] <= nobody] = 0.0
            start = int(np.argmax(evidence))
            if evidence[start] > best:
                best, best_start, best_other = float(evidence[start]), start, index
        if best >= _EVIDENCE:
            self._turn_to(best_other, best_start)

    def _turn_to(self, index: int, start: int) -> None:
        """Go on with the voice ``index`` of the unknown one and those before the last, which spoke since ``start``."""
        recent = self._recent[start:]
        self.num_changes += 1
        self._voices[-1] = recent[0].before
        voice = self._unknown if index == 0 else self._voices.pop(index - 1)
        for each in recent:
            if not voice.is_known or self._is_surely_of(voice, each.impression):
                voice = voice.heard(each.impression, each.weight)
        self._recent.clear()
        if len(self._voices) == _MOST_VOICES:
            self._voices.remove(next(other for other in self._voices if not other.is_known))
        self._voices.append(voice)

    def _better_explained(self, other: Voice, impression: Vector) -> float:
        likelihood = self._voiceprints.log_likelihood
        return likelihood(other, impression) - likelihood(self.voice, impression)
