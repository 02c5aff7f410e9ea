"""SIGINT and SIGTERM: the first ends the stream in good order, the second ends the process."""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ECHO_S = 0.1
"""`timeout` and some shells send one signal twice, to the process and to its group: the echo is no second one."""


class StopSignals:
    """Calls back at the first signal and exits at the second, inside its ``with`` block.

    The signals arrive through a pipe that a thread reads, so that they work even while the main thread is
    stuck in a library's call.
    """

    def __init__(self) -> None:
        """Exit at the first signal, too, until :attr:`on_stop` is set."""
        self.on_stop: Callable[[], None] | None = None
        """Called from another thread."""

    def __enter__(self) -> Self:
        """Take over the signals; in the main thread only."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._previous_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, _ignore) for number in _SIGNALS}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        os.close(self._writer)  # ends the thread, which closes the other end
        self._thread.join()  # what it may be calling must still be open

    def _watch(self) -> None:
        stopped_s: float | None = None
        while received := os.read(self._reader, 1):
            if received[0] not in _SIGNALS:
                continue
            if stopped_s is None and self.on_stop:
                stopped_s = time.monotonic()
                self.on_stop()
            elif stopped_s is None or time.monotonic() - stopped_s > _ECHO_S:
                os._exit(128 + received[0])
        os.close(self._reader)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Only the number that Python writes into the pipe matters."""
