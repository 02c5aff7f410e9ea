"""The time, for those few that may look at it."""

import time as _time
from typing import Protocol


class Clock(Protocol):
    """The time, so that it can be stopped, and gone through again; this module is one."""

    def monotonic(self) -> float:
        """Return seconds on the clock by which sources stamp."""

    def wall_at(self, moment_s: float) -> float:
        """Return seconds of the wall clock, as it goes now, at ``moment_s`` of :meth:`monotonic`."""


def monotonic() -> float:
    """Return seconds on a clock that never jumps, and that goes on while the machine sleeps."""
    return _time.clock_gettime(_time.CLOCK_BOOTTIME)


def wall_at(moment_s: float) -> float:
    """Return seconds of the wall clock, which people and NTP set, at ``moment_s`` of :func:`monotonic`."""
    return _time.time() - (monotonic() - moment_s)
