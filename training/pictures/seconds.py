"""How soon the network knows."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.corpora.base import LABELS
from training.pictures.style import (
    BLACK,
    GREY,
    LOOKS,
    TEXT_WIDTH_INCHES,
    Look,
    new_figure,
    picture,
    write_numbers,
    write_percent,
)
from training.pictures.texts import Texts
from training.pictures.values import Estimate

BySeconds = Mapping[str, Mapping[float, Estimate]]
"""Title of a group of clips, all of them first, to the seconds heard, to what was measured then."""


@picture
def by_seconds_heard(accuracy: BySeconds, uar: BySeconds, texts: Texts) -> Figure:
    """Return accuracy and UAR over the seconds heard so far, with 95 % intervals; all clips together are thick."""
    figure = new_figure(TEXT_WIDTH_INCHES, 2.7)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw(left, accuracy, texts["measure.accuracy_percent"], texts)
    _draw(right, uar, texts["measure.uar_percent"], texts)
    right.axhline(1 / len(LABELS), color=GREY, linestyle=":", label=texts["measure.chance"])
    left.set_ylim(0, 1)
    write_percent(left.yaxis, texts)
    right.tick_params(labelleft=True)
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


def _draw(panel: Axes, groups: BySeconds, label: str, texts: Texts) -> None:
    looks = (Look(BLACK, "o", ""), *LOOKS[1:], LOOKS[0])
    spacing = 0.02
    for index, (title, points) in enumerate(groups.items()):
        look, thick = looks[index % len(looks)], index == 0
        seconds = [second + spacing * index for second in points]  # side by side, where intervals overlap
        panel.errorbar(
            seconds,
            [point.value for point in points.values()],
            yerr=[
                [point.value - point.low for point in points.values()],
                [point.high - point.value for point in points.values()],
            ],
            color=look.colour,
            marker=look.marker,
            linewidth=2 if thick else 0.9,
            elinewidth=0.8,
            label=title,
        )
    panel.set(xlabel=texts["seconds.heard"], ylabel=label)
    write_numbers(panel.xaxis, texts)
