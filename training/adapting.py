"""What a network needs to adapt beside its weights: made from what it makes of clips, before and after it learns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from streamer.emotion.memory import Voiceprints
from training.corpora.base import LABELS, Clip
from training.figures import label_indices
from training.folds import speaker_of
from training.judging import Judge, Sounds, remembered, told
from training.networks.streaming import NUM_SIGNS, StreamingNetwork
from training.states import earlier_clips, enrolments

_RIDGE = 0.1
_STATES = ((0, False), (2, False), (5, False), (10, False), (20, False), (2, True), (5, True), (10, True), (20, True))
"""How many clips were heard before, and whether all of one emotion."""
_DECAY = 1e-4

Float = NDArray[np.floating]


def prepare(network: StreamingNetwork, clips: Sequence[Clip], statistics: NDArray[np.float32]) -> None:
    """Let an untrained ``network`` begin with the scale, the spread and the shifts of its statistics.

    Args:
        network: Gets them as weights.
        clips: Who says what.
        statistics: Those of each clip in each recording, shape ``(num_recordings, num_clips, size)``; NaN where nobody
            is heard.
    """
    network.centre.assign(np.nanmean(statistics, axis=(0, 1)))
    network.deviation.assign(np.nanstd(statistics, axis=(0, 1)) + 1e-3)
    centred, labels, _ = _around_speakers(clips, np.asarray(network.scaled(statistics)))
    shifts = np.stack([centred[labels == label].mean(axis=0) for label in range(len(LABELS))])
    network.shift.assign(shifts)
    within = np.mean(np.square(centred), axis=0)
    network.variance.assign(np.log(np.expm1(within + 1e-4)))


def _around_speakers(clips: Sequence[Clip], described: NDArray[np.float32]) -> tuple[Float, NDArray[np.int64], Float]:
    """Return what is heard around its mean over a speaker's clips in one recording, the labels, and these means."""
    of_clip = _speaker_numbers(clips)
    groups = (np.arange(len(described))[:, np.newaxis] * (of_clip.max() + 1) + of_clip).ravel()
    labels = np.tile(label_indices(clips), len(described))
    flat = described.reshape(-1, described.shape[-1]).astype(np.float64)
    is_heard = ~np.isnan(flat).any(axis=1)
    flat, groups, labels = flat[is_heard], groups[is_heard], labels[is_heard]
    _, index = np.unique(groups, return_inverse=True)
    means = np.zeros((index.max() + 1, flat.shape[1]))
    np.add.at(means, index, flat)
    means /= np.bincount(index)[:, np.newaxis]
    return flat - means[index], labels, means


def _speaker_numbers(clips: Sequence[Clip]) -> NDArray[np.int64]:
    """Return a number a clip, from 0 on, in the order in which the speakers come first."""
    speakers = list(dict.fromkeys(map(speaker_of, clips)))
    return np.array([speakers.index(speaker_of(clip)) for clip in clips])


def voiceprints(
    clips: Sequence[Clip], described: NDArray[np.float32], size: int
) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """Return what makes voiceprints of what is heard, shape ``(num_numbers, size)``, and the variance between voices.

    Linear discriminant analysis between speakers in one recording each, scaled so that a voice spreads with variance 1.

    Args:
        clips: Who says what.
        described: What is heard of each clip in each recording, shape ``(num_recordings, num_clips, size)``; NaN where
            nobody is.
        size: Of a voiceprint.
    """
    centred, _, means = _around_speakers(clips, described)
    within = centred.T @ centred / len(centred)
    ridge = _RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    _, vectors = eigh(np.cov(means.T), within + ridge)
    chosen = vectors[:, ::-1][:, :size]
    chosen /= np.sqrt(np.einsum("ik,ij,jk->k", chosen, within, chosen))
    variance = np.maximum(np.var(means @ chosen, axis=0), 1e-3)
    return chosen.astype(np.float32), tuple(variance.tolist())


def known_voices(clips: Sequence[Clip], prints: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the mean voiceprints of ``count`` speakers: of more, some from everywhere; of fewer, some twice.

    Args:
        clips: Who says what.
        prints: The voiceprint of each clip, shape ``(num_clips, size)``; NaN where nobody is heard.
        count: How many.
    """
    is_heard = ~np.isnan(prints).any(axis=1)
    of_clip = _speaker_numbers(clips)[is_heard]
    voices = np.stack([prints[is_heard][of_clip == number].mean(axis=0) for number in np.unique(of_clip)])
    chosen = np.linspace(0, len(voices), count, endpoint=False).astype(int)
    return np.asarray(voices[chosen], np.float32)


@dataclass(frozen=True)
class Asked:
    """A network, and sounds of speakers whom it does not know: of its own it knows too well how they sound."""

    judge: Judge
    sounds: Sounds
    voiceprints: Voiceprints


@dataclass(frozen=True)
class _Part:
    """What is said in one state of knowledge, a row a clip."""

    signs: Float
    novelty: Float
    by_voice: Float
    by_itself: Float
    ramp: Float
    truth: NDArray[np.int64]
    weight: Float


def trust_and_doubt(asked: Sequence[Asked], hop_ms: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the numbers of :attr:`StreamingNetwork.trust` and :attr:`StreamingNetwork.doubt`.

    Those that make the truth most probable, in all states of knowledge; ``hop_ms`` is from row to row.
    """
    parts = [part for one in asked for part in _parts(one, hop_ms)]

    def loss(numbers: NDArray[np.float64]) -> float:
        trust, doubt = numbers[:NUM_SIGNS], numbers[NUM_SIGNS:]
        total = 0.0
        for part in parts:
            trusted = part.ramp * expit(part.signs @ trust)[:, np.newaxis]
            sharpness = np.exp(-part.signs @ doubt[:-1] - part.novelty * doubt[-1])[:, np.newaxis]
            joined = log_softmax(sharpness * (trusted * part.by_voice + (1.0 - trusted) * part.by_itself), axis=1)
            total -= float((part.weight * joined[np.arange(len(part.truth)), part.truth]).sum())
        return total / len(parts) + _DECAY * float(np.square(numbers).sum())

    found = minimize(loss, np.zeros(2 * NUM_SIGNS + 1), method="L-BFGS-B").x.astype(np.float32)
    return found[:NUM_SIGNS], found[NUM_SIGNS:]


def _parts(asked: Asked, hop_ms: float) -> Iterator[_Part]:
    sounds, network = asked.sounds, asked.judge.network
    if not isinstance(network, StreamingNetwork):
        raise TypeError("only a network that adapts trusts what it remembers")
    by_itself = log_softmax(np.asarray(network.logits_as_stranger(sounds.described), np.float64), axis=1)
    for known_as, before in _states(asked.judge, sounds, hop_ms):
        heard = np.flatnonzero(sounds.is_heard & np.array([indices is not None for indices in before]))
        if not heard.size:  # nobody says anything neutral twice
            continue
        memories = [remembered(known_as, before[index] or [], asked.voiceprints) for index in heard.tolist()]
        known = told([memory.voice for memory in memories], network.told_size)
        described = sounds.described[heard]
        yield _Part(
            signs=np.asarray(network.signs(*known), np.float64),
            novelty=np.asarray(network.novelty(described), np.float64)[:, 0],
            by_voice=log_softmax(np.asarray(network.logits_by_voice(described, *known), np.float64), axis=1),
            by_itself=by_itself[heard],
            ramp=np.asarray(network.ramp(known[0]), np.float64),
            truth=label_indices(sounds.clips)[heard],
            weight=_balanced(sounds.clips, heard),
        )


def _states(judge: Judge, sounds: Sounds, hop_ms: float) -> Iterator[tuple[Sounds, list[list[int] | None]]]:
    """Give for each state how what is remembered is remembered, and of each clip what; None is not asked."""
    for num_earlier, one_emotion in _STATES:
        before = earlier_clips(sounds.clips, num_earlier, one_emotion=one_emotion)
        yield sounds, list(before)
    enrolled_with = enrolments(sounds.clips, (sounds.num_rows * hop_ms / 1000.0).tolist())
    yield judge.known_as(sounds, LABELS.index("neutral")), [indices or None for indices in enrolled_with]


def _balanced(clips: Sequence[Clip], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    groups = [(clips[index].corpus, clips[index].label) for index in chosen]
    weights = np.array([1.0 / groups.count(group) for group in groups])
    return np.asarray(weights / weights.sum())
