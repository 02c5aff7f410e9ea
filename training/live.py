"""The live protocol: what users get. A speaker's clips in one recording, through the real pipeline.

The clips follow one another in an order from a seed, with pauses and the noise of a quiet room between them; the
pipeline finds the utterances itself. An utterance counts for the clip that it overlaps most, and of several
that count for one clip the longest overlap speaks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.classifier import softmax
from streamer.emotion.memory import VoiceMemory
from streamer.emotion.model_file import UNCERTAIN
from streamer.events import Utterance
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings, ms_to_samples
from streamer.speech.network import NetworkDetector
from training.calibration import Calibration
from training.corpora.base import LABELS, Clip
from training.dataset import Example
from training.experiment import QUIET
from training.fitting import Fitted
from training.hearing import RowGatherer
from training.judging import Sounds, logits_after
from training.rooms import LEAD_MS, place, read_samples
from training.scenes.acoustics import active_level_db
from training.scenes.noises import NOISES

_PAUSE_MS = (800, 2500)
_BLOCK_SAMPLES = SAMPLE_RATE_HZ
NOISE_BELOW_SPEECH_DB = 10.0

Span = tuple[int, int]
"""First sample and the one behind the last."""


@dataclass(frozen=True)
class Recording:
    """One speaker's clips, one after the other."""

    clips: tuple[Clip, ...]
    samples: NDArray[np.int16]
    spans: tuple[Span, ...]
    """Where each of ``clips`` is in ``samples``."""


@dataclass(frozen=True)
class Heard:
    """What the pipeline made of a recording."""

    clips: tuple[Clip, ...]
    probabilities: NDArray[np.float64]
    """Shape ``(num_clips, num_labels)``; NaN for a clip that no utterance counts for."""
    num_utterances: int
    num_split: int
    """Clips that more than one utterance counts for."""
    num_merged: int
    """Utterances that reach over more than one clip."""
    num_spurious: int
    """Utterances where no clip is."""

    @property
    def num_missed(self) -> int:
        """Clips that no utterance counts for: each is an error."""
        return int(np.isnan(self.probabilities[:, 0]).sum())


class NetworkClassifier(RowGatherer):
    """A network as the pipeline asks it: :class:`streamer.pipeline.EmotionClassifier` without a model file."""

    def __init__(self, fitted: Fitted, calibration: Calibration, *, adapts: bool) -> None:
        """Take a trained network; unless it ``adapts`` it forgets every utterance at once."""
        super().__init__(fitted.experiment.features)
        self._judge, self._voiceprints, self._calibration = fitted.judge(), fitted.voiceprints, calibration
        self._adapts = adapts and self._voiceprints is not None
        self._clip = Clip(Path(), "", "", "", "unknown")
        self.forget()

    def forget(self) -> None:
        """Forget the rows and the voices heard."""
        super().forget()
        self._memory = self._empty_memory()

    def learn(self) -> None:
        """Remember the utterance of which all rows were heard."""
        if self._memory and self._adapts:
            sounds = self._sounds()
            self._memory.learn(sounds.impressions[0], float(sounds.worth[0]))

    def posterior(self) -> NDArray[np.float64]:
        """Return the posterior of all rows since the last reset, shape ``(num_labels,)``."""
        sounds = self._sounds()
        logits = logits_after(self._judge, sounds, [self._memory]) if self._memory else sounds.logits
        return softmax(logits[0] / self._calibration.temperature)

    def decide(self, posterior: NDArray[np.float64]) -> str:
        """Return the most probable label, or ``uncertain``."""
        best = int(np.argmax(posterior))
        return self.labels[best] if posterior[best] >= self._calibration.uncertain_below else UNCERTAIN

    def _empty_memory(self) -> VoiceMemory | None:
        if self._voiceprints is None:
            return None
        return VoiceMemory(self._voiceprints.end, self._voiceprints)

    def _sounds(self) -> Sounds:
        return self._judge.hear([Example(self._clip, self.rows)])


def record(clips: Sequence[Clip], seed: int) -> Recording:
    """Return the recording of ``clips``; ``seed`` makes their order and the pauses."""
    random = np.random.default_rng(seed)
    ordered = [clips[int(index)] for index in random.permutation(len(clips))]
    parts: list[NDArray[np.float64]] = []
    spans, position = [], ms_to_samples(LEAD_MS)
    for clip in ordered:
        samples = read_samples(clip.path)
        pause = ms_to_samples(int(random.integers(*_PAUSE_MS)))
        parts += [samples, np.zeros(pause)]
        spans.append((position, position + samples.size))
        position += samples.size + pause
    return Recording(tuple(ordered), place(np.concatenate(parts), QUIET, seed), tuple(spans))


def in_noise(recording: Recording, seed: int) -> Recording:
    """Return ``recording`` over a noise of home or office, as loud as speech less ``NOISE_BELOW_SPEECH_DB``.

    The noises of :data:`training.scenes.noises.NOISES` take turns by ``seed``, which also makes them.
    """
    random = np.random.default_rng([seed, recording.samples.size])
    name = list(NOISES)[seed % len(NOISES)]
    noise = NOISES[name](recording.samples.size, random)
    heard = recording.samples / 32768.0
    level_db = active_level_db(heard) - NOISE_BELOW_SPEECH_DB - active_level_db(noise)
    mixed = np.rint(32768.0 * (heard + noise * 10.0 ** (level_db / 20.0)))
    return replace(recording, samples=np.clip(mixed, -32768, 32767).astype(np.int16))


def listen(recording: Recording, classifier: NetworkClassifier) -> Heard:
    """Play ``recording`` through the pipeline and match what it hears."""
    settings = SpeechSettings()
    pipeline = Pipeline(settings, NetworkDetector(settings), classifier)
    events = []
    for first in range(0, recording.samples.size, _BLOCK_SAMPLES):
        events += pipeline.push(recording.samples[first : first + _BLOCK_SAMPLES])
    events += pipeline.finish()
    return match(recording, [event for event in events if isinstance(event, Utterance)])


def match(recording: Recording, utterances: Sequence[Utterance]) -> Heard:
    """Return which utterance speaks for which clip, and what went wrong."""
    spans = np.array(recording.spans)
    probabilities = np.full((len(spans), len(LABELS)), np.nan)
    longest, counts_for = np.zeros(len(spans), int), np.zeros(len(spans), int)
    num_merged = num_spurious = 0
    for utterance in utterances:
        ends = np.minimum(spans[:, 1], utterance.end_sample)
        overlaps = np.maximum(0, ends - np.maximum(spans[:, 0], utterance.start_sample))
        if not overlaps.any():
            num_spurious += 1
            continue
        num_merged += int((overlaps > 0).sum() > 1)
        clip = int(np.argmax(overlaps))
        counts_for[clip] += 1
        if overlaps[clip] > longest[clip]:
            longest[clip] = overlaps[clip]
            probabilities[clip] = [utterance.probs[label] for label in LABELS]
    num_split = int((counts_for > 1).sum())
    return Heard(recording.clips, probabilities, len(utterances), num_split, num_merged, num_spurious)
