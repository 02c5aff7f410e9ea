"""What this machine makes of it: the cost of every stage, of a live stream, of memory and of the start."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer import __version__
from streamer.daemon import Daemon
from streamer.events import Start
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, ms_to_samples
from streamer.sinks.record import Record
from streamer.sources.base import AudioBlock
from streamer.sources.realtime import RealTime
from streamer.stopwatch import Stopwatch, percentiles

Samples = NDArray[np.int16]

_FLAT_OUT_S = 20
_LIVE_S = 12
_NUM_STARTS = 3
_BLOCK_SAMPLES = ms_to_samples(20)
_FORMANTS = ((700.0, 130.0, 1.0), (1220.0, 170.0, 0.7), (2600.0, 250.0, 0.35))
"""Centre and bandwidth in Hz, and height, of the resonances of an "a"."""
_SPOKEN_S, _PAUSE_S = 2.5, 0.7


def bench(make_pipeline: Callable[[], Pipeline]) -> dict[str, Any]:
    """Measure; it takes half a minute.

    Args:
        make_pipeline: Makes the pipeline that a live stream would have.

    Returns:
        Ready for JSON. Costs are CPU time: microseconds per second of audio, percent of a core.
    """
    speech, silence = talk(_FLAT_OUT_S), quiet(_FLAT_OUT_S)
    pipeline = make_pipeline()
    pipeline.push(talk(5))  # first calls load and allocate
    live = {"speech": _live(make_pipeline(), talk(_LIVE_S)), "silence": _live(make_pipeline(), quiet(_LIVE_S))}
    return {
        "version": __version__,
        "machine": _machine(),
        "cost_us_per_s": {"speech": _flat_out(pipeline, speech), "silence": _flat_out(pipeline, silence)},
        "block_us": _blocks(pipeline, speech),
        "core_percent": {name: percent for name, (percent, _) in live.items()},
        "latency_ms": percentiles(live["speech"][1]),
        "rss_mib": _rss_mib(),
        "start_ms": _start_ms(),
    }


def talk(duration_s: int) -> Samples:
    """Return somebody who says "a" in changing pitch, four times a second, with pauses, over a faint hiss."""
    random = np.random.default_rng(0)
    size = duration_s * SAMPLE_RATE_HZ
    seconds = np.arange(size) / SAMPLE_RATE_HZ
    pitch_hz = 150.0 * (1.0 + 0.1 * np.sin(2 * np.pi * 0.7 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    voice = np.zeros(size)
    for harmonic in range(1, 34):
        height = sum(peak / (1 + ((150.0 * harmonic - hz) / width) ** 2) for hz, width, peak in _FORMANTS)
        voice += height * np.sin(harmonic * phase + random.uniform(0, 2 * np.pi))
    voice *= 0.55 + 0.45 * np.sin(2 * np.pi * 4 * seconds)
    voice[seconds % (_SPOKEN_S + _PAUSE_S) > _SPOKEN_S] = 0.0
    heard: Samples = np.rint(voice * 12_000 / np.abs(voice).max()).astype(np.int16) + quiet(duration_s)
    return heard


def quiet(duration_s: int) -> Samples:
    """Return a faint hiss."""
    hiss: Samples = np.rint(np.random.default_rng(1).normal(0.0, 3.0, duration_s * SAMPLE_RATE_HZ)).astype(np.int16)
    return hiss


class _Clip:
    """A source of samples that are there."""

    is_live = is_device = False
    overflows = 0

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def describe(self) -> dict[str, Any]:
        return {}

    def blocks(self) -> Iterator[AudioBlock]:
        yield AudioBlock(self._samples)

    def interrupt(self) -> None:
        pass


class _Totals:
    """A sink that keeps the latency of every utterance."""

    def __init__(self) -> None:
        self.latencies_ms: list[float] = []

    def write(self, record: Record) -> None:
        if record["type"] == "utterance" and record["cut"] == "pause":
            self.latencies_ms.append(record["latency_ms"]["total"])

    def check(self) -> None:
        pass


def _flat_out(pipeline: Pipeline, samples: Samples) -> dict[str, float]:
    """Return the cost of each stage, as blocks come that are gathered as in a live stream."""
    pipeline.reset()
    pipeline.stopwatch = Stopwatch(time.process_time)
    began_s = time.process_time()
    end = 0
    while end < samples.size:
        start, end = end, end + pipeline.patience()
        pipeline.push(samples[start:end])
    total_s = time.process_time() - began_s
    stages_s = pipeline.stopwatch.spent_s
    costs_s = {**stages_s, "rest": max(0.0, total_s - sum(stages_s.values())), "total": total_s}
    return {stage: round(1e6 * spent_s * SAMPLE_RATE_HZ / samples.size, 1) for stage, spent_s in costs_s.items()}


def _blocks(pipeline: Pipeline, samples: Samples) -> dict[str, float]:
    """Return how long blocks of 20 ms take, where each is pushed alone."""
    pipeline.reset()
    lasted_us = []
    for block in samples.reshape(-1, _BLOCK_SAMPLES):
        began_ns = time.perf_counter_ns()
        pipeline.push(block)
        lasted_us.append((time.perf_counter_ns() - began_ns) / 1000)
    return percentiles(lasted_us)


def _live(pipeline: Pipeline, samples: Samples) -> tuple[float, list[float]]:
    """Let the daemon hear ``samples`` as they would come; return percent of a core, and latencies in ms."""
    totals = _Totals()
    daemon = Daemon(RealTime(_Clip(samples), pipeline.patience), pipeline, [totals])
    began_s = time.process_time()
    daemon.run(Start(__version__, {}, {}, {}, {}))
    spent_s = time.process_time() - began_s
    return round(100 * spent_s * SAMPLE_RATE_HZ / samples.size, 3), totals.latencies_ms


def _rss_mib() -> float | None:
    """Return the most memory that this process has had; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    lines: Mapping[str, str] = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return round(int(lines["VmHWM"].split()[0]) / 1024, 1) if "VmHWM" in lines else None


def _start_ms() -> float:
    """Return how long the command takes to its first line: the median of some starts."""
    command = [sys.executable, "-m", "streamer", "run", "-i", "-", "-o", "jsonl"]
    lasted_ms = []
    for _ in range(_NUM_STARTS):
        began_s = time.perf_counter()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  # ours
            if process.stdout:
                process.stdout.readline()
            lasted_ms.append(1000 * (time.perf_counter() - began_s))
            process.communicate(bytes(2 * _BLOCK_SAMPLES))
    return round(float(np.median(lasted_ms)), 1)


def _machine() -> dict[str, Any]:
    import onnxruntime  # loaded already by whoever made the pipeline

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    # On a Raspberry Pi only the board has a name.
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model\t"))]
    return f"{named[0]} ({platform.machine()})" if named else platform.machine()
