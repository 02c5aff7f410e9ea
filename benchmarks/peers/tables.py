"""The tables of what was measured."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.measure import Round
from benchmarks.peers.peers import ALL, FIGURES, REFERENCES, TARGETS
from benchmarks.results import markdown

TITLES = {peer.name: peer.title for peer in ALL}
_NONE = "-"


def median(rounds: Sequence[Round], name: str, figure: str) -> float | None:
    """Return the median of ``figure`` over the rounds; None where ``name`` was not measured or has none."""
    values = [found[name][figure] for found in rounds if figure in found.get(name, {})]
    return statistics.median(values) if values else None


def ratios(rounds: Sequence[Round], name: str, other: str, figure: str) -> list[float]:
    """Return ``figure`` of ``name`` over that of ``other``, each pair of one and the same round."""
    pairs = [(found.get(name, {}).get(figure), found.get(other, {}).get(figure)) for found in rounds]
    return [mine / theirs for mine, theirs in pairs if mine is not None and theirs]


def page(about: str, record: dict[str, Any]) -> str:
    """Return the Markdown page of ``record``, which ``about`` explains."""
    rounds: list[Round] = record["rounds"]
    versions = "; ".join(
        f"{environment}: " + ", ".join(f"{name} {version}" for name, version in found.items())
        for environment, found in record["versions"].items()
    )
    parts = [
        "# What it costs beside its peers",
        about.strip(),
        f"Rounds: {len(rounds)}. `--rounds 0` makes tables and picture again from `peers.json`. Versions: {versions}.",
        f"## Targets\n\n{targets(rounds)}",
        *(f"## {group}\n\n{figures(rounds, group)}" for group in REFERENCES),
        "![What each costs flat out and at real time](peers.svg)",
    ]
    return "\n\n".join(parts) + "\n"


def targets(rounds: Sequence[Round]) -> str:
    """Return what was meant to be reached, and whether it was: by the median of the rounds."""
    lines = [["this project", "beside", "figure", "ratio", "lowest and highest round", "at most", ""]]
    for target in TARGETS:
        found = ratios(rounds, target.ours, target.other, target.figure)
        ratio = statistics.median(found) if found else None
        verdict = _NONE if ratio is None else "reached" if ratio <= target.limit else "**not reached**"
        span = f"{number(min(found))} to {number(max(found))}" if found else _NONE
        names = [TITLES[target.ours].strip("*"), TITLES[target.other], FIGURES[target.figure].partition(",")[0]]
        lines.append([*names, number(ratio), span, number(target.limit), verdict])
    return markdown(lines)


def figures(rounds: Sequence[Round], group: str) -> str:
    """Return all figures of a group, with their ratio to its reference."""
    reference = REFERENCES[group]
    lines = [["", *(word for title in FIGURES.values() for word in (title, "x"))]]
    for peer in ALL:
        if peer.group == group and any(peer.name in found for found in rounds):
            words = [peer.title]
            for figure in FIGURES:
                found = ratios(rounds, peer.name, reference, figure)
                words += [
                    number(median(rounds, peer.name, figure)),
                    number(statistics.median(found) if found else None),
                ]
            lines.append(words)
    return f"x: times that of {TITLES[reference].strip('*')}.\n\n{markdown(lines)}"


def number(value: float | None) -> str:
    """Return ``value`` to three digits, a dash for None."""
    if value is None:
        return _NONE
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
