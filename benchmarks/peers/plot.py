"""The picture of what was measured."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from benchmarks.peers.measure import Round
from benchmarks.peers.peers import ALL, FIGURES, FLAT_OUT, LIVE, REFERENCES
from benchmarks.peers.tables import median, number
from training.pictures.style import BLUE, TEXT_WIDTH_INCHES, new_figure, picture

_OTHERS = "#BBBBBB"
_LOWEST = {FLAT_OUT: 1.0, LIVE: 0.01}


@picture
def costs(rounds: Sequence[Round]) -> Figure:
    """Return bars of the cost flat out and at real time, a row a group, on scales of powers of ten."""
    groups = [
        [peer for peer in ALL if peer.group == group and median(rounds, peer.name, FLAT_OUT) is not None]
        for group in REFERENCES
    ]
    figure = new_figure(1.4 * TEXT_WIDTH_INCHES, 1 + 0.22 * sum(map(len, groups)))
    grid = figure.subplots(
        len(groups),
        2,
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=[max(1, len(peers)) for peers in groups],
    )
    for panels, peers, group in zip(grid, groups, REFERENCES, strict=True):
        for panel, name in zip(panels, (FLAT_OUT, LIVE), strict=True):
            values = [median(rounds, peer.name, name) or 0.0 for peer in peers]
            colours = [BLUE if peer.title.startswith("**") else _OTHERS for peer in peers]
            shown = [max(value, _LOWEST[name]) for value in values]  # a logarithm needs more than nothing
            bars = panel.barh(range(len(peers)), shown, color=colours, edgecolor="black", linewidth=0.4)
            panel.bar_label(bars, [number(value) for value in values], padding=2, fontsize=7)
            panel.set_xscale("log")
            panel.set_title(f"{group}: {FIGURES[name]}", loc="left")
            panel.xaxis.set_major_formatter("{x:g}")  # powers need math, which the style switches off
            panel.grid(visible=False, axis="y")
            panel.margins(x=0.25)
        panels[0].set_yticks(range(len(peers)), [peer.title.strip("*").replace("`", "") for peer in peers])
        panels[0].invert_yaxis()
    return figure
