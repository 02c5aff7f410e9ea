"""The sink that tells the service manager how the stream is doing, as sd_notify(3) has it."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from typing import Protocol, Self

from streamer.sinks.formats import text
from streamer.sinks.record import Record

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_SEND_LIMIT_S = 1.0


class Manager:
    """Who started this process as a service, and is told."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Know what ``environment`` says of the manager, if anything."""
        self.environment = {name: environment[name] for name in _VARIABLES if name in environment}
        """What the manager told us, for a process that takes our place."""
        address = self.environment.get("NOTIFY_SOCKET", "")
        # An abstract socket is written with an @, where its name has a zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str]) -> Self | None:
        """Return the manager, None where there is none; children of this process then do not speak to it, too.

        A variable that systemd gives to whatever runs in a service, a terminal included, proves nothing:
        SYSTEMD_EXEC_PID names the process that it started itself.
        """
        manager = cls(environment)
        for name in _VARIABLES:
            environment.pop(name, None)
        is_started_by_it = environment.get("SYSTEMD_EXEC_PID") == str(os.getpid())
        return manager if manager._address or is_started_by_it else None

    @property
    def watchdog_s(self) -> float | None:
        """In which time the manager wants to hear of us; None where it does not."""
        wanted, process = (self.environment.get(name, "") for name in ("WATCHDOG_USEC", "WATCHDOG_PID"))
        if process not in ("", str(os.getpid())) or not (wanted.isascii() and wanted.isdigit()):
            return None
        return int(wanted) / 1e6 or None

    def tell(self, *assignments: str) -> None:
        """Send ``assignments``, each ``NAME=VALUE`` in one line; a manager that does not listen is no trouble here."""
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.settimeout(_SEND_LIMIT_S)
            out.sendto("\n".join(assignments).encode("utf-8", "backslashreplace"), self._address)


class Clock(Protocol):
    """The time, so that tests can stop it; the module ``time`` is one."""

    def monotonic(self) -> float:
        """Return seconds on the clock by which the manager counts, which stands still while the machine sleeps."""


class ManagerSink:
    """Tells ``manager`` that the stream has begun, how it is, that samples still come, and that it ends.

    The watchdog is driven by what flows: a loop that is stuck, anywhere, no longer calls :meth:`check`.
    """

    dropped = 0
    """It keeps no records."""

    def __init__(self, manager: Manager, clock: Clock = time) -> None:
        """Tell ``manager``."""
        self._manager, self._clock = manager, clock
        self._interval_s = manager.watchdog_s and manager.watchdog_s / 3
        self._told_s = clock.monotonic()

    def write(self, record: Record) -> None:
        """Tell of ``record`` where it is of the stream and not of what was said."""
        status = f"STATUS={text(record).strip()}"
        match record["type"], record.get("reason"):
            case "start", _:
                self._manager.tell("READY=1", status)
            case "status", _:
                self._manager.tell(status)
            case "end", "reload":
                now_us = round(self._clock.monotonic() * 1e6)
                self._manager.tell("RELOADING=1", f"MONOTONIC_USEC={now_us}", status)
            case "end", _:
                self._manager.tell("STOPPING=1", status)

    def check(self) -> None:
        """Tell that the stream flows, at most three times in what the manager waits for it."""
        now_s = self._clock.monotonic()
        if self._interval_s and now_s - self._told_s >= self._interval_s:
            self._told_s = now_s
            self._manager.tell("WATCHDOG=1")

    def finish(self) -> None:
        """Nothing is kept back."""
