"""Normalisation by the statistics of the training set."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.features.normalise import GlobalNormaliser


def test_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    normaliser = GlobalNormaliser(mean=[1.0, -2.0], std=[2.0, 0.5])
    rows = np.array([[1, -2], [3, -1], [-1, -3]], np.float32)

    normalised = normaliser.normalise(rows)

    np.testing.assert_array_equal(normalised, [[0, 0], [1, 2], [-1, -2]])


def test_keeps_single_precision_and_its_input() -> None:
    rows = np.ones((3, 2), np.float32)

    normalised = GlobalNormaliser([5.0, 5.0], [1.0, 1.0]).normalise(rows)

    assert normalised.dtype == np.float32
    np.testing.assert_array_equal(rows, np.ones((3, 2)))


@given(seed=st.integers(0, 99), num_rows=st.integers(2, 50))
def test_what_it_was_trained_on_becomes_standard(seed: int, num_rows: int) -> None:
    rows = np.random.default_rng(seed).normal(7.0, 3.0, (num_rows, 4)).astype(np.float32)

    normalised = GlobalNormaliser(rows.mean(axis=0).tolist(), rows.std(axis=0).tolist()).normalise(rows)

    np.testing.assert_allclose(normalised.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(normalised.std(axis=0), 1.0, atol=1e-3)


def test_no_rows_stay_no_rows() -> None:
    assert GlobalNormaliser([0.0], [1.0]).normalise(np.empty((0, 1), np.float32)).shape == (0, 1)
