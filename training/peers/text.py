"""A comparison as people read it: Markdown, made from ``comparison.json`` alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from training.peers.measured import MEAN

Comparison = Mapping[str, Any]
System = Mapping[str, Any]
Columns = Sequence[tuple[str, str]]

_HEADINGS = {
    "random": "random 80/20",
    "speakers": "speakers held out",
    "corpus": "corpus left out",
    "live": "live",
}

_NOTES = (
    "**random 80/20**: within one corpus, by clip, {repeats} times. Accuracy, with the Wilson interval of as many "
    "trials as there are different clips. Optimistic: the people tested are those trained on.",
    "**speakers held out**: folds by speaker over all corpora together. UAR, with the interval of a bootstrap "
    "over speakers.",
    "**corpus left out**: trained on the other corpora only. UAR, likewise.",
    "**live**: the speakers held out, each in one recording through the daemon's own pipeline. UAR, likewise. Only "
    "networks run there; whoever needs the whole clip, or all clips of a speaker, is absent (-).",
    "UAR is the mean over the emotions of the part that was recognised; chance is 0.25. All intervals are of 95 %.",
    "SVM: C and gamma are chosen for each task by a grid on its training clips: on speakers held out of them or, for "
    "random 80/20, on clips held out.",
    "openSMILE is under the audEERING Research License: not for commercial use. It is measured here and is no part of "
    "the product.",
)

_DIFFERENCE = (
    "Its UAR less that of the other, with the 95 % interval of a bootstrap over speakers, the same ones for both, and "
    "the share of draws in which it is the worse one."
)


def markdown(comparison: Comparison) -> str:
    """Return the whole document."""
    columns = columns_of(comparison)
    parts = [
        "# Networks and what a user would pick instead",
        f"Made by `{comparison['command']}`; `comparison.json` beside it holds the counts behind each figure.",
        results_table(comparison, columns),
        "\n".join(f"- {note.format(repeats=comparison['num_repeats'])}" for note in _NOTES),
        "## What a random split hides",
        "Accuracy of the same systems in both protocols.",
        _accuracy_table(comparison),
        *_differences(comparison),
        "## What each system sees",
        "\n".join(f"- `{system['name']}`: {system['title']}" for system in comparison["systems"]),
    ]
    return "\n\n".join(parts) + "\n"


def plain(comparison: Comparison) -> str:
    """Return the results only, a protocol at a time, so that they fit a terminal."""
    columns = columns_of(comparison)
    tables = [
        results_table(comparison, [column for column in columns if column[0] == protocol])
        for protocol in dict.fromkeys(protocol for protocol, _ in columns)
    ]
    return "\n\n".join([*tables, *_differences(comparison)])


def columns_of(comparison: Comparison) -> Columns:
    """Return each protocol and corpus that there are figures of."""
    found = [
        (protocol, corpus)
        for protocol in _HEADINGS
        for corpus in _titles(comparison)
        if (protocol, corpus) != ("random", MEAN)  # the table has accuracies there
        if any(_found(system, (protocol, corpus)) for system in comparison["systems"])
    ]
    return list(dict.fromkeys(found))


def results_table(comparison: Comparison, columns: Columns) -> str:
    """Return the table of all systems in ``columns``: accuracy at random, else UAR."""

    def cell(system: System, column: tuple[str, str]) -> str:
        group = _found(system, column)
        return _with_interval(group["accuracy" if column[0] == "random" else "uar"]) if group else "-"

    titles = _titles(comparison)
    heads = [f"{_HEADINGS[protocol]}: {titles[corpus]}" for protocol, corpus in columns]
    return _rows(comparison["systems"], heads, columns, cell)


def _titles(comparison: Comparison) -> Mapping[str, str]:
    """Return what the corpora are called, and their mean."""
    return {**comparison["corpora"], MEAN: "mean of the corpora"}


def _accuracy_table(comparison: Comparison) -> str:
    def cell(system: System, corpus: str) -> str:
        groups = [_found(system, (protocol, corpus)) for protocol in ("random", "speakers")]
        return " -> ".join(f"{group['accuracy']['value']:.2f}" if group else "-" for group in groups)

    titles = comparison["corpora"]
    heads = [f"{title}: random -> speakers held out" for title in titles.values()]
    return _rows(comparison["systems"], heads, list(titles), cell)


def _differences(comparison: Comparison) -> list[str]:
    """Return heading, explanation and table of each network that is compared; nothing where there is none."""
    parts: list[str] = []
    for reference in dict.fromkeys(each["of"] for each in comparison["differences"]):
        parts += [f"## How much better `{reference}` is", _DIFFERENCE, _difference_table(comparison, reference)]
    return parts


def _difference_table(comparison: Comparison, reference: str) -> str:
    own = [each for each in comparison["differences"] if each["of"] == reference]
    found = {(each["to"], each["protocol"], each["corpus"]): each for each in own}

    def cell(system: System, column: tuple[str, str]) -> str:
        each = found.get((system["name"], *column))
        if each is None:
            return "-"
        low, high = each["interval_95"]
        return f"{each['value']:+.3f} ({low:+.2f} to {high:+.2f}; {100 * each['share_of_draws_below_0']:.1f} %)"

    columns = list(dict.fromkeys((each["protocol"], each["corpus"]) for each in own))
    systems = [system for system in comparison["systems"] if any(system["name"] == to for to, _, _ in found)]
    titles = _titles(comparison)
    heads = [f"{_HEADINGS[protocol]}: {titles[corpus]}" for protocol, corpus in columns]
    return _rows(systems, heads, columns, cell)


def _found(system: System, column: tuple[str, str]) -> Mapping[str, Any] | None:
    protocol, corpus = column
    group: Mapping[str, Any] | None = (system["figures"].get(protocol) or {}).get(corpus)
    return group


def _with_interval(estimate: Mapping[str, Any]) -> str:
    low, high = estimate["interval_95"]
    return f"{estimate['value']:.3f} ({low:.2f}-{high:.2f})"


def _rows(
    systems: Sequence[System], heads: Sequence[str], columns: Sequence[Any], cell: Callable[[System, Any], str]
) -> str:
    """Return a Markdown table that is in line as plain text, too."""
    lines = [["system", *heads]]
    lines += [[system["name"], *(cell(system, column) for column in columns)] for system in systems]
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    padded = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([padded[0], "| " + " | ".join("-" * width for width in widths) + " |", *padded[1:]])
