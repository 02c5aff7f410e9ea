"""What the bundled model's features and network cost beside another model's, one after the other on one machine.

    python -m benchmarks.model_cost OTHER [--rounds 5] [--out FOLDER]

Each round is `emotion-streamer bench --json --model FILE` with both files in turn; OTHER is a file of the same format,
as of an earlier version: `git show 9c6a1ea:streamer/models/emotion.onnx > before.onnx` gives the one before networks
that adapt.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import markdown, write_results
from streamer.emotion.classifier import BUNDLED_MODEL

_STAGES = ("features", "infer")


def cost_us(model: Path) -> float:
    """Return what features and network of ``model`` cost, in us of CPU per second of speech."""
    command = [sys.executable, "-m", "streamer", "bench", "--json", "--model", str(model)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return float(sum(found["cost_us_per_s"]["speech"][stage] for stage in _STAGES))


def summary(ours: Sequence[float], other: Sequence[float]) -> dict[str, Any]:
    """Return medians, and the median ratio with its range, of rounds in turn."""
    ratios = [one / before for one, before in zip(ours, other, strict=True)]
    return {
        "bundled_us": round(statistics.median(ours), 1),
        "other_us": round(statistics.median(other), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "rounds": len(ratios),
    }


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, metavar="OTHER", help="a model file")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for model_cost.json and model_cost.md")
    options = parser.parse_args()
    pairs = [(cost_us(BUNDLED_MODEL), cost_us(options.other)) for _ in range(options.rounds)]
    found = summary([ours for ours, _ in pairs], [other for _, other in pairs])
    low, high = found["ratio_range"]
    line = [f"{found['bundled_us']:.0f}", f"{found['other_us']:.0f}", f"{found['ratio']:.2f} ({low:.2f} to {high:.2f})"]
    text = markdown([("bundled, us per s of speech", "other", "ratio, median of the rounds (range)"), line])
    print(text)
    if options.out:
        command = f"python -m benchmarks.model_cost {options.other} --rounds {options.rounds} --out {options.out}"
        page = f"# Features and network, beside an earlier model\n\n{__doc__}\n{text}\n"
        write_results(options.out, "model_cost", {"command": command, **found}, page)


if __name__ == "__main__":
    main()
