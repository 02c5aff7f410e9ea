"""What it is worth to have heard somebody before: differences between the states of knowledge of one evaluated network.

    python -m benchmarks.states RUN [--out FOLDER]

UAR in one state less that in another, on the clips that are judged in both, with the 95 % interval of a bootstrap that
draws the same speakers for both.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import estimated, markdown, signed, write_results
from training.report.pairs import clip_of, paired_mean_difference
from training.report.record import Prediction, read_record

_PAIRS = (
    *(("cold", state) for state in ("warm_5", "warm_10", "warm_20", "one_emotion_10", "enrolled")),
    *(("warm_5", "enrolled"), ("cold", "warm")),
)
_PROTOCOLS = ("speakers", "corpus", "live")


def differences(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Return all differences that there are, for each corpus and the mean of them."""
    own = [made for made in predictions if made.selection == "validation"]
    found = []
    for protocol in _PROTOCOLS:
        for before, after in _PAIRS:
            sides = [[made for made in own if (made.protocol, made.state) == (protocol, s)] for s in (before, after)]
            known = {clip_of(made) for made in sides[1]}
            sides[0] = [made for made in sides[0] if clip_of(made) in known]
            for corpus in ("", *dict.fromkeys(made.corpus for made in sides[0])):
                one, other = ([made for made in side if corpus in ("", made.corpus)] for side in sides)
                estimate = paired_mean_difference(one, other)
                if estimate is not None:
                    found.append(
                        {"protocol": protocol, "of": after, "to": before, "corpus": corpus, **estimated(estimate)}
                    )
    return found


def table(found: Sequence[dict[str, Any]]) -> str:
    """Return a Markdown table, a line for each two states in a protocol."""
    corpora = list(dict.fromkeys(each["corpus"] for each in found))
    cells = {(each["protocol"], each["of"], each["to"], each["corpus"]): each for each in found}
    lines = [["protocol", "state", "less", *(corpus or "mean of the corpora" for corpus in corpora)]]
    for protocol, after, before in dict.fromkeys((each["protocol"], each["of"], each["to"]) for each in found):
        each = [cells.get((protocol, after, before, corpus)) for corpus in corpora]
        lines.append([protocol, after, before, *(signed(one) if one else "-" for one in each)])
    return markdown(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of an evaluated run")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for states.json and states.md")
    options = parser.parse_args()
    found = differences(read_record(options.run).predictions)
    text = table(found)
    print(text)
    if options.out:
        command = f"python -m benchmarks.states RUN --out {options.out}"
        page = f"# What it is worth to have heard somebody before\n\n{__doc__}\n{text}\n"
        write_results(options.out, "states", {"command": command, "differences": found}, page)


if __name__ == "__main__":
    main()
