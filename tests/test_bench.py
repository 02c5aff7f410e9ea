"""The figures of a machine: there, consistent, and of what comes with the program."""

import json
import sys
from pathlib import Path

import pytest
from fakes import FixedClassifier

from streamer import bench
from streamer.cli import main
from streamer.events import Utterance
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.speech.network import BUNDLED_DETECTOR, NetworkDetector


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_FLAT_OUT_S", 4)
    monkeypatch.setattr(bench, "_LIVE_S", 4)
    monkeypatch.setattr(bench, "_NUM_STARTS", 1)


def _pipeline() -> Pipeline:
    settings = SpeechSettings()
    return Pipeline(settings, NetworkDetector(settings), FixedClassifier())


def test_most_of_the_speech_is_heard_as_speech() -> None:
    pipeline = _pipeline()

    events = pipeline.push(bench.talk(26)) + pipeline.finish()

    heard = [event.end_sample - event.start_sample for event in events if isinstance(event, Utterance)]
    assert sum(heard) > 0.6 * 26 * SAMPLE_RATE_HZ
    assert len(heard) >= 6


def test_speech_costs_features_and_network_and_silence_neither() -> None:
    found = bench.bench(_pipeline)

    speech, silence = found["cost_us_per_s"]["speech"], found["cost_us_per_s"]["silence"]
    assert silence["features"] == silence["infer"] == 0.0
    assert speech["features"] > 0
    assert min(speech["total"], silence["total"]) > 0  # which is more, another program may decide
    assert min(speech["rest"], silence["rest"]) >= 0
    assert 0 < found["block_us"]["p50"] <= found["block_us"]["p95"] <= found["block_us"]["p99"]
    assert found["latency_ms"]["utterances"] >= 1
    assert found["latency_ms"]["p50"] >= 180
    assert found["rss_mib"] > 1
    assert found["start_ms"] > 1


def test_a_program_that_does_not_start_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "streamer.py").write_text("print('somebody else')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert bench.bench(_pipeline)["start_ms"] > 50  # of this program, not of what lies in the folder

    with pytest.raises(bench.BenchError, match="ended with 4"):
        bench.bench(_pipeline, ["--model", "missing.onnx"])
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(bench.BenchError, match="ended with 0"):
        bench.bench(_pipeline)


def test_programs_read_it_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json"]) == 0

    (line,) = capfd.readouterr().out.splitlines()
    found = json.loads(line)
    assert set(found["core_percent"]) == set(found["cost_us_per_s"]) == {"speech", "silence"}
    assert {"processor", "cores", "python", "numpy", "onnxruntime"} <= set(found["machine"])


def test_people_read_an_outline(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EMOTION_STREAMER_DEVICE", "USB")  # no option of what is measured

    assert main(["bench"]) == 0

    lines = capfd.readouterr().out.splitlines()
    assert any(line.startswith("rss_mib: ") for line in lines)


def test_a_model_that_is_none_is_told_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", "missing.onnx"]) == 4

    assert "missing.onnx" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["-x.onnx", "silero:x.onnx"])
def test_files_may_be_called_as_options_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(BUNDLED_DETECTOR.read_bytes())
    monkeypatch.chdir(tmp_path)

    assert main(["bench", "--json", "--vad", f"./{name}"]) == 0, capfd.readouterr().err
