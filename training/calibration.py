"""How sure the network may be, from the validation speakers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpora.base import Clip
from training.errors import RunError
from training.figures import label_indices

MOST_RISK = 0.2
"""Of the labels that are given to validation utterances at most this part is wrong; the others are ``uncertain``."""

_TEMPERATURES = np.geomspace(0.1, 10.0, 401)


@dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities, and probabilities into a decision."""

    temperature: float
    uncertain_below: float
    coverage: float
    """Part of the validation utterances that are given a label."""


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
    """Return the temperature of the least negative log likelihood, and the threshold that keeps ``MOST_RISK``.

    Raises:
        RunError: No clip was heard.
    """
    if np.isnan(logits).any(axis=1).all():
        raise RunError(f"nobody is heard in any of the {len(clips)} validation clips: nothing says how sure to be")
    losses = [negative_log_likelihood(clips, posteriors(logits, temperature)) for temperature in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(np.array(losses, np.float64)))])
    probabilities = posteriors(logits, temperature)
    is_heard = ~np.isnan(logits).any(axis=1)
    sure = probabilities[is_heard].max(axis=1)
    is_wrong = probabilities[is_heard].argmax(axis=1) != label_indices(clips)[is_heard]
    order = np.argsort(-sure, kind="stable")
    risks = np.cumsum(is_wrong[order]) / np.arange(1, order.size + 1)
    kept = np.flatnonzero(risks <= MOST_RISK)
    # Nothing is sure enough where even the surest are wrong.
    threshold = float(sure[order[kept[-1]]]) if kept.size else 1.0
    threshold = math.floor(threshold * 1e4) / 1e4
    return Calibration(round(temperature, 4), threshold, round(float(np.mean(sure >= threshold)), 4))


def risk_coverage(clips: Sequence[Clip], probabilities: NDArray[np.float64]) -> list[dict[str, float]]:
    """Return the part of the labels that is wrong where only the surest clips are given one: a tenth, two tenths ...

    A clip in which nobody was heard is the least sure, and wrong.
    """
    sure = np.nan_to_num(probabilities.max(axis=1), nan=-1.0)
    is_wrong = np.nan_to_num(probabilities, nan=-1.0).argmax(axis=1) != label_indices(clips)
    is_wrong |= sure < 0.0
    order = np.argsort(-sure, kind="stable")
    curve = []
    for tenths in range(1, 11):
        count = max(1, round(len(order) * tenths / 10))
        curve.append({"coverage": tenths / 10, "risk": round(float(is_wrong[order[:count]].mean()), 4)})
    return curve


def calibration_error(clips: Sequence[Clip], probabilities: NDArray[np.float64], num_bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal mass, freed of the bias that chance gives it.

    Of each bin the squared gap between confidence and accuracy is lessened by the variance that an accuracy of so many
    clips has by chance, and is nothing where it falls below: Bröcker, "Estimating reliability and resolution of
    probability forecasts through decomposition of the empirical score", 2012, and Kumar, Liang and Ma, "Verified
    uncertainty calibration", 2019.
    """
    is_heard = ~np.isnan(probabilities).any(axis=1)
    heard = probabilities[is_heard]
    sure, is_right = heard.max(axis=1), heard.argmax(axis=1) == label_indices(clips)[is_heard]
    total = 0.0
    for chosen in np.array_split(np.argsort(sure, kind="stable"), num_bins):
        if chosen.size < 2:
            continue
        accuracy = float(is_right[chosen].mean())
        gap = (float(sure[chosen].mean()) - accuracy) ** 2 - accuracy * (1.0 - accuracy) / (chosen.size - 1)
        total += chosen.size / len(sure) * math.sqrt(max(0.0, gap))
    return total
