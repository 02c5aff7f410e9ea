"""How figures are written down: a record as JSON, and a Markdown page."""

import importlib.util
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.machine import processor

if TYPE_CHECKING:
    from training.pictures.values import Estimate

if importlib.util.find_spec("matplotlib") is None:  # told before an hour of measuring, not after it
    raise SystemExit("the benchmarks run in .venv-dev, which `make prepare-dev` makes: .venv-dev/bin/python -m ...")


def write_results(out: Path, name: str, record: Mapping[str, Any], page: str) -> None:
    """Write ``record``, with the machine, and the Markdown ``page`` under ``name`` into the folder ``out``.

    Args:
        out: It is made where it is missing.
        name: Of both files, less their endings.
        record: Its ``command`` gives the same figures, up to the machine.
        page: Tells them; how they were made is added.
    """
    record = {"processor": processor(), "python": platform.python_version(), **record}
    page += f"\nMade by `{record['command']}` on {record['processor']}, Python {record['python']}.\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / f"{name}.md").write_text(page, encoding="utf-8")


def estimated(estimate: "Estimate") -> dict[str, Any]:
    """Return ``estimate`` as it is written down, for :func:`signed`."""
    return {"value": round(estimate.value, 4), "interval_95": [round(estimate.low, 4), round(estimate.high, 4)]}


def signed(difference: Mapping[str, Any]) -> str:
    """Return a ``value`` and its ``interval_95`` as a table tells differences."""
    low, high = difference["interval_95"]
    return f"{difference['value']:+.3f} ({low:+.3f} to {high:+.3f})"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first line is its header."""
    header, *rest = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rest))
