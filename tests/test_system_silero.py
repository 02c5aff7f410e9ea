"""The real silero_vad.onnx, taken from its package as the README tells."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command import ROOT, records_in, run

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def silero(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Download the package, which is only unpacked: it would bring a whole framework."""
    folder = tmp_path_factory.mktemp("silero")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "silero-vad==6.*"]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("silero_vad-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (folder / "silero_vad.onnx").write_bytes(archive.read("silero_vad/data/silero_vad.onnx"))
    return folder / "silero_vad.onnx"


def test_silero_finds_what_the_default_detector_finds(silero: Path) -> None:
    clip = ROOT / "streamer" / "demonstration.flac"

    heard = [run("run", "-i", clip, "-o", "jsonl", *options) for options in ([], ["--vad", f"silero:{silero}"])]

    default, with_silero = (records_in(done.stdout) for done in heard)
    assert with_silero[0]["detector"]["name"] == "silero" != default[0]["detector"]["name"]
    ours, theirs = (
        [record for record in records if record["type"] == "utterance"] for records in (default, with_silero)
    )
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert abs(one["start_s"] - other["start_s"]) < 0.3
        assert abs(one["end_s"] - other["end_s"]) < 0.3
