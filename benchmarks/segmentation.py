"""How well speech is found in noise, and at what cost: this project, webrtcvad, py-webrtcvad's ring, and Silero.

    python -m benchmarks.segmentation CORPORA_DIR [--silero FILE] [--speakers test|tuning] [--out FOLDER]

The voices are those of the first fold, which the bundled detector never heard. (Values were chosen with ``--speakers
tuning`` and other seeds: voices of the second fold, which it has heard.) Scenes follow from seeds: every noise at every
level in every room, two minutes each; 30 minutes of noise alone; and 30 minutes of noise that is switched on and off.
Speech is where the clean clip is loud; holes of up to 200 ms are speech. Everything is counted per
10 ms. webrtcvad is taken frame by frame; this project and Silero, by the rule of its team (from 0.5 on, until 100 ms
were below 0.35), from the start of an utterance to its end. Costs are CPU time per second of audio, the systems in turn
on the same scene in one process, while others make the next scenes.
"""

import argparse
import math
import platform
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import markdown, write_results
from streamer.onnx import read_model
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.speech.endpointing import SpeechEnded, SpeechEvent
from streamer.speech.network import BUNDLED_DETECTOR, NetworkDetector
from streamer.speech.segmenter import Segmenter, SpeechDetector
from streamer.speech.silero import SileroDetector
from streamer.speech.webrtc import WebRtcVad
from training.corpora import find_corpora, load_clips
from training.detector.lessons import talking
from training.folds import folds_of, speaker_of
from training.pool import over_files
from training.scenes.acoustics import FRAME_SAMPLES, ROOMS
from training.scenes.labels import runs
from training.scenes.noises import BABBLE, NOISES
from training.scenes.scene import Cast, Cell, Scene, make_scene

SEEDS = {"test": 2026, "tuning": 77}
FOLDS = {"test": 0, "tuning": 1}
SNRS_DB = (None, 20.0, 10.0, 5.0, 0.0)
SCENE_S = 120
NOISE_ALONE_S = 1800
_GRID_PER_FRAME = 2  # 10 ms in a frame of 20
_LATE_ONSET_MS = 100
PRE_ROLL_MS = SpeechSettings().pre_roll_ms

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What a system heard in a scene, in units of 10 ms."""

    is_speech: Flags
    utterances: tuple[tuple[int, int], ...]
    decided: tuple[int, ...]
    """How much had been heard when each utterance was known to be over."""
    cost_us: float
    """CPU time per second of audio."""


System = Callable[[NDArray[np.int16]], Found]


def found(flags: Flags, spans: Sequence[tuple[int, int]], decided: Sequence[int], cpu_s: float) -> Found:
    """Return what was heard, given in units of 10 ms."""
    return Found(flags, tuple(spans), tuple(decided), 1e6 * cpu_s / (len(flags) / 100))


def webrtc_alone(samples: NDArray[np.int16]) -> Found:
    """Hear with webrtcvad, mode 3, frames of 20 ms: each run of speech is an utterance."""
    vad = WebRtcVad(3)
    frames = samples.reshape(-1, 320)
    began_s = time.process_time()
    verdicts = [vad.is_speech(frame.tobytes()) for frame in frames]
    cpu_s = time.process_time() - began_s
    flags = np.repeat(np.array(verdicts), _GRID_PER_FRAME)
    spans = runs(flags)
    return found(flags, spans, [min(end + _GRID_PER_FRAME, len(flags)) for _, end in spans], cpu_s)


def webrtc_ring(samples: NDArray[np.int16]) -> Found:
    """Hear as the example of py-webrtcvad does: mode 3, 30 ms, 90 % of a ring of 300 ms starts and ends."""
    vad = WebRtcVad(3)
    frame_samples, ring_frames = 480, 10
    frames = samples[: samples.size // frame_samples * frame_samples].reshape(-1, frame_samples)
    began_s = time.process_time()
    ring: list[bool] = []
    verdicts: list[bool] = []
    start, segments = None, []
    for index, frame in enumerate(frames):
        verdicts.append(vad.is_speech(frame.tobytes()))
        ring = [*ring[-ring_frames + 1 :], verdicts[-1]]
        if start is None and sum(ring) > 0.9 * ring_frames:
            start, ring = index - len(ring) + 1, []
        elif start is not None and len(ring) - sum(ring) > 0.9 * ring_frames:
            segments.append((start, index + 1))
            start, ring = None, []
    cpu_s = time.process_time() - began_s
    if start is not None:
        segments.append((start, len(frames)))
    flags = np.zeros(len(frames), np.bool_)
    spans, decided = [], []
    for first, end in segments:
        speech = np.flatnonzero(verdicts[first:end]) + first  # without the padding of the ring
        flags[speech] = True
        spans.append((3 * int(speech[0]), 3 * int(speech[-1]) + 3))
        decided.append(3 * end)
    whole = np.zeros(samples.size // FRAME_SAMPLES, np.bool_)
    whole[: 3 * len(flags)] = np.repeat(flags, 3)
    return found(whole, spans, decided, cpu_s)


def segmented(settings: SpeechSettings, detector: SpeechDetector) -> System:
    """Return the system of this project with ``detector``: what is between start and end of an utterance is speech."""

    def hear(samples: NDArray[np.int16]) -> Found:
        segmenter = Segmenter(settings, detector)
        frames = samples.reshape(-1, settings.frame_samples)
        events: list[tuple[int, SpeechEvent]] = []
        began_s = time.process_time()
        end = 0
        while end < len(frames):
            start, end = end, min(len(frames), end + segmenter.patience_frames)
            events += [(end, event) for event in segmenter.push(frames[start:end])]
        events += [(len(frames), event) for event in segmenter.finish("eof")]
        cpu_s = time.process_time() - began_s
        flags = np.zeros(len(frames), np.bool_)
        ends = [(heard, event) for heard, event in events if isinstance(event, SpeechEnded)]
        for _, event in ends:
            flags[event.start_frame : event.end_frame] = True
        spans = [(2 * event.start_frame, 2 * event.end_frame) for _, event in ends]
        return found(np.repeat(flags, 2), spans, [2 * heard for heard, _ in ends], cpu_s)

    return hear


def silero_alone(settings: SpeechSettings, path: Path) -> System:
    """Return Silero as its team cuts speech: from 0.5 on, until 100 ms were below 0.35."""
    detector = SileroDetector(settings, path)

    def hear(samples: NDArray[np.int16]) -> Found:
        detector.reset()
        began_s = time.process_time()
        detector.push(samples.reshape(-1, settings.frame_samples))
        cpu_s = time.process_time() - began_s
        probabilities = np.square(detector.judge(is_last=True)[0])  # the detector takes the root
        spans, decided = spans_between(probabilities.tolist(), 0.5, 0.35, settings.frames(100))
        flags = np.zeros(len(probabilities), np.bool_)
        for start, end in spans:
            flags[start:end] = True
        ends = [(_GRID_PER_FRAME * start, _GRID_PER_FRAME * end) for start, end in spans]
        return found(np.repeat(flags, _GRID_PER_FRAME), ends, [_GRID_PER_FRAME * each for each in decided], cpu_s)

    return hear


def spans_between(
    probabilities: Sequence[float], enter: float, leave: float, silence_frames: int
) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the spans from ``enter`` on until ``silence_frames`` were below ``leave``, and when each was over."""
    spans, decided = [], []
    start, end = None, 0
    for index, probability in enumerate(probabilities):
        if start is None and probability >= enter:
            start = index
        if start is not None and probability >= leave:
            end = index + 1
        elif start is not None and index + 1 - end >= silence_frames:
            spans.append((start, end))
            decided.append(index + 1)
            start = None
    if start is not None:
        spans.append((start, end))
        decided.append(len(probabilities))
    return spans, decided


@dataclass
class Score:
    """What is counted over scenes."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    rejections: int = 0
    events: Counter[str] = field(default_factory=Counter)
    onset_ms: list[float] = field(default_factory=list)
    end_delay_ms: list[float] = field(default_factory=list)
    longest_ms: int = 0
    cost_us: list[float] = field(default_factory=list)
    minutes: float = 0.0

    def add(self, scene: Scene, heard: Found) -> None:
        """Count what was heard of ``scene``."""
        truth, said = scene.is_speech, heard.is_speech
        self.hits += int((truth & said).sum())
        self.false_alarms += int((~truth & said).sum())
        self.misses += int((truth & ~said).sum())
        self.rejections += int((~truth & ~said).sum())
        self.cost_us.append(heard.cost_us)
        self.minutes += len(truth) / 6000
        self._add_utterances(scene.utterances, heard)

    def _add_utterances(self, spoken: Sequence[tuple[int, int]], heard: Found) -> None:
        touched = [[i for i, (s, e) in enumerate(spoken) if s < end and start < e] for start, end in heard.utterances]
        by_spoken: dict[int, list[int]] = defaultdict(list)
        for index, indices in enumerate(touched):
            for each in indices:
                by_spoken[each].append(index)
        self.events["spoken"] += len(spoken)
        self.events["false starts"] += sum(not indices for indices in touched)
        self.events["merged"] += sum(len(indices) > 1 for indices in touched)
        self.longest_ms = max([self.longest_ms, *(10 * (end - start) for start, end in heard.utterances)])
        for index, (start, end) in enumerate(spoken):
            pieces = by_spoken[index]
            if not pieces:
                self.events["missed"] += 1
                continue
            self.events["split"] += len(pieces) > 1
            if touched[pieces[0]][0] == index:  # else it began with somebody before
                late_ms = 10 * (heard.utterances[pieces[0]][0] - start)
                self.onset_ms.append(late_ms)
                self.events["late onsets"] += late_ms > _LATE_ONSET_MS
                self.events["clipped onsets"] += late_ms > PRE_ROLL_MS
            if touched[pieces[-1]][-1] == index:
                self.end_delay_ms.append(10 * (heard.decided[pieces[-1]] - end))

    def figures(self) -> dict[str, Any]:
        """Return the figures, ready for JSON."""
        spoken = max(1, self.events["spoken"])
        delays = np.percentile(self.end_delay_ms, [50, 90, 95]) if self.end_delay_ms else (None, None, None)
        return {
            "minutes": round(self.minutes, 1),
            "precision": _ratio(self.hits, self.hits + self.false_alarms),
            "recall": _ratio(self.hits, self.hits + self.misses),
            "f1": self.f1,
            "false_alarm_rate": _ratio(self.false_alarms, self.false_alarms + self.rejections),
            "false_starts_per_minute": self.false_starts_per_minute,
            "onset_error_ms_p50": float(np.percentile(np.abs(self.onset_ms), 50)) if self.onset_ms else None,
            "late_onsets": _ratio(self.events["late onsets"], len(self.onset_ms)),
            "clipped_onsets": _ratio(self.events["clipped onsets"], len(self.onset_ms)),
            "end_delay_ms_p50": delays[0],
            "end_delay_ms_p90": delays[1],
            "end_delay_ms_p95": delays[2],
            "utterances": self.events["spoken"],
            "missed": round(self.events["missed"] / spoken, 4),
            "split": round(self.events["split"] / spoken, 4),
            "merged": round(self.events["merged"] / spoken, 4),
            "longest_ms": self.longest_ms,
            "cost_us_per_s": round(float(np.median(self.cost_us)), 1) if self.cost_us else None,
        }

    @property
    def false_starts_per_minute(self) -> float:
        """Return how often a minute an utterance began where nobody spoke."""
        return round(self.events["false starts"] / self.minutes, 3) if self.minutes else 0.0

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of precision and recall."""
        return _ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def cells() -> Iterator[tuple[Cell, int]]:
    """Yield every condition and how many seconds of it are heard."""
    for noise in (*NOISES, BABBLE):
        for snr_db in SNRS_DB:
            for room in ROOMS:
                yield Cell(noise, snr_db, room), SCENE_S
    for is_switched in (False, True):  # without babble, in which people do speak
        alone = [
            Cell(noise, snr_db, room, False, is_switched)
            for noise in NOISES
            for snr_db in (20.0, 0.0)
            for room in ROOMS
        ]
        for cell in alone:
            yield cell, math.ceil(NOISE_ALONE_S / len(alone))


def make(job: tuple[int, Cell, int], cast: Cast, seed: int) -> Scene:
    """Return the scene of a job."""
    index, cell, duration_s = job
    return make_scene(cell, cast, duration_s, (seed, index))


@dataclass(frozen=True)
class Bench:
    """All systems, and what each did where."""

    systems: Mapping[str, System]
    scores: dict[str, dict[Cell, Score]] = field(default_factory=lambda: defaultdict(dict))
    """By system and cell."""
    ratios: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """The cost of a system over that of the first, scene by scene."""

    def hear(self, cell: Cell, scene: Scene) -> None:
        """Let every system hear ``scene``."""
        costs = {}
        for name, system in self.systems.items():
            heard = system(scene.samples)
            self.scores[name].setdefault(cell, Score()).add(scene, heard)
            costs[name] = heard.cost_us
        for name, cost_us in costs.items():
            self.ratios[name].append(cost_us / costs[next(iter(self.systems))])

    def figures(self, name: str) -> dict[str, Any]:
        """Return what is said of a system: over all, its worst cell, babble, and noise alone."""
        scores = self.scores[name]
        speaking = {cell: score for cell, score in scores.items() if cell.has_speech}
        spoken = {cell: score for cell, score in speaking.items() if cell.noise != BABBLE}
        worst = min(spoken, key=lambda cell: spoken[cell].f1 or 0.0)
        alone = {cell: score for cell, score in scores.items() if not cell.has_speech}
        return {
            "all_but_babble": _pooled(spoken.values()).figures(),
            "worst": {"where": _place(worst), **spoken[worst].figures()},
            "babble": _pooled(score for cell, score in speaking.items() if cell.noise == BABBLE).figures(),
            "noise_alone": _pooled(score for cell, score in alone.items() if not cell.is_switched).figures(),
            "switched_noise_alone": _pooled(score for cell, score in alone.items() if cell.is_switched).figures(),
            "cost_ratio": round(float(np.median(self.ratios[name])), 2),
            "f1": {_place(cell): score.f1 for cell, score in speaking.items()},
            "false_starts_per_minute": _false_starts(alone),
        }


def _place(cell: Cell) -> str:
    level = "clean" if cell.snr_db is None else f"{cell.snr_db:g} dB"
    return f"{cell.noise}, {level}, {cell.room.name}"


def _false_starts(alone: Mapping[Cell, Score]) -> dict[str, float]:
    """Return false starts a minute by noise and level, in all rooms."""
    groups: dict[str, list[Score]] = defaultdict(list)
    for cell, score in alone.items():
        groups[f"{cell.noise}, {cell.snr_db:g} dB{', switched' if cell.is_switched else ''}"].append(score)
    return {name: _pooled(scores).false_starts_per_minute for name, scores in groups.items()}


def _pooled(scores: Iterable[Score]) -> Score:
    whole = Score()
    for score in scores:
        for name in ("hits", "false_alarms", "misses", "rejections", "minutes"):
            setattr(whole, name, getattr(whole, name) + getattr(score, name))
        whole.events += score.events
        whole.onset_ms += score.onset_ms
        whole.end_delay_ms += score.end_delay_ms
        whole.cost_us += score.cost_us
        whole.longest_ms = max(whole.longest_ms, score.longest_ms)
    return whole


_COLUMNS = {
    "F1": "f1",
    "precision": "precision",
    "recall": "recall",
    "false alarms": "false_alarm_rate",
    "onset error p50, ms": "onset_error_ms_p50",
    f"onsets late by more than {_LATE_ONSET_MS} ms": "late_onsets",
    f"by more than the pre-roll of {PRE_ROLL_MS} ms": "clipped_onsets",
    "end delay p50, ms": "end_delay_ms_p50",
    "p90, ms": "end_delay_ms_p90",
    "p95, ms": "end_delay_ms_p95",
    "missed": "missed",
    "split": "split",
    "merged": "merged",
    "longest, ms": "longest_ms",
}


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the results as one Markdown table."""
    header = [
        "system",
        *_COLUMNS,
        "worst cell: F1",
        "babble: F1",
        "false starts a minute of noise",
        "switched on and off",
    ]
    header.append("cost where somebody speaks; beside the first, over all scenes")
    lines = [header]
    for name, result in results.items():
        pooled, worst = result["all_but_babble"], result["worst"]
        lines.append(
            [
                name,
                *(_text(pooled[key]) for key in _COLUMNS.values()),
                f"{_text(worst['f1'])} ({worst['where']})",
                _text(result["babble"]["f1"]),
                _text(result["noise_alone"]["false_starts_per_minute"]),
                _text(result["switched_noise_alone"]["false_starts_per_minute"]),
                f"{pooled['cost_us_per_s']:.0f} us/s, {result['cost_ratio']:.2f} x",
            ]
        )
    return markdown(lines)


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3f}"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("--silero", type=Path, metavar="FILE", help="silero_vad.onnx of the package silero-vad")
    parser.add_argument("--speakers", choices=list(SEEDS), default="test")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for segmentation.json and segmentation.md")
    options = parser.parse_args()

    clips = load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir)
    folds = folds_of(clips)
    heard = [clip for clip in clips if folds[speaker_of(clip)] == FOLDS[options.speakers]]
    cast = Cast(heard, talking(heard))
    settings = SpeechSettings()
    systems: dict[str, System] = {
        "webrtcvad alone": webrtc_alone,
        "webrtcvad with the ring of py-webrtcvad": webrtc_ring,
        "this project": segmented(settings, NetworkDetector(settings)),
    }
    if options.silero:
        systems["Silero alone"] = silero_alone(settings, options.silero)
        systems["this project with Silero"] = segmented(settings, SileroDetector(settings, options.silero))
    bench = Bench(systems)
    jobs = [(index, cell, duration_s) for index, (cell, duration_s) in enumerate(cells())]
    scenes = over_files(partial(make, cast=cast, seed=SEEDS[options.speakers]), jobs, "scenes", num_processes=None)
    for (_, cell, _), scene in zip(jobs, scenes, strict=True):
        bench.hear(cell, scene)
    results = {name: bench.figures(name) for name in systems}
    text = table(results)
    print(text)
    if options.out:
        _write(options.out, options.speakers, options.silero, results, text)


def _write(out: Path, speakers: str, silero: Path | None, results: Mapping[str, Any], text: str) -> None:
    record = {
        "command": f"python -m benchmarks.segmentation CORPORA_DIR --silero FILE --speakers {speakers} --out {out}",
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "scipy", "onnxruntime", "webrtcvad-wheels")},
        "sha256": {path.name: read_model(path)[1] for path in (BUNDLED_DETECTOR, silero) if path},
        "systems": results,
    }
    write_results(out, "segmentation", record, f"# Speech found in noise\n\n{__doc__}\n{text}\n")


if __name__ == "__main__":
    main()
