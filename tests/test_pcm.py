"""What bytes of raw PCM mean."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sources.pcm import PCM_BYTES, PcmFormat, num_finite_frames

FULL_SCALE = {"s16le": 2**15, "s24le": 2**23, "s32le": 2**31}


def encoded(name: str, values: list[int]) -> bytes:
    return b"".join(value.to_bytes(PCM_BYTES[name], "little", signed=True) for value in values)


@pytest.mark.parametrize("name", FULL_SCALE)
@given(data=st.data())
def test_integers_are_read_exactly(name: str, data: st.DataObject) -> None:
    limit = FULL_SCALE[name]
    values = data.draw(st.lists(st.integers(-limit, limit - 1), min_size=1, max_size=50))

    frames = PcmFormat(name, 1).decode(encoded(name, values))

    scale = 1 if name == "s16le" else limit
    np.testing.assert_array_equal(frames[:, 0], (np.array(values, np.float64) / scale).astype(frames.dtype))


@given(values=st.lists(st.floats(width=32), max_size=50))
def test_floats_are_read_exactly(values: list[float]) -> None:
    frames = PcmFormat("f32le", 1).decode(struct.pack(f"<{len(values)}f", *values))

    np.testing.assert_array_equal(frames[:, 0], np.array(values, np.float32))


@pytest.mark.parametrize(("name", "dtype"), [("s16le", "i2"), ("s24le", "f4"), ("s32le", "f4"), ("f32le", "f4")])
@pytest.mark.parametrize("num_channels", [1, 2, 8])
def test_channels_are_interleaved(name: str, dtype: str, num_channels: int) -> None:
    pcm = PcmFormat(name, num_channels)

    frames = pcm.decode(bytes(range(48)) * PCM_BYTES[name])

    assert pcm.frame_bytes == PCM_BYTES[name] * num_channels
    assert frames.shape == (48 // num_channels, num_channels)
    assert frames.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(
        frames.reshape(-1), PcmFormat(name, 1).decode(bytes(range(48)) * PCM_BYTES[name])[:, 0]
    )


@pytest.mark.parametrize("name", PCM_BYTES)
def test_no_bytes_are_no_frames(name: str) -> None:
    assert PcmFormat(name, 2).decode(b"").shape == (0, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 3, 9])
def test_frames_before_the_first_bad_one_are_counted(bad: float, position: int) -> None:
    frames = np.zeros((10, 2), np.float32)
    frames[position:, 1] = bad

    assert num_finite_frames(frames) == position


@pytest.mark.parametrize("frames", [np.zeros((10, 2), np.int16), np.ones((10, 2), np.float32), np.zeros((0, 2), "f4")])
def test_good_frames_all_count(frames: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    assert num_finite_frames(frames) == len(frames)
