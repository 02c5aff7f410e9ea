"""What the detector makes of a noise that it never heard: one is left out of what it learns from, each in its turn.

    python -m benchmarks.unseen_noise CORPORA_DIR [--out FOLDER]

For each noise a detector is made by the recipe of the bundled one, from the scenes without that noise, and hears the
scenes of ``benchmarks.segmentation`` with it, beside the bundled detector. Babble stays with the others: it is speech.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.results import markdown, write_results
from benchmarks.segmentation import FOLDS, SEEDS, Bench, cells, make, segmented
from streamer.settings import SpeechSettings
from streamer.speech.network import NetworkDetector, metadata
from training.corpora import find_corpora, load_clips
from training.detector.lessons import Lesson, load_lessons, talking
from training.detector.settings import DetectorSettings, load_settings
from training.folds import folds_of, speaker_of
from training.pool import over_files
from training.quiet import load_tensorflow
from training.scenes.noises import NOISES
from training.scenes.scene import Cast

HEARD, NEVER_HEARD = "heard in training", "never heard"


def detector_without(noise: str, lessons: Sequence[Lesson], settings: DetectorSettings, path: Path) -> NetworkDetector:
    """Return a detector that never heard ``noise``; ``path`` is where its file goes."""
    from export.convert import detector_to_onnx  # imports TensorFlow
    from training.detector.fit import learn

    network, _ = learn([lesson for lesson in lessons if lesson.noise != noise], settings)
    path.write_bytes(detector_to_onnx(network.streaming, metadata(f"without-{noise}", [], {}, {})))
    return NetworkDetector(SpeechSettings(), path)


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    header = ["noise", "", "F1", "precision", "recall", "false alarms", "F1, worst level", "false starts a minute"]
    lines = [header]
    for noise, systems in results.items():
        for name, figures in systems.items():
            pooled, worst = figures["all_but_babble"], figures["worst"]
            numbers = [pooled[key] for key in ("f1", "precision", "recall", "false_alarm_rate")]
            numbers += [worst["f1"], figures["noise_alone"]["false_starts_per_minute"]]
            lines.append([noise, name, *(f"{number:.3f}" for number in numbers)])
    return markdown(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for unseen_noise.json and unseen_noise.md")
    options = parser.parse_args()

    clips = load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir)
    folds = folds_of(clips)
    tested, heard = ([c for c in clips if (folds[speaker_of(c)] == FOLDS["test"]) == side] for side in (True, False))
    cast = Cast(tested, talking(tested))
    settings = load_settings()
    lessons = load_lessons(heard, settings)
    load_tensorflow()
    results = {}
    for noise in NOISES:
        with TemporaryDirectory() as folder:
            without = detector_without(noise, lessons, settings, Path(folder) / "speech.onnx")
        bundled = NetworkDetector(SpeechSettings())
        bench = Bench({HEARD: segmented(SpeechSettings(), bundled), NEVER_HEARD: segmented(SpeechSettings(), without)})
        jobs = [(index, *cell) for index, cell in enumerate(cells()) if cell[0].noise == noise]
        scenes = over_files(partial(make, cast=cast, seed=SEEDS["test"]), jobs, noise, num_processes=None)
        for (_, cell, _), scene in zip(jobs, scenes, strict=True):
            bench.hear(cell, scene)
        results[noise] = {name: bench.figures(name) for name in bench.systems}
    text = table(results)
    print(text)
    if options.out:
        command = f"python -m benchmarks.unseen_noise CORPORA_DIR --out {options.out}"
        page = f"# Speech found in noise that was never heard\n\n{__doc__}\n{text}\n"
        write_results(options.out, "unseen_noise", {"command": command, "noises": results}, page)


if __name__ == "__main__":
    main()
