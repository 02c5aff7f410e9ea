"""What was taken for what."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from training.corpora.base import LABELS
from training.pictures.style import COLUMN_WIDTH_INCHES, SCALE, TEXT_WIDTH_INCHES, new_figure, picture
from training.pictures.texts import Texts

Confusion = NDArray[np.int64]
"""Shape ``(num_labels, num_labels + 1)``: rows are the truth; in the last column nobody was heard."""


@dataclass(frozen=True)
class Scores:
    """How well one label is told; NaN where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float
    support: int


def class_scores(confusion: Confusion) -> list[Scores]:
    """Return the scores of each label, in the order of ``LABELS``."""
    right, decided, support = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    return [_scores(int(right[index]), int(decided[index]), int(support[index])) for index in range(len(LABELS))]


def mean_scores(confusion: Confusion) -> Scores:
    """Return the mean over the labels that occur: its recall is the UAR."""
    occurring = [scores for scores in class_scores(confusion) if scores.support]
    means = [float(np.mean(values)) for values in zip(*((s.precision, s.recall, s.f1) for s in occurring), strict=True)]
    return Scores(means[0], means[1], means[2], int(confusion.sum()))


def row_parts(confusion: Confusion) -> NDArray[np.float64]:
    """Return each cell as a part of its row; 0 in a row without clips."""
    return np.asarray(confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True)))


@picture
def confusion_matrix(confusion: Confusion, texts: Texts) -> Figure:
    """Return the counts beside the percentages of each row, both coloured by the latter."""
    figure = new_figure(TEXT_WIDTH_INCHES, 2.9)
    panels = figure.subplots(1, 2, sharey=True)
    parts = row_parts(confusion)
    counts_text = [[str(count) for count in row] for row in confusion]
    parts_text = [[texts.number(100 * part, 1) for part in row] for row in parts]
    for panel, cells, title in zip(panels, (counts_text, parts_text), ("counts", "parts"), strict=True):
        image = _cells(panel, parts, cells, texts)
        panel.set_title(texts[f"confusion.{title}"], loc="left")
    panels[0].set_ylabel(texts["confusion.truth"])
    figure.supxlabel(texts["confusion.decided"], fontsize=8)
    bar = figure.colorbar(image, ax=list(panels), label=texts["confusion.part_of_row"], aspect=25, pad=0.015)
    bar.set_ticks([0.0, 0.25, 0.5, 0.75, 1.0], labels=["0", "25", "50", "75", "100"])
    return figure


@picture
def classification_report(confusion: Confusion, texts: Texts) -> Figure:
    """Return precision, recall, F1 and support of each label, and their mean, as a table."""
    figure = new_figure(COLUMN_WIDTH_INCHES, 1.6)
    panel = figure.subplots()
    panel.set_axis_off()
    named = [*zip([texts[f"label.{label}"] for label in LABELS], class_scores(confusion), strict=True)]
    named.append((texts["scores.mean"], mean_scores(confusion)))
    table = panel.table(
        [[name, *written_scores(scores, texts)] for name, scores in named],
        colLabels=["", *score_names(texts)],
        colWidths=[0.22, 0.2, 0.22, 0.14, 0.22],
        edges="horizontal",
        bbox=Bbox.unit(),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    for (row, column), cell in table.get_celld().items():
        cell.set_linewidth(0.5)
        cell.set_text_props(ha="left" if column == 0 else "right", weight="bold" if row == 0 else "normal")
    return figure


def score_names(texts: Texts) -> list[str]:
    """Return the heads of the columns that :func:`written_scores` fills."""
    return [texts[f"scores.{name}"] for name in ("precision", "recall", "f1", "support")]


def written_scores(scores: Scores, texts: Texts) -> list[str]:
    """Return ``scores`` in percent, and the number of clips."""
    parts = (scores.precision, scores.recall, scores.f1)
    return [*("-" if np.isnan(part) else texts.percent(part) for part in parts), str(scores.support)]


def _scores(num_right: int, num_decided: int, support: int) -> Scores:
    precision = num_right / num_decided if num_decided else float("nan")
    recall = num_right / support if support else float("nan")
    # 2 PR / (P + R), written so that it is defined also where one of the two is not.
    f1 = 2 * num_right / (num_decided + support) if num_decided + support else float("nan")
    return Scores(precision, recall, f1, support)


def _cells(panel: Axes, parts: NDArray[np.float64], cells: list[list[str]], texts: Texts) -> AxesImage:
    image = panel.imshow(parts, cmap=SCALE, vmin=0.0, vmax=1.0, aspect="auto")
    panel.grid(visible=False)
    for (row, column), part in np.ndenumerate(parts):
        colour = "white" if part < 0.55 else "black"
        panel.text(column, row, cells[row][column], ha="center", va="center", color=colour, fontsize=7)
    panel.axvline(len(LABELS) - 0.5, color="white", linewidth=3)  # what is right of it is no label
    names = [texts[f"label.{label}"] for label in LABELS]
    panel.set_xticks(range(len(LABELS) + 1), [*names, texts["confusion.unheard"]], rotation=35, ha="right")
    panel.set_yticks(range(len(LABELS)), names)
    return image
