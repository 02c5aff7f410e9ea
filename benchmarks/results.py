"""How the benchmarks write what they found."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_results(out: Path, name: str, record: Mapping[str, Any], page: str) -> None:
    """Write ``record`` and the Markdown ``page`` under ``name`` into the folder ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / f"{name}.md").write_text(page, encoding="utf-8")


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first line is its header."""
    header, *rest = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rest))
