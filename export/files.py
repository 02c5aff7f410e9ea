"""A run in, a checked model file and its card out."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from export.card import card, detector_card
from export.convert import detector_to_onnx, to_onnx
from export.errors import ExportError
from export.figures import with_figures
from export.parity import check_detector_parity, check_parity, self_test_of
from streamer.emotion.classifier import OnnxClassifier
from streamer.speech.network import SpeechNetwork
from training import networks  # noqa: F401  # registers the layers that the network is made of
from training.runs import NETWORK_FILE, DetectorRun, Run, read_detector_run, read_run

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
    detector = read_detector_run(folder)
    if detector:
        return _export_detector(detector, _load_network(folder / NETWORK_FILE), folder, target)
    run = with_figures(read_run(folder), folder)
    network = _load_network(folder / NETWORK_FILE)
    content = to_onnx(network, run.info, self_test_of(network, run.info))
    return _write(
        content,
        target,
        lambda path: _check(network, path, run),
        lambda difference: card(run.description, target.name, size_bytes=len(content), difference=difference),
        folder,
    )


def _export_detector(run: DetectorRun, network: Any, folder: Path, target: Path) -> str:
    content = detector_to_onnx(network, run.metadata)
    return _write(
        content,
        target,
        lambda path: check_detector_parity(network, SpeechNetwork(path), run.parity_rows),
        lambda difference: detector_card(run.description, target.name, size_bytes=len(content), difference=difference),
        folder,
    )


def _write(
    content: bytes, target: Path, check: Callable[[Path], float], card_of: Callable[[float], str], folder: Path
) -> str:
    """Write ``content`` and its card, where ``check`` finds nothing wrong with it; return what was checked."""
    if len(content) > MAX_BYTES:
        raise ExportError(f"the model file has {len(content)} bytes, allowed are {MAX_BYTES}: train a smaller network")
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.onnx")
    try:
        temporary.write_bytes(content)
        difference = check(temporary)
        target.with_suffix(".md").write_text(_complete(card_of, difference, folder), encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        raise ExportError(f"{error.filename}: can not be written ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)
    return f"{target}: {len(content)} bytes, differs from the network by at most {difference:.1e}"


def _complete(card_of: Callable[[float], str], difference: float, folder: Path) -> str:
    try:
        return card_of(difference)
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
    classifier.self_test()
    return check_parity(network, classifier, run.parity_rows)
