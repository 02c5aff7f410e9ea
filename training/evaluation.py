"""What ``evaluation.json`` holds: the figures of all protocols, in all states of knowledge.

What the daemon knows of a speaker when it judges is its state, see :mod:`training.states`; those that a network can
not be in are null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.experiment import Room
from training.fitting import TEST, VALIDATION
from training.learning import History
from training.live import Heard
from training.predictions import Predictions, Said, joined
from training.protocols import Task
from training.scores import score
from training.states import COLD, STATES

LIVE = "live"
PROTOCOLS: Mapping[str, tuple[str, str]] = {
    "random": (
        "random 80/20 within a corpus",
        "Optimistic: the people tested are those trained on. It is here to compare with figures of that kind only.",
    ),
    "speakers": (
        "speakers held out",
        "Five folds by speaker over all corpora together: nobody tested was heard in training, but others of the "
        "same corpus were.",
    ),
    "corpus": (
        "corpus left out",
        "A whole corpus was left out of training: its language, room and microphone are unknown, too.",
    ),
    LIVE: (
        "live: speakers held out, through the pipeline",
        "Each held-out speaker's clips in one recording with pauses, through the daemon's own pipeline, which has to "
        "find them: a clip that it misses is an error. What users get.",
    ),
}
HEARD_S = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Seconds of speech after which the answer so far is judged as well."""


NOISY_ROOM = Room(snr_db=(10.0, 30.0), seed=6)
"""How the clips of speakers held out are heard once more."""


@dataclass(frozen=True)
class Outcome:
    """What one network was asked and said."""

    task: Task
    said: tuple[Said, ...]
    history: History
    in_noise: Predictions | None = None
    """This, and what follows, is of the protocol ``speakers`` only."""
    by_seconds: Mapping[float, Predictions] = field(default_factory=dict)
    heard: tuple[Heard, ...] = ()
    """A recording each."""
    live_in_noise: Predictions | None = None
    heard_in_noise: tuple[Heard, ...] = ()
    """The same recordings over noise."""


def evaluation_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of all protocols that there are outcomes of, ready for JSON."""
    said = [one for outcome in outcomes for one in outcome.said]
    protocols: dict[str, Any] = {}
    for name, (title, note) in PROTOCOLS.items():
        states = {state: _score(said, name, state, VALIDATION) for state in STATES}
        on_test = _score(said, name, COLD, TEST)
        protocols[name] = {"title": title, "note": note, "states": states, "selected_on_test": on_test}
    heard_so_far = {
        str(heard_s): score(joined([o.by_seconds[heard_s] for o in outcomes if heard_s in o.by_seconds]))
        for heard_s in HEARD_S
        if any(heard_s in outcome.by_seconds for outcome in outcomes)
    }
    protocols["speakers"]["by_seconds_heard"] = heard_so_far
    protocols["speakers"]["in_noise"] = score(joined([o.in_noise for o in outcomes if o.in_noise is not None]))
    protocols[LIVE]["utterances"] = _counts([one for outcome in outcomes for one in outcome.heard])
    in_noise = [o.live_in_noise for o in outcomes if o.live_in_noise is not None]
    protocols[LIVE]["in_noise"] = score(joined(in_noise))
    protocols[LIVE]["utterances_in_noise"] = _counts([one for outcome in outcomes for one in outcome.heard_in_noise])
    return {
        "states": dict(STATES),
        "protocols": protocols,
        "histories": {str(outcome.task): _history(outcome.history) for outcome in outcomes},
    }


def _score(said: Sequence[Said], protocol: str, state: str, selection: str) -> dict[str, Any] | None:
    asked = (protocol, state, selection)
    parts = [one.predictions for one in said if (one.protocol, one.state, one.selection) == asked]
    return score(joined(parts)) if parts else None


def _counts(heard: Sequence[Heard]) -> dict[str, int]:
    counts = {"clips": sum(len(one.clips) for one in heard)}
    for name in ("utterances", "missed", "split", "merged", "spurious"):
        counts[name] = sum(getattr(one, f"num_{name}") for one in heard)
    return counts


def _history(history: History) -> dict[str, Any]:
    return {
        "loss": history.loss,
        "validation_uar": history.uar[VALIDATION],
        "best_epoch": history.best_epoch[VALIDATION],
    }


def summary(evaluation: Mapping[str, Any]) -> str:
    """Return the UAR of every protocol, state and corpus with its interval, a line a state."""
    names = [corpus["name"] for corpus in evaluation["corpora"]]
    lines = [f"UAR of {evaluation['experiment']['name']}, with 95 % intervals over speakers"]
    for protocol in evaluation["protocols"].values():
        there = {state: figures for state, figures in protocol["states"].items() if figures}
        if not there:
            lines.append(f"{protocol['title']}: absent")
        for state, figures in there.items():
            shown = [("mean", figures["mean_uar_of_corpora"])]
            shown += [(name, figures[name]["uar"]) for name in names if name in figures]
            parts = [
                f"{name} {u['value']:.3f} ({u['interval_95'][0]:.3f} to {u['interval_95'][1]:.3f})" for name, u in shown
            ]
            lines.append(f"{protocol['title']}, {state}: {', '.join(parts)}")
    return "\n".join(lines)
