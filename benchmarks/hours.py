"""Whether the daemon grows as it runs: its memory after every simulated hour, and what the hour cost.

    python -m benchmarks.hours [--hours N] [--out FOLDER]

The real command hears raw PCM from a pipe, as fast as it takes it: the demonstration clip again and again, each time
with as much of a faint hiss behind it.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.clip import speech
from benchmarks.results import markdown, write_results
from streamer.bench import quiet
from streamer.settings import SAMPLE_RATE_HZ

_ROOT = Path(__file__).parent.parent
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Hour:
    """How the process was at the end of a simulated hour."""

    rss_mib: float
    cpu_s: float
    """Since the start."""
    utterances: int


def hours(count: float, parts_per_hour: int = 1) -> list[Hour]:
    """Return how the daemon was after each part of ``count`` hours.

    Raises:
        SystemExit: It failed.
    """
    clip = speech()
    pause = quiet(clip.size // SAMPLE_RATE_HZ)
    turn = np.concatenate([clip, pause]).tobytes()
    num_parts = round(count * parts_per_hour)
    num_turns = round(3600 / parts_per_hour * SAMPLE_RATE_HZ * 2 / len(turn))
    command = [sys.executable, "-m", "streamer", "run", "-i", "-", "-o", "label"]
    found = []
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        os.set_blocking(process.stdout.fileno(), False)
        labels = bytearray()
        for part in range(num_parts):
            for _ in range(num_turns):
                try:
                    process.stdin.write(turn)
                except BrokenPipeError:
                    raise SystemExit(f"the daemon ended with {process.wait()}") from None
                labels += process.stdout.read() or b""
            found.append(_now(process.pid, labels.count(b"\n")))
            print(f"{(part + 1) / parts_per_hour:g} h: {found[-1]}", file=sys.stderr)
        process.stdin.close()
        os.set_blocking(process.stdout.fileno(), True)
        process.stdout.read()
    if process.returncode:
        raise SystemExit(f"the daemon ended with {process.returncode}")
    return found


def _now(pid: int, utterances: int) -> Hour:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return Hour(rss_kib / 1024, _TICK_S * (int(times[11]) + int(times[12])), utterances)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=10, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for hours.json and hours.md")
    options = parser.parse_args()
    found = hours(options.hours)
    lines = [("simulated hour", "RSS, MiB", "CPU of that hour, s", "utterances so far")]
    before_s = 0.0
    for number, hour in enumerate(found, 1):
        lines.append((str(number), f"{hour.rss_mib:.2f}", f"{hour.cpu_s - before_s:.1f}", str(hour.utterances)))
        before_s = hour.cpu_s
    text = markdown(lines)
    print(text)
    if options.out:
        command = f"python -m benchmarks.hours --hours {options.hours} --out {options.out}"
        record = {"command": command, "hours": [asdict(hour) for hour in found]}
        write_results(options.out, "hours", record, f"# Memory over hours\n\n{__doc__}\n{text}\n")


if __name__ == "__main__":
    main()
