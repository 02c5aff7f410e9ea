"""What this machine makes of it: the cost of every stage, of a live stream, of memory and of the start."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer import __version__
from streamer.daemon import Daemon
from streamer.errors import StreamerError
from streamer.events import Start
from streamer.machine import processor
from streamer.onnx import runtime_version
from streamer.options import PREFIX
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, ms_to_samples
from streamer.sinks.record import Record
from streamer.sources.base import AudioBlock
from streamer.sources.conditioner import MIX
from streamer.sources.file import FileSource
from streamer.sources.realtime import RealTime
from streamer.stopwatch import Stopwatch, percentiles

Samples = NDArray[np.int16]

DEMONSTRATION = Path(__file__).parent / "demonstration.flac"
_FLAT_OUT_S = 20
_LIVE_S = 13
_NUM_STARTS = 3
_BLOCK_SAMPLES = ms_to_samples(20)


class BenchError(StreamerError):
    """The program can not be measured."""


def bench(make_pipeline: Callable[[], Pipeline], run_options: Sequence[str] = ()) -> dict[str, Any]:
    """Measure; it takes half a minute.

    Args:
        make_pipeline: Makes the pipeline that a live stream would have.
        run_options: What makes the command ``run`` have such a pipeline.

    Returns:
        Ready for JSON. Costs are CPU time: microseconds per second of audio, percent of a core.

    Raises:
        BenchError: The command does not run.
    """
    speech, silence = talk(_FLAT_OUT_S), quiet(_FLAT_OUT_S)
    start_ms, rss_mib = _started(run_options, speech)
    pipeline = make_pipeline()
    pipeline.push(speech)  # first calls load and allocate
    live = {"speech": _live(make_pipeline(), talk(_LIVE_S)), "silence": _live(make_pipeline(), quiet(_LIVE_S))}
    latencies_ms = live["speech"][1]
    return {
        "version": __version__,
        "machine": _machine(),
        "cost_us_per_s": {"speech": flat_out(pipeline, speech), "silence": flat_out(pipeline, silence)},
        "block_us": _blocks(pipeline, speech),
        "core_percent": {name: percent for name, (percent, _) in live.items()},
        "latency_ms": {"utterances": len(latencies_ms), **percentiles(latencies_ms)},
        "rss_mib": rss_mib,
        "start_ms": start_ms,
    }


def talk(duration_s: int) -> Samples:
    """Return the demonstration clip, in which synthetic voices speak 70 % of the time, again and again."""
    with FileSource(DEMONSTRATION, MIX) as source:
        samples = np.concatenate([block.samples for block in source.blocks() if isinstance(block, AudioBlock)])
    return np.resize(samples, duration_s * SAMPLE_RATE_HZ)


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

    dropped = 0

    def __init__(self) -> None:
        self.latencies_ms: list[float] = []

    def write(self, record: Record) -> None:
        if record["type"] == "utterance" and record["cut"] == "pause":
            self.latencies_ms.append(record["latency_ms"]["total"])

    def check(self) -> None:
        pass

    def finish(self) -> None:
        pass


def flat_out(pipeline: Pipeline, samples: Samples) -> dict[str, float]:
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


def _started(run_options: Sequence[str], speech: Samples) -> tuple[float, float | None]:
    """Return how long the command takes to its first line, and the most memory it has had after ``speech``.

    The time is the median of some starts; memory is None where the system does not tell.
    """
    command = [sys.executable, "-m", "streamer", "run", "-i", "-", "-o", "jsonl", *run_options]
    # Python finds this very package, whatever lies in the user's folder.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    # Options in variables were for us, who pass on what is to be measured.
    environment = {name: value for name, value in environment.items() if not name.startswith(PREFIX)}
    lasted_ms, peaks_mib = [], []
    for _ in range(_NUM_STARTS):
        began_s = time.perf_counter()
        with subprocess.Popen(  # noqa: S603  # ours
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin  # noqa: S101
            assert process.stdout  # noqa: S101
            first = process.stdout.readline()
            lasted_ms.append(1000 * (time.perf_counter() - began_s))
            with suppress(BrokenPipeError):  # told below
                process.stdin.write(speech.tobytes())
                process.stdin.flush()
            peaks_mib.append(_peak_mib(process.pid))
            process.communicate()
        if b'"type":"start"' not in first or process.returncode:
            raise BenchError(f"`emotion-streamer run` ended with {process.returncode}, so that it can not be measured")
    known = [peak for peak in peaks_mib if peak is not None]
    return round(float(np.median(lasted_ms)), 1), max(known, default=None)


def _peak_mib(pid: int) -> float | None:
    """Return the most memory that a process has had; None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    lines: Mapping[str, str] = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return round(int(lines["VmHWM"].split()[0]) / 1024, 1) if "VmHWM" in lines else None


def _machine() -> dict[str, Any]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": runtime_version(),
    }
