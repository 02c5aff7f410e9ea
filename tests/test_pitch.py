"""Pitch rows: right on tones of known pitch, the same however the stream is cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import AudioFormatError
from streamer.features.extractor import RowExtractor
from streamer.features.mfcc import IncrementalMfcc
from streamer.features.pitch import LOWEST_HZ, ROWS_PER_PITCH, SPAN_SAMPLES, IncrementalPitch
from streamer.settings import SAMPLE_RATE_HZ, FeatureSettings

FEATURES = FeatureSettings(pitch=True)


def voice(pitch_hz: float, seconds: float = 0.5, *, falls_db_per_octave: float = 6.0) -> np.ndarray:
    """Return int16 of all harmonics up to 3.8 kHz, as a glottis makes them before any vowel."""
    ticks = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    numbers = np.arange(1, int(3800 / pitch_hz) + 1)
    levels = 10.0 ** (-falls_db_per_octave * np.log2(numbers) / 20.0)
    tones = levels[:, np.newaxis] * np.cos(2 * np.pi * pitch_hz * np.outer(numbers, ticks) + numbers[:, np.newaxis])
    sum_of_all = tones.sum(axis=0)
    return np.rint(8000 * sum_of_all / np.abs(sum_of_all).max()).astype(np.int16)


def rows_of(samples: np.ndarray) -> np.ndarray:
    return IncrementalPitch(FEATURES).push(samples)[4:]  # before, some of the span is the zeros of no stream


def hz(rows: np.ndarray) -> np.ndarray:
    return LOWEST_HZ * 2.0 ** rows[:, 0]


@pytest.mark.parametrize("falls_db_per_octave", [0.0, 6.0, 12.0])
@pytest.mark.parametrize("pitch_hz", [75, 90, 110, 145, 180, 220, 300, 400, 480])
def test_finds_the_pitch_of_a_voice(pitch_hz: float, falls_db_per_octave: float) -> None:
    rows = rows_of(voice(pitch_hz, falls_db_per_octave=falls_db_per_octave))

    np.testing.assert_allclose(hz(rows), pitch_hz, rtol=0.03)  # a semitone is 0.06
    assert rows[:, 1].min() > 0.38


def test_finds_the_pitch_of_which_only_harmonics_are_left() -> None:
    """A telephone lets nothing below 300 Hz pass, and one still hears who speaks."""
    spectrum = np.fft.rfft(voice(130).astype(np.float64))
    spectrum[: round(300 * 0.5)] = 0
    rows = rows_of(np.rint(np.fft.irfft(spectrum)).astype(np.int16))

    assert np.median(np.abs(np.log2(hz(rows) / 130))) < 0.03


def test_noise_is_less_harmonic_than_a_voice() -> None:
    noise = np.rint(2000 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE_HZ)).astype(np.int16)

    assert np.quantile(rows_of(noise)[:, 1], 0.95) < rows_of(voice(150))[:, 1].min()


@pytest.mark.parametrize("level", [0, 1000, -32768])
def test_what_does_not_swing_is_unvoiced(level: int) -> None:
    rows = rows_of(np.full(SAMPLE_RATE_HZ, level, np.int16))

    assert np.isfinite(rows).all()
    assert (np.abs(rows[:, 1]) < 1e-6).all()


def test_the_level_does_not_matter() -> None:
    loud = voice(200)
    np.testing.assert_allclose(rows_of(loud // 16), rows_of(loud), atol=0.02)


GRIDS = (
    FEATURES,
    *(replace(FEATURES, hop_ms=hop_ms) for hop_ms in (5, 25)),
    replace(FEATURES, window_ms=50, hop_ms=50, fft_size=1024),
)


@given(grid=st.sampled_from(GRIDS), sizes=st.lists(st.integers(0, 3000), max_size=12), seed=st.integers(0, 2**16))
def test_any_split_gives_the_same_rows(grid: FeatureSettings, sizes: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, sum(sizes)).astype(np.int16)
    whole, pitch = IncrementalPitch(grid).push(samples), IncrementalPitch(grid)
    ends = np.cumsum([0, *sizes])

    parts = [pitch.push(samples[first:end]) for first, end in pairwise(ends)]

    np.testing.assert_allclose(np.concatenate([whole[:0], *parts]), whole, atol=1e-9)


@given(grid=st.sampled_from(GRIDS), first_step=st.integers(0, 4))
def test_a_grid_that_begins_later_gives_the_same_rows(grid: FeatureSettings, first_step: int) -> None:
    """With the samples before it, a row is what it would have been in a stream that was always heard."""
    first_row = first_step * ROWS_PER_PITCH
    samples, first = voice(150, 1.0), first_row * grid.hop_samples
    pitch = IncrementalPitch(grid)
    whole = pitch.push(samples)

    pitch.reset(np.pad(samples, (pitch.num_previous, 0))[first : first + pitch.num_previous])

    np.testing.assert_allclose(pitch.push(samples[first:]), whole[first_row:], atol=1e-9)


def test_a_row_leaves_with_that_of_the_mfccs() -> None:
    for grid in GRIDS:
        pitch, mfcc = IncrementalPitch(grid), IncrementalMfcc(grid)
        for size in (399, 1, 159, 1, 160, 5000, 0, 17):
            samples = np.zeros(size, np.int16)
            assert len(pitch.push(samples)) == len(mfcc.push(samples))


def test_rows_of_a_network_are_mfccs_and_pitch() -> None:
    samples, extractor = voice(120), RowExtractor(FEATURES)

    rows = extractor.push(samples)

    assert rows.shape == (48, FEATURES.num_columns)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[:, :-2], IncrementalMfcc(FEATURES).push(samples))
    np.testing.assert_array_equal(rows[:, -2:], IncrementalPitch(FEATURES).push(samples).astype(np.float32))
    assert extractor.num_previous == SPAN_SAMPLES - FEATURES.window_samples


def test_rows_without_pitch_are_mfccs() -> None:
    features, samples = FeatureSettings(), voice(120)

    np.testing.assert_array_equal(RowExtractor(features).push(samples), IncrementalMfcc(features).push(samples))


@pytest.mark.parametrize("samples", [np.zeros(10), np.zeros((2, 5), np.int16), np.zeros(10, np.int32)])
def test_refuses_what_is_not_int16(samples: np.ndarray) -> None:
    with pytest.raises(AudioFormatError, match="expected int16 of shape"):
        IncrementalPitch(FEATURES).push(samples)
