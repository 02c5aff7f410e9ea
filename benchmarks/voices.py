"""How well voices are told apart: two people of one corpus, one after the other, and one in two recordings.

    python -m benchmarks.voices CORPORA_DIR [--out FOLDER]

The networks of the laboratory, each about the speakers whom it never heard (`python -m training evaluate streaming
CORPORA_DIR` makes them). Every two people of a fold and corpus, in the same room and microphone: ten clips of the one,
then ten of the other, without a profile; the same with the first one's profile, of up to twelve of his neutral clips;
and a calibration by both, taking turns. Clips are of all emotions, but for calibrations. And ten clips of the one, then
ten others of his as another microphone in another room might have recorded them.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain, permutations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import markdown, write_results
from streamer.emotion.memory import Voice, VoiceMemory, Voiceprints
from training.corpora import find_corpora, load_clips
from training.corpora.base import LABELS
from training.dataset import load_examples
from training.experiment import QUIET, Recording, load_experiment
from training.fitting import fit_task
from training.judging import Sounds, remembered
from training.protocols import Task, speaker_tasks
from training.quiet import load_tensorflow

_NUM_CLIPS, _MOST_NEUTRAL = 10, 12
_NEUTRAL = LABELS.index("neutral")
COLUMNS = {
    "noticed": "another person noticed within ten utterances",
    "recording_noticed": "another microphone and room likewise",
    "own_is_another": "one person taken for two within twenty",
    "owner_learnt": "a profile learns, of its owner's utterances",
    "guest_learnt": "of another person's",
    "two_refused": "calibration by two refused",
    "one_refused": "by one refused",
}


class Ear:
    """What a network makes of the clips of a fold, and remembers of them."""

    def __init__(self, sounds: Sounds, as_neutral: Sounds, voiceprints: Voiceprints) -> None:
        """Take the clips as they are guessed, and known to be neutral."""
        self.sounds, self._as_neutral, self._voiceprints = sounds, as_neutral, voiceprints

    def turns(self, before: Sequence[int], indices: Sequence[int], sounds: Sounds | None = None) -> bool:
        """Return whether somebody else is thought to speak somewhere in ``indices``, which follow ``before``.

        Args:
            before: What is heard first.
            indices: What follows.
            sounds: How that sounds, where it is not as it was.
        """
        memory, then = remembered(self.sounds, before, self._voiceprints), sounds or self.sounds
        for index in indices:
            if not then.is_heard[index]:
                continue
            weight = memory.voice.weight
            memory.learn(then.impressions[index], float(then.worth[index]))
            if memory.voice.weight < weight:
                return True
        return False

    def calibrate(self, indices: Sequence[int]) -> VoiceMemory:
        """Return what is remembered after ``indices``, known to be neutral."""
        return remembered(self._as_neutral, indices, self._voiceprints)

    def learnt(self, profile: Voice, before: Sequence[int], indices: Sequence[int]) -> float:
        """Return which part of ``indices``, after ``before``, goes into a profile that is kept up to date."""
        sounds = self.sounds
        memory, num_learnt = VoiceMemory(sounds.impressions.shape[1], self._voiceprints, profile), 0
        for position, index in enumerate((*before, *indices)):
            known = memory.known
            memory.learn(sounds.impressions[index], float(sounds.worth[index]))
            num_learnt += position >= len(before) and memory.known is not known
        return num_learnt / len(indices)


def told_apart(task: Task, ear: Ear, elsewhere: Sounds) -> Iterator[dict[str, Any]]:
    """Give the figures of every two people, the first of whom may also be heard ``elsewhere``."""
    random, clips = np.random.default_rng(0), task.test
    people: dict[tuple[str, str], list[int]] = {}
    for index in random.permutation(np.flatnonzero(ear.sounds.is_heard)).tolist():
        people.setdefault((clips[index].corpus, clips[index].speaker), []).append(index)
    neutral = {who: [i for i in own if clips[i].label == "neutral"][:_MOST_NEUTRAL] for who, own in people.items()}
    others = {who: [index for index in own if index not in neutral[who]] for who, own in people.items()}
    for first, second in permutations(people, 2):
        if first[0] != second[0]:
            continue
        one, other = people[first][: 2 * _NUM_CLIPS], people[second][:_NUM_CLIPS]
        calibrated = ear.calibrate(neutral[first])
        turns = chain.from_iterable(zip(neutral[first], neutral[second], strict=False))
        yield {
            "corpus": first[0],
            "noticed": ear.turns(one[:_NUM_CLIPS], other),
            "recording_noticed": ear.turns(one[:_NUM_CLIPS], one[_NUM_CLIPS:], elsewhere),
            "own_is_another": ear.turns(one[:1], one[1:]),
            "owner_learnt": ear.learnt(calibrated.most_heard, [], others[first][:_NUM_CLIPS]),
            "guest_learnt": ear.learnt(calibrated.most_heard, others[first][:_NUM_CLIPS], other),
            "two_refused": not ear.calibrate(list(turns)).is_of_one_voice,
            "one_refused": not calibrated.is_of_one_voice,
        }


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for voices.json and voices.md")
    options = parser.parse_args()
    load_tensorflow()
    experiment = load_experiment("streaming")
    pairs: list[dict[str, Any]] = []
    for task in speaker_tasks(load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir)):
        fitted = fit_task(task, experiment)
        if not fitted.voiceprints:
            raise SystemExit("the experiment's network does not adapt")
        judge = fitted.judge()
        sounds = judge.hear(load_examples(task.test, experiment.features, QUIET))
        elsewhere = judge.hear(load_examples(task.test, experiment.features, Recording(1)))
        pairs += told_apart(task, Ear(sounds, judge.known_as(sounds, _NEUTRAL), fitted.voiceprints), elsewhere)
    found = {
        corpus: {"pairs": len(own), **{name: round(float(np.mean([p[name] for p in own])), 3) for name in COLUMNS}}
        for corpus in dict.fromkeys(pair["corpus"] for pair in pairs)
        if (own := [pair for pair in pairs if pair["corpus"] == corpus])
    }
    lines = [[name, str(own["pairs"]), *(f"{100 * own[c]:.0f} %" for c in COLUMNS)] for name, own in found.items()]
    text = markdown([["", "pairs", *COLUMNS.values()], *lines])
    print(text)
    if options.out:
        command = f"python -m benchmarks.voices CORPORA_DIR --out {options.out}"
        page = f"# Voices told apart\n\n{__doc__}\n{text}\n"
        write_results(options.out, "voices", {"command": command, "corpora": found}, page)


if __name__ == "__main__":
    main()
