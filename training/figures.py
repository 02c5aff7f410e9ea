"""What is measured: accuracy, unweighted average recall (UAR), both with intervals, and counts of confusions."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.batches import label_indices
from training.corpora.base import LABELS
from training.dataset import Example

Indices = NDArray[np.int64]

_Z_95 = 1.959964
_NUM_RESAMPLES = 2000


UNHEARD = len(LABELS)
"""The decision on a clip in which the voice detector finds nobody: always wrong."""


def decisions(logits: NDArray[np.float64]) -> Indices:
    """Return the index of the largest of ``logits``, shape ``(num_examples, num_labels)``; NaN is ``UNHEARD``."""
    is_unheard = np.isnan(logits).any(axis=1)
    return np.where(is_unheard, UNHEARD, logits.argmax(axis=1))


def confusion(truth: Indices, decided: Indices) -> Indices:
    """Return counts, shape ``(num_labels, num_labels + 1)``: rows are the truth, columns what was decided.

    The last column are the clips in which nobody was heard.
    """
    counts = np.zeros((len(LABELS), len(LABELS) + 1), np.int64)
    np.add.at(counts, (truth, decided), 1)
    return counts


def uar(counts: NDArray[Any]) -> float:
    """Return the mean over the labels that occur of the part that was recognised."""
    occurring = counts.sum(axis=1)
    recalls = np.diag(counts)[occurring > 0] / occurring[occurring > 0]
    return float(recalls.mean())


def mean_uar(examples: Sequence[Example], decided: Indices) -> float:
    """Return the mean over corpora of the UAR: a large corpus counts no more than a small one."""
    truth, corpora = label_indices(examples), np.array([example.clip.corpus for example in examples])
    return float(np.mean([uar(confusion(truth[corpora == c], decided[corpora == c])) for c in np.unique(corpora)]))


def wilson_interval(num_right: int, num_all: int) -> tuple[float, float]:
    """Return the 95 % interval of a part of ``num_all`` independent trials (Wilson 1927)."""
    part, spread = num_right / num_all, _Z_95**2 / num_all
    centre = (part + spread / 2) / (1 + spread)
    half = _Z_95 * math.sqrt(part * (1 - part) / num_all + spread / (4 * num_all)) / (1 + spread)
    return centre - half, centre + half


def speaker_interval(counts: NDArray[Any], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the UAR, by drawing speakers with replacement.

    Args:
        counts: One confusion matrix a speaker, shape ``(num_speakers, num_labels, num_labels + 1)``.
        seed: Makes the draws.
    """
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(counts), (_NUM_RESAMPLES, len(counts)))
    low, high = np.quantile([uar(counts[draw].sum(axis=0)) for draw in draws], [0.025, 0.975])
    return float(low), float(high)
