"""The aims of accuracy beside what was measured: the table of docs/accuracy.md, from the results that are committed.

    python -m benchmarks.aims [RESULTS]

RESULTS is docs/results, with what `training compare`, `training evaluate`, `benchmarks.states`,
`benchmarks.noise_alone` and `benchmarks.model_cost` wrote.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.results import markdown, signed
from training.scenes.noises import NOISES

_NAMES = {"speakers": "speakers", "corpus": "corpus left out"}
_SVM = "compare2016-svm"
_MOST_ERROR = {"speakers": 0.05, "corpus": 0.08}
_LEAST_MEAN = {"speakers": 0.80, "corpus": 0.65}
_LEAST_AHEAD = 0.05
_MOST_RISK = 2.0 / 3.0
_LEAST_ENROLMENT = 0.03
_MOST_COST = 1.5

Row = tuple[str, str, bool]
RESULTS = Path(__file__).parent.parent / "docs" / "results"


class Results:
    """What was measured."""

    def __init__(self, folder: Path) -> None:
        """Read the files in ``folder``."""
        self.streaming, self.comparison, self.states, self.noises, self.cost = (
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("streaming", "comparison", "states", "noise_alone", "model_cost")
        )

    def state(self, protocol: str, state: str) -> Mapping[str, Any]:
        """Return the figures of ``state`` in ``protocol``."""
        found: Mapping[str, Any] = self.streaming["protocols"][protocol]["states"][state]
        return found

    def mean(self, protocol: str, state: str) -> float:
        """Return the mean UAR of the corpora."""
        return float(self.state(protocol, state)["mean_uar_of_corpora"]["value"])

    def ahead(self, of: str, to: str, protocol: str) -> Mapping[str, Any]:
        """Return by how much one system is ahead of another, mean of the corpora."""
        return _difference(self.comparison, of, to, protocol, "mean")

    def change(self, after: str, before: str, protocol: str, corpus: str = "") -> Mapping[str, Any]:
        """Return what one state of knowledge is worth over another."""
        return _difference(self.states, after, before, protocol, corpus)


def rows(results: Results) -> Iterator[Row]:
    """Give each aim, what was measured, and whether it was reached."""
    for protocol, name in _NAMES.items():
        found = results.ahead("streaming", f"{_SVM}-global", protocol)
        yield f"{name}, cold: 5 points above ComParE and SVM", signed(found), found["value"] >= _LEAST_AHEAD
    for protocol, name in _NAMES.items():
        found = results.ahead("streaming-warm", f"{_SVM}-speaker", protocol)
        aim = f"{name}, warm (10): not below the best SVM per speaker, which sees all his clips"
        yield aim, signed(found), found["value"] >= 0.0
    for protocol, name in _NAMES.items():
        warm, least = results.mean(protocol, "warm_10"), _LEAST_MEAN[protocol]
        measured = f"{warm:.3f}; after 20 clips {results.mean(protocol, 'warm_20'):.3f}"
        yield f"{name}, warm (10): {least:.2f}, mean of the corpora", measured, warm >= least
    per_speaker = next(
        system["figures"]["speakers"] for system in results.comparison["systems"] if system["name"] == f"{_SVM}-speaker"
    )
    least = float(per_speaker["mean"]["uar"]["value"])
    live = results.mean("live", "warm")
    yield f"live, warm: that SVM's {least:.3f} with speakers held out (it can not listen)", f"{live:.3f}", live >= least
    found = results.change("enrolled", "warm_5", "speakers", "nemo")
    yield "nEMO, enrolled: 3 points above warm after 5", signed(found), found["value"] >= _LEAST_ENROLMENT
    for protocol, name in _NAMES.items():
        found = results.change("one_emotion_10", "cold", protocol)
        yield f"{name}, after one emotion only: not below cold", signed(found), found["value"] >= 0.0
    for protocol, name in _NAMES.items():
        for state, told in (("cold", "cold"), ("warm_10", "warm (10)")):
            pooled, most = results.state(protocol, state)["pooled"], _MOST_ERROR[protocol]
            error = pooled["calibration_error"]
            aim = f"{name}, {told}: calibration error at most {most:.2f}"
            yield aim, _with_interval(error), error["value"] <= most
            risk = {each["coverage"]: each["risk"] for each in pooled["risk_coverage"]}
            part = risk[0.8] / risk[1.0]
            aim = f"{name}, {told}: risk at 80 % coverage at most two thirds of the whole"
            yield aim, f"{risk[0.8]:.3f} of {risk[1.0]:.3f}: {part:.2f}", part <= _MOST_RISK
    for aim, kinds in (
        ("noise and music of the kinds in training: at most one label in 10 minutes", [*NOISES]),
        ("... of other kinds", [kind for kind in results.noises["noises"] if kind not in NOISES]),
    ):
        each = [results.noises["noises"][kind] for kind in kinds]
        rate = 600.0 * sum(kind["labels"] for kind in each) / sum(kind["seconds"] for kind in each)
        yield aim, f"{rate:.1f}", rate <= 1.0
    ratio, (low, high) = results.cost["ratio"], results.cost["ratio_range"]
    aim = "features and network: at most 1.5 times what those of the last model that did not adapt (git 9c6a1ea) cost"
    yield aim, f"{ratio:.2f} ({low:.2f} to {high:.2f})", ratio <= _MOST_COST


def _with_interval(found: Mapping[str, Any]) -> str:
    low, high = found["interval_95"]
    return f"{found['value']:.3f} ({low:.3f} to {high:.3f})"


def _difference(results: Mapping[str, Any], *key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any]
    (found,) = (
        each for each in results["differences"] if (each["of"], each["to"], each["protocol"], each["corpus"]) == key
    )
    return found


def table(results: Path) -> str:
    """Return the Markdown table of the results in a folder."""
    lines = ((aim, measured, "yes" if ok else "no") for aim, measured, ok in rows(Results(results)))
    return markdown([("aim", "measured", "reached"), *lines])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, metavar="RESULTS")
    print(table(parser.parse_args().results))


if __name__ == "__main__":
    main()
