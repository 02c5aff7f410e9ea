"""The folder of a run: what ``fit`` and ``evaluate`` write and ``export`` and ``report`` read."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamer.emotion.model_file import FORMAT, ModelInfo, parse_metadata
from streamer.errors import ModelError
from training.cache import write_text_whole, write_whole
from training.dataset import Example
from training.errors import RunError
from training.experiment import Experiment
from training.hearing import Rows

NETWORK_FILE = "model.keras"
DESCRIPTION_FILE = "run.json"
PARITY_FILE = "parity.npz"
EVALUATION_FILE = "evaluation.json"
PREDICTIONS_FILE = "predictions.csv"
SETTINGS_FILE = "experiment.toml"
"""A settings file of one's own, as it was given."""

_NUM_PARITY_CLIPS = 12


@dataclass(frozen=True)
class Run:
    """What a run folder holds, less the network."""

    info: ModelInfo
    description: dict[str, Any]
    """The whole of ``run.json``."""
    parity_rows: list[Rows]
    """Rows of real clips, not normalised, to compare two forms of the network on."""


@dataclass(frozen=True)
class DetectorRun:
    """What the folder of a detector holds, less the network."""

    metadata: dict[str, str]
    """What the model file says about itself."""
    description: dict[str, Any]
    """The whole of ``run.json``."""
    parity_rows: list[Rows]
    """Rows of scenes, to compare two forms of the network on."""


def require_no_model(folder: Path) -> None:
    """Make the folder of a run; refuse one that holds a network.

    Raises:
        RunError: It does, or can not be made.
    """
    if (folder / DESCRIPTION_FILE).exists():
        raise RunError(f"{folder}: already holds a network; choose another folder for --out")
    make_folder(folder)


def make_folder(folder: Path) -> None:
    """Make the folder of a run, where it is not there: now, not after hours of training.

    Raises:
        RunError: It can not be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: can not be made ({error.strerror})") from error


def write_run(folder: Path, network: Any, info: ModelInfo, more: dict[str, Any], examples: Sequence[Example]) -> None:
    """Write a run: the network, ``run.json`` with ``info`` and ``more``, and rows of some ``examples``.

    Raises:
        RunError: A file can not be written.
    """
    make_folder(folder)
    save_network(network, folder)
    by_length = sorted((e for e in examples if len(e.rows)), key=lambda example: len(example.rows))
    chosen = np.linspace(0, len(by_length) - 1, min(_NUM_PARITY_CLIPS, len(by_length))).astype(int)
    rows = [by_length[index].rows for index in chosen]
    write_whole(folder / PARITY_FILE, lambda file: np.savez(file, *rows))
    # The format is that of the file, which the exporter decides about.
    model = {key: _decoded(value) for key, value in info.to_metadata().items() if key != "format"}
    text = json.dumps({"model": model, **more}, indent=1, ensure_ascii=False)
    write_text_whole(folder / DESCRIPTION_FILE, text + "\n")


def save_network(network: Any, folder: Path) -> None:
    """Write the Keras model into the folder of a run.

    Raises:
        RunError: It can not be written.
    """
    try:
        network.save(folder / NETWORK_FILE)
    except OSError as error:
        raise RunError(f"{folder / NETWORK_FILE}: can not be written ({error.strerror or error})") from error


def read_run(folder: Path) -> Run:
    """Return the run in ``folder``.

    Raises:
        RunError: A file is missing or malformed, or the run does not describe a model.
    """
    description, parity_rows = _read_files(folder)
    if not isinstance(description.get("model"), dict):
        raise RunError(f"{folder / DESCRIPTION_FILE}: lacks the object 'model'")
    try:
        model = {key: _encoded(key, value) for key, value in description["model"].items()}
        info = parse_metadata({**model, "format": str(FORMAT)})
    except ModelError as error:
        raise RunError(f"{folder / DESCRIPTION_FILE}: {error}") from error
    return Run(info, description, parity_rows)


def read_detector_run(folder: Path) -> DetectorRun | None:
    """Return the run of a detector in ``folder``; None where it is one of a network for emotions.

    Raises:
        RunError: A file is missing or malformed.
    """
    description, parity_rows = _read_files(folder)
    metadata = description.get("detector")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise RunError(f"{folder / DESCRIPTION_FILE}: the object 'detector' must hold texts")
    return DetectorRun(metadata, description, parity_rows)


def _read_files(folder: Path) -> tuple[dict[str, Any], list[Rows]]:
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        with (folder / PARITY_FILE).open("rb") as file, np.load(file) as arrays:
            parity_rows = [np.asarray(arrays[name], np.float32) for name in arrays.files]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(f"{folder}: not a training run ({error})") from error
    if not isinstance(description, dict):
        raise RunError(f"{folder / DESCRIPTION_FILE}: expected an object")
    if not parity_rows:
        raise RunError(f"{folder / PARITY_FILE}: holds no rows to check an export with")
    return description, parity_rows


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """Return what ``evaluate`` wrote into ``folder``; None where it did not.

    Raises:
        RunError: The file is damaged.
    """
    return _read_object(folder / EVALUATION_FILE)


def require_same(folder: Path, experiment: Experiment, data_sha256: str) -> None:
    """Refuse a run folder that holds a network or an evaluation of another experiment, or of other clips.

    Raises:
        RunError: It does.
    """
    for name in (DESCRIPTION_FILE, EVALUATION_FILE):
        there = _read_object(folder / name)
        if there is None:
            continue
        if there.get("experiment") != json.loads(json.dumps(experiment.to_table())):
            raise RunError(f"{folder / name}: is of another experiment, or of other settings; choose another --out")
        if there.get("data_sha256") != data_sha256:
            raise RunError(f"{folder / name}: is of other clips; choose another --out")


def _read_object(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: can not be read ({error})") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: expected a JSON object")
    return content


def _decoded(value: str) -> Any:
    """Return metadata as run.json holds it: texts that are JSON as what they say."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _encoded(key: str, value: Any) -> str:
    return str(value) if key == "name" else json.dumps(value)
