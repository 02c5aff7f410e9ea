"""The networks chunk by chunk: after any rows, cut in any way, what the whole network gives for all of them."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

from tiny_model import model_info

from export.convert import to_onnx
from export.errors import ParityError
from export.parity import check_parity, said_of, self_test_of, some_voice
from streamer.emotion.classifier import OnnxClassifier
from streamer.emotion.memory import Voiceprints
from streamer.errors import ModelError
from streamer.settings import FeatureSettings
from training.experiment import Experiment, load_experiment
from training.networks import Network, build_network
from training.networks.streaming import StreamingNetwork

TOLERANCE = 1e-5
STREAMING = load_experiment("streaming")
SMALL = replace(STREAMING.network, hidden_units=(8,), voiceprint_size=3)
SHAPES = {
    "bundled": STREAMING.network,
    "small": SMALL,
    "no hidden layer": replace(SMALL, hidden_units=()),
}


def trained_somehow(experiment: Experiment) -> Network:
    """Return a network whose normalisations have seen something."""
    network = build_network(experiment, 4)
    random = np.random.default_rng(1)
    for variable in network.weights:
        if "seed" in variable.path:
            continue
        weights = np.asarray(variable)
        varied = weights + random.uniform(-0.1, 0.1, weights.shape)
        variable.assign(random.uniform(0.3, 1.5, weights.shape) if "variance" in variable.path else varied)
    return network


def voiceprints_of(network: Network) -> Voiceprints | None:
    if not isinstance(network, StreamingNetwork):
        return None
    return Voiceprints(network.told_size, (2.0,) * network.settings.voiceprint_size, 3.0)


@pytest.fixture(scope="module", params=["seed", *SHAPES])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, OnnxClassifier]:
    """Give a network and the classifier of its model file."""
    if request.param == "seed":
        network, features = trained_somehow(load_experiment("seed")), FeatureSettings(num_cepstra=40, num_filters=40)
    else:
        network = trained_somehow(replace(STREAMING, network=SHAPES[request.param]))
        features = STREAMING.features
    statistics = (0.5,) * features.num_columns, (3.0,) * features.num_columns
    info = model_info(features=features, mean=statistics[0], std=statistics[1], voiceprints=voiceprints_of(network))
    path = tmp_path_factory.mktemp("model") / "x.onnx"
    path.write_bytes(to_onnx(network, info, self_test_of(network, info)))
    return network, OnnxClassifier(path)


def rows_for(classifier: OnnxClassifier, num_rows: int, seed: int = 0) -> NDArray[np.float32]:
    spread = np.random.default_rng(seed).standard_normal((num_rows, classifier.features.num_columns))
    return (0.5 + 3.0 * spread).astype(np.float32)


@hypothesis_settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12), seed=st.integers(0, 9))
def test_after_every_chunk_the_logits_are_those_of_all_rows_so_far(
    pair: tuple[Network, OnnxClassifier], sizes: list[int], seed: int
) -> None:
    network, classifier = pair
    rows, voice = rows_for(classifier, sum(sizes), seed), some_voice(classifier.impression_size)
    classifier.know(voice)
    end = 0
    for size in sizes:
        classifier.push(rows[end : end + size])
        end += size
        for name, expected in said_of(network, classifier.info, rows[:end], voice).items():
            tolerance = 1e-4 if name == "impressions" else TOLERANCE
            np.testing.assert_allclose(classifier.said[name], expected, rtol=1e-5, atol=tolerance, err_msg=name)


def test_rows_one_by_one_give_what_they_give_at_once(pair: tuple[Network, OnnxClassifier]) -> None:
    _, classifier = pair
    rows = rows_for(classifier, 2000)
    classifier.reset()
    for row in rows:
        classifier.push(row[np.newaxis])
    one_by_one = classifier.logits

    classifier.reset()
    classifier.push(rows)

    np.testing.assert_allclose(classifier.logits, one_by_one, rtol=1e-5, atol=TOLERANCE)


def test_reset_is_as_good_as_new(pair: tuple[Network, OnnxClassifier]) -> None:
    _, classifier = pair
    rows = rows_for(classifier, 30)
    classifier.reset()
    classifier.push(rows)
    first = classifier.logits

    classifier.push(rows_for(classifier, 17, seed=1))
    classifier.reset()
    classifier.push(rows)

    np.testing.assert_array_equal(classifier.logits, first)


def test_the_vector_in_the_file_is_found_right(pair: tuple[Network, OnnxClassifier]) -> None:
    assert 0.0 <= pair[1].self_test() <= TOLERANCE


def test_a_network_that_is_another_fails_both_checks(tmp_path: Path) -> None:
    experiment = replace(STREAMING, network=SMALL)
    network, other = trained_somehow(experiment), build_network(experiment, 4)
    size = experiment.features.num_columns
    info: Any = model_info(
        features=experiment.features, mean=(0.0,) * size, std=(1.0,) * size, voiceprints=voiceprints_of(network)
    )
    path = tmp_path / "x.onnx"
    path.write_bytes(to_onnx(other, info, self_test_of(network, info)))
    classifier = OnnxClassifier(path)

    with pytest.raises(ModelError, match=r"after 1 rows in chunks of \(1,\) the logits differ from those"):
        classifier.self_test()
    with pytest.raises(ParityError, match="the model file differs by"):
        check_parity(network, classifier, [rows_for(classifier, 40)])
