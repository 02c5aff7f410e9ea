"""Many streams in one process with one model: each gets what it gets alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from signals import Samples, conversation, split
from tiny_silero import write_silero

from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.pipeline import Pipeline, PipelineEvent
from streamer.settings import SpeechSettings
from streamer.speech.network import NetworkDetector
from streamer.speech.silero import SileroDetector

SETTINGS = SpeechSettings()
STREAMS = [conversation(700, 900, 800, seed=seed) for seed in range(4)]


def events_of(pipeline: Pipeline, samples: Samples) -> list[PipelineEvent]:
    found = [event for part in split(samples, [1600] * 100) for event in pipeline.push(part)]
    return found + pipeline.finish()


@pytest.fixture(scope="module", params=["ours", "silero"])
def detector(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> NetworkDetector | SileroDetector:
    if request.param == "ours":
        return NetworkDetector(SETTINGS)
    return SileroDetector(SETTINGS, write_silero(tmp_path_factory.mktemp("silero") / "silero_vad.onnx"))


def alone(detector: NetworkDetector | SileroDetector) -> list[list[PipelineEvent]]:
    """Return the events of each stream, one behind the other."""
    pipeline = Pipeline(SETTINGS, detector, OnnxClassifier(BUNDLED_MODEL))
    found = []
    for samples in STREAMS:
        pipeline.reset()
        found.append(events_of(pipeline, samples))
    return found


def test_twins_that_take_turns_hear_nothing_of_each_other(detector: NetworkDetector | SileroDetector) -> None:
    classifier = OnnxClassifier(BUNDLED_MODEL)
    pipelines = [Pipeline(SETTINGS, detector.twin(), classifier.twin()) for _ in STREAMS]
    found: list[list[PipelineEvent]] = [[] for _ in STREAMS]
    for parts in zip(*(split(samples, [1600] * 100) for samples in STREAMS), strict=False):
        for pipeline, part, events in zip(pipelines, parts, found, strict=True):
            events.extend(pipeline.push(part))
    for pipeline, events in zip(pipelines, found, strict=True):
        events.extend(pipeline.finish())

    assert found == alone(detector)
    assert sum(map(len, found)) >= 4


def test_twins_may_be_in_threads(detector: NetworkDetector | SileroDetector) -> None:
    classifier = OnnxClassifier(BUNDLED_MODEL)
    pipelines = [Pipeline(SETTINGS, detector.twin(), classifier.twin()) for _ in STREAMS]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(events_of, pipelines, STREAMS))

    assert found == alone(detector)


def test_a_twin_starts_with_nothing_heard() -> None:
    classifier = OnnxClassifier(BUNDLED_MODEL)
    rows = np.random.default_rng(0).normal(size=(50, classifier.features.num_columns)).astype(np.float32)
    classifier.push(rows)
    before = classifier.logits

    twin = classifier.twin()
    twin.push(rows[:20])

    np.testing.assert_array_equal(classifier.logits, before)
    classifier.reset()
    classifier.push(rows[:20])
    np.testing.assert_array_equal(classifier.logits, twin.logits)


def test_the_model_is_there_once(tmp_path: Path) -> None:
    """A twin needs no file."""
    path = tmp_path / "model.onnx"
    path.write_bytes(BUNDLED_MODEL.read_bytes())
    classifier = OnnxClassifier(path)
    path.unlink()

    assert classifier.twin().self_test() < 1e-5
