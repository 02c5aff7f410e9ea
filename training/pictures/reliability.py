"""Whether the network may be believed when it says how sure it is."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from training.intervals import wilson_interval
from training.pictures.style import BLUE, COLUMN_WIDTH_INCHES, GREY, new_figure, picture, write_percent
from training.pictures.texts import Texts
from training.pictures.values import Bin


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance of confidence from accuracy, each bin weighed by its clips (Naeini 2015)."""
    num_clips = sum(each.num_clips for each in bins)
    return sum(each.num_clips * abs(each.confidence - each.accuracy) for each in bins) / num_clips


@picture
def reliability_diagram(bins: Sequence[Bin], texts: Texts) -> Figure:
    """Return accuracy over confidence, with the 95 % interval of each bin, and below it the clips in each bin."""
    figure = new_figure(COLUMN_WIDTH_INCHES, 3.7)
    panel, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = [each for each in bins if each.num_clips]
    confidence, accuracy = [each.confidence for each in filled], [each.accuracy for each in filled]
    panel.plot([0, 1], [0, 1], color=GREY, linestyle="--", label=texts["reliability.diagonal"])
    bounds = [wilson_interval(each.accuracy, each.num_clips) for each in filled]
    panel.vlines(confidence, [low for low, _ in bounds], [high for _, high in bounds], color=BLUE, linewidth=0.8)
    panel.plot(confidence, accuracy, color=BLUE, marker="o", clip_on=False, label=texts["reliability.bins"])
    panel.set(xlim=(0, 1), ylim=(0, 1), ylabel=texts["reliability.accuracy"])
    error = expected_calibration_error(bins)
    panel.set_title(texts["reliability.title"].format(error=texts.percent(error), bins=len(bins)), loc="left")
    figure.legend(loc="outside upper center", ncols=2)
    counts.bar(confidence, [each.num_clips for each in filled], width=0.02, color=BLUE)
    counts.set(xlabel=texts["reliability.confidence"], ylabel=texts["counts.clips"])
    for axis in (panel.xaxis, panel.yaxis):
        write_percent(axis, texts)
    return figure
