"""`make emouerj`, whole, against a local server and on generated recordings: the real audio can not be had here."""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from training_toys import make_toy_emouerj, make_zip, small_experiment
from zenodo_server import ZenodoServer

pytestmark = pytest.mark.system

ROOT = Path(__file__).parent.parent
TIME_LIMIT_S = 1200


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which `make emouerj` has run, with networks and numbers of epochs of a toy's size."""
    folder = tmp_path_factory.mktemp("rehearsal")
    make_toy_emouerj(folder / "made", seconds=1.2)
    content = make_zip(folder / "made" / "emouerj", folder / "emoUERJ.zip").read_bytes()
    chosen = {name.upper(): str(small_experiment(folder, name)) for name in ("seed", "streaming")}
    variables = {"DOWNLOADS": str(folder / "corpora"), "RUNS": str(folder / "runs"), **chosen}
    with ZenodoServer(content) as server:
        environment = {"EMOTION_ZENODO_API": server.api_url, "EMOTION_CACHE": str(folder / "cache")}
        subprocess.run(
            ["make", "emouerj", *(f"{name}={value}" for name, value in variables.items())],
            cwd=ROOT,
            env={**os.environ, **environment},
            timeout=TIME_LIMIT_S,
            check=True,
        )
    return folder


def test_every_recording_is_fetched_and_described(rehearsed: Path) -> None:
    described = json.loads((rehearsed / "runs" / "emouerj" / "description.json").read_text(encoding="utf-8"))

    counts = {label: sum(by_gender.values()) for label, by_gender in described["counts"]["emouerj"].items()}
    assert counts == {"anger": 94, "happiness": 91, "neutral": 92, "sadness": 100}
    assert described["corpora"]["emouerj"]["rates_hz"] == {"44100": 377}


@pytest.mark.parametrize("network", ["seed", "streaming"])
def test_both_networks_are_evaluated_by_speaker(rehearsed: Path, network: str) -> None:
    evaluation = json.loads((rehearsed / "runs" / "emouerj" / network / "evaluation.json").read_text(encoding="utf-8"))

    cold = evaluation["protocols"]["speakers"]["states"]["cold"]
    assert (cold["emouerj"]["clips"], cold["emouerj"]["speakers"]) == (377, 8)
    assert evaluation["protocols"]["corpus"]["states"]["cold"] is None


def test_there_is_a_report_to_read(rehearsed: Path) -> None:
    page = (rehearsed / "runs" / "emouerj" / "report" / "report.html").read_text(encoding="utf-8")

    assert "emoUERJ" in page
    assert "Brazilian Portuguese" in page


@pytest.mark.parametrize("network", ["seed", "streaming"])
def test_both_model_files_run_in_the_daemon(rehearsed: Path, network: str) -> None:
    model, clip = rehearsed / "runs" / "emouerj" / f"{network}.onnx", "streamer/demonstration.flac"

    done = subprocess.run(
        [ROOT / ".venv-dev/bin/emotion-streamer", "run", "--model", model, "-i", clip],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )

    types = Counter(json.loads(line)["type"] for line in done.stdout.splitlines())
    assert types["start"] == types["end"] == 1
    assert types["utterance"] >= 3
