"""The picture of how the cost grows."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.scaling import median
from training.pictures.style import LOOKS, TEXT_WIDTH_INCHES, new_figure, picture


@picture
def growth(record: dict[str, Any]) -> Figure:
    """Return three panels: utterances, networks, streams."""
    rounds = record["rounds"]
    figure = new_figure(TEXT_WIDTH_INCHES, 2.2)
    by_length, by_size, by_streams = figure.subplots(1, 3)
    lengths = list(rounds[0]["lengths"])
    by_length.plot(lengths, [median(rounds, "lengths", each) for each in lengths], marker="o", color=LOOKS[0].colour)
    _on_logarithms(by_length, lengths)
    by_length.set(xlabel="length of the utterance, s", ylabel="us for one more second", ylim=(0, None))
    for look, suffix in zip(LOOKS, ("", ", int8"), strict=False):
        names = [name for name in record["kib"] if "x channels" in name and name.endswith("int8") == bool(suffix)]
        costs = [median(rounds, "sizes", name) for name in names]
        sizes = [record["kib"][name] for name in names]
        by_size.plot(sizes, costs, marker=look.marker, color=look.colour, label=suffix.strip(", ") or "float32")
    by_size.set(xlabel="file, KiB", ylabel="us per s of audio", ylim=(0, None))
    by_size.legend()
    for look, way in zip(LOOKS, ("one thread", "two threads", "two processes"), strict=False):
        counts = [count for count, ways in rounds[0]["streams"].items() if way in ways]
        capacities = [median(rounds, "streams", count, way, 0) for count in counts]
        by_streams.plot(counts, capacities, marker=look.marker, color=look.colour, label=way)
    _on_logarithms(by_streams, list(rounds[0]["streams"]))
    by_streams.set(xlabel="streams", ylabel="s of audio per s", ylim=(0, None))
    by_streams.legend()
    return figure


def _on_logarithms(panel: Axes, values: Sequence[float]) -> None:
    panel.set_xscale("log")
    panel.set_xticks(values, [f"{value:g}" for value in values])
    panel.minorticks_off()
