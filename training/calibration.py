"""How sure the network may be, from the validation speakers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpora.base import Clip
from training.errors import RunError
from training.figures import label_indices

COVERAGE = 0.8
"""Part of the validation utterances that are given a label rather than ``uncertain``."""

_TEMPERATURES = np.geomspace(0.1, 10.0, 401)


@dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities, and probabilities into a decision."""

    temperature: float
    uncertain_below: float


def posteriors(logits: NDArray[np.float64], temperature: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities, shape ``(num_clips, num_labels)``, of ``logits`` of that shape; NaN stays NaN.

    Args:
        logits: What the network gives.
        temperature: Divides them: one number, or one a clip.
    """
    scaled = logits / np.reshape(temperature, (-1, 1))
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def negative_log_likelihood(clips: Sequence[Clip], probabilities: NDArray[np.float64]) -> float | None:
    """Return the mean of -log of the probability given to the truth, in nats, over the clips that were heard.

    None where there are none.
    """
    given = probabilities[np.arange(len(clips)), label_indices(clips)]
    heard = given[~np.isnan(given)]
    return float(-np.log(np.maximum(heard, 1e-12)).mean()) if heard.size else None


def calibrate(clips: Sequence[Clip], logits: NDArray[np.float64]) -> Calibration:
    """Return the temperature of the least negative log likelihood, and the threshold that keeps ``COVERAGE``.

    Raises:
        RunError: No clip was heard.
    """
    if np.isnan(logits).any(axis=1).all():
        raise RunError(f"nobody is heard in any of the {len(clips)} validation clips: nothing says how sure to be")
    losses = [negative_log_likelihood(clips, posteriors(logits, temperature)) for temperature in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(np.array(losses, np.float64)))])
    largest = posteriors(logits, temperature).max(axis=1)
    threshold = float(np.nanquantile(largest, 1.0 - COVERAGE, method="higher"))
    return Calibration(round(temperature, 4), round(threshold, 4))
