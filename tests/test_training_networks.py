"""The network: padding changes nothing, nothing in it needs the future, and what is remembered is told as it was."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_toys import speech_rows

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

import keras

from training.experiment import load_experiment
from training.networks import build_network, in_sessions, on_rows
from training.networks.seed import SeedNetwork
from training.networks.statistics import RowStatistics
from training.networks.streaming import CHANGE_ROWS, StreamingNetwork

NUM_LABELS = 4
STREAMING = load_experiment("streaming")
NUM_COLUMNS = STREAMING.features.num_columns


def small_network() -> StreamingNetwork:
    """Return a small network whose weights have seen something."""
    keras.utils.set_random_seed(0)
    settings = replace(STREAMING.network, hidden_units=(8, 6), voiceprint_size=3)
    made = StreamingNetwork(NUM_COLUMNS, NUM_LABELS, settings)
    random = np.random.default_rng(0)
    for variable in made.weights:
        if "seed" not in variable.path:
            variable.assign(np.asarray(variable) + random.uniform(0, 0.3, variable.shape))
    return made


@pytest.fixture(scope="module")
def network() -> StreamingNetwork:
    return small_network()


def rows_of(num_rows: int, seed: int = 0) -> np.ndarray:
    rows = speech_rows(num_rows, NUM_COLUMNS, seed)
    rows[:, -1] = np.abs(rows[:, -1])  # harmonicity
    return rows


def described(network: StreamingNetwork, rows: np.ndarray) -> np.ndarray:
    return np.asarray(network.describe(rows[np.newaxis], np.ones((1, len(rows)), np.float32)))[0]


@pytest.mark.parametrize("num_rows", [1, 2, 3, 4, 9, 63, 64, 101])
def test_padding_and_mask_give_what_the_rows_alone_give(network: StreamingNetwork, num_rows: int) -> None:
    rows = rows_of(num_rows)
    padded = np.full((1, 128, NUM_COLUMNS), 9.0, np.float32)
    padded[0, :num_rows] = rows
    is_valid = (np.arange(128) < num_rows).astype(np.float32)[np.newaxis]

    np.testing.assert_allclose(np.asarray(network.describe(padded, is_valid))[0], described(network, rows), atol=1e-4)


def test_the_order_of_rows_matters(network: StreamingNetwork) -> None:
    """It hears changes, not only which rows there are."""
    rows = rows_of(60)

    assert np.abs(described(network, rows) - described(network, rows[::-1].copy())).max() > 0.1


def naive(rows: np.ndarray, weights: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = (weights[:, np.newaxis] * values).sum(axis=0) / weights.sum()
    variance = (weights[:, np.newaxis] * (values - mean) ** 2).sum(axis=0) / weights.sum()
    return mean, np.log(np.sqrt(np.maximum(variance, 1e-8)) + 0.03)


def test_statistics_are_weighted_moments() -> None:
    """Of the table of sums come the mean and the deviation that a loop over rows gives."""
    num_cepstra, rows = NUM_COLUMNS - 2, rows_of(200).astype(np.float64)
    network = build_network(STREAMING, NUM_LABELS)
    found = np.asarray(
        network.statistics.of_sums(
            network.statistics.sums(
                rows.astype(np.float32)[np.newaxis],
                np.zeros((1, 200, 3, 2), np.float32),
                np.zeros((1, 200, num_cepstra), np.float32),
                np.arange(200, dtype=np.float32)[np.newaxis],
                np.ones((1, 200), np.float32),
            )
        )
    )[0]
    voiced = np.clip((rows[:, -1] - 0.2) / 0.25, 0, 1)

    mean, deviation = naive(rows, voiced + 0.02, rows[:, :num_cepstra])

    np.testing.assert_allclose(found[:num_cepstra], mean, atol=1e-5)
    num_deviations = (found.size + num_cepstra - (num_cepstra + 1) - 36) // 2
    first = num_deviations - num_cepstra + num_cepstra  # behind the means, the changes' deviations come first
    np.testing.assert_allclose(found[first : first + num_cepstra], deviation, atol=1e-5)
    assert found.size == RowStatistics(num_cepstra).size


def test_sums_of_parts_are_those_of_the_whole(network: StreamingNetwork) -> None:
    """The sums of two parts, each with its past, are those of the whole: that is what streams."""
    statistics, rows = network.statistics, rows_of(90)
    padded = np.pad(rows, ((8, 0), (0, 0)))

    def sums(first: int, end: int) -> np.ndarray:
        past = np.stack([padded[8 - lag + first : 8 - lag + end, -2:] for lag in (1, 3, 8)], axis=1)
        changes = np.asarray(network.change(padded[np.newaxis, 9 - CHANGE_ROWS + first : 8 + end, :-2]))
        num_past = np.arange(first, end, dtype=np.float32)[np.newaxis]
        ones = np.ones((1, end - first), np.float32)
        return np.asarray(statistics.sums(rows[np.newaxis, first:end], past[np.newaxis], changes, num_past, ones))

    np.testing.assert_allclose(sums(0, 37) + sums(37, 90), sums(0, 90), rtol=1e-6, atol=1e-4)


def test_a_batch_is_told_what_a_voice_would_tell(network: StreamingNetwork) -> None:
    """In training the memory is a matrix over the batch; in use it is a weight, a mean and a mean square."""
    rows, is_valid = np.stack([rows_of(40, seed) for seed in range(4)]), np.ones((4, 40), np.float32)
    heard = np.asarray(network.describe(rows, is_valid))
    memory = np.zeros((4, 4), np.float32)
    memory[3, :3] = [1.0, 0.5, 0.25]
    posteriors = np.random.default_rng(0).dirichlet(np.ones(4), 4).astype(np.float32)

    by_voice, as_stranger, _ = (np.asarray(said) for said in in_sessions(network)([heard, memory, posteriors]))

    impressions = np.einsum("nl,nls->ns", posteriors, np.asarray(network.impressions(heard)))[:, : network.told_size]
    weights = memory[3, :3, np.newaxis]
    mean, square = (
        (weights * values).sum(axis=0) / weights.sum() for values in (impressions[:3], impressions[:3] ** 2)
    )
    told = np.array([[1.75]], np.float32), mean[np.newaxis], square[np.newaxis]
    np.testing.assert_allclose(np.asarray(network.logits_by_voice(heard[3:], *told)), by_voice[3:], atol=1e-4)
    np.testing.assert_allclose(np.asarray(network(rows, is_valid)), as_stranger, atol=1e-4)


def test_signs_tell_a_voice_that_sounds_the_same_all_the_time(
    network: StreamingNetwork,
) -> None:
    """The guesses at what is remembered differ, or do not; of one utterance nobody can tell."""
    guesses = np.array([[0.4, 0.2, 0.2, 0.2], [0.7, 0.1, 0.1, 0.1]], np.float32)
    mean, square = np.zeros((2, 3, network.told_size), np.float32)
    mean[:, network.size :] = [guesses[0], guesses.mean(axis=0), np.eye(4)[0]]
    square[:, network.size :] = [guesses[0] ** 2, (guesses**2).mean(axis=0), np.eye(4)[0]]

    signs = np.asarray(network.signs(np.array([[1.0], [2.0], [5.0]], np.float32), mean, square))

    variance = guesses.var(axis=0, ddof=1).sum()
    expected = [[1, np.log(2), 0, 0, 0], [1, np.log(3), 0, 1, np.log(variance)], [1, np.log(6), 1, 0, 0]]
    np.testing.assert_allclose(signs, expected, atol=1e-5)


def test_what_is_unlike_all_known_voices_is_new(network: StreamingNetwork) -> None:
    heard = np.random.default_rng(3).normal(size=(3, network.size)).astype(np.float32)
    prints, voices = heard @ np.asarray(network.voiceprint), np.asarray(network.voices)
    nearest = np.square(prints[:, np.newaxis] - voices).mean(axis=2).min(axis=1)
    np.testing.assert_allclose(np.asarray(network.novelty(heard))[:, 0], np.log(nearest + 1e-3), atol=1e-3)


def test_of_whom_nothing_was_heard_the_head_judges_that_needs_nothing(network: StreamingNetwork) -> None:
    heard, nobody = described(network, rows_of(50))[np.newaxis], np.zeros((1, network.told_size), np.float32)
    network.speech.bias.assign([1000.0])
    network.doubt.assign(np.zeros(6))
    network.trust.assign([100.0, 0.0, 0.0, 0.0, 0.0])
    cold, warm = (
        np.asarray(network.judge(heard, np.full((1, 1), weight, np.float32), nobody, nobody)) for weight in (0.0, 20.0)
    )
    stranger = np.asarray(network.logits_as_stranger(heard))
    by_voice = np.asarray(network.logits_by_voice(heard, np.full((1, 1), 20.0, np.float32), nobody, nobody))
    network.trust.assign(np.zeros(5))
    network.speech.bias.assign([0.0])

    np.testing.assert_allclose(cold - cold.max(), stranger - stranger.max(), atol=1e-4)
    np.testing.assert_allclose(warm - warm.max(), by_voice - by_voice.max(), atol=1e-4)


def test_what_is_doubted_is_said_less_surely_and_not_otherwise(network: StreamingNetwork) -> None:
    heard, nobody = described(network, rows_of(50))[np.newaxis], np.zeros((1, network.told_size), np.float32)
    network.speech.bias.assign([1000.0])
    network.doubt.assign(np.zeros(6))
    sure = np.asarray(network.judge(heard, np.zeros((1, 1), np.float32), nobody, nobody))
    network.doubt.assign([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    unsure = np.asarray(network.judge(heard, np.zeros((1, 1), np.float32), nobody, nobody))
    network.doubt.assign(np.zeros(6))
    network.speech.bias.assign([0.0])

    np.testing.assert_allclose(unsure - unsure.max(), (sure - sure.max()) / np.e, atol=1e-4)


def test_what_is_no_speech_has_no_emotion(network: StreamingNetwork) -> None:
    heard, nobody = described(network, rows_of(50))[np.newaxis], np.zeros((1, network.told_size), np.float32)
    judge = lambda: np.asarray(network.judge(heard, np.zeros((1, 1), np.float32), nobody, nobody))  # noqa: E731
    np.testing.assert_allclose(np.exp(judge()).sum(), 1.0, atol=1e-5)
    bias = network.speech.bias
    before = np.asarray(bias)
    bias.assign(before - 1000.0)

    np.testing.assert_allclose(np.exp(judge()), np.full((1, NUM_LABELS), 0.25), atol=1e-5)
    assert np.asarray(network.worth(heard, 500)) == pytest.approx(0.0, abs=1e-6)
    bias.assign(before)


def test_an_impression_of_a_label_is_less_its_shift_and_ends_in_the_voiceprint(network: StreamingNetwork) -> None:
    heard = described(network, rows_of(50))[np.newaxis]

    impressions = np.asarray(network.impressions(heard))[0]

    assert impressions.shape == (NUM_LABELS, network.impression_size)
    np.testing.assert_allclose(impressions[2, : network.size], heard[0] - np.asarray(network.shift)[2], atol=1e-5)
    np.testing.assert_array_equal(impressions[:, network.size : network.told_size], np.eye(NUM_LABELS))
    voiceprint = heard @ np.asarray(network.voiceprint)
    np.testing.assert_allclose(impressions[:, network.told_size :], voiceprint.repeat(NUM_LABELS, 0), rtol=1e-5)


def test_a_saved_network_comes_back_the_same(network: StreamingNetwork, tmp_path: Path) -> None:
    rows = rows_of(50)
    network.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)

    np.testing.assert_array_equal(described(loaded, rows), described(network, rows))
    for variable, same in zip(network.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), np.asarray(same), err_msg=variable.path)


def test_the_default_network_stays_well_below_a_megabyte() -> None:
    network = build_network(STREAMING, NUM_LABELS)

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
    np.testing.assert_allclose(np.asarray(on_rows(network)([padded, is_valid])), expected, atol=1e-5)


def test_a_saved_seed_network_comes_back_the_same(tmp_path: Path) -> None:
    network, rows = SeedNetwork(NUM_LABELS), speech_rows(50, 40)[np.newaxis]
    network.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)

    np.testing.assert_array_equal(np.asarray(loaded(rows)), np.asarray(network(rows)))
