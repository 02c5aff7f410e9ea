"""The time, for those few that may look at it."""

import time as _time


def monotonic() -> float:
    """Return seconds on a clock that never jumps, and that goes on while the machine sleeps."""
    return _time.clock_gettime(_time.CLOCK_BOOTTIME)


def time() -> float:
    """Return seconds of the wall clock, which people and NTP set."""
    return _time.time()
