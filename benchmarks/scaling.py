"""How the cost grows: with the length of an utterance, the size of the network, and the streams in one process.

    python -m benchmarks.scaling [--rounds N] [--out FOLDER]

Lengths: the classifier hears rows of one utterance, a second at a time, after a pause as in a live stream. Sizes: the
bundled network's shape with other numbers of channels, untrained, and its weights as 8-bit integers (dynamic
quantisation of onnxruntime); as many rows at a time as the daemon gives. Streams: pipelines that share detector and
model, each with samples of its own, which come in blocks of 100 ms, the streams in turn; one thread, two threads, two
processes. Costs are CPU time in microseconds per second of audio, medians of the rounds; capacity is seconds of audio
per second of wall clock.
"""

import argparse
import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clip import speech
from benchmarks.results import markdown, write_results
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.speech.network import NetworkDetector

_LENGTHS_S = (1, 2, 5, 15, 60, 300, 600)
_WIDTHS = (0.25, 0.5, 1.0, 2.0)
_STREAMS = (1, 2, 4, 16, 64, 256)
_AUDIO_S, _LEAST_STREAM_S, _WARM_S = 800, 6, 2
"""Of all streams together; of each, at the least; and before."""
_BLOCK_SAMPLES = SAMPLE_RATE_HZ // 10
_ROWS_PER_SECOND = 100
_PAUSE_S = 0.02
"""So that caches are as cold as in a live stream, whatever was done before."""
_SIZE_S = 200

Series = dict[str, dict[float, float]]
"""By name and what it grows with."""


def by_length() -> dict[float, float]:
    """Return the cost of the second in which an utterance gets as long."""
    classifier = OnnxClassifier(BUNDLED_MODEL)
    rows = _rows(classifier, _ROWS_PER_SECOND)
    classifier.push(rows)
    found = {}
    for length_s in _LENGTHS_S:
        costs_us = []
        for _ in range(15):
            classifier.reset()
            for _ in range(length_s - 1):
                classifier.push(rows)
            time.sleep(_PAUSE_S)
            began_s = time.process_time()
            classifier.push(rows)
            classifier.posterior()
            costs_us.append(1e6 * (time.process_time() - began_s))
        found[float(length_s)] = statistics.median(costs_us)
    return found


def networks(folder: Path) -> dict[str, Path]:
    """Write the networks of all sizes into ``folder``; return them by name."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from export.convert import to_onnx  # loads TensorFlow
    from streamer.emotion.model_file import SelfTest
    from training.experiment import load_experiment
    from training.networks import build_network

    experiment = load_experiment("streaming")
    info = OnnxClassifier(BUNDLED_MODEL).info
    vector = SelfTest(np.zeros((1, info.features.num_columns), np.float32), np.zeros((1, len(info.labels))), None)
    found: dict[str, Path] = {}
    for width in _WIDTHS:
        hidden = tuple(round(width * units) for units in experiment.network.hidden_units)
        network = build_network(replace(experiment, network=replace(experiment.network, hidden_units=hidden)), 4)
        path = folder / f"{width}.onnx"
        path.write_bytes(to_onnx(network, info, vector))
        found[f"{width:g} x hidden units"] = path
    found["the bundled one"] = BUNDLED_MODEL
    for name, path in tuple(found.items()):
        found[f"{name}, int8"] = folder / f"{path.stem}-int8.onnx"
        quantize_dynamic(path, found[f"{name}, int8"], weight_type=QuantType.QInt8)
    return found


def differs_by_chunks(path: Path) -> float:
    """Return by how much a logit of the network at ``path`` depends on how many rows it hears at once."""
    classifier = OnnxClassifier(path)
    rows, said = _rows(classifier, 10 * _ROWS_PER_SECOND), []
    for size in (10, 50, 100):
        classifier.reset()
        for start in range(0, len(rows), size):
            classifier.push(rows[start : start + size])
        said.append(classifier.logits)
    return float(np.ptp(said, axis=0).max())


def cost_of_network(path: Path) -> float:
    """Return what the network at ``path`` costs."""
    classifier = OnnxClassifier(path)
    rows = _rows(classifier, _ROWS_PER_SECOND)
    classifier.push(rows)
    began_s = time.process_time()
    for _ in range(_SIZE_S):
        classifier.push(rows)
    return 1e6 * (time.process_time() - began_s) / _SIZE_S


def _rows(classifier: OnnxClassifier, num_rows: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(num_rows, classifier.features.num_columns)).astype(np.float32)


def pipelines() -> Iterator[Pipeline]:
    """Yield pipelines that share what is loaded."""
    settings = SpeechSettings()
    detector, classifier = NetworkDetector(settings), OnnxClassifier(BUNDLED_MODEL)
    while True:
        yield Pipeline(settings, detector.twin(), classifier.twin())


def hear(streams: Sequence[Pipeline], seconds: int) -> tuple[float, float, float]:
    """Let each of ``streams`` hear its samples, in turn; return beginning and end on the clock, and CPU time."""
    clip = speech(seconds + len(streams))
    began_s, cpu_began_s = time.monotonic(), time.thread_time()
    for start in range(0, seconds * SAMPLE_RATE_HZ, _BLOCK_SAMPLES):
        for index, pipeline in enumerate(streams):
            first = start + index * SAMPLE_RATE_HZ
            pipeline.push(clip[first : first + _BLOCK_SAMPLES])
    return began_s, time.monotonic(), time.thread_time() - cpu_began_s


def _warm(num_streams: int) -> list[Pipeline]:
    """Return streams whose first calls, which load and allocate, are behind them."""
    made = pipelines()
    streams = [next(made) for _ in range(num_streams)]
    hear(streams, _WARM_S)
    for pipeline in streams:
        pipeline.reset()
    return streams


class _Worker:
    """What runs in a process of its own."""

    all_are_ready: Barrier

    @classmethod
    def prepare(cls, all_are_ready: Barrier) -> None:
        cls.all_are_ready = all_are_ready

    @classmethod
    def hear(cls, num_streams: int, seconds: int) -> tuple[float, float, float]:
        streams = _warm(num_streams)
        cls.all_are_ready.wait()
        return hear(streams, seconds)


def in_threads(num_streams: int, seconds: int, num_threads: int) -> list[tuple[float, float, float]]:
    """Return what :func:`hear` does of each of ``num_threads``, which share the streams."""
    streams = _warm(num_streams)
    with ThreadPoolExecutor(num_threads) as workers:
        parts = [streams[worker::num_threads] for worker in range(num_threads)]
        return list(workers.map(hear, parts, [seconds] * num_threads))


def in_processes(num_streams: int, seconds: int) -> list[tuple[float, float, float]]:
    """Return what :func:`hear` does of each of two processes, which begin together."""
    context = get_context("spawn")
    with ProcessPoolExecutor(2, context, _Worker.prepare, (context.Barrier(2),)) as workers:
        return list(workers.map(_Worker.hear, [num_streams // 2] * 2, [seconds] * 2))


def by_streams(num_streams: int, *, is_backwards: bool) -> dict[str, tuple[float, float]]:
    """Return the capacity and the cost of so many streams, by how they are run."""
    seconds = max(_LEAST_STREAM_S, _AUDIO_S // num_streams)
    ways: dict[str, Callable[[], list[tuple[float, float, float]]]] = {
        "one thread": lambda: in_threads(num_streams, seconds, 1)
    }
    if num_streams > 1:
        ways["two threads"] = lambda: in_threads(num_streams, seconds, 2)
        ways["two processes"] = lambda: in_processes(num_streams, seconds)
    found = {}
    for name in reversed(ways) if is_backwards else ways:
        spans = ways[name]()
        wall_s = max(end for _, end, _ in spans) - min(began for began, _, _ in spans)
        audio_s = num_streams * seconds
        found[name] = (audio_s / wall_s, 1e6 * sum(cpu for _, _, cpu in spans) / audio_s)
    return found


def rss_per_stream_mib() -> float:
    """Return by how much the process grows for each of 100 more streams that have heard something."""
    made = pipelines()
    first = next(made)
    hear([first], _LEAST_STREAM_S)
    before = _rss_mib()
    streams = [next(made) for _ in range(100)]
    hear(streams, _LEAST_STREAM_S)
    return (_rss_mib() - before) / len(streams)


def _rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def main() -> None:
    """Measure, and write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 100), metavar="N")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for scaling.json, scaling.md and scaling.svg")
    options = parser.parse_args()
    mib = rss_per_stream_mib()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        made = networks(Path(folder))
        differences = {name: differs_by_chunks(path) for name, path in made.items()}
        kib = {name: path.stat().st_size / 1024 for name, path in made.items()}
        for number in range(options.rounds):
            print(f"round {number + 1}", file=sys.stderr)
            rounds.append(
                {
                    "lengths": by_length(),
                    "sizes": {name: cost_of_network(path) for name, path in made.items()},
                    "streams": {count: by_streams(count, is_backwards=bool(number % 2)) for count in _STREAMS},
                }
            )
    record = {
        "command": f"python -m benchmarks.scaling --rounds {options.rounds} --out {options.out}",
        "rss_per_stream_mib": mib,
        "kib": kib,
        "logits_differ_by": differences,
        "rounds": rounds,
    }
    text = page(record)
    print(text)
    if options.out:
        from benchmarks.scaling_plot import growth
        from training.pictures.style import save

        write_results(options.out, "scaling", record, f"# How the cost grows\n\n{__doc__}\n{text}\n")
        save(growth(record), options.out, "scaling")


def median(rounds: Sequence[Any], *keys: Any) -> float:
    """Return the median over the rounds of what lies under ``keys``."""
    return float(statistics.median(functools.reduce(lambda found, key: found[key], keys, each) for each in rounds))


def page(record: dict[str, Any]) -> str:
    """Return the tables of ``record``."""
    rounds = record["rounds"]
    lengths = [("the utterance gets as long, s", "classifier, us for that second")]
    lengths += [(f"{each:g}", f"{median(rounds, 'lengths', each):.0f}") for each in rounds[0]["lengths"]]
    sizes = [("network", "file, KiB", "us per s of audio", "logits differ by how rows are cut, at most")]
    for name, kib in record["kib"].items():
        cost, difference = median(rounds, "sizes", name), record["logits_differ_by"][name]
        sizes.append((name, f"{kib:.0f}", f"{cost:.0f}", f"{difference:.1g}"))
    header = ("streams", "capacity: one thread", "two threads", "two processes", "us per s of audio, one thread")
    streams: list[tuple[str, ...]] = [header]
    for count, ways in rounds[0]["streams"].items():
        capacities = [
            f"{median(rounds, 'streams', count, way, 0):.0f}" if way in ways else "-"
            for way in ("one thread", "two threads", "two processes")
        ]
        streams.append((str(count), *capacities, f"{median(rounds, 'streams', count, 'one thread', 1):.0f}"))
    growth = f"Each further stream takes {record['rss_per_stream_mib']:.2f} MiB."
    return "\n\n".join((markdown(lengths), markdown(sizes), markdown(streams), growth))


if __name__ == "__main__":
    main()
