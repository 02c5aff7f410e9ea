"""The microphone that survives its device, over a fake PortAudio whose devices come and go as told."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fake_portaudio import FakeDevice, FakePortAudio, Format, Overflowed, install
from fakes import each_block
from hearing import Item, samples_of, taken_until
from signals import noise

from streamer import clock
from streamer.errors import DeviceError, DeviceHungError
from streamer.sources import calls, lasting
from streamer.sources import microphone as microphone_module
from streamer.sources.base import AudioBlock, DeviceState, LostSamples
from streamer.sources.conditioner import MIX
from streamer.sources.lasting import LastingMicrophone, OnDeviceLoss

SECOND = noise(16_000, level=8000)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "_LOOK_S", 0.01)
    monkeypatch.setattr(lasting, "_LOOK_S", 0.01)
    monkeypatch.setattr(lasting, "_PAUSES_S", (0.0, 0.01))


@contextmanager
def portaudio(*devices: FakeDevice) -> Iterator[FakePortAudio]:
    """Install a fake, end all that hangs in it, and wait until no thread is left that would use the next one."""
    with pytest.MonkeyPatch.context() as patch:
        before = set(threading.enumerate())
        installed = install(patch, *devices)
        try:
            yield installed
        finally:
            installed.released.set()
            for stream in installed.streams:
                stream.close(ignore_errors=True)
            for thread in set(threading.enumerate()) - before:
                thread.join(5)


def lasting_microphone(on_loss: OnDeviceLoss = None, wanted: int | str | None = None) -> LastingMicrophone:
    return LastingMicrophone(wanted, MIX, each_block, on_loss)


def taken_from(source: LastingMicrophone, is_enough: Callable[[list[Item]], bool]) -> list[Item]:
    """Return what comes, but for signs of life, until it is enough and the source is interrupted."""
    taken: list[Item] = []
    for item in source.blocks():
        if not isinstance(item, AudioBlock) or item.samples.size:
            taken.append(item)
            if is_enough(taken):
                source.interrupt()
    return taken


def states(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.health, item.detail) for item in items if isinstance(item, DeviceState)]


def losses(items: list[Item]) -> list[LostSamples]:
    return [item for item in items if isinstance(item, LostSamples)]


def has_ok(items: list[Item]) -> bool:
    return "ok" in [health for health, _ in states(items)]


def seconds_until_stop(*scripts: list[bytes | Overflowed]) -> Callable[[Format], Iterator[bytes | Overflowed]]:
    """Return a script that delivers the first of ``scripts`` when the device is opened first, then the next."""
    openings, pause = iter(scripts), threading.Event()

    def script(_: Format) -> Iterator[bytes | Overflowed]:
        for block in next(openings):
            pause.wait(0.01)  # the ring holds ten blocks
            yield block

    return script


def delivers_for_ever(_: Format) -> Iterator[bytes]:
    pause = threading.Event()
    while True:
        yield SECOND[:320].tobytes()
        pause.wait(0.002)


def test_a_device_that_was_lost_is_opened_again_and_both_are_told() -> None:
    first = iter([[SECOND.tobytes()]])
    device = FakeDevice(script=lambda opened: next(first, None) or delivers_for_ever(opened))
    with portaudio(device) as installed, lasting_microphone() as source:
        items = taken_from(source, has_ok)

    (lost,) = losses(items)
    assert states(items) == [
        ("device_lost", "microphone 'microphone' was lost: plug it in or start its audio server again"),
        ("ok", "microphone 'microphone' delivers again"),
    ]
    assert lost.reason == "device_lost"
    assert [type(item) for item in items[:3]] == [AudioBlock, DeviceState, LostSamples]
    np.testing.assert_array_equal(samples_of(items)[:16_000], SECOND)
    assert installed.num_starts == 2
    assert [stream.is_closed for stream in installed.streams] == [True, True]


def test_what_was_lost_is_measured_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is away for three hours."""
    offset = [0.0]
    started_s = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: started_s + offset[0])

    def script(opened: Format) -> Iterator[bytes]:
        for index in range(50):
            offset[0] += 0.02
            yield SECOND[index * 320 : (index + 1) * 320].tobytes()

    device = FakeDevice(script=script)
    with portaudio(device) as installed, lasting_microphone() as source:
        blocks = source.blocks()
        items: list[Item] = []
        for item in blocks:
            items.append(item)
            if states([item])[:1] and states([item])[0][0] == "device_lost" and len(installed.streams) == 1:
                offset[0] += 3 * 3600
            if len(losses(items)) == 1:
                source.interrupt()

    assert losses(items)[0].num_samples == pytest.approx(3 * 3600 * 16_000, abs=400)


def test_a_device_that_is_not_there_is_waited_for_from_the_start() -> None:
    device = FakeDevice(script=delivers_for_ever)
    with portaudio() as installed, lasting_microphone("wait") as source:
        assert source.describe() == {
            "kind": "microphone",
            "device": None,
            "rate_hz": None,
            "channels": None,
            "format": None,
        }
        assert source.overflows == 0

        def plugged_in_then_heard(items: list[Item]) -> bool:
            if not installed.devices:
                installed.devices.append(device)
            return has_ok(items)

        items = taken_from(source, plugged_in_then_heard)

    assert [health for health, _ in states(items)] == ["device_lost", "ok"]
    assert "no capture device found" in states(items)[0][1]
    assert len(losses(items)) == 1


@pytest.mark.parametrize("on_loss", [None, "quit"])
def test_a_device_that_is_not_there_at_the_start_is_an_error(on_loss: OnDeviceLoss) -> None:
    with portaudio(), pytest.raises(DeviceError, match="no capture device found"), lasting_microphone(on_loss):
        pass


def test_who_asked_to_quit_quits() -> None:
    device = FakeDevice(script=lambda _: [SECOND.tobytes()])
    with portaudio(device), lasting_microphone("quit") as source:
        items, complaint = taken_until(DeviceError, source.blocks())

    assert "was lost" in complaint
    assert samples_of(items).size == 16_000


def test_a_sound_system_that_does_not_start_is_started_until_it_does() -> None:
    first = iter([[SECOND.tobytes()]])
    device = FakeDevice(script=lambda opened: next(first, None) or delivers_for_ever(opened))
    with portaudio(device) as installed, lasting_microphone() as source:
        installed.fails_to_start = frozenset({2, 3})
        items = taken_from(source, has_ok)

    assert installed.num_starts == 4
    assert [health for health, _ in states(items)] == ["device_lost", "ok"]


def test_who_asked_to_quit_quits_also_where_it_is_lost_in_being_opened_again() -> None:
    device = FakeDevice(script=seconds_until_stop([bytes(32_000)] * 12))
    with portaudio(device) as installed, lasting_microphone("quit") as source:
        device.takes = lambda _: not installed.streams
        items, complaint = taken_until(DeviceError, source.blocks())

    assert "can not be opened" in complaint
    assert [health for health, _ in states(items)] == ["silent_input"]


def test_the_same_device_is_looked_for_whatever_its_number() -> None:
    """It was asked for by its number, which another has by then."""
    first = iter([[SECOND.tobytes()]])
    wanted = FakeDevice("USB Audio (hw:1,0)", script=lambda opened: next(first, None) or delivers_for_ever(opened))
    other = FakeDevice("Webcam (hw:2,0)", script=delivers_for_ever)
    with portaudio(wanted, other) as installed, lasting_microphone(wanted=0) as source:

        def renumbered(items: list[Item]) -> bool:
            if states(items) and installed.devices[0] is wanted:
                wanted.name, other.name = "USB Audio (hw:2,0)", "Webcam (hw:1,0)"
                installed.devices.reverse()
            return has_ok(items)

        taken_from(source, renumbered)
        assert source.describe()["device"]["name"] == "USB Audio (hw:2,0)"
        assert source.describe()["device"]["index"] == 1


def test_a_device_that_stays_away_is_told_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = itertools.count(clock.monotonic(), 1.0)
    first = iter([[SECOND.tobytes()]])
    device = FakeDevice(script=lambda _: next(first, ()))
    with portaudio(device) as installed, lasting_microphone() as source:

        def gone(items: list[Item]) -> bool:
            if states(items) and installed.devices:
                installed.devices.clear()
                monkeypatch.setattr(clock, "monotonic", lambda: next(hours))
            return len(states(items)) == 3

        items = taken_from(source, gone)

    assert [health for health, _ in states(items)] == ["device_lost"] * 3
    assert all("no capture device found" in detail for _, detail in states(items)[1:])
    (lost,) = losses(items)  # up to the end
    assert lost.num_samples > 100 * 16_000


def test_an_overflow_of_the_driver_gets_its_length_from_the_clock() -> None:
    pause = threading.Event()

    def script(_: Format) -> Iterator[bytes | Overflowed]:
        for _ in range(10):
            pause.wait(0.02)
            yield SECOND[:320].tobytes()
        pause.wait(0.5)
        for index in range(200):
            pause.wait(0.02)
            yield SECOND[:320].tobytes() if index else Overflowed(SECOND[:320].tobytes())

    with portaudio(FakeDevice(script=script, then="stall")), lasting_microphone() as source:
        items = taken_from(source, lambda taken: bool(losses(taken)))

    (lost,) = losses(items)
    assert lost.reason == "driver_overflow"
    assert lost.num_samples == pytest.approx(8000, abs=2000)
    assert source.overflows == 1


def test_zeros_are_told_and_the_device_opened_again_once() -> None:
    device = FakeDevice(script=seconds_until_stop([bytes(32_000)] * 12, [bytes(32_000)] * 90), then="stall")
    with portaudio(device) as installed, lasting_microphone() as source:
        items = taken_from(source, lambda taken: samples_of(taken).size >= 20 * 16_000)

    assert [health for health, _ in states(items)] == ["silent_input"]
    assert "nothing but zeros" in states(items)[0][1]
    assert [loss.reason for loss in losses(items)] == ["reopened"]
    assert len(installed.streams) == 2


def test_sound_behind_zeros_is_told() -> None:
    device = FakeDevice(script=seconds_until_stop([bytes(32_000)] * 10, [SECOND.tobytes()] * 2), then="stall")
    with portaudio(device), lasting_microphone() as source:
        items = taken_from(source, has_ok)

    assert [health for health, _ in states(items)] == ["silent_input", "ok"]


def test_a_silence_that_opening_again_does_not_mend_is_left_alone_for_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    openings_s: list[float] = []

    def script(_: Format) -> Iterator[bytes]:
        openings_s.append(now[0])
        pause = threading.Event()
        for _ in range(10_000):
            pause.wait(0.0005)
            now[0] += 1.0
            yield bytes(32_000)

    with portaudio(FakeDevice(script=script, then="stall")), lasting_microphone() as source:
        taken_from(source, lambda _: len(openings_s) == 5)

    pauses_s = np.diff(openings_s)[1:]
    assert all(pauses_s[:3] > [55, 110, 230])


def test_a_call_that_hangs_for_good_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "_HANG_LIMIT_S", 0.05)
    monkeypatch.setattr(calls, "CALL_LIMIT_S", 5.0)
    device = FakeDevice(script=lambda _: [SECOND.tobytes()], hangs_in="close")
    with portaudio(device) as installed, lasting_microphone() as source:
        items, complaint = taken_until(DeviceHungError, source.blocks())
        installed.released.set()

    assert "opening the microphone again takes more than" in complaint
    assert states(items)[0][0] == "device_lost"


def test_an_interrupt_does_not_wait_for_a_call_that_hangs() -> None:
    device = FakeDevice(script=lambda _: [SECOND.tobytes()], hangs_in="close")
    with portaudio(device) as installed, lasting_microphone() as source:
        items: list[Item] = []
        num_signs = 0
        for item in source.blocks():
            items.append(item)
            num_signs += bool(states(items)) and isinstance(item, AudioBlock)
            if num_signs == 3:
                source.interrupt()
        installed.released.set()

    assert len(losses(items)) == 1


def test_an_interrupt_while_it_waits_ends_it() -> None:
    first: Iterator[Any] = iter([[SECOND.tobytes()]])
    device = FakeDevice(script=lambda _: next(first, ()))
    with portaudio(device) as installed, lasting_microphone() as source:
        installed.devices[0].takes = lambda _: not installed.streams
        items = taken_from(source, lambda taken: bool(states(taken)))

    assert [health for health, _ in states(items)] == ["device_lost"]
