"""Whether the daemon grows or drifts as it runs: its memory after every simulated hour, what the hour cost, its places.

    python -m benchmarks.hours [--hours N] [--out FOLDER]

The real command hears raw PCM from a pipe, as fast as it takes it: the demonstration clip again and again, each time
with as much of a faint hiss behind it. The stream must end at the very sample that was fed last, and every utterance be
where it was the second time, but for a fifth of a second by which the detector's view of the noise may move it:
37.3 hours are 2^31 samples.
"""

import argparse
import json
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
_TOLERANCE_SAMPLES = SAMPLE_RATE_HZ // 5
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Hour:
    """How the process was at the end of a simulated hour."""

    rss_mib: float
    cpu_s: float
    """Since the start."""
    utterances: int
    """Likewise."""
    end_sample: int
    """Of the last of them."""
    misplaced: int
    """Utterances that were not where they had to be, since the start."""


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
    command = [sys.executable, "-m", "streamer", "run", "-i", "-", "-o", "jsonl"]
    found = []
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        os.set_blocking(process.stdout.fileno(), False)
        places = Places(clip.size + pause.size)
        for part in range(num_parts):
            for _ in range(num_turns):
                try:
                    process.stdin.write(turn)
                except BrokenPipeError:
                    raise SystemExit(f"the daemon ended with {process.wait()}") from None
                places.push(process.stdout.read() or b"")
            found.append(_now(process.pid, places))
            print(f"{(part + 1) / parts_per_hour:g} h: {found[-1]}", file=sys.stderr)
        process.stdin.close()
        os.set_blocking(process.stdout.fileno(), True)
        places.push(process.stdout.read())
    num_fed = num_parts * num_turns * (clip.size + pause.size)
    if places.ended_at != num_fed:
        raise SystemExit(f"the stream ended at sample {places.ended_at}, and {num_fed} were fed")
    if process.returncode:
        raise SystemExit(f"the daemon ended with {process.returncode}")
    return found


class Places:
    """Looks whether utterances come again where they were one turn before."""

    def __init__(self, turn_samples: int) -> None:
        """Expect the same again after ``turn_samples``."""
        self._turn_samples = turn_samples
        self._rest = b""
        self._by_turn: dict[int, list[tuple[int, int]]] = {}
        self._expected: list[tuple[int, int]] = []
        self.utterances = self.end_sample = self.misplaced = self.ended_at = 0

    def push(self, lines: bytes) -> None:
        """Take what was printed since."""
        *whole, self._rest = (self._rest + lines).split(b"\n")
        for event in map(json.loads, whole):
            if event["type"] == "end":
                self.ended_at = event["end_sample"]
            elif event["type"] == "utterance":
                self.utterances += 1
                self.end_sample = event["end_sample"]
                turn, place = divmod(event["start_sample"], self._turn_samples)
                self._by_turn.setdefault(turn, []).append((place, event["end_sample"] - turn * self._turn_samples))
        for turn in sorted(self._by_turn)[:-1]:  # in the last there may be more to come
            places = self._by_turn.pop(turn)
            if turn == 1:  # before the first there was nothing
                self._expected = places
            elif turn > 1:
                self.misplaced += max(_misplaced(places, self._expected), _misplaced(self._expected, places))


def _misplaced(found: list[tuple[int, int]], expected: list[tuple[int, int]]) -> int:
    """Return how many of ``found`` have no counterpart."""
    return sum(
        not any(max(abs(start - s), abs(end - e)) <= _TOLERANCE_SAMPLES for s, e in expected) for start, end in found
    )


def _now(pid: int, places: Places) -> Hour:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    cpu_s = _TICK_S * (int(times[11]) + int(times[12]))
    return Hour(rss_kib / 1024, cpu_s, places.utterances, places.end_sample, places.misplaced)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=10, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for hours.json and hours.md")
    options = parser.parse_args()
    found = hours(options.hours)
    lines = [("simulated hour", "RSS, MiB", "CPU of that hour, s", "utterances so far", "last sample", "misplaced")]
    before_s = 0.0
    for number, hour in enumerate(found, 1):
        counts = (str(hour.utterances), str(hour.end_sample), str(hour.misplaced))
        lines.append((str(number), f"{hour.rss_mib:.2f}", f"{hour.cpu_s - before_s:.1f}", *counts))
        before_s = hour.cpu_s
    text = markdown(lines)
    print(text)
    if options.out:
        command = f"python -m benchmarks.hours --hours {options.hours} --out {options.out}"
        record = {"command": command, "hours": [asdict(hour) for hour in found]}
        write_results(options.out, "hours", record, f"# Hours\n\n{__doc__}\n{text}\n")


if __name__ == "__main__":
    main()
