"""Figures of what a network said: of each corpus, of all together, with intervals."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.calibration import calibration_error, negative_log_likelihood, posteriors, risk_coverage
from training.corpora.base import Clip
from training.figures import UNHEARD, Indices, confusion, decisions, label_indices, uar
from training.intervals import mean_uar_interval, speaker_interval, wilson_interval
from training.predictions import Predictions

_FEW_SPEAKERS = 4
_NUM_BINS = 10
_NUM_ERROR_DRAWS = 200


def score(made: Predictions) -> dict[str, Any]:
    """Return the figures of each corpus and of all together, ready for JSON.

    A clip in which nobody was heard counts as wrong.
    """
    corpora = np.array([clip.corpus for clip in made.clips])
    groups = {"pooled": np.ones(len(made.clips), bool)}
    groups |= {str(name): corpora == name for name in dict.fromkeys(corpora.tolist())}
    figures: dict[str, Any] = {name: _group(made, chosen) for name, chosen in groups.items()}
    by_corpus = {name: _by_speaker(made, chosen) for name, chosen in groups.items() if name != "pooled"}
    value = float(np.mean([uar(np.sum(list(counts.values()), axis=0)) for counts in by_corpus.values()]))
    interval = mean_uar_interval([np.stack(list(counts.values())) for counts in by_corpus.values()])
    figures["mean_uar_of_corpora"] = _with_interval(value, interval)
    likelihoods = {"nll": made.probabilities, "nll_uncalibrated": posteriors(made.logits, 1.0)}
    for name, probabilities in likelihoods.items():
        nll = negative_log_likelihood(made.clips, probabilities)
        figures[name] = None if nll is None else _rounded(nll)
    return figures


def _group(made: Predictions, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    clips = [clip for clip, keep in zip(made.clips, chosen, strict=True) if keep]
    probabilities, is_sure = made.probabilities[chosen], made.is_sure[chosen]
    truth, decided = label_indices(clips), decisions(probabilities)
    counts, by_speaker = confusion(truth, decided), _by_speaker(made, chosen)
    figures = {
        "clips": len(clips),
        "speakers": len(by_speaker),
        "unheard": int((decided == UNHEARD).sum()),
        "accuracy": _part(truth == decided, clips),
        "uar": _with_interval(uar(counts), speaker_interval(np.stack(list(by_speaker.values())))),
        "confusion": counts.tolist(),
        "coverage": _rounded(float(is_sure.mean())),
        "accuracy_of_covered": _part(
            (truth == decided)[is_sure], [clip for clip, is_in in zip(clips, is_sure, strict=True) if is_in]
        ),
        "uar_by_speaker": {name: _rounded(uar(one)) for name, one in by_speaker.items()},
        "reliability": _reliability(probabilities.max(axis=1), truth == decided),
        "calibration_error": _calibration_error(clips, probabilities),
        "risk_coverage": risk_coverage(clips, probabilities),
    }
    if len(by_speaker) < _FEW_SPEAKERS:
        figures["note"] = f"The interval of the UAR rests on {len(by_speaker)} speakers: it says little about others."
    return figures


def _calibration_error(clips: Sequence[Clip], probabilities: NDArray[np.float64]) -> dict[str, Any] | None:
    if np.isnan(probabilities).any(axis=1).all():
        return None
    speakers = np.array([_speaker_name(clip) for clip in clips])
    of_speaker = [np.flatnonzero(speakers == name) for name in np.unique(speakers)]

    def error(drawn: NDArray[np.int64]) -> float:
        return calibration_error([clips[index] for index in drawn.tolist()], probabilities[drawn])

    random = np.random.default_rng(0)
    draws = [
        error(np.concatenate([of_speaker[index] for index in random.integers(0, len(of_speaker), len(of_speaker))]))
        for _ in range(_NUM_ERROR_DRAWS)
    ]
    return _with_interval(error(np.arange(len(clips))), np.quantile(draws, (0.025, 0.975)))


def _by_speaker(made: Predictions, chosen: NDArray[np.bool_]) -> dict[str, Indices]:
    """Return a confusion matrix a speaker."""
    clips = [clip for clip, keep in zip(made.clips, chosen, strict=True) if keep]
    truth, decided = label_indices(clips), decisions(made.probabilities[chosen])
    speakers = np.array([_speaker_name(clip) for clip in clips])
    return {str(name): confusion(truth[speakers == name], decided[speakers == name]) for name in np.unique(speakers)}


def _speaker_name(clip: Clip) -> str:
    return f"{clip.corpus}/{clip.speaker}"


def _reliability(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return ten bins of equal mass of the clips that were heard, by how sure the network was."""
    heard = np.flatnonzero(~np.isnan(confidence))
    order = heard[np.argsort(confidence[heard], kind="stable")]
    return [
        {"clips": len(one), "confidence": _rounded(confidence[one].mean()), "accuracy": _rounded(is_right[one].mean())}
        for one in np.array_split(order, _NUM_BINS)
        if len(one)
    ]


def _part(is_right: NDArray[np.bool_], clips: Sequence[Clip]) -> dict[str, Any]:
    """Return the part that is right; a clip that was tested again, in another repeat, is no further trial."""
    if not len(clips):
        return {"value": None, "interval_95": [0.0, 1.0]}
    part = float(is_right.mean())
    return _with_interval(part, wilson_interval(part, len(set(clips))))


def _with_interval(value: float, interval: Iterable[Any]) -> dict[str, Any]:
    return {"value": _rounded(value), "interval_95": [_rounded(end) for end in interval]}


def _rounded(number: Any) -> float:
    return round(float(number), 4)
