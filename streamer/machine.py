"""What runs all this."""

import platform
from pathlib import Path


def instruction_sets() -> list[str]:
    """Return those that libraries choose their code by, as far as the system tells."""
    return sorted(
        set(_cpuinfo().split()) & {"sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve"}
    )


def processor() -> str:
    """Return what the system calls the processor."""
    lines = _cpuinfo().splitlines()
    # On a Raspberry Pi only the board has a name.
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model\t"))]
    return f"{named[0]} ({platform.machine()})" if named else platform.machine()


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
