"""What runs all this."""

import platform
from pathlib import Path


def processor() -> str:
    """Return what the system calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    # On a Raspberry Pi only the board has a name.
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model\t"))]
    return f"{named[0]} ({platform.machine()})" if named else platform.machine()
