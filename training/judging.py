"""What a network says of clips: alone, and beside what is remembered of a voice, as the daemon's classifier does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.memory import Voice, VoiceMemory, Voiceprints
from streamer.features.normalise import GlobalNormaliser
from training.batches import padded
from training.calibration import posteriors
from training.corpora.base import LABELS, Clip
from training.dataset import Example
from training.networks import Network
from training.networks.streaming import StreamingNetwork
from training.states import COLD, ENROLLED, ONE_EMOTION, WARM_AFTER, earlier_clips, enrolments

_BATCH_SIZE = 64
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sounds:
    """What a network makes of clips, each by itself; NaN where nobody is heard."""

    clips: tuple[Clip, ...]
    described: NDArray[np.float32]
    """Shape ``(num_clips, size)``."""
    logits: Array
    """Of strangers, shape ``(num_clips, num_labels)``."""
    impressions: Array
    """What is remembered of each, shape ``(num_clips, impression_size)``; empty for a network that does not adapt."""
    worth: Array
    """How much of an utterance each is, shape ``(num_clips,)``."""
    num_rows: NDArray[np.int64]
    """Heard of each, shape ``(num_clips,)``."""

    @property
    def is_heard(self) -> NDArray[np.bool_]:
        """Shape ``(num_clips,)``."""
        return ~np.isnan(self.logits[:, 0])


class Judge:
    """A network with what it needs beside it."""

    def __init__(self, network: Network, normaliser: GlobalNormaliser, memory_temperature: float = 1.0) -> None:
        """Take the ``network``; ``memory_temperature`` is that of :class:`training.experiment.SessionSettings`."""
        self.network, self._normaliser, self._temperature = network, normaliser, memory_temperature

    def hear(self, examples: Sequence[Example]) -> Sounds:
        """Return what the network makes of each of ``examples`` by itself."""
        described, logits, impressions, worth = self._of_each(examples, self._hear)
        num_rows = np.array([len(example.rows) for example in examples])
        return Sounds(tuple(example.clip for example in examples), described, logits, impressions, worth, num_rows)

    def statistics(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        """Return the statistics of each of ``examples`` as they are, shape ``(num_examples, size)``; NaN of none."""
        network = self.network
        if not isinstance(network, StreamingNetwork):
            raise TypeError("only a network that adapts hears statistics")
        (found,) = self._of_each(examples, lambda *batch: (np.asarray(network.statistics_of(*batch)),))
        return np.asarray(found, np.float32)

    def _of_each(
        self,
        examples: Sequence[Example],
        ask: Callable[[NDArray[np.float32], NDArray[np.float32]], tuple[NDArray[Any], ...]],
    ) -> list[NDArray[Any]]:
        """Return what ``ask`` gives for padded batches, an array for each part of it; NaN where there are no rows."""
        by_length = np.argsort([len(example.rows) for example in examples])  # like lengths together: little padding
        order = [int(index) for index in by_length if len(examples[index].rows)]
        parts: list[tuple[NDArray[Any], ...]] = []
        for first in range(0, len(order), _BATCH_SIZE):
            chosen = order[first : first + _BATCH_SIZE]
            parts.append(ask(*padded([self._normaliser.normalise(examples[index].rows) for index in chosen])))
        if not parts:
            empty = ask(np.zeros((1, 1, self.network.num_columns), np.float32), np.ones((1, 1), np.float32))
            parts = [tuple(array[:0] for array in empty)]
        found = []
        for arrays in zip(*parts, strict=True):
            joined = np.concatenate(arrays)
            every = np.full((len(examples), *joined.shape[1:]), np.nan, joined.dtype)
            every[order] = joined
            found.append(every)
        return found

    def _hear(self, rows: NDArray[np.float32], is_valid: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
        """Return what is heard, the logits, the impressions and their worth."""
        network = self.network
        if not isinstance(network, StreamingNetwork):
            logits = np.asarray(network(rows, is_valid), np.float64)
            return logits.astype(np.float32), logits, np.zeros((len(rows), 0)), np.zeros(len(rows))
        described = network.describe(rows, is_valid)
        logits = np.asarray(network.judge(described, *_nobody(network)), np.float64)
        every = np.asarray(network.impressions(described), np.float64)
        impressions = np.einsum("nl,nli->ni", posteriors(logits, self._temperature), every)
        worth = np.asarray(network.worth(described, is_valid.sum(axis=1, keepdims=True)), np.float64)
        return np.asarray(described), logits, impressions, worth[:, 0]

    def known_as(self, sounds: Sounds, label: int) -> Sounds:
        """Return ``sounds`` as they are remembered where it is known that each is of ``label``."""
        network = self.network
        if not isinstance(network, StreamingNetwork):
            return sounds
        return replace(sounds, impressions=np.asarray(network.impressions(sounds.described), np.float64)[:, label])

    def beside(self, sounds: Sounds, voices: Sequence[Voice]) -> Array:
        """Return the logits of ``sounds``, each beside what is remembered of the voice of that place."""
        network = self.network
        if not isinstance(network, StreamingNetwork):
            return sounds.logits
        logits = np.full(sounds.logits.shape, np.nan)
        chosen = np.flatnonzero(sounds.is_heard)
        if chosen.size:
            known = told([voices[index] for index in chosen.tolist()], network.told_size)
            logits[chosen] = np.asarray(network.judge(sounds.described[chosen], *known))
        return logits


def told(voices: Sequence[Voice], size: int) -> tuple[Any, Any, Any]:
    """Return ``voices`` as the network is told of them: weights, means and mean squares, less the voiceprints."""
    means = np.stack([voice.mean[:size] for voice in voices])
    mean_squares = np.stack([voice.mean_square[:size] for voice in voices])
    weights = np.array([[voice.weight] for voice in voices])
    return weights.astype(np.float32), means.astype(np.float32), mean_squares.astype(np.float32)


def remembered(sounds: Sounds, indices: Sequence[int], voiceprints: Voiceprints) -> VoiceMemory:
    """Return what is remembered after those of ``sounds`` that ``indices`` name, in their order."""
    memory = VoiceMemory(sounds.impressions.shape[1], voiceprints)
    for index in indices:
        if sounds.is_heard[index]:
            memory.learn(sounds.impressions[index], float(sounds.worth[index]))
    return memory


def logits_after(judge: Judge, sounds: Sounds, memories: Sequence[VoiceMemory]) -> Array:
    """Return what is said of each of ``sounds`` after what is remembered: log-probabilities, not calibrated.

    As :meth:`streamer.emotion.classifier.OnnxClassifier.posterior` does before the temperature.
    """
    by_voice = posteriors(judge.beside(sounds, [memory.voice for memory in memories]), 1.0)
    familiarity = np.array(
        [
            memory.familiarity(impression) if is_heard else np.nan
            for memory, impression, is_heard in zip(memories, sounds.impressions, sounds.is_heard, strict=True)
        ]
    )[:, np.newaxis]
    return np.log(familiarity * by_voice + (1.0 - familiarity) * posteriors(sounds.logits, 1.0))


def logits_by_state(
    judge: Judge, sounds: Sounds, voiceprints: Voiceprints | None, hop_ms: float
) -> Mapping[str, tuple[tuple[Clip, ...], Array]]:
    """Return the clips that are judged in each state of knowledge, and what is said of them, not calibrated."""
    clips = sounds.clips
    found = {COLD: (clips, sounds.logits)}
    if voiceprints is None:
        return found
    earlier = {state: earlier_clips(clips, count) for state, count in WARM_AFTER.items()}
    earlier[ONE_EMOTION] = earlier_clips(clips, 10, one_emotion=True)
    for state, before in earlier.items():
        memories = [remembered(sounds, indices, voiceprints) for indices in before]
        found[state] = clips, logits_after(judge, sounds, memories)
    enrolled_with = enrolments(clips, (sounds.num_rows * hop_ms / 1000.0).tolist())
    neutral = judge.known_as(sounds, LABELS.index("neutral"))
    memories = [remembered(neutral, indices, voiceprints) for indices in enrolled_with]
    asked = [index for index, indices in enumerate(enrolled_with) if indices]
    if asked:
        logits = logits_after(judge, sounds, memories)
        found[ENROLLED] = tuple(clips[index] for index in asked), logits[asked]
    return found


def _nobody(network: StreamingNetwork) -> tuple[NDArray[np.float32], ...]:
    nothing = np.zeros((1, network.told_size), np.float32)
    return np.zeros((1, 1), np.float32), nothing, nothing
