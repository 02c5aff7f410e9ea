"""SIGINT and SIGTERM: the first ends the stream in good order, the second ends the process."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
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
        """Exit at the first signal, too, until there is something to call."""
        self._note: Callable[[], None] = _nothing
        self._stop: Callable[[], None] | None = None
        self._calling = threading.Lock()

    def __enter__(self) -> Self:
        """Take over the signals; in the main thread only."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._previous_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # What whoever started us has switched off stays off: Ctrl-C at a script is not for its background jobs.
        heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._previous = {number: signal.signal(number, lambda *_: self._note()) for number in heeded}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        os.close(self._writer)  # ends the thread, which closes the other end
        self._thread.join()

    @contextlib.contextmanager
    def calling(self, note: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
        """Call both at the first signal inside this ``with`` block; a first signal behind it changes nothing.

        Args:
            note: Called in the main thread, before that looks at anything which came with the signal.
            stop: Called from another thread, also while the main thread is stuck; never behind the block.
        """
        self._note, self._stop = note, stop
        try:
            yield
        finally:
            with self._calling:  # what it calls into is closed behind us
                self._note = self._stop = _nothing

    def _watch(self) -> None:
        stopped_s: float | None = None
        while received := os.read(self._reader, 1):
            if received[0] not in _SIGNALS:
                continue
            if stopped_s is None and self._stop:
                stopped_s = time.monotonic()
                with self._calling:
                    self._stop()
            elif stopped_s is None or time.monotonic() - stopped_s > _ECHO_S:
                os._exit(128 + received[0])
        os.close(self._reader)


def _nothing() -> None:
    pass
