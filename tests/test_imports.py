"""What an import costs: the package stays light until a stage is used."""

import subprocess
import sys

import pytest

import streamer

HEAVY = ("tensorflow", "keras", "scipy", "onnx", "onnxruntime", "sounddevice", "soundfile", "soxr", "webrtcvad")


def loaded_by(statement: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has after ``statement``."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["streamer", "streamer.cli", "streamer.pipeline", "streamer.emotion.classifier"])
def test_importing_loads_no_heavy_library(module: str) -> None:
    loaded = loaded_by(f"import {module}")

    assert module in loaded
    assert not loaded.intersection(HEAVY)


def test_a_start_without_a_file_of_settings_loads_nothing_for_one() -> None:
    assert not loaded_by("from streamer.cli import parse\nparse(['run'])") & {"tomllib", "shlex", "difflib"}


def test_what_the_package_offers_is_there() -> None:
    missing = [name for name in streamer.__all__ if not hasattr(streamer, name)]

    assert not missing


def test_the_runtime_needs_neither_training_nor_export() -> None:
    loaded = loaded_by("import streamer.cli, streamer.pipeline, streamer.emotion.classifier")

    assert not {name.partition(".")[0] for name in loaded} & {"training", "export"}
