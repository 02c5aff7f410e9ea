"""The microphone; the only user of sounddevice."""

import contextlib
import ctypes
import functools
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from streamer import clock
from streamer.errors import DeviceError
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import NOTHING, AudioBlock, LostSamples, Patience
from streamer.sources.calls import Call, within_limit
from streamer.sources.conditioner import ChannelChoice, Conditioner
from streamer.sources.identity import identity_of, without_numbers
from streamer.sources.pcm import PcmFormat
from streamer.sources.ring import RingBlock, RingGap, SampleRing
from streamer.stderr import silenced_stderr

_BLOCK_MS = 20
_RING_S = 10
_FIRST_BLOCK_LIMIT_S = 3.0
_BLOCK_LIMIT_S = 1.0
"""A device that delivers nothing for longer has stalled."""
_LOOK_S = 0.25
_RATES_HZ = (48_000, 44_100, 32_000, 96_000, 192_000)
"""Tried after the stream's own rate and the device's default."""
_FORMATS = {"int16": "s16le", "int32": "s32le", "float32": "f32le", "int24": "s24le"}
"""PortAudio's names of formats, in the order tried, and ours."""
_FORMAT_REFUSALS = {-9994, -9997, -9998}
"""PortAudio's codes of a sample format, a rate, a number of channels that a device does not take."""


@dataclass(frozen=True)
class Device:
    """A capture device as PortAudio lists it."""

    index: int
    name: str
    id: str | None
    """What it goes by for good, see :func:`~streamer.sources.identity.identity_of`."""
    host_api: str
    channels: int
    default_rate_hz: int
    is_default: bool


Choice = int | str | Device | None
"""Of a device: its index, its lasting name, its name or a part of it; one that was there before; None: the default."""


def list_devices() -> list[Device]:
    """Return the capture devices.

    Raises:
        DeviceError: PortAudio is missing or does not start.
        DeviceHungError: The audio system does not answer.
    """
    with silenced_stderr():
        return within_limit("starting PortAudio", _list_devices)


def _list_devices() -> list[Device]:
    portaudio = _portaudio()
    try:
        default_index = portaudio.default.device[0]
        host_apis = portaudio.query_hostapis()
        return [
            Device(
                index=index,
                name=device["name"],
                id=identity_of(device["name"]),
                host_api=host_apis[device["hostapi"]]["name"],
                channels=device["max_input_channels"],
                default_rate_hz=round(device["default_samplerate"]),
                is_default=index == default_index,
            )
            for index, device in enumerate(portaudio.query_devices())
            if device["max_input_channels"] > 0
        ]
    except portaudio.PortAudioError as error:
        raise DeviceError(f"PortAudio does not list its devices ({error})") from error
    except UnicodeDecodeError as error:
        raise DeviceError(f"the name of a capture device is not UTF-8 ({error.object!r}): name it anew") from error


def find_device(wanted: Choice, devices: list[Device]) -> Device:
    """Return the device that ``wanted`` chooses.

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
    found = _matching(wanted, devices)
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{device.index} {device.name!r}" for device in found or devices)
    problem = "more than one capture device matches" if found else "no capture device matches"
    raise DeviceError(
        f"{problem} {wanted.name if isinstance(wanted, Device) else wanted!r}: choose with -d from {listed}"
    )


def _matching(wanted: int | str | Device, devices: list[Device]) -> list[Device]:
    match wanted:
        case int():
            return [device for device in devices if device.index == wanted]
        case Device(id=str()):
            return [device for device in devices if device.id == wanted.id]
        case Device():
            same = [device for device in devices if _kind(device) == _kind(wanted)]
            return [device for device in same if device.name == wanted.name] or same
    lowered = wanted.lower()
    for found in (
        [device for device in devices if device.id == wanted],
        [device for device in devices if device.name.lower() == lowered],
    ):
        if found:
            return found
    return [device for device in devices if lowered in device.name.lower()]


def _kind(device: Device) -> tuple[str, str]:
    """Return what stays of a device's name when it is numbered anew."""
    return device.host_api, without_numbers(device.name)


class Microphone:
    """A capture device, read through a ring buffer that the driver's thread fills."""

    is_live = True
    is_device = True

    def __init__(self, wanted: Choice, channel: ChannelChoice, patience: Patience) -> None:
        """Choose the device ``wanted``."""
        self._wanted, self._channel, self._patience = wanted, channel, patience

    @property
    def device(self) -> Device:
        """The open device."""
        return self._device

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
        with silenced_stderr():
            within_limit("opening the microphone", self.open)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the device.

        Raises:
            DeviceHungError: It does not close.
        """
        within_limit("closing the microphone", self.close)

    def open(self, *, anew: bool = False) -> None:
        """Open the device and start it, however long that takes.

        Args:
            anew: Whether the audio system is asked once more which devices there are.

        Raises:
            DeviceError: There is none, or it takes no format known here.
        """
        portaudio = _portaudio()
        if anew:
            _start_anew(portaudio)
        self._device = find_device(self._wanted, _list_devices())
        try:
            self._open_any_format(portaudio)
        except DeviceError as error:
            raise DeviceError(f"microphone {self._device.name!r}: {error}") from error
        self._conditioner = Conditioner(self._rate_hz, self._pcm.num_channels, self._channel)

    def close(self) -> None:
        """Close the device, however long that takes."""
        self._stream.close(ignore_errors=True)
        self._ring.discard()

    def describe(self) -> dict[str, Any]:
        """Return the device and the format in which it was opened."""
        opened = {"rate_hz": self._rate_hz, "channels": self._pcm.num_channels, "format": self._pcm.name}
        return {"kind": "microphone", "device": asdict(self._device), **opened}

    def blocks(self) -> Iterator[AudioBlock | LostSamples]:
        """Yield audio until :meth:`interrupt`; at least every 0.25 s something, be it a block of nothing.

        Raises:
            DeviceError: The device stopped or stalled; all that it delivered was yielded.
        """
        silent_s, limit_s = 0.0, _FIRST_BLOCK_LIMIT_S
        position = 0  # samples at 16 kHz since the device was opened
        captured_s = clock.monotonic()
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
                    error = self._what_is_wrong(silent_s, limit_s)
                    if error:
                        yield AudioBlock(self._conditioner.finish(), captured_s)
                        raise error
                    yield AudioBlock(NOTHING)

    def interrupt(self) -> None:
        """End a read that waits."""
        self._ring.close()

    def _what_is_wrong(self, silent_s: float, limit_s: float) -> DeviceError | None:
        name = self._device.name
        if not self._stream.active:
            return DeviceError(f"microphone {name!r} was lost: plug it in or start its audio server again")
        if silent_s >= limit_s:
            return DeviceError(f"microphone {name!r} has stalled: no audio for {silent_s:.1f} s")
        return None

    def _open_any_format(self, portaudio: Any) -> None:
        """Open the first of rates x channels x formats that the device takes: PortAudio converts none of them."""
        if not self._try_formats(portaudio) <= _FORMAT_REFUSALS:
            # Some were refused since it was away; it came back in the midst of them, and may take a better one.
            self.close()
            self._try_formats(portaudio)

    def _try_formats(self, portaudio: Any) -> set[int]:
        """Open the first that is taken; return PortAudio's codes of why those before it were not."""
        rates_hz = dict.fromkeys((SAMPLE_RATE_HZ, self._device.default_rate_hz, *_RATES_HZ))
        refusals: list[Exception] = []
        for rate_hz, num_channels, dtype in itertools.product(rates_hz, self._channel_counts(), _FORMATS):
            try:
                self._open(portaudio, rate_hz, num_channels, dtype)
            except portaudio.PortAudioError as error:
                refusals.append(error)
                continue
            return {error.args[1] for error in refusals}
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
        ring: SampleRing

        def on_block(content: Any, _num_frames: int, _times: Any, status: Any) -> None:
            """Runs on the driver's thread: copy, stamp, hand over; never raise, never wait."""
            # PortAudio does not tell how much an overflow lost.
            ring.write(memoryview(content), 0 if status.input_overflow else None)

        stream = portaudio.RawInputStream(
            samplerate=rate_hz,
            blocksize=rate_hz * _BLOCK_MS // 1000,
            device=self._device.index,
            channels=num_channels,
            dtype=dtype,
            callback=on_block,
        )
        # Not before it is known that the device takes it: 32 channels at 192 kHz, which some say they have, are 240 MB.
        ring = SampleRing(_RING_S * rate_hz, pcm.frame_bytes, rate_hz)
        try:
            stream.start()
        except portaudio.PortAudioError:
            stream.close(ignore_errors=True)
            raise
        self._stream, self._ring, self._pcm, self._rate_hz = stream, ring, pcm, rate_hz


@contextlib.contextmanager
def portaudio_loading(*, may_fail: bool = False) -> Iterator[None]:
    """Start PortAudio in the background, and wait for it at the end of the ``with`` block.

    It asks every sound system there is, which takes as long as loading the models.

    Args:
        may_fail: Whether a sound system that does not start is no error yet: somebody tries again later.

    Raises:
        DeviceError: As :func:`list_devices`; what is raised inside the block goes first.
    """
    with silenced_stderr():
        loading = Call("starting PortAudio", _portaudio)
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                loading.result()  # what it says meanwhile must not stand beside what is raised
            raise
        try:
            loading.result()
        except PortAudioMissingError:
            raise
        except DeviceError:
            if not may_fail:
                raise


class PortAudioMissingError(DeviceError):
    """The library is not installed: trying again does not help."""


def _portaudio() -> Any:
    """Return the module, which starts PortAudio when it is imported first."""
    try:
        import sounddevice
    except OSError as error:
        raise PortAudioMissingError("PortAudio is missing: on Debian, `apt install libportaudio2`") from error
    except Exception as error:  # sounddevice.PortAudioError, which can not be named without the import
        raise DeviceError(f"PortAudio does not start ({error})") from error
    return sounddevice


@functools.cache
def _keep_plugins(maps: Path = Path("/proc/self/maps")) -> None:
    """Keep ALSA's plugins in memory, once and for all.

    PortAudio asks all of them when it starts, and they are let go when it ends: loading them, and the video codecs that
    come with one, takes 20 ms and loses 12 KiB each time, which are gigabytes in a week without a microphone.
    """
    libraries = {Path(line.split(maxsplit=5)[5]) for line in maps.read_text().splitlines() if "/libasound.so" in line}
    for plugin in itertools.chain.from_iterable(path.parent.glob("alsa-lib/*.so") for path in libraries):
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(plugin))


def _start_anew(portaudio: Any) -> None:
    """Let PortAudio look for devices again; nothing may be open. It has no other way to see what was plugged in."""
    _keep_plugins()
    with contextlib.suppress(portaudio.PortAudioError):  # where the last attempt to start it failed
        portaudio._terminate()
    try:
        portaudio._initialize()
    except portaudio.PortAudioError as error:
        raise DeviceError(f"PortAudio does not start ({error})") from error
