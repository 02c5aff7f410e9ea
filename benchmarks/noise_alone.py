"""What the classifier says of noise and music that a detector took for speech: all of it should be uncertain.

    python -m benchmarks.noise_alone [--model FILE] [--minutes 30] [--out FOLDER]

The detector is bypassed: noises follow one another without end, at many levels, and are cut into utterances of 1 to 6 s
as if somebody spoke. Half of the time is of the kinds that are in training, made from other seeds; half of sounds that
are made otherwise than those of training, which has tones, sweeps and rushes of any kind: sirens, alarms, engines,
rain, birds, bells. What the classifier learns from an utterance it keeps, as in use.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.results import markdown, write_results
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.emotion.model_file import UNCERTAIN
from streamer.features.extractor import RowExtractor
from streamer.settings import SAMPLE_RATE_HZ
from training.noises import at_level
from training.scenes.noises import NOISES, Noise, Signal

_SEED = 2026
_SECONDS = (1.0, 6.0)
_LEVEL_DBFS = (-50.0, -12.0)


def _siren(size: int, random: np.random.Generator) -> Signal:
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    sweep = np.sin(2 * np.pi * random.uniform(0.15, 3.0) * time_s + random.uniform(0, 6.28))
    frequency_hz = random.uniform(500.0, 900.0) * 2.0 ** (random.uniform(0.2, 0.6) * sweep)
    phase = 2 * np.pi * np.cumsum(frequency_hz) / SAMPLE_RATE_HZ
    return np.asarray(sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 6)))


def _alarm(size: int, random: np.random.Generator) -> Signal:
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    is_on = (time_s * random.uniform(1.0, 6.0)) % 1.0 < random.uniform(0.3, 0.7)
    return np.asarray(is_on * np.sin(2 * np.pi * random.uniform(700.0, 4000.0) * time_s))


def _engine(size: int, random: np.random.Generator) -> Signal:
    """Harmonics of a low note that wanders, as a voice's does, and a rush with its beat."""
    wander = np.cumsum(random.standard_normal(size)) / np.sqrt(SAMPLE_RATE_HZ)
    phase = 2 * np.pi * np.cumsum(random.uniform(30.0, 140.0) * 2.0 ** (0.1 * wander)) / SAMPLE_RATE_HZ
    tones = sum(random.uniform(0.2, 1.0) / harmonic * np.sin(harmonic * phase) for harmonic in range(1, 30))
    rush = NOISES["pink"](size, random)
    beat = 1.0 + 0.5 * np.sin(phase / 2)
    return np.asarray(tones + random.uniform(0.1, 1.0) * beat * rush / np.std(rush))


def _rain(size: int, random: np.random.Generator) -> Signal:
    drops = random.standard_normal(size) * (random.random(size) < random.uniform(0.002, 0.05))
    decay = np.exp(-np.arange(200) / random.uniform(5.0, 60.0))
    return np.asarray(np.convolve(drops, decay)[:size] + 0.02 * NOISES["white"](size, random))


def _birds(size: int, random: np.random.Generator) -> Signal:
    """Short calls that glide, one after the other and then a while none."""
    birds, position = np.zeros(size), 0
    while position < size:
        call_hz, glide = random.uniform(1500.0, 6000.0), random.uniform(-1.0, 1.0)
        for _ in range(random.integers(1, 8)):
            num_samples = int(random.uniform(0.03, 0.25) * SAMPLE_RATE_HZ)
            course = np.linspace(0.0, 1.0, num_samples)
            phase = 2 * np.pi * np.cumsum(call_hz * 2.0 ** (glide * course)) / SAMPLE_RATE_HZ
            part = birds[position : position + num_samples]
            part += (np.sin(phase) * np.sin(np.pi * course))[: part.size]
            position += int(num_samples * random.uniform(1.0, 2.0))
        position += int(random.uniform(0.1, 1.0) * SAMPLE_RATE_HZ)
    return birds


def _bells(size: int, random: np.random.Generator) -> Signal:
    """Strokes of bells, whose partials are no harmonics."""
    bells, position = np.zeros(size), 0
    partials = random.uniform(150.0, 900.0) * np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.74, 3.76, 5.07])
    while position < size:
        time_s = np.arange(size - position) / SAMPLE_RATE_HZ
        for partial_hz in partials[partials < 7500.0]:
            ringing = np.exp(-time_s * random.uniform(0.5, 5.0))
            bells[position:] += random.uniform(0.2, 1.0) * ringing * np.sin(2 * np.pi * partial_hz * time_s)
        position += int(random.uniform(0.3, 2.0) * SAMPLE_RATE_HZ)
    return bells


UNHEARD: Mapping[str, Noise] = {
    "siren": _siren,
    "alarm": _alarm,
    "engine": _engine,
    "rain": _rain,
    "birds": _birds,
    "bells": _bells,
}


def said_of(model: Path, minutes: float) -> dict[str, dict[str, float]]:
    """Return for each kind of noise its seconds, its utterances, and to how many an emotion was given."""
    classifier, random = OnnxClassifier(model), np.random.default_rng(_SEED)
    said = {name: {"seconds": 0.0, "utterances": 0, "labels": 0} for name in (*NOISES, *UNHEARD)}
    seconds = 0.0
    while seconds < 60.0 * minutes:
        kinds = (NOISES, UNHEARD)[int(random.integers(2))]
        name = list(kinds)[int(random.integers(len(kinds)))]
        size = int(random.uniform(*_SECONDS) * SAMPLE_RATE_HZ)
        samples = at_level(kinds[name](size, random), random.uniform(*_LEVEL_DBFS))
        classifier.reset()
        classifier.push(RowExtractor(classifier.features).push(samples))
        said[name]["labels"] += classifier.decide(classifier.posterior()) != UNCERTAIN
        classifier.learn()
        said[name]["utterances"] += 1
        said[name]["seconds"] += size / SAMPLE_RATE_HZ
        seconds += size / SAMPLE_RATE_HZ
    return said


def table(said: Mapping[str, Mapping[str, float]]) -> str:
    """Return a Markdown table, a line a kind and one for all."""
    sums = {name: sum(each[name] for each in said.values()) for name in ("seconds", "utterances", "labels")}
    lines = [["noise", "in training", "minutes", "utterances", "labels", "labels in 10 minutes"]]
    for name, each in (*said.items(), ("all", sums)):
        is_heard = "" if name == "all" else "yes" if name in NOISES else "no"
        minutes = each["seconds"] / 60.0
        rate = 10.0 * each["labels"] / minutes if minutes else 0.0
        lines.append([name, is_heard, f"{minutes:.1f}", f"{each['utterances']}", f"{each['labels']}", f"{rate:.1f}"])
    return markdown(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=BUNDLED_MODEL, metavar="FILE")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for noise_alone.json and noise_alone.md")
    options = parser.parse_args()
    said = said_of(options.model, options.minutes)
    text = table(said)
    print(text)
    if options.out:
        command = f"python -m benchmarks.noise_alone --minutes {options.minutes:g} --out {options.out}"
        page = f"# Emotions heard in noise\n\n{__doc__}\n{text}\n"
        write_results(options.out, "noise_alone", {"command": command, "noises": said}, page)


if __name__ == "__main__":
    main()
