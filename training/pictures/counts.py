"""How many clips there are of what."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from training.corpora.base import LABELS
from training.pictures.style import BLUE, ORANGE, new_panels, picture
from training.pictures.texts import Texts

GENDERS = ("woman", "man", "unknown")
_FILLS = {"woman": (ORANGE, ""), "man": (BLUE, "////"), "unknown": ("#CCCCCC", "xx")}

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Corpus to label to gender, one of :data:`GENDERS`, to the number of clips."""


@picture
def class_distribution(counts: Counts, texts: Texts) -> Figure:
    """Return bars of the clips per label, a panel a corpus, women and men stacked."""
    figure, panels = new_panels(list(counts), 3, 1.5)
    largest = max(sum(by_gender.values()) for by_label in counts.values() for by_gender in by_label.values())
    seen = [g for g in GENDERS if any(by.get(g) for by_label in counts.values() for by in by_label.values())]
    for panel, by_label in zip(panels, counts.values(), strict=True):
        lefts = [0] * len(LABELS)
        for gender in seen:
            widths = [by_label.get(label, {}).get(gender, 0) for label in LABELS]
            colour, hatch = _FILLS[gender]
            name = texts[f"gender.{gender}"]
            panel.barh(
                LABELS, widths, left=lefts, color=colour, hatch=hatch, edgecolor="black", linewidth=0.5, label=name
            )
            lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
        for row, total in enumerate(lefts):
            panel.annotate(
                str(total), (total, row), (3, 0), textcoords="offset points", va="center", ha="left", fontsize=7
            )
        panel.grid(visible=False, axis="y")
    panels[0].set_xlim(0, 1.22 * max(largest, 1))
    panels[0].set_yticks(range(len(LABELS)), [texts[f"label.{label}"] for label in LABELS])
    panels[0].invert_yaxis()
    figure.supxlabel(texts["counts.clips"], fontsize=8)
    if seen != ["unknown"]:
        bars, names = panels[0].get_legend_handles_labels()
        figure.legend(bars, names, loc="outside upper center", ncols=len(names))
    return figure
