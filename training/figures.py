"""What is measured: counts of confusions and the unweighted average recall (UAR); intervals are next door."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.corpora.base import LABELS, Clip

Indices = NDArray[np.int64]

UNHEARD = len(LABELS)
"""The decision on a clip in which the voice detector finds nobody: always wrong."""


def label_indices(clips: Sequence[Clip]) -> Indices:
    """Return the index of each clip's label."""
    return np.array([LABELS.index(clip.label) for clip in clips], np.int64)


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


def mean_uar(clips: Sequence[Clip], decided: Indices) -> float:
    """Return the mean over corpora of the UAR: a large corpus counts no more than a small one."""
    truth, corpora = label_indices(clips), np.array([clip.corpus for clip in clips])
    return float(np.mean([uar(confusion(truth[corpora == c], decided[corpora == c])) for c in np.unique(corpora)]))
