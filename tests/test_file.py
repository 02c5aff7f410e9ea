"""Audio files of every kind as blocks of the stream; what is wrong with one is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from audio_files import FLOAT, as_wav, encoded, flac_of_unknown_length, pcm_24, rf64, wav
from hearing import samples_of, samples_until_broken
from hypothesis import given
from hypothesis import strategies as st
from signals import Samples, noise, ramp

from streamer.errors import InputError, SettingsError, StreamBrokenError, StreamerError
from streamer.sources import file as file_module
from streamer.sources.conditioner import MIX, ChannelChoice
from streamer.sources.file import FileSource

SAMPLES = noise(20_000, level=5000)


def written(folder: Path, content: bytes, name: str = "speech.wav") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def heard(path: Path, channel: ChannelChoice = MIX) -> Samples:
    """Return all that the file gives."""
    with FileSource(path, channel) as source:
        return samples_of(source.blocks())


def heard_until_broken(path: Path) -> tuple[Samples, str]:
    """Return what the file gives before it breaks, and the complaint."""
    with FileSource(path, MIX) as source:
        return samples_until_broken(source.blocks())


@pytest.mark.parametrize("block_ms", [1, 37, 500, 5000])
def test_16_bit_arrives_bit_for_bit_in_blocks_of_any_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_ms: int
) -> None:
    monkeypatch.setattr(file_module, "_BLOCK_MS", block_ms)
    path = written(tmp_path, as_wav(ramp(70_000)))

    np.testing.assert_array_equal(heard(path), ramp(70_000))


@pytest.mark.parametrize(
    "content",
    [
        wav(pcm_24(SAMPLES), sample_bytes=3),
        wav((SAMPLES.astype("<i4") << 16).tobytes(), sample_bytes=4),
        wav((SAMPLES / np.float32(32768)).astype("<f4").tobytes(), sample_bytes=4, tag=FLOAT),
        wav((SAMPLES / 32768).astype("<f8").tobytes(), sample_bytes=8, tag=FLOAT),
        encoded(SAMPLES, "FLAC"),
        flac_of_unknown_length(SAMPLES),
        encoded(SAMPLES, "AIFF"),
        rf64(SAMPLES.tobytes(), data_size=40_000),
        wav(SAMPLES.tobytes(), data_size=0xFFFF_FFFF, riff_size=0xFFFF_FFFF),
        wav(SAMPLES.tobytes(), data_size=0x7FFF_F000, riff_size=0x7FFF_F024),
        wav(SAMPLES.tobytes(), more_chunks=b"LIST\5\0\0\0hello\0"),
        wav(SAMPLES.tobytes() + b"\1"),
    ],
    ids=[
        *("24-bit", "32-bit", "float", "double", "FLAC", "FLAC from a pipe", "AIFF", "RF64", "WAV from a pipe"),
        *("WAV from sox in a pipe", "WAV with an odd chunk", "WAV with half a sample more"),
    ],
)
def test_every_width_and_container_gives_the_same_samples(tmp_path: Path, content: bytes) -> None:
    np.testing.assert_array_equal(heard(written(tmp_path, content)), SAMPLES)


def test_8_bit_keeps_the_upper_8(tmp_path: Path) -> None:
    upper = (SAMPLES >> 8).astype(np.int16)
    path = written(tmp_path, wav((upper + 128).astype(np.uint8).tobytes(), sample_bytes=1))

    np.testing.assert_array_equal(heard(path), upper << 8)


@pytest.mark.parametrize("file_format", ["OGG", "MP3"])
def test_lossy_files_keep_their_length(tmp_path: Path, file_format: str) -> None:
    path = written(tmp_path, encoded(SAMPLES, file_format))

    samples = heard(path)

    assert samples.size == SAMPLES.size
    assert np.std(samples.astype(float) - SAMPLES) < np.std(SAMPLES.astype(float))


@pytest.mark.parametrize(("rate_hz", "num_samples"), [(8_000, 40_000), (44_100, 7256), (96_000, 3333)])
def test_any_rate_becomes_16_khz(tmp_path: Path, rate_hz: int, num_samples: int) -> None:
    assert heard(written(tmp_path, wav(SAMPLES.tobytes(), rate_hz=rate_hz))).size == pytest.approx(num_samples, abs=1)


def test_channels_are_picked_or_mixed(tmp_path: Path) -> None:
    path = written(tmp_path, wav(SAMPLES.tobytes(), num_channels=2))

    left, right, mix = heard(path, 1), heard(path, 2), heard(path)

    np.testing.assert_array_equal(left, SAMPLES[::2])
    np.testing.assert_array_equal(right, SAMPLES[1::2])
    np.testing.assert_array_equal(mix, np.rint((left.astype(float) + right) / 2))


def test_it_tells_what_it_opened(tmp_path: Path) -> None:
    path = written(tmp_path, wav(SAMPLES.tobytes(), rate_hz=44_100, num_channels=2))

    with FileSource(path, MIX) as source:
        assert source.describe() == {"kind": "file", "path": str(path), "rate_hz": 44_100, "channels": 2}
        assert (source.is_live, source.is_device, source.overflows) == (False, False, 0)


def test_interrupt_ends_with_the_block_in_hand(tmp_path: Path) -> None:
    with FileSource(written(tmp_path, as_wav(SAMPLES)), MIX) as source:
        blocks = source.blocks()
        first = next(blocks)

        source.interrupt()

        assert first.samples.size == 8000
        assert sum(block.samples.size for block in blocks) == 0


@pytest.mark.parametrize("name", ["two words.wav", "two\nlines.wav", b"not \xff text.wav", "speech.raw", "speech"])
def test_the_name_does_not_matter(tmp_path: Path, name: str | bytes) -> None:
    path = written(tmp_path, as_wav(SAMPLES), name if isinstance(name, str) else name.decode(errors="surrogateescape"))

    np.testing.assert_array_equal(heard(path), SAMPLES)


@pytest.mark.parametrize("more_chunks", [b"", b"LIST\5\0\0\0hello\0"])
def test_a_truncated_wav_gives_what_is_there(tmp_path: Path, more_chunks: bytes) -> None:
    path = written(tmp_path, wav(SAMPLES.tobytes(), more_chunks=more_chunks)[:-10_001])

    samples, complaint = heard_until_broken(path)

    np.testing.assert_array_equal(samples, SAMPLES[:14_999])
    assert "truncated: its header promises 20000 samples, it holds 14999" in complaint


def test_a_truncated_file_at_another_rate_gives_its_last_sample_too(tmp_path: Path) -> None:
    """The resampler holds some back until it is told that no more come."""
    samples, _ = heard_until_broken(written(tmp_path, wav(SAMPLES.tobytes(), rate_hz=48_000)[:-20_000]))

    assert samples.size == pytest.approx(10_000 / 3, abs=1)


def test_a_truncated_rf64_gives_what_is_there(tmp_path: Path) -> None:
    samples, complaint = heard_until_broken(written(tmp_path, rf64(SAMPLES[:9000].tobytes(), data_size=40_000)))

    np.testing.assert_array_equal(samples, SAMPLES[:9000])
    assert "promises 20000 samples, it holds 9000" in complaint


@pytest.mark.parametrize("num_cut", [1, 5000, 20_000])
def test_a_truncated_flac_gives_what_is_there(tmp_path: Path, num_cut: int) -> None:
    samples, complaint = heard_until_broken(written(tmp_path, encoded(SAMPLES, "FLAC")[:-num_cut]))

    np.testing.assert_array_equal(samples, SAMPLES[: samples.size])
    assert "broken after" in complaint
    assert samples.size < SAMPLES.size


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_breaks_the_stream_there(tmp_path: Path, bad: float) -> None:
    values = (SAMPLES / np.float32(32768)).astype("<f4")
    values[9000] = bad
    path = written(tmp_path, wav(values.tobytes(), sample_bytes=4, tag=FLOAT))

    samples, complaint = heard_until_broken(path)

    np.testing.assert_array_equal(samples, SAMPLES[:9000])
    assert "sample 9000 is NaN or infinite" in complaint


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b"Once upon a time, there was a text.\n" * 100, r"not readable as audio \(Format not recognised\)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), "not readable as audio"),
        (noise(5000).tobytes(), "not readable as audio"),
        (wav(SAMPLES.tobytes(), num_channels=0), "not readable as audio"),
        (wav(SAMPLES.tobytes(), rate_hz=0), "."),
        (wav(SAMPLES.tobytes(), tag=0x4242), "not readable as audio"),
        (wav(b""), "its header promises no audio samples"),
        (wav(b"", data_size=40_000), "its header promises no audio samples"),
        (wav(SAMPLES.tobytes(), data_size=0, riff_size=0), "its header promises no audio samples"),
        (as_wav(SAMPLES)[:30], "."),
    ],
    ids=[
        *("empty", "text", "PNG", "raw", "0 channels", "0 Hz", "unknown codec", "no samples", "header only"),
        *("unfinished recording", "half a header"),
    ],
)
def test_what_is_not_audio_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(InputError, match=complaint) as caught, FileSource(path, MIX):
        pass

    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"no\.wav: can not be read \(No such file"),
        FileSource(tmp_path / "no.wav", 1),
    ):
        pass


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_is_no_file_is_refused(path: str) -> None:
    with (
        pytest.raises(InputError, match="expected a file; raw PCM from a pipe goes with -i -"),
        FileSource(Path(path), 1),
    ):
        pass


def test_a_channel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="channel 2"), FileSource(written(tmp_path, as_wav(SAMPLES)), 2):
        pass


@given(
    cuts=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=8),
    length=st.one_of(st.none(), st.integers(1, 120)),
)
def test_a_damaged_header_gives_samples_or_a_complaint(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int]], length: int | None
) -> None:
    """Nothing but the errors that end as one line for people."""
    content = bytearray(wav(SAMPLES[:200].tobytes(), more_chunks=b"LIST\5\0\0\0hello\0"))
    for position, value in cuts:
        content[position] = value
    path = written(tmp_path_factory.mktemp("damaged"), bytes(content[:length]))

    try:
        samples = heard(path)
    except StreamerError:
        return
    assert samples.dtype == np.int16


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_an_ogg_file_without_its_last_page_is_truncated(tmp_path: Path, part: float) -> None:
    path = tmp_path / "speech.ogg"
    soundfile.write(
        path, 0.1 * np.random.default_rng(0).standard_normal(480_000), 16_000, format="OGG", subtype="VORBIS"
    )
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])

    with FileSource(path, "mix") as source:
        if part == 1.0:
            assert sum(block.samples.size for block in source.blocks()) == 480_000
        else:
            with pytest.raises(StreamBrokenError, match="truncated"):
                list(source.blocks())


def test_a_thousand_channels_come_in_small_blocks(tmp_path: Path) -> None:
    """Half a second of them, at the highest rate, would be more than a gigabyte."""
    path = written(tmp_path, wav(bytes(2 * 1000 * 3000), num_channels=1000, rate_hz=768_000))

    with FileSource(path, 1) as source:
        sizes = [block.samples.size for block in source.blocks()]

    assert len(sizes) == 4  # three of a thousand frames, and what the resampler still held


def test_a_gigabyte_of_empty_chunks_is_not_stepped_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    num_reads = 0
    unpack = file_module.struct.unpack

    def counted(form: str, header: bytes) -> Any:
        nonlocal num_reads
        num_reads += 1
        return unpack(form, header)

    monkeypatch.setattr(file_module.struct, "unpack", counted)
    path = written(tmp_path, b"RIFF" + bytes(4) + b"WAVE" + bytes(100_000))

    with pytest.raises(InputError, match="not readable as audio"):
        heard(path)
    assert num_reads == 1000


def test_what_is_wrong_with_mp3_is_told_by_nobody_but_us(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(encoded(SAMPLES, "MP3"))
    damaged[1000:1400] = bytes(400)

    with pytest.raises(InputError, match="not readable as audio"):
        heard(written(tmp_path, b"\xff\xf3\xab\xc4" + bytes(8)))
    assert heard(written(tmp_path, bytes(damaged))).size

    assert capfd.readouterr() == ("", "")
