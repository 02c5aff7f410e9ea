"""The network: padding changes nothing, and nothing in it needs the future."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toys import speech_rows

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

import keras

from streamer.features.normalise import GlobalNormaliser
from training.corpora.base import Clip
from training.dataset import Example
from training.experiment import POOLINGS, NetworkSettings, load_experiment
from training.learning import logits_of
from training.networks import build_network, masked
from training.networks.seed import SeedNetwork
from training.networks.streaming import StreamingNetwork

NUM_CEPSTRA, NUM_LABELS = 13, 4


def small_network(pooling: str = "mean_and_deviation") -> StreamingNetwork:
    """Return a small network whose normalisation has seen something, so that padding could shift it."""
    keras.utils.set_random_seed(0)
    settings = NetworkSettings("streaming", (8, 12, 8), (5, 3, 3), (2, 1, 2), pooling, (8, 6))
    made = StreamingNetwork(NUM_CEPSTRA, NUM_LABELS, settings)
    random = np.random.default_rng(0)
    made.set_weights([weights + random.uniform(0, 0.3, weights.shape) for weights in made.get_weights()])
    return made


@pytest.fixture(scope="module")
def network() -> StreamingNetwork:
    return small_network()


def frames_of(network: StreamingNetwork, rows: np.ndarray) -> np.ndarray:
    """Return the last convolution's output, shape ``(time, channels)``."""
    frames: Any = rows[np.newaxis]
    for block in network.blocks:
        frames, _ = block(frames)
    return np.asarray(frames)[0]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("num_rows", [1, 2, 3, 4, 5, 63, 64, 101])
def test_padding_and_mask_give_what_the_rows_alone_give(pooling: str, num_rows: int) -> None:
    network = small_network(pooling)
    rows = speech_rows(num_rows, NUM_CEPSTRA)
    padded = np.full((1, 128, NUM_CEPSTRA), 9.0, np.float32)
    padded[0, :num_rows] = rows
    is_valid = (np.arange(128) < num_rows).astype(np.float32)[np.newaxis]

    alone = np.asarray(network(rows[np.newaxis]))
    with_mask = np.asarray(masked(network)([padded, is_valid]))

    np.testing.assert_allclose(with_mask, alone, atol=1e-5)


def test_padding_does_not_change_the_statistics_that_training_normalises_with(network: StreamingNetwork) -> None:
    rows = speech_rows(64, NUM_CEPSTRA)[np.newaxis]
    padded = np.pad(rows, ((0, 0), (0, 64), (0, 0)), constant_values=9.0)
    block, copy = network.blocks[0], StreamingNetwork.from_config(network.get_config()).blocks[0]
    copy.set_weights(block.get_weights())
    block_before = block.get_weights()

    block(rows, np.ones((1, 64), np.float32), training=True)
    copy(padded, (np.arange(128) < 64).astype(np.float32)[np.newaxis], training=True)

    for without, with_padding in zip(block.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_allclose(with_padding, without, atol=1e-5)
    block.set_weights(block_before)


@pytest.mark.parametrize("num_rows", [1, 4, 17, 40])
def test_rows_to_come_do_not_change_frames_that_were_there(network: StreamingNetwork, num_rows: int) -> None:
    """Convolutions see the past only."""
    rows = speech_rows(80, NUM_CEPSTRA)

    whole, prefix = frames_of(network, rows), frames_of(network, rows[:num_rows])

    np.testing.assert_allclose(whole[: len(prefix)], prefix, atol=1e-5)


def test_logits_of_a_prefix_follow_from_running_sums(network: StreamingNetwork) -> None:
    """So that the network can be run row by row: the pooling needs sums and a count, nothing else."""
    frames = frames_of(network, speech_rows(80, NUM_CEPSTRA)).astype(np.float64)
    sums, squares = np.cumsum(frames, axis=0), np.cumsum(frames**2, axis=0)

    for count in (1, 5, len(frames)):
        mean, mean_square = sums[count - 1] / count, squares[count - 1] / count
        deviation = np.sqrt(np.maximum(mean_square - mean**2, 0) + 1e-5)
        pooled = np.asarray(network.pooling(frames[np.newaxis, :count].astype(np.float32)))[0]
        np.testing.assert_allclose(pooled, np.concatenate([mean, deviation]), atol=1e-3)


def test_a_saved_network_comes_back_the_same(network: StreamingNetwork, tmp_path: Path) -> None:
    rows = speech_rows(50, NUM_CEPSTRA)[np.newaxis]
    network.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)

    np.testing.assert_array_equal(np.asarray(loaded(rows)), np.asarray(network(rows)))


def test_logits_of_clips_do_not_depend_on_what_else_is_in_the_batch(network: StreamingNetwork) -> None:
    clip = Clip(Path("x"), "anger", "03", "emodb", "man")
    examples = [Example(clip, speech_rows(num_rows, NUM_CEPSTRA, seed=num_rows)) for num_rows in (90, 30, 0, 61)]
    normaliser = GlobalNormaliser([0.1] * NUM_CEPSTRA, [2.0] * NUM_CEPSTRA)

    together = logits_of(masked(network), normaliser, examples)

    assert np.isnan(together[2]).all()
    for index in (0, 1, 3):
        alone = logits_of(masked(network), normaliser, [examples[index]])[0]
        np.testing.assert_allclose(together[index], alone, atol=1e-5)


def test_the_default_network_stays_well_below_a_megabyte() -> None:
    network = build_network(load_experiment("streaming"), NUM_LABELS)

    assert 4 * network.count_params() < 900_000


def test_the_seed_network_has_as_many_weights_as_the_one_it_is() -> None:
    assert build_network(load_experiment("seed"), NUM_LABELS).count_params() == 222_276


def test_the_seed_network_sees_the_mean_alone() -> None:
    """And not the padding."""
    network, rows = SeedNetwork(NUM_LABELS), speech_rows(50, 40)
    padded = np.pad(rows, ((0, 14), (0, 0)), constant_values=9.0)[np.newaxis]
    is_valid = (np.arange(64) < 50).astype(np.float32)[np.newaxis]

    expected = np.asarray(network(rows.mean(axis=0)[np.newaxis, np.newaxis]))

    np.testing.assert_allclose(np.asarray(network(rows[np.newaxis, ::-1])), expected, atol=1e-5)
    np.testing.assert_allclose(np.asarray(masked(network)([padded, is_valid])), expected, atol=1e-5)


def test_a_saved_seed_network_comes_back_the_same(tmp_path: Path) -> None:
    network, rows = SeedNetwork(NUM_LABELS), speech_rows(50, 40)[np.newaxis]
    network.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)

    np.testing.assert_array_equal(np.asarray(loaded(rows)), np.asarray(network(rows)))
