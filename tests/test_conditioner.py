"""Any rate and any channels become 16 kHz mono int16, the same samples for any split."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from signals import Samples, noise, ramp, silence, tone

from streamer.errors import SettingsError
from streamer.sources.conditioner import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, MIX, ChannelChoice, Conditioner

SIZES = st.lists(st.one_of(st.integers(0, 40), st.integers(0, 5000)), max_size=20)


def conditioned(conditioner: Conditioner, chunks: Iterable[NDArray[Any]]) -> Samples:
    """Return the whole stream that ``chunks`` make."""
    return np.concatenate([*(conditioner.push(chunk) for chunk in chunks), conditioner.finish()])


def in_chunks(frames: NDArray[Any], sizes: Iterable[int]) -> Iterator[NDArray[Any]]:
    position = 0
    for size in sizes:
        yield frames[position : position + size]
        position += size
    yield frames[position:]


def frames_of(num_frames: int, num_channels: int, dtype: str) -> NDArray[Any]:
    """Return noise, shape ``(num_frames, num_channels)``, another in each channel."""
    frames = np.stack([noise(num_frames, seed=channel, level=8000) for channel in range(num_channels)], axis=1)
    return frames if dtype == "int16" else (frames / np.float32(32768)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize(("num_channels", "channel"), [(1, MIX), (2, MIX), (3, 2), (1, 1)])
@hypothesis_settings(max_examples=8)
@given(num_frames=st.integers(0, 9000), sizes=SIZES)
@example(num_frames=9000, sizes=[1, 0, 7, 4095])
def test_any_split_gives_the_same_samples(
    rate_hz: int, dtype: str, num_channels: int, channel: ChannelChoice, num_frames: int, sizes: list[int]
) -> None:
    frames = frames_of(num_frames, num_channels, dtype)

    parts = conditioned(Conditioner(rate_hz, num_channels, channel), in_chunks(frames, sizes))

    whole = conditioned(Conditioner(rate_hz, num_channels, channel), [frames])
    assert parts.dtype == np.int16
    np.testing.assert_array_equal(parts, whole)
    assert abs(len(whole) - num_frames * 16_000 / rate_hz) <= 1


def test_the_streams_own_format_passes_untouched() -> None:
    every_value = ramp(65_536)

    samples = Conditioner(16_000, 1, MIX).push(every_value[:, np.newaxis])

    np.testing.assert_array_equal(samples, every_value)


def test_int16_survives_the_way_through_float_bit_for_bit() -> None:
    every_value = ramp(65_536)
    as_float = (every_value / np.float32(32768)).astype(np.float32)

    samples = Conditioner(16_000, 1, MIX).push(as_float[:, np.newaxis])

    np.testing.assert_array_equal(samples, every_value)


@pytest.mark.parametrize(("level", "sample"), [(0.6, 1), (-0.6, -1), (0.4, 0), (-0.4, 0), (7.5, 8), (-99.51, -100)])
def test_finer_values_are_rounded_to_the_nearest(level: float, sample: int) -> None:
    frames = np.array([[level / 32768]], np.float32)

    assert Conditioner(16_000, 1, MIX).push(frames).tolist() == [sample]


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
@pytest.mark.parametrize("channel", [MIX, 2])
def test_int16_and_float_of_the_same_value_give_the_same_samples(rate_hz: int, channel: ChannelChoice) -> None:
    """A file is read as float, a microphone as int16: both must give the same events."""
    as_int, as_float = frames_of(5000, 3, "int16"), frames_of(5000, 3, "float32")

    from_int = conditioned(Conditioner(rate_hz, 3, channel), [as_int])

    np.testing.assert_array_equal(from_int, conditioned(Conditioner(rate_hz, 3, channel), [as_float]))


def test_mix_is_the_mean_of_the_channels() -> None:
    frames = np.array([[100, 300], [-5, -15], [32767, 32767], [-32768, -32768], [32767, -32768]], np.int16)

    samples = Conditioner(16_000, 2, MIX).push(frames)

    assert samples.tolist() == [200, -10, 32767, -32768, 0]


@pytest.mark.parametrize("channel", [1, 2, 4])
def test_a_channel_is_counted_from_one(channel: int) -> None:
    frames = frames_of(100, 4, "int16")

    samples = Conditioner(16_000, 4, channel).push(frames)

    np.testing.assert_array_equal(samples, frames[:, channel - 1])


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("value", [1.0, 1.5, 3e38, -1.0, -2.0, -3e38])
def test_what_exceeds_full_scale_is_clipped(rate_hz: int, value: float) -> None:
    frames = np.full((4800, 2), value, np.float32)

    samples = conditioned(Conditioner(rate_hz, 2, MIX), [frames])

    middle = samples[500:1000]
    assert (np.abs(middle.astype(int) - np.sign(value) * 32768) <= 3).all()


def test_the_overshoot_of_the_resampler_is_clipped() -> None:
    square = np.where(np.arange(4800) // 48 % 2, 1.0, -1.0).astype(np.float32)

    samples = conditioned(Conditioner(48_000, 1, MIX), [square[:, np.newaxis]])

    assert samples.min() == -32768
    assert samples.max() == 32767


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_time_and_level(rate_hz: int) -> None:
    original = tone(rate_hz, hz=1000, rate_hz=rate_hz)

    samples = conditioned(Conditioner(rate_hz, 1, MIX), [original[:, np.newaxis]])

    inner = slice(1000, 15_000)
    difference = samples[inner].astype(float) - tone(16_000, hz=1000)[inner]
    assert np.abs(difference).max() <= 20


def test_what_16_khz_cannot_carry_does_not_fold_back() -> None:
    above = tone(48_000, hz=10_000, rate_hz=48_000)

    samples = conditioned(Conditioner(48_000, 1, MIX), [above[:, np.newaxis]])

    assert np.abs(samples[1000:15_000].astype(int)).max() <= 1


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_finish_starts_anew(rate_hz: int) -> None:
    conditioner = Conditioner(rate_hz, 2, MIX)
    conditioned(conditioner, [frames_of(3000, 2, "float32")])

    again = conditioned(conditioner, [frames_of(2000, 2, "int16")])

    np.testing.assert_array_equal(again, conditioned(Conditioner(rate_hz, 2, MIX), [frames_of(2000, 2, "int16")]))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_finish_of_nothing_is_nothing(rate_hz: int) -> None:
    assert Conditioner(rate_hz, 1, MIX).finish().size == 0


def test_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match="channel 3 asked for, but the input has 2"):
        Conditioner(16_000, 2, 3)


@pytest.mark.parametrize("rate_hz", [LOWEST_RATE_HZ, HIGHEST_RATE_HZ])
def test_the_outermost_rates_are_resampled(rate_hz: int) -> None:
    samples = conditioned(Conditioner(rate_hz, 1, MIX), [silence(rate_hz)[:, np.newaxis]])

    assert samples.size == 16_000


@pytest.mark.parametrize("rate_hz", [0, LOWEST_RATE_HZ - 1, HIGHEST_RATE_HZ + 1])
def test_rates_that_are_none_of_audio_are_refused(rate_hz: int) -> None:
    with pytest.raises(SettingsError, match=f"expected 1000 to 768000 samples per second, got {rate_hz}"):
        Conditioner(rate_hz, 1, MIX)
