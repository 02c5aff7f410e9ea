"""Two ways to make columns of different units comparable, and what each must see for it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.corpora.base import Clip
from training.folds import speaker_of

Columns = NDArray[np.float64]

Normalise = Callable[[Columns, Sequence[Clip], int], Columns]
"""Takes rows, shape ``(num_clips, num_columns)``, their clips and how many of them, the first, are for training."""

_CONSTANT = 1e-6  # of the mean: below it, a deviation is what float32 rounds


def by_training_clips(rows: Columns, _clips: Sequence[Clip], num_train: int) -> Columns:
    """Return ``rows`` less the mean of the training clips, over their standard deviation."""
    return _standardised(rows, rows[:num_train])


def by_speaker(rows: Columns, clips: Sequence[Clip], _num_train: int) -> Columns:
    """Return ``rows`` less the mean of all clips of the same speaker, over their standard deviation.

    Of a test speaker it needs all test clips, though not their labels: more than anybody knows who listens live.
    """
    speakers = [speaker_of(clip) for clip in clips]
    normalised = np.empty_like(rows)
    for speaker in dict.fromkeys(speakers):
        own = np.array([other == speaker for other in speakers])
        normalised[own] = _standardised(rows[own], rows[own])
    return normalised


def _standardised(rows: Columns, known: Columns) -> Columns:
    """Return ``rows`` by the mean and the standard deviation of ``known``; a column that is constant there is 0."""
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    is_constant = deviation <= _CONSTANT * np.abs(mean)
    return np.where(is_constant, 0.0, (rows - mean) / np.where(is_constant, 1.0, deviation))
