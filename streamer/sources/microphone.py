"""The microphone; the only user of sounddevice."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Generic, Self, TypeVar

from streamer.errors import DeviceError, DeviceHungError
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import AudioBlock, LostSamples, Patience
from streamer.sources.conditioner import ChannelChoice, Conditioner
from streamer.sources.pcm import PcmFormat
from streamer.sources.ring import RingBlock, RingGap, SampleRing

_BLOCK_MS = 20
_RING_S = 10
_CALL_LIMIT_S = 5.0
"""A call into the audio system that takes longer hangs."""
_FIRST_BLOCK_LIMIT_S = 3.0
_BLOCK_LIMIT_S = 1.0
"""A device that delivers nothing for longer has stalled."""
_LOOK_S = 0.25
_RATES_HZ = (48_000, 44_100, 32_000, 96_000, 192_000)
"""Tried after the stream's own rate and the device's default."""
_FORMATS = {"int16": "s16le", "int32": "s32le", "float32": "f32le", "int24": "s24le"}
"""PortAudio's names of formats, in the order tried, and ours."""

T = TypeVar("T")


@dataclass(frozen=True)
class Device:
    """A capture device as PortAudio lists it."""

    index: int
    name: str
    host_api: str
    channels: int
    default_rate_hz: int
    is_default: bool


def list_devices() -> list[Device]:
    """Return the capture devices.

    Raises:
        DeviceError: PortAudio is missing or does not start.
        DeviceHungError: The audio system does not answer.
    """
    portaudio = _portaudio()
    default_index = portaudio.default.device[0]
    host_apis = portaudio.query_hostapis()
    return [
        Device(
            index=index,
            name=device["name"],
            host_api=host_apis[device["hostapi"]]["name"],
            channels=device["max_input_channels"],
            default_rate_hz=round(device["default_samplerate"]),
            is_default=index == default_index,
        )
        for index, device in enumerate(portaudio.query_devices())
        if device["max_input_channels"] > 0
    ]


def find_device(wanted: int | str | None, devices: list[Device]) -> Device:
    """Return the device with this index, name or part of a name; the default one for None.

    Raises:
        DeviceError: There is none, or more than one.
    """
    if not devices:
        raise DeviceError(
            "no capture device found: plug in a microphone, start the audio server, "
            "or allow this user the group 'audio'; a file plays with -i FILE"
        )
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if isinstance(wanted, int):
        found = [device for device in devices if device.index == wanted]
    else:
        lowered = wanted.lower()
        found = [device for device in devices if device.name.lower() == lowered]
        found = found or [device for device in devices if lowered in device.name.lower()]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{device.index} {device.name!r}" for device in found or devices)
    problem = "more than one capture device matches" if found else "no capture device matches"
    raise DeviceError(f"{problem} {wanted!r}: choose with -d from {listed}")


class Microphone:
    """A capture device, read through a ring buffer that the driver's thread fills."""

    is_live = True
    is_device = True

    def __init__(self, wanted: int | str | None, channel: ChannelChoice, patience: Patience) -> None:
        """Choose the device ``wanted`` (index, name or part of it, None for the default)."""
        self._wanted, self._channel, self._patience = wanted, channel, patience

    @property
    def overflows(self) -> int:
        """How often samples were lost, by the driver or in the ring."""
        return self._ring.overflows

    def __enter__(self) -> Self:
        """Open the device and start it.

        Raises:
            DeviceError: There is none, or it takes no format known here.
            DeviceHungError: The audio system does not answer.
        """
        self._device = find_device(self._wanted, list_devices())
        try:
            self._open_any_format()
        except DeviceError as error:
            raise type(error)(f"microphone {self._device.name!r}: {error}") from error
        self._conditioner = Conditioner(self._rate_hz, self._pcm.num_channels, self._channel)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the device.

        Raises:
            DeviceHungError: It does not close.
        """
        within_limit("closing the microphone", lambda: self._stream.close(ignore_errors=True))

    def describe(self) -> dict[str, Any]:
        """Return the device and the format in which it was opened."""
        opened = {"rate_hz": self._rate_hz, "channels": self._pcm.num_channels, "format": self._pcm.name}
        return {"kind": "microphone", "device": asdict(self._device), **opened}

    def blocks(self) -> Iterator[AudioBlock | LostSamples]:
        """Yield audio until :meth:`interrupt`.

        Raises:
            DeviceError: The device stopped or stalled.
        """
        silent_s, limit_s = 0.0, _FIRST_BLOCK_LIMIT_S
        position = 0  # samples at 16 kHz since the device was opened
        captured_s = time.monotonic()
        while True:
            is_last = self._ring.is_closed
            match self._ring.read(_LOOK_S, -(-self._patience() * self._rate_hz // SAMPLE_RATE_HZ)):
                case RingBlock(start_frame, content, captured_s):
                    silent_s, limit_s = 0.0, _BLOCK_LIMIT_S
                    samples = self._conditioner.push(self._pcm.decode(content))
                    position += samples.size
                    end_frame = start_frame + len(content) // self._pcm.frame_bytes
                    held_s = end_frame / self._rate_hz - position / SAMPLE_RATE_HZ  # by the resampler
                    yield AudioBlock(samples, captured_s - held_s)
                case RingGap(start_frame, num_frames, reason):
                    tail = self._conditioner.finish()
                    resumed = (start_frame + num_frames) * SAMPLE_RATE_HZ // self._rate_hz
                    num_lost = max(0, resumed - position - tail.size)
                    position += tail.size + num_lost
                    yield AudioBlock(tail, captured_s)
                    yield LostSamples(num_lost, reason)
                case None if is_last:
                    yield AudioBlock(self._conditioner.finish(), captured_s)
                    return
                case None if not self._ring.is_closed:
                    # Counted in waits, since the clock also runs on while this process is stopped.
                    silent_s += _LOOK_S
                    self._check_alive(silent_s, limit_s)

    def interrupt(self) -> None:
        """End a read that waits."""
        self._ring.close()

    def _check_alive(self, silent_s: float, limit_s: float) -> None:
        if not self._stream.active:
            raise DeviceError(f"microphone {self._device.name!r} was lost: plug it in or start its audio server again")
        if silent_s >= limit_s:
            raise DeviceError(f"microphone {self._device.name!r} has stalled: no audio for {silent_s:.1f} s")

    def _open_any_format(self) -> None:
        """Open the first of rates x channels x formats that the device takes: PortAudio converts none of them."""
        portaudio = _portaudio()
        rates_hz = dict.fromkeys((SAMPLE_RATE_HZ, self._device.default_rate_hz, *_RATES_HZ))
        refusals: list[str] = []
        for rate_hz, num_channels, dtype in itertools.product(rates_hz, self._channel_counts(), _FORMATS):
            try:
                self._open(portaudio, rate_hz, num_channels, dtype)
            except portaudio.PortAudioError as error:
                refusals.append(str(error))
                continue
            return
        raise DeviceError(f"can not be opened in any of {len(refusals)} formats tried ({refusals[-1]}); is it in use?")

    def _channel_counts(self) -> list[int]:
        most = self._device.channels
        if isinstance(self._channel, int):
            if self._channel > most:
                raise DeviceError(f"channel {self._channel} asked for, but the device has {most}")
            return list(range(self._channel, most + 1))
        # A device of many channels may take its full number only.
        return list(dict.fromkeys(count for count in (1, 2, most) if count <= most))

    def _open(self, portaudio: Any, rate_hz: int, num_channels: int, dtype: str) -> None:
        pcm = PcmFormat(_FORMATS[dtype], num_channels)
        ring = SampleRing(_RING_S * rate_hz, pcm.frame_bytes, rate_hz)

        def on_block(content: Any, _num_frames: int, _times: Any, status: Any) -> None:
            """Runs on the driver's thread: copy, stamp, hand over; never raise, never wait."""
            # PortAudio does not tell how much an overflow lost.
            ring.write(memoryview(content), 0 if status.input_overflow else None)

        def start() -> Any:
            stream = portaudio.RawInputStream(
                samplerate=rate_hz,
                blocksize=rate_hz * _BLOCK_MS // 1000,
                device=self._device.index,
                channels=num_channels,
                dtype=dtype,
                callback=on_block,
            )
            try:
                stream.start()
            except portaudio.PortAudioError:
                stream.close(ignore_errors=True)
                raise
            return stream

        with _silenced_stderr():
            self._stream = within_limit("opening the microphone", start)
        self._ring, self._pcm, self._rate_hz = ring, pcm, rate_hz


class _Call(Generic[T]):
    """A call into the audio system, in a thread of its own: a frozen audio server keeps some for ever."""

    def __init__(self, what: str, call: Callable[[], T]) -> None:
        self._what, self._call = what, call
        self._outcome: list[T] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._outcome.append(self._call())
        except BaseException as error:  # raised again in the thread that waits
            self._errors.append(error)

    def result(self) -> T:
        """Return what the call returns.

        Raises:
            DeviceHungError: It takes longer than ``_CALL_LIMIT_S`` from now on.
        """
        self._thread.join(_CALL_LIMIT_S)
        if self._errors:
            raise self._errors[0]
        if not self._outcome:
            raise DeviceHungError(
                f"{self._what} takes more than {_CALL_LIMIT_S:.0f} s: the audio system hangs; start it again"
            )
        return self._outcome[0]


def within_limit(what: str, call: Callable[[], T]) -> T:
    """Return what ``call`` returns.

    Raises:
        DeviceHungError: It takes longer than ``_CALL_LIMIT_S``.
    """
    return _Call(what, call).result()


@contextlib.contextmanager
def portaudio_loading() -> Iterator[None]:
    """Start PortAudio in the background, and wait for it at the end of the ``with`` block.

    It asks every sound system there is, which takes as long as loading the models.

    Raises:
        DeviceError: As :func:`list_devices`; what is raised inside the block goes first.
    """
    with _silenced_stderr():
        loading = _Call("starting PortAudio", _load_portaudio)
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                loading.result()  # what it says meanwhile must not stand beside what is raised
            raise
        _portaudio_of(loading)


def _portaudio() -> Any:
    with _silenced_stderr():
        return _portaudio_of(_Call("starting PortAudio", _load_portaudio))


def _load_portaudio() -> Any:
    import sounddevice  # starts PortAudio

    return sounddevice


def _portaudio_of(loading: "_Call[Any]") -> Any:
    try:
        return loading.result()
    except OSError as error:
        raise DeviceError("PortAudio is missing: on Debian, `apt install libportaudio2`") from error
    except DeviceError:
        raise
    except Exception as error:  # sounddevice.PortAudioError, which can not be named without the import
        raise DeviceError(f"PortAudio does not start ({error})") from error


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """ALSA and PortAudio write what they probed to descriptor 2; our own messages say what matters of it."""
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
