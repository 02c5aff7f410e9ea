"""How far a figure may be off: 95 % intervals."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.figures import uar

_Z_95 = 1.959964
_NUM_RESAMPLES = 2000


def wilson_interval(part: float, num_trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a ``part``, 0 to 1, of ``num_trials`` independent trials (Wilson 1927)."""
    spread = _Z_95**2 / num_trials
    centre = (part + spread / 2) / (1 + spread)
    half = _Z_95 * math.sqrt(part * (1 - part) / num_trials + spread / (4 * num_trials)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def speaker_interval(counts: NDArray[Any], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the UAR, by drawing speakers with replacement.

    Args:
        counts: One confusion matrix a speaker, shape ``(num_speakers, num_labels, num_labels + 1)``.
        seed: Makes the draws.
    """
    return mean_uar_interval([counts], seed)


def mean_uar_interval(corpora: Sequence[NDArray[Any]], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the mean over ``corpora`` of the UAR, by drawing speakers of each.

    Args:
        corpora: For each the confusion matrices of its speakers, as for :func:`speaker_interval`.
        seed: Makes the draws.
    """
    random = np.random.default_rng(seed)
    means = np.zeros(_NUM_RESAMPLES)
    for counts in corpora:
        draws = random.integers(0, len(counts), (_NUM_RESAMPLES, len(counts)))
        means += [uar(counts[draw].sum(axis=0)) for draw in draws]
    low, high = np.quantile(means / len(corpora), [0.025, 0.975])
    return float(low), float(high)
