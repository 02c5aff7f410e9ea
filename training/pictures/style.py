"""How all pictures look: for print on A4, for the colour-blind and for a grey printer."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from training.errors import RunError
from training.pictures.texts import Texts

TEXT_WIDTH_INCHES = 6.3
"""Between margins of 25 mm on A4."""

COLUMN_WIDTH_INCHES = 3.35
"""One of two columns in there, and a little more."""

# Okabe and Ito (2008): told apart with every kind of colour vision, and most of them in grey.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"

SCALE = "cividis"
"""The colour map of every picture that has one: its lightness rises evenly (Nunez and others 2018)."""

_STYLE = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 200,
    "font.size": 8,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "svg.hashsalt": "emotion-streamer",  # the same picture gives the same file
    "text.parse_math": False,  # a name in the data may hold a dollar
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}


@dataclass(frozen=True)
class Look:
    """What tells one series from another; two of the three are there without colour."""

    colour: str
    marker: str
    hatch: str


LOOKS = (
    Look(BLUE, "o", ""),
    Look(VERMILION, "s", "////"),
    Look(GREEN, "^", "...."),
    Look(ORANGE, "D", "\\\\\\\\"),
    Look(PURPLE, "v", "xxxx"),
    Look(SKY, "P", "----"),
)

_Parameters = ParamSpec("_Parameters")


def picture(draw: Callable[_Parameters, Figure]) -> Callable[_Parameters, Figure]:
    """Make ``draw`` run in the style of this module, whatever the user's settings, and leave those alone."""

    @wraps(draw)
    def drawn(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Figure:
        with _style():
            return draw(*args, **kwargs)

    return drawn


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """Return an empty figure that is drawn without a screen and known to no global state."""
    figure = Figure((width_inches, height_inches))
    FigureCanvasAgg(figure)
    return figure


def new_panels(
    titles: Sequence[str], num_columns: int, panel_height_inches: float, *, width_inches: float = TEXT_WIDTH_INCHES
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel a title, which share their axes, in rows of at most ``num_columns``."""
    num_columns = min(num_columns, len(titles))
    num_rows = math.ceil(len(titles) / num_columns)
    figure = new_figure(width_inches, num_rows * panel_height_inches)
    grid = figure.subplots(num_rows, num_columns, sharex=True, sharey=True, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for spare in panels[len(titles) :]:
        spare.remove()
    for index, (panel, title) in enumerate(zip(panels, titles, strict=False)):
        panel.set_title(title, loc="left")
        if index + num_columns >= len(titles):
            panel.tick_params(labelbottom=True)  # also where a column ends early
    return figure, panels[: len(titles)]


def write_numbers(axis: Axis, texts: Texts, factor: float = 1.0) -> None:
    """Write the numbers along ``axis``, times ``factor``, as the language does, with as many decimals as they need."""

    def written(value: float, _position: int) -> str:
        return f"{factor * value:.6g}".replace(".", texts["number.decimal_mark"])

    axis.set_major_formatter(FuncFormatter(written))


def write_percent(axis: Axis, texts: Texts) -> None:
    """Write parts of 1 along ``axis`` as percent, without the sign: the label of the axis has it."""
    write_numbers(axis, texts, 100.0)


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``figure`` as ``name.png`` and ``name.svg`` into ``folder``, which is made; return both paths.

    Raises:
        RunError: They can not be written.
    """
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _style():
            figure.savefig(png)
            figure.set_layout_engine("none")  # laid out by now: half the time, and both are alike
            figure.savefig(svg, metadata={"Date": None})
    except OSError as error:
        raise RunError(f"{folder}: pictures can not be written ({error.strerror}); choose another --out") from error
    return png, svg


def _style() -> AbstractContextManager[None]:
    return matplotlib.style.context(["default", _STYLE])
