"""The folder of a training run: everything that an export needs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamer.emotion.model_file import ModelInfo, parse_metadata
from streamer.errors import ModelError
from training.dataset import Example
from training.errors import RunError
from training.hearing import Rows

NETWORK_FILE = "model.keras"
DESCRIPTION_FILE = "run.json"
PARITY_FILE = "parity.npz"

_NUM_PARITY_CLIPS = 12


@dataclass(frozen=True)
class Run:
    """What a run folder holds, less the network."""

    info: ModelInfo
    description: dict[str, Any]
    """The whole of ``run.json``."""
    parity_rows: list[Rows]
    """Rows of real clips, not normalised, to compare two forms of the network on."""


def require_new(folder: Path) -> None:
    """Make the folder of a run; refuse one that holds a run.

    Raises:
        RunError: It does, or can not be made.
    """
    if (folder / DESCRIPTION_FILE).exists():
        raise RunError(f"{folder}: already holds a run; choose another folder for --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)  # now, not after hours of training
    except OSError as error:
        raise RunError(f"{folder}: can not be made ({error.strerror})") from error


def write_run(folder: Path, network: Any, info: ModelInfo, more: dict[str, Any], examples: Sequence[Example]) -> None:
    """Write a run: the network, ``run.json`` with ``info`` and ``more``, and rows of some ``examples``."""
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / NETWORK_FILE)
    by_length = sorted((e for e in examples if len(e.rows)), key=lambda example: len(example.rows))
    chosen = np.linspace(0, len(by_length) - 1, min(_NUM_PARITY_CLIPS, len(by_length))).astype(int)
    np.savez(folder / PARITY_FILE, *[by_length[index].rows for index in chosen])
    model = {key: _decoded(value) for key, value in info.to_metadata().items()}
    text = json.dumps({"model": model, **more}, indent=1, ensure_ascii=False)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


def read_run(folder: Path) -> Run:
    """Return the run in ``folder``.

    Raises:
        RunError: A file is missing or malformed, or the run does not describe a model.
    """
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        with np.load(folder / PARITY_FILE) as arrays:
            parity_rows = [np.asarray(arrays[name], np.float32) for name in arrays.files]
    except (OSError, ValueError) as error:
        raise RunError(f"{folder}: not a training run ({error})") from error
    if not isinstance(description, dict) or not isinstance(description.get("model"), dict):
        raise RunError(f"{folder / DESCRIPTION_FILE}: lacks the object 'model'")
    if not parity_rows:
        raise RunError(f"{folder / PARITY_FILE}: holds no rows to check an export with")
    try:
        info = parse_metadata({key: _encoded(key, value) for key, value in description["model"].items()})
    except ModelError as error:
        raise RunError(f"{folder / DESCRIPTION_FILE}: {error}") from error
    return Run(info, description, parity_rows)


def _decoded(value: str) -> Any:
    """Return metadata as run.json holds it: texts that are JSON as what they say."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _encoded(key: str, value: Any) -> str:
    return str(value) if key in ("format", "name") else json.dumps(value)
