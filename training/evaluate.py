"""Figures of a network on one side of the split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.batches import label_indices
from training.calibration import Calibration, negative_log_likelihood, posteriors
from training.dataset import Example
from training.figures import UNHEARD, Indices, confusion, decisions, mean_uar, speaker_interval, uar, wilson_interval

_FEW_SPEAKERS = 4


def evaluate(examples: Sequence[Example], logits: NDArray[np.float64], calibration: Calibration) -> dict[str, Any]:
    """Return the figures of each corpus and of all together, ready for JSON.

    Args:
        examples: Clips of one side of the split.
        logits: What the network gives for them, shape ``(num_examples, num_labels)``; NaN where nobody was heard,
            which counts as wrong.
        calibration: Decides what is ``uncertain``.
    """
    probabilities = posteriors(logits, calibration.temperature)
    corpora = np.array([example.clip.corpus for example in examples])
    groups = {"pooled": np.ones(len(examples), bool)}
    groups |= {str(name): corpora == name for name in dict.fromkeys(corpora.tolist())}
    figures: dict[str, Any] = {
        name: _group([e for e, keep in zip(examples, chosen, strict=True) if keep], probabilities[chosen], calibration)
        for name, chosen in groups.items()
    }
    figures["mean_uar_of_corpora"] = _rounded(mean_uar(examples, decisions(probabilities)))
    figures["nll"] = _rounded(negative_log_likelihood(examples, logits, calibration.temperature))
    figures["nll_uncalibrated"] = _rounded(negative_log_likelihood(examples, logits, 1.0))
    return figures


def _group(examples: Sequence[Example], probabilities: NDArray[np.float64], calibration: Calibration) -> dict[str, Any]:
    truth, decided = label_indices(examples), decisions(probabilities)
    counts, by_speaker = confusion(truth, decided), _by_speaker(examples, truth, decided)
    is_sure = probabilities.max(axis=1) >= calibration.uncertain_below
    figures = {
        "clips": len(examples),
        "speakers": len(by_speaker),
        "unheard": int((decided == UNHEARD).sum()),
        "accuracy": _part(int(np.trace(counts)), len(examples)),
        "uar": {"value": _rounded(uar(counts)), "interval_95": [_rounded(x) for x in speaker_interval(by_speaker)]},
        "confusion": counts.tolist(),
        "coverage": _rounded(float(is_sure.mean())),
        "accuracy_of_covered": _part(int((truth == decided)[is_sure].sum()), int(is_sure.sum())),
    }
    if len(by_speaker) < _FEW_SPEAKERS:
        figures["note"] = f"The interval of the UAR rests on {len(by_speaker)} speakers: it says little about others."
    return figures


def _by_speaker(examples: Sequence[Example], truth: Indices, decided: Indices) -> Indices:
    """Return one confusion matrix a speaker."""
    speakers = np.array([f"{example.clip.corpus}/{example.clip.speaker}" for example in examples])
    return np.stack([confusion(truth[speakers == name], decided[speakers == name]) for name in np.unique(speakers)])


def _part(num_right: int, num_all: int) -> dict[str, Any]:
    if not num_all:
        return {"value": None, "interval_95": [0.0, 1.0]}
    low, high = wilson_interval(num_right, num_all)
    return {"value": _rounded(num_right / num_all), "interval_95": [_rounded(low), _rounded(high)]}


def _rounded(number: float) -> float:
    return round(float(number), 4)
