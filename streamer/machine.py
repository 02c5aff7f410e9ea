"""What runs all this."""

import contextlib
import platform
import subprocess
from pathlib import Path

_ZONES = Path("/sys/class/thermal")
_FIRMWARE = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_COMMAND_LIMIT_S = 5


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


def temperature(zones: Path = _ZONES) -> float | None:
    """Return degrees Celsius of the warmest sensor in ``zones``; None where none tells."""
    found = []
    for path in zones.glob("thermal_zone*/temp"):
        with contextlib.suppress(OSError, ValueError):  # some are asleep
            found.append(int(path.read_text()) / 1000)
    return max(found, default=None)


def throttled(firmware: Path = _FIRMWARE, command: str = "vcgencmd") -> int | None:
    """Return the bits by which the firmware of a Raspberry Pi tells of low voltage and heat; None on other machines.

    Args:
        firmware: The file in which the kernel gives them.
        command: Asks for them where that is missing.
    """
    try:
        said = firmware.read_text()
    except OSError:
        try:
            said = subprocess.run(  # noqa: S603 - no text of a user's
                [command, "get_throttled"], capture_output=True, text=True, check=False, timeout=_COMMAND_LIMIT_S
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            return None
    try:
        return int(said.rpartition("=")[2], 16)
    except ValueError:
        return None
