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
    if not first or Counter(map(_clip, first)) != Counter(map(_clip, second)):
        return None
    before, after = _by_speaker(first), _by_speaker(second)
    draws = np.random.default_rng(seed).integers(0, len(before), (_NUM_RESAMPLES, len(before)))
    drawn = measured(after[draws].sum(axis=1), measure) - measured(before[draws].sum(axis=1), measure)
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = measured(after.sum(axis=0), measure) - measured(before.sum(axis=0), measure)
    return Estimate(float(value), float(low), float(high))


def measured(counts: Counts, measure: Measure) -> NDArray[np.float64]:
    """Return ``measure`` of confusion matrices, shape ``(..., num_labels, num_labels + 1)``: shape ``(...,)``."""
    right, support = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    if measure == "accuracy":
        return np.asarray(right.sum(axis=-1) / support.sum(axis=-1))
    occurs = support > 0
    return np.asarray((right / np.maximum(1, support)).sum(axis=-1) / occurs.sum(axis=-1))


def _clip(made: Prediction) -> tuple[str, ...]:
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
