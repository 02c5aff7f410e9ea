"""Calls that may never return: a frozen audio server keeps some for ever."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from streamer import clock
from streamer.errors import DeviceHungError

CALL_LIMIT_S = 5.0
"""A call into the audio system that takes longer hangs."""

T = TypeVar("T")


class Call(Generic[T]):
    """A call in a thread of its own, started at once."""

    def __init__(self, what: str, call: Callable[[], T]) -> None:
        """Start ``call``, which does ``what``, as messages say it."""
        self._what, self._call = what, call
        self._outcome: list[T] = []
        self._errors: list[BaseException] = []
        self._started_s = clock.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._outcome.append(self._call())
        except BaseException as error:  # raised again in the thread that waits
            self._errors.append(error)

    def wait(self, timeout_s: float) -> bool:
        """Return whether it has returned, or raised, within ``timeout_s`` from now on."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def result(self, limit_s: float | None = None) -> T:
        """Return what the call returns; what it raises is raised here.

        Raises:
            DeviceHungError: It takes longer than ``limit_s`` from now on, by default ``CALL_LIMIT_S``.
        """
        limit_s = CALL_LIMIT_S if limit_s is None else limit_s
        if not self.wait(limit_s):
            lasts_s = clock.monotonic() - self._started_s
            raise DeviceHungError(
                f"{self._what} takes more than {lasts_s:.0f} s: the audio system hangs; start it again"
            )
        if self._errors:
            raise self._errors[0]
        return self._outcome[0]


def within_limit(what: str, call: Callable[[], T]) -> T:
    """Return what ``call`` returns.

    Raises:
        DeviceHungError: It takes longer than ``CALL_LIMIT_S``.
    """
    return Call(what, call).result()
