"""Tells whether two runs over the same audio gave the same events: same_events.py ONE.jsonl OTHER.jsonl."""

import json
import math
import sys
from pathlib import Path
from typing import Any

PROBABILITY_TOLERANCE = 1e-4
"""How far probabilities may be apart, each of them rounded to the fourth place when it was written."""

_MEASURED = {"latency_ms", "time"}
"""Keys whose values tell of the machine and the hour, not of the audio."""

_PROBABILITIES = {"p", "probs"}


def differences(one: Any, other: Any, where: str = "", *, is_probability: bool = False) -> list[str]:
    """Return a line for each place where ``one`` and ``other``, values of JSON, are not the same."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        found = []
        for key in one.keys() - _MEASURED:
            inside = is_probability or key in _PROBABILITIES
            found += differences(one[key], other[key], f"{where}.{key}", is_probability=inside)
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for index, pair in pairs for line in differences(*pair, f"{where}[{index}]")]
    if is_probability and isinstance(one, float) and isinstance(other, float):
        same = math.isclose(one, other, rel_tol=0, abs_tol=PROBABILITY_TOLERANCE * (1 + 1e-9))
    else:
        same = type(one) is type(other) and one == other
    return [] if same else [f"{where or '(all)'}: {one!r} and {other!r}"]


def main() -> int:
    """Compare the files that the command line names."""
    one, other = ([json.loads(line) for line in Path(name).read_text().splitlines()] for name in sys.argv[1:])
    found = differences(one, other)
    utterances = [event for event in one if event["type"] == "utterance"]
    if not utterances:
        found.append("there is no utterance to compare")
    print("\n".join(found) or f"the same: {len(one)} events, {len(utterances)} of them utterances")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
