"""Raw PCM from a descriptor: the same samples however the bytes come, and what is wrong with them is said."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from audio_files import as_wav, encoded, pcm_24
from hearing import samples_of, samples_until_broken
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, noise, ramp

from streamer.errors import InputError
from streamer.sources import pipe as pipe_module
from streamer.sources.conditioner import MIX, ChannelChoice, Conditioner
from streamer.sources.pcm import PCM_BYTES, PcmFormat
from streamer.sources.pipe import PipeSource

S16 = PcmFormat("s16le", 1)


@contextmanager
def descriptor_of(content: bytes) -> Iterator[int]:
    """Give a descriptor from which ``content`` can be read."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def heard(content: bytes, pcm: PcmFormat = S16, rate_hz: int = 16_000, channel: ChannelChoice = MIX) -> Samples:
    """Return all that the source gives of ``content``."""
    with descriptor_of(content) as descriptor, PipeSource(descriptor, pcm, rate_hz, channel) as source:
        return samples_of(source.blocks())


def heard_until_broken(content: bytes, pcm: PcmFormat) -> tuple[Samples, str]:
    """Return what the source gives before it breaks, and the complaint."""
    with descriptor_of(content) as descriptor, PipeSource(descriptor, pcm, 16_000, MIX) as source:
        return samples_until_broken(source.blocks())


def expected(content: bytes, pcm: PcmFormat, rate_hz: int, channel: ChannelChoice) -> Samples:
    conditioner = Conditioner(rate_hz, pcm.num_channels, channel)
    return np.concatenate([conditioner.push(pcm.decode(content)), conditioner.finish()])


@pytest.mark.parametrize("name", PCM_BYTES)
@pytest.mark.parametrize(("num_channels", "channel", "rate_hz"), [(1, MIX, 16_000), (2, MIX, 44_100), (3, 2, 8_000)])
@hypothesis_settings(max_examples=15)
@given(num_frames=st.integers(1, 3000), read_bytes=st.integers(1, 5000))
@example(num_frames=100, read_bytes=1)
@example(num_frames=100, read_bytes=3)
def test_any_split_gives_the_same_samples(
    name: str, num_channels: int, channel: ChannelChoice, rate_hz: int, num_frames: int, read_bytes: int
) -> None:
    pcm = PcmFormat(name, num_channels)
    values = noise(num_frames * num_channels, level=8000)
    content = (values / np.float32(32768)).astype("<f4").tobytes() if name == "f32le" else b""
    content = content or np.resize(values.view(np.uint8), num_frames * pcm.frame_bytes).tobytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipe_module, "_READ_BYTES", read_bytes)
        samples = heard(content, pcm, rate_hz, channel)

    np.testing.assert_array_equal(samples, expected(content, pcm, rate_hz, channel))


def test_16_bit_arrives_bit_for_bit() -> None:
    np.testing.assert_array_equal(heard(ramp(70_000).tobytes()), ramp(70_000))


def test_wider_formats_of_the_same_level_give_the_same_samples() -> None:
    values = ramp(65_536)

    assert (heard(pcm_24(values), PcmFormat("s24le", 1)) == values).all()
    assert (heard((values.astype("<i4") << 16).tobytes(), PcmFormat("s32le", 1)) == values).all()
    assert (heard((values / np.float32(32768)).astype("<f4").tobytes(), PcmFormat("f32le", 1)) == values).all()


def test_samples_are_given_as_soon_as_they_come() -> None:
    reader, writer = os.pipe()
    with PipeSource(reader, S16, 16_000, MIX) as source:
        blocks = source.blocks()
        for size in (100, 50):
            os.write(writer, ramp(size).tobytes())

            assert next(blocks).samples.size == size
        os.close(writer)

        assert samples_of(blocks).size == 0
    os.close(reader)


def test_a_sample_may_come_in_two_halves() -> None:
    reader, writer = os.pipe()
    content = ramp(10).tobytes()
    with PipeSource(reader, S16, 16_000, MIX) as source:
        blocks = source.blocks()
        os.write(writer, content[:7])
        first = next(blocks).samples
        os.write(writer, content[7:])
        os.close(writer)

        np.testing.assert_array_equal(np.concatenate([first, samples_of(blocks)]), ramp(10))
    os.close(reader)


def test_interrupt_ends_a_read_that_waits() -> None:
    reader, writer = os.pipe()
    with PipeSource(reader, S16, 16_000, MIX) as source:
        interrupter = threading.Timer(0.05, source.interrupt)
        interrupter.start()
        started_s = time.monotonic()

        assert samples_of(source.blocks()).size == 0
        assert time.monotonic() - started_s < 15
        interrupter.join()
    os.close(reader)
    os.close(writer)


def test_it_tells_what_it_reads() -> None:
    with descriptor_of(b"") as descriptor, PipeSource(descriptor, PcmFormat("s24le", 2), 8_000, 1) as source:
        assert source.describe() == {"kind": "pipe", "rate_hz": 8_000, "channels": 2, "format": "s24le"}
        assert (source.is_live, source.is_device, source.overflows) == (False, False, 0)


@pytest.mark.parametrize(("name", "num_channels", "num_left"), [("s16le", 1, 1), ("s24le", 2, 5), ("f32le", 1, 3)])
def test_half_a_sample_at_the_end_breaks_the_stream_there(name: str, num_channels: int, num_left: int) -> None:
    pcm = PcmFormat(name, num_channels)
    content = bytes(1000 * pcm.frame_bytes)

    samples, complaint = heard_until_broken(content + bytes(num_left), pcm)

    assert samples.size == 1000
    assert f"ended inside a sample, with {num_left} of {pcm.frame_bytes} bytes" in complaint
    assert "--format" in complaint


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_breaks_the_stream_there(bad: float) -> None:
    values = np.zeros((50_000, 2), "<f4")
    values[40_000, 1] = bad

    samples, complaint = heard_until_broken(values.tobytes(), PcmFormat("f32le", 2))

    assert samples.size == 40_000
    assert "sample 40000 is NaN or infinite; expected -1 to 1" in complaint


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="standard input is empty; expected raw PCM"):
        heard(b"")


@pytest.mark.parametrize("read_bytes", [1, 3, 65_536])
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (as_wav(noise(1000)), "WAV"),
        (encoded(noise(1000), "FLAC"), "FLAC"),
        (encoded(noise(1000), "OGG"), "OGG"),
        (b"ID3\4" + bytes(100), "MP3"),
    ],
)
def test_a_file_in_the_pipe_is_refused(
    monkeypatch: pytest.MonkeyPatch, content: bytes, name: str, read_bytes: int
) -> None:
    monkeypatch.setattr(pipe_module, "_READ_BYTES", read_bytes)

    with pytest.raises(InputError, match=f"is a {name} file; .* give the file with -i FILE"):
        heard(content)


@pytest.mark.parametrize("read_bytes", [1, 4, 6])
def test_samples_that_look_like_a_file_are_heard_behind_the_first(
    monkeypatch: pytest.MonkeyPatch, read_bytes: int
) -> None:
    monkeypatch.setattr(pipe_module, "_READ_BYTES", read_bytes)

    assert heard(bytes(4) + b"RIFF" * 3).size == 8


def test_two_bytes_are_one_sample() -> None:
    """Too little to tell whether it is a file."""
    assert heard(b"RI").tolist() == [18_770]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(InputError, match="Is a directory"), PipeSource(descriptor, S16, 16_000, MIX):
        pass
    os.close(descriptor)


def test_a_closed_descriptor_is_refused() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)

    with pytest.raises(InputError, match="can not be read"), PipeSource(reader, S16, 16_000, MIX):
        pass


def test_a_terminal_is_refused() -> None:
    controller, terminal = os.openpty()

    with pytest.raises(InputError, match="is a terminal"), PipeSource(terminal, S16, 16_000, MIX):
        pass
    os.close(controller)
    os.close(terminal)


def test_an_error_while_reading_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, num_bytes: int) -> bytes:
        if num_bytes:
            raise OSError(5, "Input/output error")
        return b""

    with descriptor_of(b"1234") as descriptor, PipeSource(descriptor, S16, 16_000, MIX) as source:
        monkeypatch.setattr(pipe_module.os, "read", fail)

        with pytest.raises(InputError, match="Input/output error"):
            list(source.blocks())
