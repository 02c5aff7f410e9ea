"""Stands in for the module sounddevice: devices that refuse, deliver, overflow, stop, stall and hang as told."""

import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import pytest

Format = tuple[int, int, str]
"""Rate in Hz, channels, PortAudio's name of the sample format."""

SAMPLE_BYTES = {"int16": 2, "int24": 3, "int32": 4, "float32": 4}


class PortAudioError(Exception):
    """As sounddevice's."""


@dataclass(frozen=True)
class Overflowed:
    """A block before which the driver lost samples."""

    content: bytes


@dataclass
class FakeDevice:
    """A device of the fake and what its streams do."""

    name: str = "microphone"
    channels: int = 1
    default_rate_hz: float = 48_000.0
    takes: Callable[[Format], bool] = lambda _: True
    """Which formats it opens in."""

    script: Callable[[Format], Iterable[bytes | Overflowed]] = lambda _: ()
    """The blocks that it delivers, as fast as they are taken."""

    then: Literal["stop", "stall"] = "stop"
    """What follows the blocks."""

    hangs_in: Literal["", "open", "close"] = ""
    refuses_to_start: bool = False


@dataclass
class FakePortAudio:
    """The parts of sounddevice that the microphone uses."""

    devices: list[FakeDevice]
    default_index: int = 0
    tried: list[Format] = field(default_factory=list)
    streams: list["FakeStream"] = field(default_factory=list)
    num_starts: int = 1
    fails_to_start: frozenset[int] = frozenset()
    """At which of its starts, counted from 1, it fails."""
    is_started: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    """Ends every hang and stall, so that no thread outlives its test."""

    PortAudioError = PortAudioError

    @property
    def default(self) -> Any:
        return SimpleNamespace(device=(self.default_index, -1))

    def _terminate(self) -> None:
        assert all(stream.is_closed for stream in self.streams)
        if not self.is_started:
            raise PortAudioError("Error terminating PortAudio: PortAudio not initialized", -10_000)
        self.is_started = False

    def _initialize(self) -> None:
        self.num_starts += 1
        if self.num_starts in self.fails_to_start:
            raise PortAudioError("Error initializing PortAudio: Insufficient memory", -9992)
        self.is_started = True

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {
                "name": device.name,
                "hostapi": 0,
                "max_input_channels": device.channels,
                "default_samplerate": device.default_rate_hz,
            }
            for device in self.devices
        ]

    def RawInputStream(  # noqa: N802
        self, *, samplerate: int, blocksize: int, device: int, channels: int, dtype: str, callback: Callable[..., None]
    ) -> "FakeStream":
        wanted = (samplerate, channels, dtype)
        self.tried.append(wanted)
        if self.devices[device].hangs_in == "open":
            self.released.wait()
        if not self.devices[device].takes(wanted):
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]", -9997)
        self.streams.append(FakeStream(self, self.devices[device], wanted, blocksize, callback))
        return self.streams[-1]


class FakeStream:
    """An open stream; its thread is the driver's."""

    def __init__(
        self, owner: FakePortAudio, device: FakeDevice, opened: Format, blocksize: int, callback: Callable[..., None]
    ) -> None:
        self.active, self.is_closed = False, False
        self.format, self.blocksize = opened, blocksize
        self._owner, self._device, self._callback = owner, device, callback
        self._driver = threading.Thread(target=self._deliver, daemon=True)

    def start(self) -> None:
        if self._device.refuses_to_start:
            raise PortAudioError("Error starting stream [PaErrorCode -9999]", -9999)
        self.active = True
        self._driver.start()

    def close(self, *, ignore_errors: bool) -> None:
        assert ignore_errors
        if self._device.hangs_in == "close":
            self._owner.released.wait()
        self.active, self.is_closed = False, True

    def _deliver(self) -> None:
        _, channels, dtype = self.format
        for step in self._device.script(self.format):
            if not self.active:
                return
            has_overflowed = isinstance(step, Overflowed)
            block = bytearray(step.content if isinstance(step, Overflowed) else step)
            num_frames = len(block) // (channels * SAMPLE_BYTES[dtype])
            self._callback(memoryview(block), num_frames, None, SimpleNamespace(input_overflow=has_overflowed))
            block[:] = b"\xa5" * len(block)  # the driver uses its memory again
        if self._device.then == "stop":
            self.active = False


def install(monkeypatch: pytest.MonkeyPatch, *devices: FakeDevice, default_index: int = 0) -> FakePortAudio:
    """Make ``import sounddevice`` give the fake."""
    portaudio = FakePortAudio(list(devices), default_index)
    monkeypatch.setitem(sys.modules, "sounddevice", portaudio)  # type: ignore[arg-type]
    return portaudio


def in_blocks(content: bytes, frame_bytes: int, sizes: Iterable[int]) -> Iterable[bytes]:
    """Yield ``content`` in blocks of ``sizes`` frames, and what they leave as the last."""
    position = 0
    for size in sizes:
        yield content[position : position + size * frame_bytes]
        position += size * frame_bytes
    yield content[position:]
