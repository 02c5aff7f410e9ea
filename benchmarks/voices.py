"""How well voices are told apart: two people of one corpus, one after the other, and one in two recordings.

    python -m benchmarks.voices CORPORA_DIR [--out FOLDER]

The networks of the laboratory, each about the speakers whom it never heard (`python -m training evaluate streaming
CORPORA_DIR` makes them). Every two people of a fold and corpus, in the same room and microphone: ten clips of the one,
then ten of the other, without a profile; the same with the first one's profile, of up to twelve of his neutral clips;
and a calibration by both, taking turns. Clips are of all emotions, but for calibrations. And ten clips of the one, then
ten others of his as another microphone in another room might have recorded them. Each person counts once, by the mean
over those who followed; intervals are 95 %, by drawing people with replacement.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import estimated, markdown, write_results
from streamer.emotion.memory import Voice, VoiceMemory, Voiceprints
from training.corpora import find_corpora, load_clips
from training.corpora.base import LABELS, Clip
from training.dataset import load_examples
from training.experiment import QUIET, Recording, load_experiment
from training.fitting import fit_task
from training.judging import Sounds, remembered
from training.pictures.values import Estimate
from training.protocols import speaker_tasks
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
        before_them = memory.num_changes
        for index in indices:
            if then.is_heard[index]:
                memory.learn(then.impressions[index], float(then.worth[index]))
        return memory.num_changes > before_them

    def calibrate(self, indices: Sequence[int]) -> VoiceMemory:
        """Return what is remembered after ``indices``, known to be neutral."""
        return remembered(self._as_neutral, indices, self._voiceprints)

    def learnt(self, profile: Voice, before: Sequence[int], indices: Sequence[int]) -> float:
        """Return which part of ``indices``, after ``before``, goes into a profile that is kept up to date, and stays.

        What is learnt of ``before`` and lost again meanwhile is not made up for.
        """
        sounds = self.sounds
        memory, learnt, heard = VoiceMemory(sounds.impressions.shape[1], self._voiceprints, profile), 0.0, 0.0
        for position, index in enumerate((*before, *indices)):
            if position == len(before):
                learnt, heard = _of_profile(memory), memory.heard
            memory.learn(sounds.impressions[index], float(sounds.worth[index]))
        return max(0.0, _of_profile(memory) - learnt) / max(1e-9, memory.heard - heard)


def _of_profile(memory: VoiceMemory) -> float:
    """Return how many utterances the voice of the profile has learnt."""
    return memory.known.learnt if memory.known else 0.0


def told_apart(clips: Sequence[Clip], ear: Ear, elsewhere: Sounds) -> Iterator[dict[str, Any]]:
    """Give the figures of everybody who may be followed by somebody of the corpus, heard ``elsewhere``, too."""
    random = np.random.default_rng(0)
    people: dict[tuple[str, str], list[int]] = {}
    for index in random.permutation(np.flatnonzero(ear.sounds.is_heard)).tolist():
        people.setdefault((clips[index].corpus, clips[index].speaker), []).append(index)
    neutral = {who: [i for i in own if clips[i].label == "neutral"][:_MOST_NEUTRAL] for who, own in people.items()}
    for first, own in people.items():
        others = [who for who in people if who != first and who[0] == first[0]]
        if not others:
            continue
        calibrated = ear.calibrate(neutral[first])
        emotional = [index for index in own if index not in neutral[first]][:_NUM_CLIPS]
        of_pairs = [
            {
                "noticed": ear.turns(own[:_NUM_CLIPS], people[second][:_NUM_CLIPS]),
                "guest_learnt": ear.learnt(calibrated.most_heard, emotional, people[second][:_NUM_CLIPS]),
                "two_refused": not ear.calibrate(_in_turn(neutral[first], neutral[second])).is_of_one_voice,
            }
            for second in others
        ]
        one = own[: 2 * _NUM_CLIPS]
        yield {
            "corpus": first[0],
            "pairs": len(others),
            **{name: float(np.mean([pair[name] for pair in of_pairs])) for name in of_pairs[0]},
            "recording_noticed": ear.turns(one[:_NUM_CLIPS], one[_NUM_CLIPS:], elsewhere),
            "own_is_another": ear.turns(one[:1], one[1:]),
            "owner_learnt": ear.learnt(calibrated.most_heard, [], emotional),
            "one_refused": not calibrated.is_of_one_voice,
        }


def _in_turn(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return list(chain.from_iterable(zip(first, second, strict=False)))


def figures_of(people: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return by corpus how many people and pairs there are, and of each column the mean over people."""
    found = {}
    for corpus in dict.fromkeys(person["corpus"] for person in people):
        own = [person for person in people if person["corpus"] == corpus]
        columns = {name: estimated(_mean([person[name] for person in own])) for name in COLUMNS}
        found[corpus] = {"people": len(own), "pairs": sum(person["pairs"] for person in own), **columns}
    return found


def _mean(values: Sequence[float]) -> Estimate:
    """Return the mean, and its 95 % interval by drawing ``values`` with replacement."""
    drawn = np.asarray(values, np.float64)[np.random.default_rng(0).integers(0, len(values), (2000, len(values)))]
    low, high = np.quantile(drawn.mean(axis=1), [0.025, 0.975])
    return Estimate(float(np.mean(values)), float(low), float(high))


def table(found: Mapping[str, Any]) -> str:
    """Return a Markdown table, a line a corpus."""
    lines = [["", "people", "pairs", *COLUMNS.values()]]
    for corpus, own in found.items():
        lines.append([corpus, str(own["people"]), str(own["pairs"]), *(_percent(own[name]) for name in COLUMNS)])
    return markdown(lines)


def _percent(estimate: Mapping[str, Any]) -> str:
    low, high = estimate["interval_95"]
    return f"{100 * estimate['value']:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for voices.json and voices.md")
    options = parser.parse_args()
    load_tensorflow()
    experiment = load_experiment("streaming")
    people: list[dict[str, Any]] = []
    for task in speaker_tasks(load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir)):
        fitted = fit_task(task, experiment)
        if not fitted.voiceprints:
            raise SystemExit("the experiment's network does not adapt")
        judge = fitted.judge()
        sounds = judge.hear(load_examples(task.test, experiment.features, QUIET))
        elsewhere = judge.hear(load_examples(task.test, experiment.features, Recording(1)))
        people += told_apart(task.test, Ear(sounds, judge.known_as(sounds, _NEUTRAL), fitted.voiceprints), elsewhere)
    found = figures_of(people)
    text = table(found)
    print(text)
    if options.out:
        command = f"python -m benchmarks.voices CORPORA_DIR --out {options.out}"
        page = f"# Voices told apart\n\n{__doc__}\n{text}\n"
        write_results(options.out, "voices", {"command": command, "corpora": found}, page)


if __name__ == "__main__":
    main()
