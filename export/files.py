"""A run in, a checked model file and its card out."""

import os
from pathlib import Path
from typing import Any

import keras

from export.card import card
from export.convert import to_onnx
from export.errors import ExportError
from export.figures import with_figures
from export.parity import check_parity
from streamer.emotion.classifier import OnnxClassifier
from training import networks  # noqa: F401  # registers the layers that the network is made of
from training.runs import NETWORK_FILE, Run, read_run

MAX_BYTES = 1_000_000


def export_run(folder: Path, target: Path) -> str:
    """Write the model file of the run in ``folder`` to ``target`` and its card beside it; return what was checked.

    Nothing is at ``target`` before it has passed every check.

    Raises:
        RunError: ``folder`` holds no run.
        ExportError: The network can not be loaded, the file is too large, or it can not be written.
        ModelError: The daemon would refuse the file.
        ParityError: The file gives other numbers than the network.
    """
    if target.suffix != ".onnx":
        raise ExportError(f"{target}: the name of a model file ends in .onnx")
    run = with_figures(read_run(folder), folder)
    network = _load_network(folder / NETWORK_FILE)
    content = to_onnx(network, run.info)
    if len(content) > MAX_BYTES:
        raise ExportError(f"the model file has {len(content)} bytes, allowed are {MAX_BYTES}: train a smaller network")
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.onnx")
    try:
        temporary.write_bytes(content)
        difference = _check(network, temporary, run)
        text = _card(run, folder, target, len(content), difference)
        target.with_suffix(".md").write_text(text, encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        raise ExportError(f"{error.filename}: can not be written ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)
    return f"{target}: {len(content)} bytes, differs from the network by at most {difference:.1e}"


def _card(run: Run, folder: Path, target: Path, size_bytes: int, difference: float) -> str:
    try:
        return card(run.description, target.name, size_bytes=size_bytes, difference=difference)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ExportError(
            f"{folder}: run.json or evaluation.json lacks what a card needs ({type(error).__name__}: {error}); "
            "fit and evaluate again"
        ) from error


def _load_network(path: Path) -> Any:
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ExportError(f"{path}: not a network that Keras loads ({reason})") from error


def _check(network: Any, path: Path, run: Run) -> float:
    classifier = OnnxClassifier(path)
    if classifier.info != run.info:
        raise ExportError(f"{path}: the metadata read back is not what the run says")
    return check_parity(network, classifier, run.parity_rows)
