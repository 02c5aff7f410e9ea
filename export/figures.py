"""From the evaluation beside a run to the figures that its model file carries."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from export.errors import ExportError
from training.runs import EVALUATION_FILE, Run, read_evaluation

_IN_THE_REPORT_ONLY = ("uar_by_speaker", "reliability", "risk_coverage")
_OF_A_STATE = ("coverage", "accuracy_of_covered", "calibration_error")


def with_figures(run: Run, folder: Path) -> Run:
    """Return ``run`` with the figures of the evaluation in ``folder``; without any where there is none.

    Raises:
        ExportError: The evaluation is of another experiment or other clips, or lacks what a card needs.
        RunError: It is damaged.
    """
    evaluation = read_evaluation(folder)
    if evaluation is None:
        return run
    for key in ("experiment", "data_sha256"):
        if evaluation.get(key) != run.description.get(key):
            raise ExportError(
                f"{folder / EVALUATION_FILE}: its {key} is not that of the network; evaluate the run again"
            )
    try:
        protocols = {name: _protocol(protocol) for name, protocol in evaluation["protocols"].items()}
        figures = {"command": evaluation["command"], "protocols": protocols}
    except (KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{folder / EVALUATION_FILE}: lacks {error}; evaluate the run again") from error
    model = {**run.description["model"], "figures": figures}
    return replace(run, info=replace(run.info, figures=figures), description={**run.description, "model": model})


def _protocol(protocol: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: protocol[key] for key in ("title", "note", "utterances", "utterances_in_noise") if key in protocol}
    if "in_noise" in protocol:
        kept["in_noise"] = _brief(protocol["in_noise"])
    states = {name: _in_short(figures) for name, figures in protocol["states"].items() if figures}
    return {**kept, "cold": _brief(protocol["states"]["cold"]), "states": states}


def _in_short(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return of ``figures`` what is told of each state of knowledge: all corpora together."""
    pooled = {key: figures["pooled"][key] for key in _OF_A_STATE}
    return {"mean_uar_of_corpora": figures["mean_uar_of_corpora"], **pooled}


def _brief(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return ``figures`` less what is long and in the report."""
    if figures is None:
        return None
    return {
        name: {key: value for key, value in group.items() if key not in _IN_THE_REPORT_ONLY}
        if isinstance(group, Mapping)
        else group
        for name, group in figures.items()
    }
