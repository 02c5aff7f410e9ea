"""How far two experiments differ on the same clips: the speakers are drawn, so that a difference holds for others."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.corpora.base import LABELS
from training.figures import UNHEARD
from training.pictures.values import Estimate
from training.report.record import Prediction

Measure = Literal["accuracy", "uar"]
Counts = NDArray[np.int64]

_NUM_RESAMPLES = 2000


def paired_difference(
    first: Sequence[Prediction], second: Sequence[Prediction], measure: Measure, seed: int = 0
) -> Estimate | None:
    """Return ``measure`` of ``second`` less that of ``first``, with its 95 % interval; None for other clips.

    The interval is that of a bootstrap over speakers, drawn for both at once.
    """
    return _mean_difference([(first, second)], measure, seed)


def paired_mean_difference(first: Sequence[Prediction], second: Sequence[Prediction], seed: int = 0) -> Estimate | None:
    """Return the mean over corpora of the UAR of ``second`` less that of ``first``; see :func:`paired_difference`."""
    corpora = dict.fromkeys(made.corpus for made in (*first, *second))
    pairs = [([m for m in first if m.corpus == name], [m for m in second if m.corpus == name]) for name in corpora]
    return _mean_difference(pairs, "uar", seed)


def _mean_difference(
    pairs: Sequence[tuple[Sequence[Prediction], Sequence[Prediction]]], measure: Measure, seed: int
) -> Estimate | None:
    """Return the mean of the differences of ``pairs``, whose speakers are drawn each on its own."""
    if not pairs or any(not one or Counter(map(clip_of, one)) != Counter(map(clip_of, other)) for one, other in pairs):
        return None
    random, drawn, values = np.random.default_rng(seed), np.zeros(_NUM_RESAMPLES), []
    for one, other in pairs:
        before, after = _by_speaker(one), _by_speaker(other)
        draws = random.integers(0, len(before), (_NUM_RESAMPLES, len(before)))
        drawn += measured(after[draws].sum(axis=1), measure) - measured(before[draws].sum(axis=1), measure)
        values.append(measured(after.sum(axis=0), measure) - measured(before.sum(axis=0), measure))
    low, high = np.quantile(drawn / len(pairs), [0.025, 0.975])
    return Estimate(float(np.mean(values)), float(low), float(high))


def measured(counts: Counts, measure: Measure) -> NDArray[np.float64]:
    """Return ``measure`` of confusion matrices, shape ``(..., num_labels, num_labels + 1)``: shape ``(...,)``."""
    right, support = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    if measure == "accuracy":
        return np.asarray(right.sum(axis=-1) / support.sum(axis=-1))
    occurs = support > 0
    return np.asarray((right / np.maximum(1, support)).sum(axis=-1) / occurs.sum(axis=-1))


def clip_of(made: Prediction) -> tuple[str, ...]:
    """Return what tells the clip that was judged from all others."""
    return made.task, made.corpus, made.speaker, made.clip, made.label


def _by_speaker(made: Sequence[Prediction]) -> Counts:
    """Return a confusion matrix a speaker, in the order of their names."""
    names = sorted({(each.corpus, each.speaker) for each in made})
    place = {name: index for index, name in enumerate(names)}
    counts = np.zeros((len(names), len(LABELS), len(LABELS) + 1), np.int64)
    for each in made:
        decided = UNHEARD if each.posterior is None else int(np.argmax(each.posterior))
        counts[place[each.corpus, each.speaker], LABELS.index(each.label), decided] += 1
    return counts
