"""How many instructions a second of audio takes: where seconds differ from run to run, these do not.

    python -m benchmarks.instructions [--out FOLDER]

Callgrind counts them (Debian: valgrind), and writes them down at marks. Speech is the demonstration clip, silence a
faint hiss. "Gathered" is as a live stream gathers samples, "at 20 ms" is each block by itself.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clip import speech
from benchmarks.results import markdown, write_results
from streamer.bench import quiet
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.features.mfcc import IncrementalMfcc
from streamer.features.pitch import IncrementalPitch
from streamer.machine import instruction_sets
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.speech.network import NetworkDetector
from streamer.speech.segmenter import Segmenter

Samples = NDArray[np.int16]

FIRST, LATE = "classifier, 1st second of an utterance", "classifier, 600th second of it"
_WARM_S, _COUNTED_S = 4, 10
_BLOCK_SAMPLES = 320


def counted() -> dict[str, float]:
    """Return millions of instructions per second of audio, by what was done.

    Raises:
        SystemExit: There is no valgrind, or it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        valgrind = ["valgrind", "--tool=callgrind", "--dump-before=getpgid", f"--callgrind-out-file={out}"]
        # Tables of strings would lie differently in each run. Threads are as in the daemon.
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        command = [*valgrind, sys.executable, "-m", "benchmarks.instructions", "--work"]
        root = Path(__file__).parent.parent
        try:
            done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise SystemExit("valgrind is missing: on Debian, `apt install valgrind`") from None
        if done.returncode:
            raise SystemExit(f"valgrind ended with {done.returncode}: {done.stderr[-1000:]}")
        lines = done.stdout.splitlines()
        if Path(f"{out}.{2 * len(lines) + 1}").exists():
            raise SystemExit("something else calls getpgid, which is our mark: the counts are not what they seem")
        millions = {}
        for number, line in enumerate(lines):
            name, seconds = line.split("\t")
            # What precedes the first mark is in the first dump, then each thing alternates with what leads to it.
            dump = Path(f"{out}.{2 * number + 2}").read_text(encoding="utf-8")
            total = re.search(r"^totals: (\d+)", dump, re.MULTILINE)
            assert total
            millions[name] = int(total[1]) / 1e6 / int(seconds)
    return millions


def versions() -> dict[str, str]:
    """Return the versions of what the instructions are of, beside Python's."""
    return {name: version(name) for name in ("numpy", "onnxruntime", "webrtcvad-wheels")}


def _count(name: str, seconds: int, work: Callable[[], object]) -> None:
    """Do ``work`` between two marks."""
    os.getpgid(0)  # the mark: nobody else asks for it
    work()
    os.getpgid(0)
    print(f"{name}\t{seconds}", flush=True)


def _work() -> None:
    """Do all that is to be counted."""
    clip = speech(_WARM_S + _COUNTED_S)
    hiss = quiet(_WARM_S + _COUNTED_S)
    block, out = np.ones(_BLOCK_SAMPLES, np.int16), np.empty(_BLOCK_SAMPLES, np.int16)

    def copy() -> None:
        for _ in range(_COUNTED_S * SAMPLE_RATE_HZ // _BLOCK_SAMPLES):
            out[:] = block

    def hear_frames(samples: Samples) -> None:
        segmenter.push(samples.reshape(-1, _BLOCK_SAMPLES))

    _count("an empty loop at 50 Hz", _COUNTED_S, copy)
    windows = np.ones((100, 512), np.float32)
    spectrum = np.fft.rfft(windows, axis=1, norm="forward")
    _count("bare FFTs of 100 windows of 512", 1, lambda: np.fft.rfft(windows, axis=1, norm="forward", out=spectrum))

    settings = SpeechSettings()
    classifier = OnnxClassifier(BUNDLED_MODEL)
    for name, extractor in (
        ("cepstra", IncrementalMfcc(classifier.features)),
        ("pitch and harmonicity", IncrementalPitch(classifier.features)),
    ):
        _count_stream(f"{name} at 20 ms", clip, extractor.push)
        _count_stream(f"{name} at 1 s", clip, extractor.push, lambda: SAMPLE_RATE_HZ)
    segmenter = Segmenter(settings, NetworkDetector(settings))
    for name, samples in {"speech": clip, "silence": hiss}.items():
        segmenter.reset()
        _count_stream(f"detector, {name}", samples, hear_frames, lambda: segmenter.patience_frames * _BLOCK_SAMPLES)
    pipeline = Pipeline(settings, NetworkDetector(settings), classifier)
    for name, samples in {"speech": clip, "silence": hiss}.items():
        pipeline.reset()
        _count_stream(f"all at 20 ms, {name}", samples, pipeline.push)
        pipeline.reset()
        _count_stream(f"all gathered, {name}", samples, pipeline.push, pipeline.patience)

    second = np.random.default_rng(0).normal(size=(100, classifier.features.num_columns)).astype(np.float32)

    def hear() -> None:
        for rows in np.split(second, 10):
            classifier.push(rows)

    hear()
    classifier.reset()
    _count(FIRST, 1, hear)
    for _ in range(598):
        classifier.push(second)
    _count(LATE, 1, hear)


def _count_stream(
    name: str, samples: Samples, push: Callable[[Samples], object], patience: Callable[[], int] = lambda: _BLOCK_SAMPLES
) -> None:
    def feed(start: int, end: int) -> None:
        while start < end:
            size = min(patience(), end - start)
            push(samples[start : start + size])
            start += size

    warm = _WARM_S * SAMPLE_RATE_HZ
    feed(0, warm)
    _count(name, _COUNTED_S, lambda: feed(warm, samples.size))


def main() -> None:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for instructions.json and instructions.md")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        _work()
        return
    millions = counted()
    text = markdown([("millions of instructions", "per s of audio"), *((n, f"{m:.3f}") for n, m in millions.items())])
    print(text)
    if options.out:
        record = {
            "command": f"python -m benchmarks.instructions --out {options.out}",
            "machine": platform.machine(),
            "instruction_sets": instruction_sets(),
            "versions": versions(),
            "millions": {name: round(value, 4) for name, value in millions.items()},
        }
        write_results(options.out, "instructions", record, f"# Instructions\n\n{__doc__}\n{text}\n")


if __name__ == "__main__":
    main()
