"""The network behind its model file: what contradicts is refused, what is given is a posterior."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fakes import LABELS
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tiny_model import adapting_info, model_info, write_adapting_model, write_model

from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier, softmax
from streamer.emotion.memory import Voice, Voiceprints
from streamer.emotion.model_file import ModelInfo
from streamer.errors import ModelError
from streamer.onnx import compared
from streamer.settings import FeatureSettings


def rows_of(*logits: float, num_rows: int = 5) -> Any:
    """Return rows for which the tiny model gives ``logits``."""
    rows = np.zeros((num_rows, 13), np.float32)
    rows[:, : len(logits)] = logits
    return rows


def posterior_of(classifier: OnnxClassifier, rows: Any) -> Any:
    """Return the posterior of a stream of ``rows`` only."""
    classifier.reset()
    classifier.push(rows)
    return classifier.posterior()


def tiny(folder: Path, **changes: Any) -> OnnxClassifier:
    """Return the tiny model, its metadata changed."""
    return OnnxClassifier(write_model(folder / "tiny.onnx", model_info(**changes).to_metadata()))


@given(logits=st.lists(st.floats(-1000, 1000), min_size=1, max_size=9))
def test_softmax_sums_to_one(logits: list[float]) -> None:
    posterior = softmax(np.asarray(logits))

    assert (posterior >= 0).all()
    assert posterior.sum() == pytest.approx(1.0, abs=1e-12)


@given(logits=st.lists(st.floats(-30, 30), min_size=2, max_size=9), shift=st.floats(-1000, 1000))
def test_softmax_knows_differences_only(logits: list[float], shift: float) -> None:
    np.testing.assert_allclose(softmax(np.asarray(logits) + shift), softmax(np.asarray(logits)), atol=1e-9)


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_array_equal(softmax(np.array([1000.0, 0.0, -1000.0])), [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(softmax(np.array([1000.0, 1000.0])), [0.5, 0.5])


def test_the_posterior_is_the_softmax_of_the_logits(tmp_path: Path) -> None:
    posterior = posterior_of(tiny(tmp_path), rows_of(0.0, np.log(2), np.log(3), np.log(4)))

    np.testing.assert_allclose(posterior, [0.1, 0.2, 0.3, 0.4], atol=1e-6)


def test_the_temperature_divides_the_logits(tmp_path: Path) -> None:
    posterior = posterior_of(tiny(tmp_path, temperature=2.0), rows_of(0.0, 2 * np.log(2), 2 * np.log(3), 2 * np.log(4)))

    np.testing.assert_allclose(posterior, [0.1, 0.2, 0.3, 0.4], atol=1e-6)


def test_rows_are_normalised_as_the_model_says(tmp_path: Path) -> None:
    mean, std = (1.0, 2.0, 3.0, 4.0) + (0.0,) * 9, (2.0, 2.0, 4.0, 4.0) + (1.0,) * 9

    classifier = tiny(tmp_path, mean=mean, std=std)
    classifier.push(rows_of(3.0, 2.0, 3.0, 0.0))

    np.testing.assert_allclose(classifier.logits, [1.0, 0.0, 0.0, -1.0], atol=1e-6)


@pytest.mark.parametrize("num_heard", [0, 1, 7])
def test_goes_back_to_a_mark_more_than_once(num_heard: int) -> None:
    classifier = OnnxClassifier(BUNDLED_MODEL)
    rows = np.random.default_rng(0).normal(size=(30, classifier.features.num_columns)).astype(np.float32)
    if num_heard:
        classifier.push(rows[:num_heard])
    mark, then = classifier.mark(), classifier.logits
    classifier.push(rows[num_heard:])
    expected = classifier.logits

    for wrong in (3.0, -1.0):
        classifier.push(rows + wrong)
        classifier.go_back(mark)
        np.testing.assert_array_equal(classifier.logits, then)
        classifier.push(rows[num_heard:])
        np.testing.assert_array_equal(classifier.logits, expected)


@pytest.mark.parametrize("num_rows", [1, 2, 100, 1530])
def test_takes_any_number_of_rows(tmp_path: Path, num_rows: int) -> None:
    posterior = posterior_of(tiny(tmp_path), rows_of(5.0, num_rows=num_rows))

    assert posterior.shape == (4,)
    assert posterior.argmax() == 0


@pytest.mark.parametrize(
    ("posterior", "label"),
    [
        ([0.7, 0.1, 0.1, 0.1], "anger"),
        ([0.1, 0.1, 0.2, 0.6], "sadness"),
        ([0.5, 0.5, 0.0, 0.0], "anger"),
        ([0.49, 0.49, 0.01, 0.01], "uncertain"),
        ([0.25, 0.25, 0.25, 0.25], "uncertain"),
    ],
)
def test_a_label_needs_the_probability_that_the_model_demands(tmp_path: Path, posterior: Any, label: str) -> None:
    assert tiny(tmp_path, uncertain_below=0.5).decide(np.asarray(posterior)) == label


def test_a_model_that_demands_nothing_always_decides(tmp_path: Path) -> None:
    assert tiny(tmp_path, uncertain_below=0.0).decide(np.full(4, 0.25)) == "anger"


def test_labels_other_than_the_four_work(tmp_path: Path) -> None:
    labels = ("calm", "excited", "bored", "amused", "afraid")
    path = write_model(tmp_path / "five.onnx", model_info(labels=labels).to_metadata(), weights=np.eye(13, 5))

    classifier = OnnxClassifier(path)

    assert classifier.labels == labels
    assert classifier.decide(posterior_of(classifier, rows_of(0.0, 0.0, 0.0, 0.0, 9.0))) == "afraid"


def test_says_what_file_it_came_from(tmp_path: Path) -> None:
    classifier = tiny(tmp_path)

    content = (tmp_path / "tiny.onnx").read_bytes()
    assert classifier.path == tmp_path / "tiny.onnx"
    assert classifier.sha256 == hashlib.sha256(content).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx: can not be read \(No such file"):
        OnnxClassifier(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"RIFF....WAVEfmt ", b"<html>not found</html>"], ids=repr)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"other\.onnx: not a model that onnxruntime loads") as caught:
        OnnxClassifier(path)
    assert "\n" not in str(caught.value)


def test_a_model_cut_short_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "tiny.onnx")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(ModelError, match=r"tiny\.onnx"):
        OnnxClassifier(path)


def test_a_model_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"bare\.onnx: key 'format' is missing"):
        OnnxClassifier(write_model(tmp_path / "bare.onnx", {}))


@pytest.mark.parametrize(
    ("graph", "changes", "reason"),
    [
        ({"weights": np.eye(13, 3)}, {}, "key 'labels' names 4 labels, the network gives 3"),
        ({}, {"labels": ("calm", "excited")}, "key 'labels' names 2 labels, the network gives 4"),
        (
            {"weights": np.eye(20, 4), "input_shape": ("num_rows", 20)},
            {},
            "key 'features' makes 13 columns, the network takes 20",
        ),
        (
            {},
            {"features": FeatureSettings(num_cepstra=12), "mean": (0.0,) * 12, "std": (1.0,) * 12},
            "key 'features' makes 12 columns, the network takes 13",
        ),
        (
            {"input_name": "input_1"},
            {},
            r"must take 'rows' and give 'logits', got \['input_1', 'state_count', 'state_sums'\]",
        ),
        ({"output_name": "dense"}, {}, r"must take 'rows' and give 'logits', got .* and \['dense', 'next_state_count'"),
        ({"more_inputs": {"speaker": (1,)}}, {}, r"must take 'rows' and give 'logits', got \['rows', .*'speaker'\]"),
        ({"more_inputs": {"state_x": (1,)}}, {}, "takes a state, but does not give next_state_x"),
        ({"more_inputs": {"state_x": ("any", 1)}}, {}, "'state_x' must be numbers of a fixed shape, got tensor"),
        ({"each_row": True}, {}, r"one number a label, got shape \(100, 4\)"),
        ({"next_count": "count_then"}, {}, "takes a state, but does not give next_state_count"),
        ({"input_type": TensorProto.DOUBLE}, {}, "input must be float of 2 axes"),
        ({"input_shape": (1, 96, 13)}, {}, "input must be float of 2 axes"),
        ({"input_shape": (96, 13)}, {}, r"fails on an input of shape \(1, 13\)"),
        ({"weights": np.full((13, 4), np.nan)}, {}, "finite numbers as 'logits'"),
    ],
)
def test_a_network_that_contradicts_its_metadata_is_refused(
    tmp_path: Path, graph: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    path = write_model(tmp_path / "tiny.onnx", model_info(**changes).to_metadata(), **graph)

    with pytest.raises(ModelError, match=rf"tiny\.onnx: .*{reason}"):
        OnnxClassifier(path)


@pytest.mark.parametrize("name", ["logits_of_stranger", "impressions", "worth"])
def test_a_network_that_remembers_no_numbers_is_refused(tmp_path: Path, name: str) -> None:
    path = write_adapting_model(tmp_path / "tiny.onnx")
    model = onnx.load(path)
    for node in model.graph.node:
        for renamed in (node.input, node.output):
            renamed[:] = ["before" if each == name else each for each in renamed]
    model.graph.initializer.append(numpy_helper.from_array(np.float32(np.nan), "nan"))
    model.graph.node.append(helper.make_node("Mul", ["before", "nan"], [name]))
    path.write_bytes(model.SerializeToString())

    with pytest.raises(ModelError, match=rf"tiny\.onnx: .*finite numbers as '{name}'"):
        OnnxClassifier(path)


def test_the_bundled_model_loads_and_has_the_four_labels() -> None:
    classifier = OnnxClassifier(BUNDLED_MODEL)

    assert sorted(classifier.labels) == sorted(LABELS)
    assert classifier.path.stat().st_size < 1_000_000
    assert classifier.info.licence["spdx"] == "CC-BY-NC-SA-4.0"


def test_the_bundled_model_gives_a_posterior() -> None:
    classifier = OnnxClassifier(BUNDLED_MODEL)

    posterior = posterior_of(classifier, np.zeros((50, classifier.features.num_columns), np.float32))

    assert posterior.shape == (4,)
    assert posterior.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_is_no_file_is_refused(path: str) -> None:
    """A device would fill the memory."""
    with pytest.raises(ModelError, match="expected a file"):
        OnnxClassifier(Path(path))


# Voices


def adapting(tmp_path: Path, **changes: Any) -> OnnxClassifier:
    return OnnxClassifier(write_adapting_model(tmp_path / "x.onnx", adapting_info(**changes).to_metadata()))


def utterance(*numbers: float, worth: float = 1.0, num_rows: int = 20) -> np.ndarray:
    """Return rows all alike: the logits of a stranger first, the worth last."""
    row = np.zeros(13, np.float32)
    row[: len(numbers)], row[12] = numbers, worth
    return np.tile(row, (num_rows, 1))


def hear(classifier: OnnxClassifier, rows: np.ndarray) -> np.ndarray:
    classifier.reset()
    classifier.push(rows)
    return classifier.posterior()


def test_the_first_utterance_is_judged_as_a_strangers(tmp_path: Path) -> None:
    classifier = adapting(tmp_path)

    posterior = hear(classifier, utterance(2.0, 1.0))

    np.testing.assert_allclose(posterior, softmax(np.array([2.0, 1.0, 0.0, 0.0])), atol=1e-6)
    assert classifier.heard_before == 0


def test_what_is_learnt_is_told_to_the_network_from_the_next_utterance_on(tmp_path: Path) -> None:
    """The impression is less by the label that the utterance is taken for: here about 1.5, all being as probable."""
    classifier = adapting(tmp_path)
    rows = utterance(3.0)
    hear(classifier, rows)
    taken_for = softmax(np.array([3.0, 0.0, 0.0, 0.0]) / 2.0)
    classifier.learn()
    assert classifier.memory is not None

    np.testing.assert_allclose(classifier.memory.voice.mean[0], 3.0 - taken_for @ np.arange(4), atol=1e-6)
    before = classifier.logits
    hear(classifier, rows)
    np.testing.assert_allclose(classifier.logits, before - classifier.memory.voice.mean[0], atol=1e-6)
    assert classifier.heard_before == 1


def test_what_is_known_to_be_neutral_is_learnt_as_such(tmp_path: Path) -> None:
    classifier = adapting(tmp_path)
    classifier.teach("neutral")
    hear(classifier, utterance(3.0))

    classifier.learn()

    assert classifier.memory is not None
    np.testing.assert_allclose(classifier.memory.voice.mean[0], 3.0 - 2.0, atol=1e-6)


@pytest.mark.parametrize("worth", [0.0, -3.0])
def test_what_is_worth_nothing_is_not_learnt(tmp_path: Path, worth: float) -> None:
    classifier = adapting(tmp_path)
    hear(classifier, utterance(1.0, worth=worth))

    classifier.learn()

    assert classifier.memory is not None
    assert classifier.memory.voice.weight == 0.0


def test_a_stranger_is_judged_as_one(tmp_path: Path) -> None:
    """Somebody whose voiceprint is far from the one that is remembered, before anything of him is learnt."""
    classifier = adapting(tmp_path)
    for _ in range(10):
        hear(classifier, utterance(1.0, 2.0, 2.0))
        classifier.learn()
    assert classifier.heard_before == 10

    posterior = hear(classifier, utterance(1.0, -20.0, -20.0))

    np.testing.assert_allclose(posterior, softmax(np.array([1.0, -20.0, -20.0, 0.0])), atol=1e-3)
    assert classifier.heard_before == 0


def test_a_stream_forgets_what_another_learnt(tmp_path: Path) -> None:
    classifier = adapting(tmp_path)
    hear(classifier, utterance(1.0))
    classifier.learn()
    twin = classifier.twin()

    assert classifier.memory is not None
    assert twin.memory is not None
    assert (classifier.memory.voice.weight, twin.memory.voice.weight) == (1.0, 0.0)
    classifier.forget()
    assert classifier.memory.voice.weight == 0.0


def test_a_voice_that_the_network_can_not_take_is_refused_before_anybody_speaks(tmp_path: Path) -> None:
    classifier = OnnxClassifier(write_adapting_model(tmp_path / "x.onnx"))
    absurd = Voice(50.0, np.zeros(3), np.full(3, 3e38))  # fifty times that is no float32

    with pytest.raises(ValueError, match="the network gives no numbers for such a voice"):
        classifier.know(absurd)


def test_a_voice_that_is_known_is_there_from_the_beginning(tmp_path: Path) -> None:
    classifier = adapting(tmp_path)
    voice = Voice(5.0, np.array([1.0, 0.0, 0.0]), np.array([2.0, 1.0, 1.0]))

    classifier.know(voice)
    posterior = hear(classifier, utterance(2.0))

    assert classifier.heard_before == 5
    twin = classifier.twin()
    assert twin.memory is not None
    assert twin.memory.voice.weight == 5.0
    np.testing.assert_allclose(classifier.logits, [1.0, -1.0, -1.0, -1.0], atol=1e-6)
    assert posterior.sum() == pytest.approx(1.0)


def test_going_back_forgets_rows_and_no_voices(tmp_path: Path) -> None:
    classifier = adapting(tmp_path)
    hear(classifier, utterance(1.0))
    classifier.learn()
    classifier.reset()
    classifier.push(utterance(1.0))
    mark, logits = classifier.mark(), classifier.logits

    classifier.push(utterance(9.0))
    classifier.go_back(mark)

    np.testing.assert_array_equal(classifier.logits, logits)
    classifier.push(utterance(1.0))
    np.testing.assert_allclose(classifier.logits, logits, atol=1e-6)


@pytest.mark.parametrize(
    ("info", "size", "complaint"),
    [
        (model_info(), 3, "the network must take 'rows' and give 'logits'"),
        (adapting_info(), 4, r"'voice_mean' must be of shape \[1, 3\], got \[1, 4\]"),
        (replace(adapting_info(), voiceprints=Voiceprints(2, (1.0, 1.0), 1.0)), 3, "beyond the 3 numbers"),
    ],
)
def test_a_network_that_adapts_otherwise_than_its_file_says_is_refused(
    tmp_path: Path, info: ModelInfo, size: int, complaint: str
) -> None:
    path = write_adapting_model(tmp_path / "x.onnx", info.to_metadata(), size=size)

    with pytest.raises(ModelError, match=complaint):
        OnnxClassifier(path)


def test_a_network_that_does_not_adapt_where_its_file_says_so_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must take 'rows', 'voice_weight', 'voice_mean', 'voice_mean_square'"):
        OnnxClassifier(write_model(tmp_path / "x.onnx", adapting_info().to_metadata()))


@pytest.mark.parametrize(
    ("expected", "said", "is_within"),
    [
        ([0.0, 1.0], [1e-5, 1.0], True),
        ([0.0, 1.0], [2e-5, 1.0], False),
        ([1000.0, 0.0], [1000.009, 0.0], True),
        ([1000.0, 0.0], [1000.0, 0.009], False),
        ([1.0, 0.0], [float("nan"), 0.0], False),
    ],
)
def test_numbers_are_compared_as_float32_allows(expected: list[float], said: list[float], is_within: bool) -> None:
    assert compared(np.array(expected), np.array(said), 1e-5)[1] is is_within
