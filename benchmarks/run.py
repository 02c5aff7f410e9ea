"""What the daemon costs, beside an empty numpy process in the same run.

    python benchmarks/run.py [--rounds N]

Rounds are interleaved (ours, empty, ours, empty ...), figures are medians over the rounds, ratios medians of the
ratios round by round. Whole processes are measured from outside with wait4. The audio is the demonstration clip
(speech for about 70 % of it), repeated. Nothing is written but the table on stdout.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.speech.network import NetworkDetector

CLIP = Path(__file__).parent.parent / "streamer" / "demonstration.flac"
FLAT_OUT_S = (20, 140)
EMPTY_FLAT_OUT_S = (2_000, 60_000)  # an empty loop takes that long to show above the clock's grain
REALTIME_S = 15
BLOCK_SAMPLES = 320
EMPTY_FLAT_OUT = """
import sys, numpy
block, out = numpy.ones(320, numpy.int16), numpy.empty(320, numpy.int16)
for _ in range(50 * int(sys.argv[1])):
    out[:] = block
"""
EMPTY_REALTIME = """
import sys, threading, time, numpy
block, out, event = numpy.ones(320, numpy.int16), numpy.empty(320, numpy.int16), threading.Event()
first = time.monotonic()
for index in range(50 * int(sys.argv[1])):
    event.wait(max(0.0, first + (index + 1) / 50 - time.monotonic()))
    out[:] = block
"""


def process(command: Sequence[str]) -> tuple[float, float]:
    """Run ``command``; return its CPU seconds and the seconds to its first line or its end."""
    began_s = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    first_line_s = time.monotonic() - began_s
    child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} failed with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, first_line_s


def peak_rss_mib(script: str, *arguments: str) -> float:
    """Return the peak RSS of a process that runs ``script``, as it reads it itself at its end.

    What wait4 tells would include the memory of this process, from which it was forked.
    """
    script += "; import re; print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    printed = subprocess.run([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, check=True).stdout
    return int(printed.split()[-1]) / 1024


def streamer(clip: Path, *options: str) -> list[str]:
    """Return the command that runs the daemon on ``clip``."""
    return [sys.executable, "-m", "streamer", "run", "-i", str(clip), "-o", "jsonl", *options]


def empty(script: str, seconds: int = 0) -> list[str]:
    """Return the command of an empty numpy process that lasts as long as ``seconds`` of audio."""
    return [sys.executable, "-c", script, str(seconds)]


def write_clip(path: Path, seconds: int, *, is_silent: bool = False) -> Path:
    """Write ``seconds`` of the demonstration clip, or of faint noise, as WAV."""
    if is_silent:
        samples = np.random.default_rng(0).integers(-3, 4, seconds * SAMPLE_RATE_HZ).astype(np.int16)
    else:
        samples = np.resize(soundfile.read(CLIP, dtype="int16")[0], seconds * SAMPLE_RATE_HZ)
    soundfile.write(path, samples, SAMPLE_RATE_HZ)
    return path


def flat_out_us(command: Callable[[int], Sequence[str]], lengths_s: tuple[int, int]) -> float:
    """Return CPU microseconds per second of audio: the slope between a short and a long input."""
    short_s, long_s = (process(command(seconds))[0] for seconds in lengths_s)
    return 1e6 * (long_s - short_s) / (lengths_s[1] - lengths_s[0])


def block_us(push: Callable[[np.ndarray], object]) -> tuple[float, float]:
    """Return the median and the 99th percentile of the time that one 20 ms block takes, in microseconds."""
    samples = np.resize(soundfile.read(CLIP, dtype="int16")[0], 60 * SAMPLE_RATE_HZ)
    lasted_us = []
    for block in samples.reshape(-1, BLOCK_SAMPLES):
        began_ns = time.perf_counter_ns()
        push(block)
        lasted_us.append((time.perf_counter_ns() - began_ns) / 1000)
    return float(np.percentile(lasted_us, 50)), float(np.percentile(lasted_us, 99))


def our_blocks() -> tuple[float, float]:
    """Return what a block costs in the pipeline."""
    settings = SpeechSettings()
    return block_us(Pipeline(settings, NetworkDetector(settings), OnnxClassifier(BUNDLED_MODEL)).push)


def empty_blocks() -> tuple[float, float]:
    """Return what copying a block costs."""
    out = np.empty(BLOCK_SAMPLES, np.int16)
    return block_us(lambda block: np.copyto(out, block))


def measure(folder: Path) -> dict[str, tuple[float, float]]:
    """Return one round: for each figure ours and that of the empty process."""
    clips = {seconds: write_clip(folder / f"{seconds}.wav", seconds) for seconds in FLAT_OUT_S}
    speech = write_clip(folder / "speech.wav", REALTIME_S)
    silence = write_clip(folder / "silence.wav", REALTIME_S, is_silent=True)
    tiny = write_clip(folder / "tiny.wav", 1)
    flat = flat_out_us(lambda seconds: streamer(clips[seconds]), FLAT_OUT_S)
    empty_flat = flat_out_us(lambda seconds: empty(EMPTY_FLAT_OUT, seconds), EMPTY_FLAT_OUT_S)
    start_cpu, start_s = process(streamer(tiny))
    empty_start_cpu, empty_start_s = process(empty("import numpy; print()"))
    rss = peak_rss_mib("import sys; from streamer.cli import main; main(sys.argv[1:])", *streamer(tiny)[3:])
    empty_rss = peak_rss_mib("import numpy")
    live = process(streamer(speech, "--realtime"))
    empty_live = process(empty(EMPTY_REALTIME, REALTIME_S))
    quiet = process(streamer(silence, "--realtime"))
    ours, others = our_blocks(), empty_blocks()
    share = 100 / REALTIME_S
    empty_share = share * (empty_live[0] - empty_start_cpu)
    return {
        "flat out, CPU us per s of audio": (flat, empty_flat),
        "at real time in speech, % of a core": (share * (live[0] - start_cpu), empty_share),
        "at real time in silence, % of a core": (share * (quiet[0] - start_cpu), empty_share),
        "20 ms block, p50 us": (ours[0], others[0]),
        "20 ms block, p99 us": (ours[1], others[1]),
        "start to first line, ms": (1000 * start_s, 1000 * empty_start_s),
        "peak RSS on a file, MiB": (rss, empty_rss),
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(parser.parse_args().rounds):
            print(f"round {number + 1}", file=sys.stderr)
            rounds.append(measure(Path(folder)))
    print("| figure | emotion-streamer | empty numpy process | ratio |\n|---|---|---|---|")
    for name in rounds[0]:
        pairs = [figures[name] for figures in rounds]
        ours, others = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
        print(f"| {name} | {ours:.4g} | {others:.4g} | {ratio:.3g} |")


if __name__ == "__main__":
    main()
