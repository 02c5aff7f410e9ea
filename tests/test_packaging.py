"""What is in the wheel."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy, since a build leaves its traces beside the sources.
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", folder, source]
    subprocess.run(command, check=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_it_holds_the_package_alone(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel.namelist()} == {"streamer", "emotion_streamer"}


def test_it_brings_the_model_its_card_and_the_demonstration(wheel: zipfile.ZipFile) -> None:
    brought = set(wheel.namelist())

    assert {
        "streamer/models/emotion.onnx",
        "streamer/models/emotion.md",
        "streamer/models/LICENSE",
        "streamer/demonstration.flac",
        "streamer/py.typed",
    } <= brought


def test_it_states_both_licences_and_brings_their_texts(wheel: zipfile.ZipFile) -> None:
    folder = next(name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name)

    metadata = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())

    assert metadata["License-Expression"] == "MIT AND CC-BY-NC-SA-4.0"
    texts = [wheel.read(f"{folder}/licenses/{name}").decode() for name in metadata.get_all("License-File", [])]
    assert [text.splitlines()[0] for text in texts] == [
        "MIT License",
        "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
    ]


def test_it_gives_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert "emotion-streamer = streamer.__main__:main" in wheel.read(entry_points).decode()
