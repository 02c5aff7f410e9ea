"""Whom the network understands, and whom it does not."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from training.corpora.base import LABELS
from training.pictures.style import BLACK, GREY, LOOKS, TEXT_WIDTH_INCHES, new_figure, picture, write_percent
from training.pictures.texts import Texts

_POINTS_PER_INCH = 72


@picture
def uar_by_speaker(speakers: Mapping[str, Mapping[str, float]], texts: Texts) -> Figure:
    """Return a dot a speaker, sorted within each corpus, with the mean of the speakers and the chance level.

    Args:
        speakers: Title of the corpus to the speaker's name to the UAR.
        texts: In which language.
    """
    figure = new_figure(TEXT_WIDTH_INCHES, 2.6)
    panel = figure.subplots()
    names: list[str] = []
    for index, (title, uars) in enumerate(speakers.items()):
        ranked = sorted(uars.items(), key=lambda item: item[1])
        places = range(len(names) + index, len(names) + index + len(ranked))  # a gap between corpora
        look, values = LOOKS[index % len(LOOKS)], [uar for _, uar in ranked]
        panel.plot(places, values, color=look.colour, marker=look.marker, linestyle="", clip_on=False, label=title)
        panel.hlines(np.mean(values), places[0] - 0.4, places[-1] + 0.4, color=BLACK, linewidth=0.9)
        names += [name for name, _ in ranked]
    places_used = [place for line in panel.get_lines() for place in np.asarray(line.get_xdata())]
    font_size = min(7.0, 0.75 * TEXT_WIDTH_INCHES * _POINTS_PER_INCH / max(1, len(places_used)))
    panel.set_xticks(places_used, names, rotation=90, fontsize=font_size)
    panel.axhline(1 / len(LABELS), color=GREY, linestyle=":", label=texts["measure.chance"])
    panel.plot([], [], color=BLACK, linewidth=0.9, label=texts["speakers.mean"])
    panel.set(ylim=(0, 1), xlabel=texts["speakers.speaker"], ylabel=texts["measure.uar_percent"])
    panel.margins(x=0.02)
    panel.grid(visible=False, axis="x")
    write_percent(panel.yaxis, texts)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return figure
