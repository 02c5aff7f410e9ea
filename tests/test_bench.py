"""The figures of a machine: there, consistent, and of what the program itself makes."""

import json

import pytest
from fakes import FixedClassifier

from streamer import bench
from streamer.cli import main
from streamer.events import Utterance
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.speech.network import NetworkDetector


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_FLAT_OUT_S", 4)
    monkeypatch.setattr(bench, "_LIVE_S", 4)
    monkeypatch.setattr(bench, "_NUM_STARTS", 1)


def test_the_clip_is_heard_as_somebody_who_pauses() -> None:
    settings = SpeechSettings()
    pipeline = Pipeline(settings, NetworkDetector(settings), FixedClassifier())

    events = pipeline.push(bench.talk(10)) + pipeline.finish()

    assert sum(isinstance(event, Utterance) for event in events) >= 3


def test_silence_costs_no_features_and_no_network() -> None:
    settings = SpeechSettings()
    found = bench.bench(lambda: Pipeline(settings, NetworkDetector(settings), FixedClassifier()))

    assert found["cost_us_per_s"]["silence"]["features"] == found["cost_us_per_s"]["silence"]["infer"] == 0.0
    for costs in found["cost_us_per_s"].values():
        assert costs["total"] > 0
        assert costs["rest"] >= 0
    assert found["cost_us_per_s"]["speech"]["features"] > 0
    assert 0 < found["block_us"]["p50"] <= found["block_us"]["p95"] <= found["block_us"]["p99"]
    assert found["latency_ms"]["p50"] >= 240
    assert found["rss_mib"] > 1
    assert found["start_ms"] > 1


def test_programs_read_it_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json"]) == 0

    (line,) = capfd.readouterr().out.splitlines()
    found = json.loads(line)
    assert set(found["core_percent"]) == set(found["cost_us_per_s"]) == {"speech", "silence"}
    assert {"processor", "cores", "python", "numpy", "onnxruntime"} <= set(found["machine"])


def test_people_read_an_outline(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench"]) == 0

    lines = capfd.readouterr().out.splitlines()
    assert any(line.startswith("rss_mib: ") for line in lines)
