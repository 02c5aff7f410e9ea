"""Settings are checked when they are made; an error names the field, the bounds and what was got."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import SettingsError
from streamer.settings import FeatureSettings, MfccSettings, SpeechSettings, ms_to_samples


@given(duration_ms=st.integers(0, 10**7), sample_rate_hz=st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000]))
def test_milliseconds_become_samples_exactly_or_not_at_all(duration_ms: int, sample_rate_hz: int) -> None:
    if duration_ms * sample_rate_hz % 1000:
        with pytest.raises(SettingsError, match=f"{duration_ms} ms is not a whole number of samples"):
            ms_to_samples(duration_ms, sample_rate_hz)
    else:
        assert ms_to_samples(duration_ms, sample_rate_hz) * 1000 == duration_ms * sample_rate_hz


def test_nine_milliseconds_at_48_khz_are_432_samples() -> None:
    """Floating point makes 431 of them."""
    assert ms_to_samples(9, 48_000) == 432


def test_the_defaults_are_valid() -> None:
    assert MfccSettings().window_samples == 400
    assert MfccSettings().hop_samples == 160
    assert SpeechSettings().frame_samples == 320


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        MfccSettings().hop_ms = 20  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        SpeechSettings().frame_ms = 10  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("window_ms", 10, 32),
        ("hop_ms", 1, 25),
        ("num_filters", 13, 128),
        ("num_cepstra", 1, 26),
        ("high_hz", 1, 8000),
        ("low_hz", 0, 7999),
        ("lifter", 0, 1000),
    ],
)
def test_mfcc_bounds_are_inclusive(field: str, low: int, high: int) -> None:
    """The other fields have their defaults."""
    for valid in (low, high):
        assert getattr(MfccSettings(**{field: valid}), field) == valid
    for invalid in (low - 1, high + 1):
        with pytest.raises(SettingsError):
            MfccSettings(**{field: invalid})


@pytest.mark.parametrize(
    ("field", "low", "high", "step"),
    [
        ("onset_window_frames", 1, 100, 1),
        ("onset_speech_frames", 1, 25, 1),
        ("onset_probability", 0.01, 0.99, 0.005),
        ("speech_probability", 0.01, 0.7, 0.005),
        ("pre_roll_ms", 300, 5000, 20),
        ("shortest_hangover_ms", 20, 240, 20),
        ("long_turn_ms", 20, 60_000, 20),
        ("min_utterance_ms", 100, 500, 20),
        ("max_utterance_ms", 2360, 60_000, 20),
    ],
)
def test_speech_bounds_are_inclusive(field: str, low: float, high: float, step: float) -> None:
    """The other fields have their defaults, but for a maximum that allows all of them."""
    others: dict[str, Any] = {} if field == "max_utterance_ms" else {"max_utterance_ms": 60_000}
    others |= {"onset_speech_frames": 1} if field == "onset_window_frames" else {}
    others |= {"speech_probability": 0.01} if field == "onset_probability" else {}
    for valid in (low, high):
        assert getattr(SpeechSettings(**others, **{field: valid}), field) == valid
    for invalid in (low - step, high + step):
        with pytest.raises(SettingsError, match=f"{field} must be .*, got {invalid}"):
            SpeechSettings(**others, **{field: invalid})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fft_size": 500}, "fft_size must be a power of two of at least 400, got 500"),
        ({"fft_size": 256}, "fft_size must be a power of two of at least 400, got 256"),
        ({"window_ms": 20, "hop_ms": 21}, "hop_ms must not exceed window_ms, got 21"),
        ({"num_cepstra": 27}, "num_cepstra must be a whole number from 1 to 26, got 27"),
        ({"low_hz": 4000, "high_hz": 4000}, "low_hz must be a whole number from 0 to 3999, got 4000"),
        ({"high_hz": 8001}, "high_hz must be a whole number from 1 to 8000, got 8001"),
        ({"preemphasis": 1.0}, "preemphasis must be from 0 to below 1, got 1.0"),
        ({"preemphasis": -0.1}, "preemphasis must be from 0 to below 1, got -0.1"),
        ({"preemphasis": float("nan")}, "preemphasis must be from 0 to below 1, got nan"),
        ({"preemphasis": True}, "preemphasis must be from 0 to below 1, got True"),
        ({"append_energy": 1}, "append_energy must be true or false, got 1"),
        ({"window_function": "hann"}, r"window_function must be one of \('rectangular', 'hamming'\), got 'hann'"),
        ({"sample_rate_hz": 11_025, "high_hz": 5000}, "25 ms is not a whole number of samples at 11025 Hz"),
        ({"lifter": 22.0}, "lifter must be a whole number from 0 to 1000, got 22.0"),
        ({"hop_ms": True}, "hop_ms must be a whole number from 1 to 100, got True"),
        ({"hop_ms": None}, "hop_ms must be a whole number from 1 to 100, got None"),
    ],
    ids=repr,
)
def test_mfcc_settings_that_contradict_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        MfccSettings(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pitch": 1}, "pitch must be true or false, got 1"),
        ({"hop_ms": 20}, "with pitch, hop_ms must divide 50, got 20"),
        ({"window_ms": 51, "fft_size": 1024}, "with pitch, window_ms must be at most 50, got 51"),
        ({"sample_rate_hz": 8000, "high_hz": 4000}, "with pitch, sample_rate_hz must be 16000, got 8000"),
        ({"lifter": 22.0}, "lifter must be a whole number from 0 to 1000, got 22.0"),
    ],
    ids=repr,
)
def test_feature_settings_that_contradict_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        FeatureSettings(**{"pitch": True, **changes})


def test_a_row_has_two_columns_more_with_pitch() -> None:
    assert FeatureSettings(num_cepstra=20).num_columns == 20
    assert FeatureSettings(num_cepstra=20, pitch=True).num_columns == 22


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_ms": 15}, r"frame_ms must be one of \(10, 20, 30\), got 15"),
        ({"frame_ms": 20.0}, r"frame_ms must be one of \(10, 20, 30\), got 20.0"),
        ({"onset_speech_frames": 26}, "onset_speech_frames must be a whole number from 1 to 25, got 26"),
        ({"hangover_ms": 310}, r"hangover_ms must be a multiple of frame_ms \(20\), got 310"),
        ({"pre_roll_ms": 310}, r"pre_roll_ms must be a multiple of frame_ms \(20\), got 310"),
        ({"min_utterance_ms": 250}, r"min_utterance_ms must be a multiple of frame_ms \(20\), got 250"),
        ({"max_utterance_ms": 15_010}, r"max_utterance_ms must be a multiple of frame_ms \(20\), got 15010"),
        ({"frame_ms": 30, "hangover_ms": 20}, "hangover_ms must be a whole number from 30 to 480, got 20"),
        ({"hangover_ms": 300.0}, "hangover_ms must be a whole number from 20 to 480, got 300.0"),
        ({"hangover_ms": 160}, "shortest_hangover_ms must be a whole number from 20 to 160, got 180"),
        ({"longest_hangover_ms": 5020}, "longest_hangover_ms must be a whole number from 20 to 5000, got 5020"),
        ({"hangover_ms": 500}, "hangover_ms must be a whole number from 20 to 480, got 500"),
        ({"onset_probability": 1}, "onset_probability must be a number from 0.01 to 0.99, got 1"),
        ({"onset_probability": float("nan")}, "onset_probability must be a number from 0.01 to 0.99, got nan"),
        ({"speech_probability": 0.71}, "speech_probability must be a number from 0.01 to 0.7, got 0.71"),
        ({"speech_probability": True}, "speech_probability must be a number from 0.01 to 0.7, got True"),
    ],
    ids=repr,
)
def test_speech_settings_that_contradict_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SpeechSettings(**changes)


@pytest.mark.parametrize(("duration_ms", "frames"), [(0, 0), (20, 1), (21, 2), (100, 5), (300, 15)])
def test_durations_are_rounded_up_to_frames(duration_ms: int, frames: int) -> None:
    assert SpeechSettings(frame_ms=20).frames(duration_ms) == frames
