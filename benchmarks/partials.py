"""How steady the labels are that come while somebody still speaks, and how early the last one is known.

    python -m benchmarks.partials CORPORA_DIR [--out FOLDER]

The speakers of the first fold, each in one recording, through the daemon's pipeline with `--partials`, by the network
of the laboratory that learnt from the other folds (`python -m training evaluate streaming CORPORA_DIR` makes it; where
it is not in the cache, it is trained). A flip is a label that differs from the one before in the same utterance.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.results import markdown, write_results
from streamer.emotion.model_file import UNCERTAIN
from streamer.events import Partial, Utterance
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.speech.network import NetworkDetector
from training.corpora import find_corpora, load_clips
from training.evaluate import recordings_of
from training.experiment import load_experiment
from training.fitting import VALIDATION, fit_task
from training.live import NetworkClassifier, Recording
from training.protocols import speaker_tasks
from training.quiet import load_tensorflow

Heard = tuple[list[tuple[str, str]], Utterance]
"""What is told and what would be told without smoothing, time and again; and the utterance in the end."""


def listened(recording: Recording, classifier: NetworkClassifier) -> Iterator[Heard]:
    """Give the utterances of ``recording``."""
    settings = SpeechSettings()
    pipeline = Pipeline(settings, NetworkDetector(settings), classifier, partials=True)
    so_far: list[tuple[str, str]] = []
    events = []
    for first in range(0, recording.samples.size, SAMPLE_RATE_HZ):
        events += pipeline.push(recording.samples[first : first + SAMPLE_RATE_HZ])
    events += pipeline.finish()
    for event in events:
        if isinstance(event, Partial):
            posterior = np.array([event.probs[label] for label in classifier.labels])
            so_far.append((event.label, classifier.decide(posterior)))
        elif isinstance(event, Utterance):
            yield so_far, event
            so_far = []


def num_flips(labels: Sequence[str]) -> int:
    """Return how often a label differs from the one before."""
    return sum(one != other for one, other in pairwise(labels))


def figures(heard: Sequence[Heard]) -> dict[str, float]:
    """Return flips a minute of speech, with smoothing and without, and how many of the last labels came early."""
    minutes = sum(end.end_sample - end.start_sample for _, end in heard) / SAMPLE_RATE_HZ / 60.0
    certain = [(so_far, end) for so_far, end in heard if so_far and end.label != UNCERTAIN]
    return {
        "minutes": round(minutes, 2),
        "utterances": len(heard),
        "flips_per_minute": round(sum(num_flips([told for told, _ in so_far]) for so_far, _ in heard) / minutes, 2),
        "flips_per_minute_not_smoothed": round(
            sum(num_flips([label for _, label in so_far]) for so_far, _ in heard) / minutes, 2
        ),
        "first_is_last": round(sum(so_far[0][0] == end.label for so_far, end in certain) / max(1, len(certain)), 3),
        "last_partial_is_last": round(
            sum(so_far[-1][0] == end.label for so_far, end in certain) / max(1, len(certain)), 3
        ),
    }


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for partials.json and partials.md")
    options = parser.parse_args()
    load_tensorflow()
    task = speaker_tasks(load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir))[0]
    fitted = fit_task(task, load_experiment("streaming"))
    heard: list[Heard] = []
    for recording in recordings_of(task):
        heard += listened(recording, NetworkClassifier(fitted, fitted.calibrations[VALIDATION], adapts=True))
    found = figures(heard)
    text = markdown([["", ""], *([name.replace("_", " "), f"{value:g}"] for name, value in found.items())])
    print(text)
    if options.out:
        command = f"python -m benchmarks.partials CORPORA_DIR --out {options.out}"
        page = f"# Labels while somebody speaks\n\n{__doc__}\n{text}\n"
        write_results(options.out, "partials", {"command": command, **found}, page)


if __name__ == "__main__":
    main()
