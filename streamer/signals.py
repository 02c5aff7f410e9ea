"""SIGINT and SIGTERM: the first ends the stream in good order, the second ends the process; SIGHUP starts it anew."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Self

from streamer.errors import StreamerError

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
        self._note: Callable[[str], None] = _nothing
        self._stop: Callable[[str], None] | None = None
        self._may_reload: Callable[[], bool] | None = None
        self._calling = threading.Lock()
        self._is_stopped = False

    def __enter__(self) -> Self:
        """Take over the signals; in the main thread only."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._previous_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # What whoever started us has switched off stays off: Ctrl-C at a script is not for its background jobs.
        heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._previous = {number: signal.signal(number, self._take) for number in heeded}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)  # a process that starts itself anew blocks them
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
    def calling(
        self, note: Callable[[str], None], stop: Callable[[str], None], may_reload: Callable[[], bool] | None = None
    ) -> Iterator[None]:
        """Call both at the first signal inside this ``with`` block; a first signal behind it changes nothing.

        Args:
            note: Called in the main thread, before that looks at anything which came with the signal.
            stop: Called from another thread, also while the main thread is stuck; never behind the block.
                Both are given why the stream ends, ``signal`` or ``reload``.
            may_reload: Heed SIGHUP, too: where this agrees it is a ``reload``; it is never a first signal.
        """
        self._note, self._stop, self._may_reload = note, stop, may_reload
        if may_reload:
            self._previous[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._take)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        try:
            yield
        finally:
            with self._calling:  # what it calls into is closed behind us
                self._note = self._stop = _nothing

    def start_anew(self, environment: Mapping[str, str]) -> None:
        """Replace the process by one with the same command line; return where a SIGINT or SIGTERM has come meanwhile.

        Args:
            environment: Variables to add.

        Raises:
            StreamerError: The interpreter is gone.
        """
        # What comes from now on is for the new process, which lets it through as soon as it can heed it.
        signal.pthread_sigmask(signal.SIG_BLOCK, [*_SIGNALS, signal.SIGHUP])
        if self._is_stopped:
            return
        try:
            # S606: that is the point of it
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **environment})  # noqa: S606
        except OSError as error:
            raise StreamerError(f"{sys.executable}: can not be started anew ({error.strerror})") from error

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number in _SIGNALS:
            self._is_stopped = True
            self._note("signal")

    def _watch(self) -> None:
        stopped_s: float | None = None
        while received := os.read(self._reader, 1):
            number = received[0]
            if number == signal.SIGHUP and self._stop and self._may_reload and self._may_reload():
                with self._calling:
                    self._stop("reload")
            if number not in _SIGNALS:
                continue
            if stopped_s is None and self._stop:
                stopped_s = time.monotonic()
                with self._calling:
                    self._stop("signal")
            elif stopped_s is None or time.monotonic() - stopped_s > _ECHO_S:
                os._exit(128 + number)
        os.close(self._reader)


def _nothing(_reason: str) -> None:
    pass
