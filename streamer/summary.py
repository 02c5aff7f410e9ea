"""What a model file says of itself, in a few lines for people."""

from collections.abc import Iterator, Mapping
from typing import Any

_PROTOCOLS = ("speakers", "corpus", "live")
"""Of people never heard; others flatter."""
_STATES = {
    "cold": "first words",
    "warm_10": "after ten utterances",
    "warm": "as it goes on",
    "enrolled": "after calibrate",
}


def summary(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines; what the file does not say, or says otherwise than ours do, is left out.

    Args:
        about: What it says, of emotions or of speech.
    """
    yield f"name: {about['name']}"
    if "labels" in about:
        yield f"hears: {', '.join(about['labels'])}; uncertain below {about['uncertain_below']:.2f}"
        yield f"adapts to voices: {'yes' if about['voiceprints'] else 'no'}"
    else:
        yield "hears: where somebody speaks"
    yield f"licence: {about['licence'].get('spdx')}"
    for corpus in about["data"]:
        if name := _at(corpus, "corpus"):
            clips = _at(corpus, "clips", "train")
            parts = [name, _at(corpus, "language"), clips and f"{clips} clips", _at(corpus, "licence")]
            yield f"trained on: {', '.join(str(part) for part in parts if part)}"
    for protocol in _PROTOCOLS:
        states = {told: _at(about["figures"], "protocols", protocol, "states", key) for key, told in _STATES.items()}
        figures = [f"{told} {_estimate(state)}" for told, state in states.items() if _estimate(state)]
        if figures:
            title = _at(about["figures"], "protocols", protocol, "title") or protocol
            yield f"mean recall of the labels, {title}: {'; '.join(figures)}"


def _estimate(state: Any) -> str | None:
    value, interval = (_at(state, "mean_uar_of_corpora", key) for key in ("value", "interval_95"))
    try:
        return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
    except (TypeError, ValueError, LookupError):
        return None


def _at(value: Any, *keys: str) -> Any:
    """Return what is at ``keys`` in ``value``, one in the other; None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
