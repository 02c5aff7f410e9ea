"""The microphone over a fake PortAudio: which format is opened, what arrives, and what goes wrong."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_portaudio import (
    SAMPLE_BYTES,
    FakeDevice,
    FakePortAudio,
    FakeStream,
    Format,
    Overflowed,
    PortAudioError,
    in_blocks,
    install,
)
from fakes import each_block
from hearing import Item, samples_of, taken_until
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, noise

from streamer import clock, commands
from streamer.errors import DeviceError, DeviceHungError
from streamer.sources import calls
from streamer.sources import microphone as microphone_module
from streamer.sources.base import AudioBlock, LostSamples
from streamer.sources.calls import within_limit
from streamer.sources.conditioner import MIX, ChannelChoice, Conditioner
from streamer.sources.microphone import Microphone, list_devices
from streamer.sources.pcm import PcmFormat
from streamer.sources.ring import SampleRing

OUR_NAMES = {"int16": "s16le", "int24": "s24le", "int32": "s32le", "float32": "f32le"}
SIZES = st.lists(st.integers(0, 2000), max_size=20)
MEMS: Format = (48_000, 2, "int32")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "_LOOK_S", 0.01)


@contextmanager
def portaudio(*devices: FakeDevice, default_index: int = 0) -> Iterator[FakePortAudio]:
    """Install a fake, and end all that hangs in it."""
    with pytest.MonkeyPatch.context() as patch:
        installed = install(patch, *devices, default_index=default_index)
        try:
            yield installed
        finally:
            installed.released.set()


def noise_bytes(num_frames: int, opened: Format) -> bytes:
    """Return noise as a device of this format delivers it."""
    _, num_channels, dtype = opened
    values = noise(num_frames * num_channels, level=8000)
    if dtype == "float32":
        return (values / np.float32(32768)).astype("<f4").tobytes()
    lower = noise(len(values), seed=1)
    as_int32 = np.stack([lower, values], axis=1).view(np.uint8)
    return as_int32[:, 4 - SAMPLE_BYTES[dtype] :].tobytes()


def heard(channel: ChannelChoice = MIX) -> tuple[list[Item], Microphone]:
    """Return all that the microphone gives until its device stops."""
    with Microphone(None, channel, each_block) as source:
        taken, complaint = taken_until(DeviceError, source.blocks())
        assert "was lost" in complaint
        return taken, source


def conditioned(content: bytes, opened: Format, channel: ChannelChoice) -> Samples:
    """Return what becomes of ``content``."""
    rate_hz, num_channels, dtype = opened
    conditioner = Conditioner(rate_hz, num_channels, channel)
    heard = conditioner.push(PcmFormat(OUR_NAMES[dtype], num_channels).decode(content))
    return np.concatenate([heard, conditioner.finish()])


@pytest.mark.parametrize(
    ("device", "channel", "chosen"),
    [
        (FakeDevice(), MIX, (16_000, 1, "int16")),
        (FakeDevice(channels=8, takes=lambda wanted: wanted[1] == 8), MIX, (16_000, 8, "int16")),
        (FakeDevice(channels=2, takes=lambda wanted: wanted == MEMS), MIX, MEMS),
        (FakeDevice(channels=2, takes=lambda wanted: wanted == MEMS), 2, MEMS),
        (FakeDevice(takes=lambda wanted: wanted[0] != 16_000, default_rate_hz=44_100.0), MIX, (44_100, 1, "int16")),
        (FakeDevice(takes=lambda wanted: wanted[0] == 192_000), MIX, (192_000, 1, "int16")),
        (FakeDevice(takes=lambda wanted: wanted[0] == 8000, default_rate_hz=8000.0), MIX, (8000, 1, "int16")),
        (FakeDevice(takes=lambda wanted: wanted[2] == "float32"), MIX, (16_000, 1, "float32")),
        (FakeDevice(takes=lambda wanted: wanted[2] == "int24"), MIX, (16_000, 1, "int24")),
        (FakeDevice(channels=6), 3, (16_000, 3, "int16")),
        (FakeDevice(channels=6, takes=lambda wanted: wanted[1] in {2, 6}), 3, (16_000, 6, "int16")),
        (FakeDevice(channels=6, takes=lambda wanted: wanted[1] in {2, 6}), MIX, (16_000, 2, "int16")),
    ],
    ids=[
        *("anything goes", "array of 8", "MEMS", "right half of MEMS", "default rate first", "192 kHz", "8 kHz"),
        *("float", "24-bit", "third channel", "third channel of an array", "mix of two before all"),
    ],
)
def test_the_first_format_that_the_device_takes_is_opened(
    device: FakeDevice, channel: ChannelChoice, chosen: Format
) -> None:
    with portaudio(device) as installed, Microphone(None, channel, each_block) as source:
        assert [stream.format for stream in installed.streams] == [chosen]
        assert installed.streams[0].blocksize == chosen[0] // 50
        told = source.describe()
        assert (told["rate_hz"], told["channels"], told["format"]) == (chosen[0], chosen[1], OUR_NAMES[chosen[2]])
        assert (source.is_live, source.is_device, source.overflows) == (True, True, 0)
        assert told["device"]["name"] == "microphone"
        assert not installed.streams[0].is_closed
    assert installed.streams[0].is_closed


def test_formats_change_fastest_and_rates_slowest() -> None:
    device = FakeDevice(channels=2, default_rate_hz=44_100.0, takes=lambda wanted: wanted == (44_100, 2, "int24"))
    with portaudio(device) as installed, Microphone(None, MIX, each_block):
        formats = ["int16", "int32", "float32", "int24"]
        assert installed.tried == [(rate, n, dtype) for rate in (16_000, 44_100) for n in (1, 2) for dtype in formats]


@pytest.mark.parametrize("device", [FakeDevice(takes=lambda _: False), FakeDevice(refuses_to_start=True)])
def test_a_device_that_refuses_everything_is_named(device: FakeDevice) -> None:
    complaint = (
        r"microphone 'microphone': can not be opened in any of 24 formats tried \(.*PaErrorCode.*\); is it in use"
    )
    with portaudio(device) as installed, pytest.raises(DeviceError, match=complaint), Microphone(None, MIX, each_block):
        pass

    assert len(set(installed.tried)) == 24
    assert all(stream.is_closed for stream in installed.streams)


def test_a_channel_that_the_device_has_not_is_refused() -> None:
    complaint = "microphone 'microphone': channel 3 asked for, but the device has 2"
    with (
        portaudio(FakeDevice(channels=2)),
        pytest.raises(DeviceError, match=complaint),
        Microphone(None, 3, each_block),
    ):
        pass


@pytest.mark.parametrize("dtype", SAMPLE_BYTES)
@pytest.mark.parametrize(
    ("rate_hz", "num_channels", "channel"), [(16_000, 1, MIX), (48_000, 2, MIX), (44_100, 2, 2), (16_000, 8, 5)]
)
@hypothesis_settings(max_examples=5)
@given(num_frames=st.integers(1, 6000), sizes=SIZES)
@example(num_frames=6000, sizes=[1, 2, 3, 500])
def test_every_sample_arrives_in_blocks_of_any_size(
    dtype: str, rate_hz: int, num_channels: int, channel: ChannelChoice, num_frames: int, sizes: list[int]
) -> None:
    opened = (rate_hz, num_channels, dtype)
    content = noise_bytes(num_frames, opened)
    blocks = list(in_blocks(content, SAMPLE_BYTES[dtype] * num_channels, sizes))
    device = FakeDevice(channels=num_channels, takes=lambda wanted: wanted == opened, script=lambda _: blocks)
    device.default_rate_hz = rate_hz

    with portaudio(device):
        taken, source = heard(channel)

    assert all(isinstance(item, AudioBlock) for item in taken)
    np.testing.assert_array_equal(samples_of(taken), conditioned(content, opened, channel))
    assert source.overflows == 0


def test_an_overflow_of_the_driver_is_told_in_its_place() -> None:
    content = noise_bytes(1000, (16_000, 1, "int16"))
    script = [content[:800], Overflowed(content[800:1000]), Overflowed(content[1000:])]

    with portaudio(FakeDevice(script=lambda _: script)):
        taken, source = heard()

    places = [index for index, item in enumerate(taken) if isinstance(item, LostSamples)]
    assert [taken[index] for index in places] == [LostSamples(0, "driver_overflow")] * 2
    assert [samples_of(taken[:index]).size for index in places] == [400, 500]
    np.testing.assert_array_equal(samples_of(taken), np.frombuffer(content, np.int16))
    assert source.overflows == 2


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_what_the_ring_could_not_hold_is_accounted_for(rate_hz: int) -> None:
    """Nobody reads for 13 s of which the ring holds 10."""
    opened = (rate_hz, 1, "int16")
    content, all_written = noise_bytes(13 * rate_hz + 1, opened), threading.Event()

    def script(_: Format) -> Iterator[bytes]:
        yield from in_blocks(content, 2, [rate_hz] * 13)
        all_written.set()

    device = FakeDevice(script=script, takes=lambda wanted: wanted == opened)
    with portaudio(device), Microphone(None, MIX, each_block) as source:
        assert all_written.wait(20)
        taken, _ = taken_until(DeviceError, source.blocks())

    lost = [item for item in taken if isinstance(item, LostSamples)]
    assert lost == [LostSamples((3 * rate_hz + 1) * 16_000 // rate_hz, "ring_overflow")]
    np.testing.assert_array_equal(samples_of(taken), conditioned(content[-20 * rate_hz :], opened, MIX))
    assert source.overflows == 1


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_positions_stay_exact_across_gaps_at_other_rates(rate_hz: int) -> None:
    """The resampler ends and starts anew at a gap: the samples before and behind it keep their place."""
    opened = (rate_hz, 1, "int16")
    content = noise_bytes(9 * rate_hz, opened)
    sizes = [rate_hz - 7, 777, 12_345]
    blocks = [Overflowed(block) for block in in_blocks(content, 2, sizes)]

    with portaudio(FakeDevice(script=lambda _: blocks, takes=lambda wanted: wanted == opened)):
        taken, _ = heard()

    position, starts = 0, []
    for item in taken:
        if isinstance(item, LostSamples):
            starts.append(position)
            position += item.num_samples
        else:
            position += item.samples.size
    expected = np.cumsum([0, *sizes]) * 16_000 / rate_hz
    np.testing.assert_allclose(starts, expected, atol=1)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_blocks_carry_the_time_of_their_last_sample(rate_hz: int) -> None:
    """What the resampler still holds was captured later."""
    opened = (rate_hz, 1, "int16")
    before_s = clock.monotonic()
    content = noise_bytes(rate_hz, opened)
    with portaudio(FakeDevice(script=lambda _: [content], takes=lambda wanted: wanted == opened)):
        taken, _ = heard()
    after_s = clock.monotonic()

    block, tail = (item for item in taken if isinstance(item, AudioBlock) and item.captured_s is not None)
    assert tail.samples.size == 16_000 - block.samples.size
    assert block.captured_s is not None
    held_s = 1 - block.samples.size / 16_000
    assert before_s <= block.captured_s + held_s <= after_s
    assert (held_s > 0.005) == (rate_hz == 48_000)


def test_what_the_resampler_gives_up_at_a_gap_was_captured_before_it() -> None:
    opened = (48_000, 1, "int16")
    content, all_written = noise_bytes(48_000, opened), threading.Event()

    def script(_: Format) -> Iterator[bytes | Overflowed]:
        yield content
        yield Overflowed(content)
        all_written.set()

    device = FakeDevice(script=script, takes=lambda wanted: wanted == opened)
    with portaudio(device), Microphone(None, MIX, each_block) as source:
        assert all_written.wait(20)
        time.sleep(0.05)  # so long has the tail been in our hands
        (first, tail, *_), _ = taken_until(DeviceError, source.blocks())

    assert isinstance(first, AudioBlock)
    assert isinstance(tail, AudioBlock)
    assert first.captured_s is not None
    assert tail.captured_s == pytest.approx(first.captured_s + tail.samples.size / 16_000, abs=0.001)


def test_somebody_with_patience_is_given_longer_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "_LOOK_S", 5.0)
    opened = (48_000, 1, "int16")
    content = noise_bytes(960, opened)

    def script(_: Format) -> Iterator[bytes]:
        for _ in range(10):
            time.sleep(0.02)
            yield content

    device = FakeDevice(script=script, takes=lambda wanted: wanted == opened)
    with portaudio(device), Microphone(None, MIX, lambda: 1600) as source:
        blocks = source.blocks()
        first, second = next(blocks), next(blocks)

    assert isinstance(first, AudioBlock)
    assert isinstance(second, AudioBlock)
    assert min(first.samples.size, second.samples.size) > 900  # 1600 less what the resampler holds; a block has 320


@pytest.mark.parametrize("patience", [1600, 160_000])
def test_a_stall_is_found_whatever_the_patience(monkeypatch: pytest.MonkeyPatch, patience: int) -> None:
    monkeypatch.setattr(microphone_module, "_BLOCK_LIMIT_S", 0.1)
    device = FakeDevice(script=lambda _: [bytes(640)], then="stall")
    with portaudio(device), Microphone(None, MIX, lambda: patience) as source:
        taken, complaint = taken_until(DeviceError, source.blocks())

    assert samples_of(taken).size == 320
    assert "has stalled" in complaint


def test_a_device_that_stops_is_lost() -> None:
    with portaudio(FakeDevice(then="stop")), Microphone(None, MIX, each_block) as source:
        _, complaint = taken_until(DeviceError, source.blocks())

    assert complaint == "microphone 'microphone' was lost: plug it in or start its audio server again"


@pytest.mark.parametrize("blocks", [[], [bytes(640)]], ids=["from the first", "midway"])
def test_a_device_that_delivers_nothing_has_stalled(monkeypatch: pytest.MonkeyPatch, blocks: list[bytes]) -> None:
    monkeypatch.setattr(microphone_module, "_FIRST_BLOCK_LIMIT_S", 0.3)
    monkeypatch.setattr(microphone_module, "_BLOCK_LIMIT_S", 0.1)
    with portaudio(FakeDevice(script=lambda _: blocks, then="stall")), Microphone(None, MIX, each_block) as source:
        taken, complaint = taken_until(DeviceError, source.blocks())

    assert samples_of(taken).size == 320 * len(blocks)
    assert f"has stalled: no audio for {0.1 if blocks else 0.3} s" in complaint


def test_interrupt_ends_a_read_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "_LOOK_S", 30.0)
    with portaudio(FakeDevice(then="stall")), Microphone(None, MIX, each_block) as source:
        interrupter = threading.Timer(0.05, source.interrupt)
        interrupter.start()
        started_s = time.monotonic()

        assert samples_of(list(source.blocks())).size == 0
        assert time.monotonic() - started_s < 15
        interrupter.join()


@pytest.mark.parametrize("opened", [(16_000, 1, "int16"), (48_000, 1, "int16")])
def test_what_was_heard_before_an_interrupt_is_not_lost(opened: Format) -> None:
    """Somebody was slow to take it; nor is what the resampler holds back."""
    content = noise_bytes(opened[0], opened)
    blocks = list(in_blocks(content, 2, [opened[0] // 50] * 49))
    device = FakeDevice(takes=lambda wanted: wanted == opened, script=lambda _: blocks, then="stall")
    with portaudio(device) as installed, Microphone(None, MIX, each_block) as source:
        installed.streams[0]._driver.join()
        source.interrupt()
        taken = samples_of(list(source.blocks()))

    whole = Conditioner(opened[0], 1, MIX)
    decoded = PcmFormat("s16le", 1).decode(content)
    np.testing.assert_array_equal(taken, np.concatenate([whole.push(decoded), whole.finish()]))


def test_a_device_that_does_not_open_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALL_LIMIT_S", 0.05)
    complaint = "opening the microphone takes more than .*: the audio system hangs; start it"
    with (
        portaudio(FakeDevice(hangs_in="open")),
        pytest.raises(DeviceHungError, match=complaint),
        Microphone(None, MIX, each_block),
    ):
        pass


def test_a_device_that_does_not_close_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALL_LIMIT_S", 0.05)
    device = FakeDevice(hangs_in="close", then="stall")
    with (
        portaudio(device),
        pytest.raises(DeviceHungError, match="closing the microphone"),
        Microphone(None, MIX, each_block),
    ):
        pass


def test_a_limited_call_passes_its_result_and_its_error_on() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    assert within_limit("counting", lambda: 3) == 3
    assert within_limit("counting", lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        within_limit("dividing", fail)


def test_what_the_audio_system_writes_while_opening_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    def takes(_: Format) -> bool:
        os.write(2, b"ALSA lib pcm.c:2666:(snd_pcm_open_noupdate) Unknown PCM\n")
        return True

    with portaudio(FakeDevice(takes=takes)), Microphone(None, MIX, each_block):
        os.write(2, b"ours\n")

    assert capfd.readouterr().err == "ours\n"


NAMES = ("USB Audio", "Internal Audio", "usb audio 2", "Webcam")


def devices_named(*names: str) -> list[FakeDevice]:
    """Return devices of these names behind an output, which has an index but hears nothing."""
    return [FakeDevice("Speakers", channels=0), *(FakeDevice(name) for name in names)]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [(None, 3), (1, 1), (4, 4), ("Webcam", 4), ("web", 4), ("INTERN", 2), ("USB Audio", 1), ("audio 2", 3)],
)
def test_a_device_is_chosen_by_index_name_or_part(wanted: int | str | None, index: int) -> None:
    with portaudio(*devices_named(*NAMES), default_index=3), Microphone(wanted, MIX, each_block) as source:
        assert source.describe()["device"]["index"] == index


def test_without_a_default_the_first_device_is_taken() -> None:
    with portaudio(*devices_named(*NAMES), default_index=-1), Microphone(None, MIX, each_block) as source:
        assert source.describe()["device"]["name"] == "USB Audio"


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (0, "no capture device matches 0: choose with -d from 1 'USB Audio', 2 'Internal Audio', 3 .*, 4 'Webcam'"),
        (9, "no capture device matches 9"),
        ("phone", "no capture device matches 'phone': choose with -d from 1 'USB Audio'"),
        ("usb", "more than one capture device matches 'usb': choose with -d from 1 'USB Audio', 3 'usb audio 2'$"),
    ],
)
def test_a_device_that_is_not_one_is_refused(wanted: int | str, complaint: str) -> None:
    with (
        portaudio(*devices_named(*NAMES)),
        pytest.raises(DeviceError, match=complaint),
        Microphone(wanted, MIX, each_block),
    ):
        pass


def test_two_devices_of_one_name_are_told_apart_by_index() -> None:
    with portaudio(*devices_named("USB Audio", "USB Audio")):
        with pytest.raises(DeviceError, match="more than one capture device matches 'USB Audio'"):
            Microphone("USB Audio", MIX, each_block).__enter__()
        with Microphone(2, MIX, each_block) as source:
            assert source.describe()["device"]["index"] == 2


@pytest.mark.parametrize("wanted", [None, 0, "microphone"])
def test_no_device_at_all_is_told(wanted: int | str | None) -> None:
    with portaudio(*devices_named()), pytest.raises(DeviceError, match="no capture device found: plug in a microphone"):
        Microphone(wanted, MIX, each_block).__enter__()


@pytest.mark.parametrize(
    ("code", "error_type", "complaint"),
    [
        ("raise OSError('PortAudio library not found')", DeviceError, "PortAudio is missing: on Debian, `apt install"),
        ("raise RuntimeError('Error initializing')", DeviceError, r"PortAudio does not start \(Error initializing\)"),
        ("import time; time.sleep(0.3)", DeviceHungError, "starting PortAudio takes more than"),
    ],
    ids=["missing", "broken", "hung"],
)
def test_portaudio_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, error_type: type[DeviceError], complaint: str
) -> None:
    (tmp_path / "sounddevice.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    del sys.modules["sounddevice"]  # until the end of this test
    monkeypatch.setattr(calls, "CALL_LIMIT_S", 0.1)

    with pytest.raises(error_type, match=complaint):
        list_devices()
    for thread in set(threading.enumerate()) - {threading.current_thread()}:
        thread.join(5)


def test_devices_are_listed_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    with portaudio(FakeDevice("Web\ncam"), FakeDevice("Array", channels=8, default_rate_hz=16_000.0), default_index=1):
        code = commands.devices(as_json=False)

    assert code == 0
    assert capfd.readouterr().out.splitlines() == [
        "   0  Web\\ncam (ALSA, 1 channels, 48000 Hz)",
        "*  1  Array (ALSA, 8 channels, 16000 Hz)",
        "A label follows 290 ms after the end of speech, 220 ms at the least, later by what the device takes.",
    ]


def test_devices_are_listed_for_programs(capfd: pytest.CaptureFixture[str]) -> None:
    with portaudio(*devices_named("Gerät"), default_index=1):
        commands.devices(as_json=True)

    assert json.loads(capfd.readouterr().out) == [
        {
            "index": 1,
            "name": "Gerät",
            "id": None,
            "host_api": "ALSA",
            "channels": 1,
            "default_rate_hz": 48_000,
            "is_default": True,
            "latency_ms": {"least": 220, "usual": 290},
        }
    ]


def test_no_devices_are_an_empty_list_and_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with portaudio(), pytest.raises(DeviceError, match="no capture device found"):
        commands.devices(as_json=True)

    assert capfd.readouterr().out == "[]\n"


def test_a_device_that_comes_back_while_formats_are_tried_is_opened_in_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those before were refused since it was not there."""
    device = FakeDevice(channels=2)
    opened = FakePortAudio.RawInputStream

    def away_at_first(installed: FakePortAudio, **options: Any) -> FakeStream:
        if len(installed.tried) < 5:
            installed.tried.append((options["samplerate"], options["channels"], options["dtype"]))
            raise PortAudioError("Input/output error [PaErrorCode -9999]", -9999)
        return opened(installed, **options)

    monkeypatch.setattr(FakePortAudio, "RawInputStream", away_at_first)
    with portaudio(device) as installed, Microphone(None, MIX, each_block) as source:
        assert [stream.is_closed for stream in installed.streams] == [True, False]
        assert (source.describe()["rate_hz"], source.describe()["channels"]) == (16_000, 1)


def test_a_name_that_nobody_can_read_is_told() -> None:
    with portaudio(FakeDevice()) as installed:
        installed.query_devices = b"Mikro\xc3".decode  # type: ignore[method-assign,assignment]
        with pytest.raises(DeviceError, match="the name of a capture device is not UTF-8"):
            list_devices()


def test_a_ring_is_made_only_for_a_format_that_the_device_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some devices say that they have 32 channels: at 192 kHz a ring takes 240 MB, and attempts are many."""
    made: list[int] = []

    class CountedRing(SampleRing):
        def __init__(self, capacity_frames: int, frame_bytes: int, rate_hz: int) -> None:
            made.append(capacity_frames * frame_bytes)
            super().__init__(capacity_frames, frame_bytes, rate_hz)

    monkeypatch.setattr(microphone_module, "SampleRing", CountedRing)
    with portaudio(FakeDevice(channels=32, takes=lambda _: False)), pytest.raises(DeviceError):
        Microphone(None, MIX, each_block).__enter__()
    assert made == []
    with portaudio(FakeDevice(channels=32)), Microphone(None, MIX, each_block):
        assert made == [320_000]
