"""What an open microphone costs: memory and what it is made of, the way to the first line, and CPU while it listens.

    eval "$(tests/system/virtual_mic.sh start)"     # or a real microphone
    python -m benchmarks.microphone [--rounds N] [--out FOLDER]

Beside it, in turn, a process that only imports numpy. The first line is written when the microphone has started. Cold
is with the files dropped from the system's memory (root only). While it listens the demonstration clip is played,
where `paplay` finds the virtual microphone, and then nothing. CPU is read from the scheduler, of all threads.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import soundfile

from benchmarks.results import markdown, write_results
from streamer.bench import DEMONSTRATION

_ROOT = Path(__file__).parent.parent
_NUMPY = [sys.executable, "-c", "import numpy; print(flush=True); input()"]
_DAEMON = [sys.executable, "-m", "streamer", "run", "-o", "jsonl"]
_SETTLING_S = 3
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_KINDS = {
    "onnxruntime": r"onnxruntime",
    "numpy": r"numpy|openblas|gfortran|quadmath",
    "Python": r"python|\.cpython-",
    "C and C++ libraries": r"/(libc|libm|libstdc\+\+|libgcc_s|libz|libffi|libexpat|ld-linux[^/]*)[-.\d]*\.so",
    "audio: PortAudio, ALSA, PulseAudio and what they load": r"\.so",
    "heap and stacks": r"",
}
"""What memory is of, by the name of what is mapped; the first that fits."""


@contextmanager
def running(command: Sequence[str]) -> Iterator[tuple[int, float]]:
    """Give the process's number and the milliseconds to its first line; end it behind the block."""
    began_s = time.monotonic()
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            if not process.stdout.readline():
                raise SystemExit(f"{' '.join(command)} failed")
            yield process.pid, 1000 * (time.monotonic() - began_s)
        finally:
            process.terminate()


def rss_mib(pid: int) -> dict[str, float]:
    """Return what process ``pid`` has in memory, by kind."""
    mib = dict.fromkeys(_KINDS, 0.0)
    kind = ""
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        if mapped := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)", line):
            kind = next(name for name, pattern in _KINDS.items() if re.search(pattern, mapped[1]))
        elif line.startswith("Rss:"):
            mib[kind] += int(line.split()[1]) / 1024
    return mib


def cpu_s(pid: int) -> float:
    """Return the seconds that all threads of ``pid`` have run."""
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text(encoding="ascii").split()[0]) for stat in stats) / 1e9


def percent_while(pid: int, seconds: float) -> float:
    """Return the share of a core that ``pid`` takes for ``seconds``."""
    before_s, began_s = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_s(pid) - before_s) / (time.monotonic() - began_s)


def start_ms(command: Sequence[str], *, is_cold: bool) -> float:
    """Return the time to the first line."""
    if is_cold:
        os.sync()
        _DROP_CACHES.write_text("3", encoding="ascii")
    with running(command) as (_, lasted_ms):
        return lasted_ms


def listening() -> tuple[dict[str, float], float | None, float]:
    """Return the memory of the daemon, and its share of a core in speech, where it can be played, and in silence."""
    clip_s = soundfile.info(DEMONSTRATION).duration
    with running(_DAEMON) as (pid, _):
        time.sleep(_SETTLING_S)
        speech = None
        if "VMIC_DIR" in os.environ and shutil.which("paplay"):
            with subprocess.Popen(["paplay", "--device=vmic_sink", str(DEMONSTRATION)]):
                speech = percent_while(pid, clip_s)
        time.sleep(1)
        silence = percent_while(pid, clip_s)
        return rss_mib(pid), speech, silence


def _can_drop_caches() -> bool:
    try:
        _DROP_CACHES.write_text("3", encoding="ascii")
    except OSError:
        return False
    return True


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 100), metavar="N")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for microphone.json and microphone.md")
    options = parser.parse_args()
    temperatures = {"warm": False, **({"cold": True} if _can_drop_caches() else {})}
    starts: dict[str, list[tuple[float, float]]] = {name: [] for name in temperatures}
    start_ms(_DAEMON, is_cold=False)
    for name, is_cold in temperatures.items():  # all of the cold ones behind the warm ones, which they would cool
        for number in range(options.rounds):
            print(f"{name}, round {number + 1}", file=sys.stderr)
            pair = {}
            for each in (_DAEMON, _NUMPY)[:: -1 if number % 2 else 1]:  # in turn first, against what drifts
                pair[each is _DAEMON] = start_ms(each, is_cold=is_cold)
            starts[name].append((pair[True], pair[False]))
    with running(_NUMPY) as (pid, _):
        numpy_mib = sum(rss_mib(pid).values())
    mib, speech, silence = listening()
    total_mib = sum(mib.values())
    lines = [("figure", "emotion-streamer", "import numpy", "ratio", "lowest and highest round")]
    for name, pairs in starts.items():
        ours, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        ratios = [pair[0] / pair[1] for pair in pairs]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        ratio = f"{statistics.median(ratios):.2f}"
        lines.append((f"start to first line, {name}, ms", f"{ours:.0f}", f"{theirs:.0f}", ratio, spread))
    lines.append(("RSS, MiB", f"{total_mib:.1f}", f"{numpy_mib:.1f}", f"{total_mib / numpy_mib:.2f}", "-"))
    if speech is not None:
        lines.append(("CPU in speech, % of a core", f"{speech:.2f}", "-", "-", "-"))
    lines.append(("CPU in silence, % of a core", f"{silence:.2f}", "-", "-", "-"))
    parts = [("of its memory", "MiB"), *((name, f"{mib[name]:.1f}") for name in _KINDS)]
    text = f"{markdown(lines)}\n\n{markdown(parts)}"
    print(text)
    if options.out:
        command = f"python -m benchmarks.microphone --rounds {options.rounds} --out {options.out}"
        record = {
            "command": command,
            "starts_ms": starts,
            "rss_mib": mib,
            "numpy_rss_mib": numpy_mib,
            "percent": {"speech": speech, "silence": silence},
        }
        write_results(options.out, "microphone", record, f"# An open microphone\n\n{__doc__}\n{text}\n")


if __name__ == "__main__":
    main()
