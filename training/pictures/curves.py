"""How learning went."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from training.pictures.style import (
    BLACK,
    GREY,
    TEXT_WIDTH_INCHES,
    VERMILION,
    new_figure,
    picture,
    write_numbers,
    write_percent,
)
from training.pictures.texts import Texts
from training.pictures.values import Curve


@picture
def learning_curves(curves: Mapping[str, Curve], texts: Texts) -> Figure:
    """Return loss and validation UAR over the epochs: networks thin, their mean thick, the best epochs marked."""
    figure = new_figure(TEXT_WIDTH_INCHES, 2.4)
    loss, uar = figure.subplots(1, 2)
    _draw(loss, [curve.loss for curve in curves.values()], curves)
    _draw(uar, [curve.validation_uar for curve in curves.values()], curves)
    loss.set_ylabel(texts["curves.loss"])
    write_numbers(loss.yaxis, texts)
    uar.set_ylabel(texts["curves.validation_uar"])
    write_percent(uar.yaxis, texts)
    for panel in (loss, uar):
        panel.set_xlabel(texts["curves.epoch"])
        panel.set_xlim(0, max(len(curve.loss) for curve in curves.values()) + 1)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*_legend(len(curves), texts), loc="outside upper center", ncols=3)
    return figure


def mean_curve(curves: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return the mean over ``curves`` as far as the shortest goes: beyond it, others would be averaged."""
    shortest = min(len(curve) for curve in curves)
    return np.asarray(np.mean([curve[:shortest] for curve in curves], axis=0), np.float64)


def _draw(panel: Axes, values: Sequence[Sequence[float]], curves: Mapping[str, Curve]) -> None:
    for (name, curve), series in zip(curves.items(), values, strict=True):
        panel.plot(range(1, len(series) + 1), series, color=GREY, linewidth=0.7, label=name)
        if 0 < curve.best_epoch <= len(series):
            best = curve.best_epoch
            panel.plot([best], [series[best - 1]], color=VERMILION, marker="D", markersize=3.5, linestyle="")
    if len(values) > 1:
        mean = mean_curve(values)
        panel.plot(range(1, len(mean) + 1), mean, color=BLACK, linewidth=2)


def _legend(num_curves: int, texts: Texts) -> tuple[list[Line2D], list[str]]:
    one = (Line2D([], [], color=GREY, linewidth=0.7), texts["curves.one"].format(count=num_curves))
    mean = (Line2D([], [], color=BLACK, linewidth=2), texts["curves.mean"])
    best = (Line2D([], [], color=VERMILION, marker="D", markersize=3.5, linestyle=""), texts["curves.best"])
    shown = (one, mean, best) if num_curves > 1 else (one, best)
    return [line for line, _ in shown], [name for _, name in shown]
