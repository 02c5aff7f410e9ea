"""How loud the input is, in dB relative to full scale."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signals import Samples, noise, silence, split, tone

from streamer.level import FLOOR_DBFS, LevelMeter


def level_of(chunks: Iterable[Samples]) -> tuple[float, float]:
    meter = LevelMeter()
    for chunk in chunks:
        meter.push(chunk)
    return meter.take()


@pytest.mark.parametrize(
    ("samples", "mean_dbfs", "peak_dbfs"),
    [
        (np.full(100, -32768, np.int16), 0.0, 0.0),
        (np.full(100, 3277, np.int16), -20.0, -20.0),
        (np.array([0, 0, 0, 16384], np.int16), -12.0, -6.0),
        (tone(16_000, peak=16_384), -9.0, -6.0),
        (np.array([0, 1], np.int16), -93.3, -90.3),
        (silence(100), FLOOR_DBFS, FLOOR_DBFS),
        (silence(0), FLOOR_DBFS, FLOOR_DBFS),
    ],
    ids=["full scale", "a tenth", "one of four", "sine", "least", "zeros", "nothing"],
)
def test_levels_are_relative_to_full_scale(samples: Samples, mean_dbfs: float, peak_dbfs: float) -> None:
    assert level_of([samples]) == (mean_dbfs, peak_dbfs)


@given(sizes=st.lists(st.integers(0, 300), max_size=10))
def test_any_split_gives_the_same_level(sizes: list[int]) -> None:
    samples = noise(1000)

    assert level_of(split(samples, sizes)) == level_of([samples])


def test_taking_starts_anew() -> None:
    meter = LevelMeter()
    meter.push(tone(1000))
    meter.take()
    meter.push(np.full(10, 3277, np.int16))

    assert meter.take() == (-20.0, -20.0)
