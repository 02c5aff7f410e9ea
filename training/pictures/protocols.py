"""Figures under each protocol, side by side: what a random split hides, and where two experiments differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from training.corpora.base import LABELS
from training.pictures.style import GREY, LOOKS, YELLOW, Look, new_panels, picture, write_percent
from training.pictures.texts import Texts
from training.pictures.values import Estimate

_GAP_POINTS = 4
_RIGHT = 1.14  # room for the number beside an interval that ends at 100 %
_SHADE: dict[str, Any] = {"facecolor": YELLOW, "alpha": 0.45, "hatch": "////", "edgecolor": "white"}


@dataclass(frozen=True)
class Line:
    """What one protocol says about one group of clips."""

    title: str
    estimates: tuple[Estimate | None, ...]
    """One a series; None is absent."""
    is_optimistic: bool
    """People who were tested, or even the very clips, had a part in the training."""


@picture
def protocol_comparison(
    panels: Mapping[str, Sequence[Line]], series: Sequence[str], label: str, texts: Texts
) -> Figure:
    """Return a panel a group of clips: what each protocol says, with intervals, optimistic ones shaded.

    Args:
        panels: Title of the group to the protocols, the same in each.
        series: What the estimates of each line are: measures of one experiment, or experiments.
        label: What all of them measure, and the unit.
        texts: In which language.
    """
    titles = [line.title for line in next(iter(panels.values()))]
    figure, axes = new_panels(list(panels), 2, 0.55 + 0.36 * len(titles))
    for panel, lines in zip(axes, panels.values(), strict=True):
        for row, line in enumerate(lines):
            _draw(panel, row, line, texts)
        panel.axvline(1 / len(LABELS), color=GREY, linestyle=":")
        panel.grid(visible=False, axis="y")
    axes[0].set(xlim=(0, _RIGHT), xticks=[0, 0.25, 0.5, 0.75, 1], ylim=(len(titles) - 0.5, -0.5))
    axes[0].set_yticks(range(len(titles)), titles)
    write_percent(axes[0].xaxis, texts)
    figure.supxlabel(label, fontsize=8)
    figure.legend(handles=_legend(series, texts), loc="outside upper center", ncols=4)
    return figure


def _draw(panel: Axes, row: int, line: Line, texts: Texts) -> None:
    if line.is_optimistic:
        panel.axhspan(row - 0.5, row + 0.5, **_SHADE)
    step = 0.8 / len(line.estimates)
    for index, estimate in enumerate(line.estimates):
        if estimate is not None:
            _draw_estimate(panel, estimate, row - 0.4 + (index + 0.5) * step, LOOKS[index], texts)


def _draw_estimate(panel: Axes, estimate: Estimate, height: float, look: Look, texts: Texts) -> None:
    panel.hlines(height, estimate.low, estimate.high, color=look.colour, linewidth=1)
    panel.plot([estimate.value], [height], color=look.colour, marker=look.marker, linestyle="")
    number, place = texts.number(100 * estimate.value, 0), (max(estimate.high, estimate.value), height)
    panel.annotate(number, place, (_GAP_POINTS, 0), textcoords="offset points", va="center", fontsize=7)


def _legend(series: Sequence[str], texts: Texts) -> list[Artist]:
    marks = [
        Line2D([], [], color=look.colour, marker=look.marker, label=name)
        for name, look in zip(series, LOOKS, strict=False)
    ]
    chance = Line2D([], [], color=GREY, linestyle=":", label=texts["measure.chance"])
    return [*marks, chance, Patch(**_SHADE, label=texts["protocols.optimistic"])]
