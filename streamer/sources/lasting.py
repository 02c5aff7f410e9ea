"""The microphone for months: it is opened again until it is back, and what becomes of it is told."""

import contextlib
import threading
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any, Literal, Self

from streamer import clock
from streamer.errors import DeviceError, DeviceHungError
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import NOTHING, AudioBlock, DeviceState, LostSamples, Patience, SourceItem
from streamer.sources.calls import Call
from streamer.sources.conditioner import ChannelChoice
from streamer.sources.microphone import Choice, Microphone, PortAudioMissingError
from streamer.sources.timeline import Timeline
from streamer.stderr import silenced_stderr

OnDeviceLoss = Literal["wait", "quit"] | None
"""``wait`` until the device is there, also at the start; ``quit``; None: wait, but not at the start."""

_LOOK_S = 0.25
_PAUSES_S = (0.5, 0.5, 1.0, 2.0)
"""Before the attempts to open it; the last stays. In the first moments of an outage PortAudio is best left alone: a
stream that is closed while its server changes may never end."""
_HANG_LIMIT_S = 30.0
"""A call into the audio system that has not returned by then is given up, and the process with it."""
_TOLD_AGAIN_S = 60.0
_SILENCE_S = 10
_SILENT_PAUSES_S = (60.0, 3600.0)
"""Between attempts to mend silence: at first, and at the most."""
_MENDED_S = 2.0
"""What is heard so soon after it was opened again is heard because of that."""


class LastingMicrophone:
    """A :class:`~streamer.sources.microphone.Microphone` that survives its device.

    What was lost while it was away, or to the driver, is measured by the clock: the timeline goes on behind it.
    A device that delivers nothing but zeros is muted, has nothing to say, or came to a harm that a fresh start mends:
    it is opened again, at most once a minute, and seldomer where that did not help.
    """

    is_live = True
    is_device = True

    def __init__(
        self, wanted: int | str | None, channel: ChannelChoice, patience: Patience, on_loss: OnDeviceLoss
    ) -> None:
        """Choose the device ``wanted``: its index, lasting name, name or a part of it; None for the default."""
        self._wanted: Choice = wanted
        self._channel, self._patience, self._on_loss = channel, patience, on_loss
        self._microphone: Microphone | None = None
        self._absence = self._name = ""  # why there is none; of the one that is, or was
        self._interrupted = threading.Event()
        self._timeline = Timeline(clock.monotonic())
        self._num_attempts = self._num_overflows = 0  # since it was heard; of the microphones before
        self._told, self._told_s = "ok", 0.0  # last, of its health
        self._num_zeros = 0
        self._silent_pause_s = _SILENT_PAUSES_S[0]
        self._opened_s = self._mending_s = -self._silent_pause_s  # last opened, and last so for its silence

    @property
    def overflows(self) -> int:
        """How often the driver or the ring lost samples."""
        return self._num_overflows + (self._microphone.overflows if self._microphone else 0)

    def __enter__(self) -> Self:
        """Open the device; where it is not there and is waited for, :meth:`blocks` does.

        Raises:
            DeviceError: It can not be opened.
            DeviceHungError: The audio system does not answer.
        """
        with contextlib.ExitStack() as stack:
            # A device that goes makes PortAudio write lines, in one case megabytes a second.
            stack.enter_context(silenced_stderr())
            self._open()
            self._silence = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the device.

        Raises:
            DeviceHungError: It does not close.
        """
        if isinstance(exc_info[1], DeviceHungError):
            self._silence.pop_all()  # the process ends at once, and what hangs may go on writing until then
            return
        with self._silence:
            if self._microphone:
                self._close(self._microphone)

    def _close(self, microphone: Microphone) -> None:
        try:
            microphone.__exit__()
        except DeviceHungError:
            if not self._interrupted.is_set():  # else the process ends, and so it is closed
                raise

    def _open(self) -> None:
        microphone = Microphone(self._wanted, self._channel, self._patience)
        try:
            self._adopt(microphone.__enter__())
        except (PortAudioMissingError, DeviceHungError):
            raise
        except DeviceError as error:
            if self._on_loss != "wait":
                raise
            self._absence = str(error)

    def describe(self) -> dict[str, Any]:
        """Return the device and the format in which it is open, None in their places where it is not there."""
        if self._microphone:
            return self._microphone.describe()
        return {"kind": "microphone", "device": None, "rate_hz": None, "channels": None, "format": None}

    def interrupt(self) -> None:
        """Make :meth:`blocks` end soon; may be called from another thread."""
        self._interrupted.set()
        if microphone := self._microphone:
            microphone.interrupt()

    def blocks(self) -> Iterator[SourceItem]:
        """Yield audio and what becomes of the device, until :meth:`interrupt`; at least every 0.25 s something.

        Raises:
            DeviceError: The device was lost, and is not waited for.
            DeviceHungError: The audio system does not answer for half a minute.
        """
        if not self._microphone:
            yield from self._tell("device_lost", self._absence)
            yield from self._timeline.lose("device_lost")
            yield from self._open_again()
        while self._microphone and not self._interrupted.is_set():
            reason = yield from self._listen(self._microphone)
            if reason:
                yield from self._timeline.lose(reason)
                yield from self._open_again()
        yield from self._timeline.finish(clock.monotonic())

    def _listen(self, microphone: Microphone) -> Generator[SourceItem, None, str]:
        """Yield what it hears; return why it must be opened again, empty where it was interrupted."""
        try:
            for item in microphone.blocks():
                yield from self._place(item)
                if isinstance(item, AudioBlock) and item.samples.size:
                    yield from self._look_for_sound(item)
                if self._is_to_be_mended():
                    return "reopened"
        except DeviceError as error:
            yield from self._lament(error)
            return "device_lost"
        return ""

    def _place(self, item: AudioBlock | LostSamples) -> Iterator[SourceItem]:
        if isinstance(item, LostSamples) and item.reason == "driver_overflow":  # who does not tell how many it lost
            yield from self._timeline.lose(item.reason)
            return
        yield from self._timeline.push(item)
        if self._timeline.is_placed and isinstance(item, AudioBlock) and item.samples.size:
            self._num_attempts = 0
            if self._told == "device_lost":
                yield from self._tell("ok", f"microphone {self._name!r} delivers again")

    def _look_for_sound(self, block: AudioBlock) -> Iterator[SourceItem]:
        if not block.samples.any():
            self._num_zeros += block.samples.size
            if self._is_silent and self._told == "ok":
                yield from self._tell("silent_input", f"microphone {self._name!r} delivers nothing but zeros: muted?")
            return
        if self._is_silent and clock.monotonic() - self._opened_s < _MENDED_S:
            self._silent_pause_s = _SILENT_PAUSES_S[0]
        self._num_zeros = 0
        if self._told == "silent_input":
            yield from self._tell("ok", f"microphone {self._name!r} is heard again")

    @property
    def _is_silent(self) -> bool:
        return self._num_zeros >= _SILENCE_S * SAMPLE_RATE_HZ

    def _is_to_be_mended(self) -> bool:
        now_s = clock.monotonic()
        if not self._is_silent or now_s < self._mending_s + self._silent_pause_s:
            return False
        if self._mending_s > 0:
            self._silent_pause_s = min(2 * self._silent_pause_s, _SILENT_PAUSES_S[1])
        self._mending_s = now_s
        return True

    def _open_again(self) -> Iterator[SourceItem]:
        """Yield signs of life until a device is open, or this is interrupted."""
        while not self._interrupted.is_set():
            yield from self._pause(_PAUSES_S[min(self._num_attempts, len(_PAUSES_S) - 1)])
            self._num_attempts += 1
            before, self._microphone = self._microphone, None
            self._num_overflows += before.overflows if before else 0
            microphone = Microphone(self._wanted, self._channel, self._patience)
            try:
                call = Call("opening the microphone again", partial(_replace, before, microphone))
                if not (yield from self._is_done(call)):
                    return
            except (PortAudioMissingError, DeviceHungError):
                raise
            except DeviceError as error:
                yield from self._lament(error)
            else:
                self._adopt(microphone)
                return

    def _lament(self, error: DeviceError) -> Iterator[SourceItem]:
        """Tell that the device is gone; raise ``error`` where it is not waited for."""
        if self._on_loss == "quit":
            yield from self._timeline.finish(clock.monotonic())
            raise error
        self._num_zeros = 0
        yield from self._tell("device_lost", str(error))

    def _is_done(self, call: "Call[None]") -> Generator[SourceItem, None, bool]:
        """Yield signs of life until ``call`` returns, and raise what it raises; return False where interrupted."""
        waited_s = 0.0  # counted in waits, since the clock also runs on while this process is stopped
        while not call.wait(_LOOK_S) and waited_s < _HANG_LIMIT_S:
            if self._interrupted.is_set():
                return False
            waited_s += _LOOK_S
            yield AudioBlock(NOTHING)
        call.result(limit_s=0.0)
        return True

    def _pause(self, pause_s: float) -> Iterator[SourceItem]:
        end_s = clock.monotonic() + pause_s
        while (left_s := end_s - clock.monotonic()) > 0 and not self._interrupted.wait(min(left_s, _LOOK_S)):
            yield AudioBlock(NOTHING)

    def _tell(self, health: Literal["ok", "device_lost", "silent_input"], detail: str) -> Iterator[SourceItem]:
        now_s = clock.monotonic()
        if health != self._told or now_s - self._told_s >= _TOLD_AGAIN_S:
            self._told, self._told_s = health, now_s
            yield DeviceState(health, detail)

    def _adopt(self, microphone: Microphone) -> None:
        """Take the open ``microphone``, and look for the same device from now on."""
        if self._wanted is not None:
            self._wanted = microphone.device
        self._name = microphone.device.name
        self._opened_s = clock.monotonic()
        self._microphone = microphone
        if self._interrupted.is_set():
            microphone.interrupt()


def _replace(before: Microphone | None, microphone: Microphone) -> None:
    """Close one and open the other."""
    if before:
        before.close()
    microphone.open(anew=True)
