"""Who trains and who is tested: every network and every peer is measured on the same tasks.

- ``random``: 80/20 within a corpus, repeated, by clip. The people tested are those trained on: optimistic.
- ``speakers``: five folds by speaker over all corpora together; nobody tested was heard in training.
- ``corpus``: a whole corpus left out; its language, room and microphone are unknown as well.

The fourth protocol, live, plays the test clips of ``speakers`` through the pipeline; see ``training/live.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from training.corpora.base import LABELS, Clip
from training.errors import CorpusError
from training.folds import Speaker, folds_of, speaker_of

NUM_REPEATS = 3
_TEST_PART, _VALIDATION_PART = 0.2, 0.1

Clips = tuple[Clip, ...]


@dataclass(frozen=True)
class Task:
    """One network to train and to test; what the sides hold is checked before anything is trained."""

    protocol: str
    """``random``, ``speakers`` or ``corpus``; ``final`` is trained to be used and not tested."""
    name: str
    train: Clips
    validation: Clips
    """Choose the epoch and calibrate. A peer that needs neither may train on them as well."""
    test: Clips

    def __post_init__(self) -> None:
        """Refuse a side without a label, and a speaker on two sides where speakers are held out."""
        for side, clips in self.sides.items():
            missing = sorted(set(LABELS) - {clip.label for clip in clips})
            if missing:
                raise CorpusError(f"{self}: no clip of {', '.join(missing)} is left for {side}")
        people = [{speaker_of(clip) for clip in clips} for clips in self.sides.values()]
        twice = {speaker for index, some in enumerate(people) for others in people[:index] for speaker in some & others}
        if twice and self.protocol != "random":
            raise CorpusError(f"{self}: on two sides: {', '.join('/'.join(speaker) for speaker in sorted(twice))}")

    def __str__(self) -> str:
        """Return what people call it, as ``speakers/fold 0``."""
        return f"{self.protocol}/{self.name}"

    @property
    def sides(self) -> Mapping[str, Clips]:
        """The clips by what they are for; nobody is left to test the final network on."""
        sides = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: clips for name, clips in sides.items() if name != "test" or self.protocol != "final"}


def all_tasks(clips: Sequence[Clip]) -> list[Task]:
    """Return the tasks of every protocol that ``clips`` allow: a single corpus can not be left out.

    Raises:
        CorpusError: A side is left without a label, or a corpus has too few speakers.
    """
    return [*speaker_tasks(clips), *corpus_tasks(clips), *random_tasks(clips)]


def final_task(clips: Sequence[Clip]) -> Task:
    """Return the task of the network that is used: the first fold validates, the others train."""
    validates = _first_fold(clips)
    return _task("final", "all", clips, lambda clip: "validation" if validates(clip) else "train")


def speaker_tasks(clips: Sequence[Clip]) -> list[Task]:
    """Return a task for each fold: it is tested, the next one validates, the others train."""
    folds = folds_of(clips)
    used = sorted(set(folds.values()))
    tasks = []
    for tested, validating in zip(used, used[1:] + used[:1], strict=True):
        sides = {tested: "test", validating: "validation"}
        side_of = partial(_side_by_fold, folds=folds, sides=sides)
        tasks.append(_task("speakers", f"fold {tested}", clips, side_of))
    return tasks


def corpus_tasks(clips: Sequence[Clip]) -> list[Task]:
    """Return a task for each corpus, which is tested; the first fold of the others validates, the rest trains."""
    validates = _first_fold(clips)

    def side(clip: Clip, left_out: str) -> str:
        return "test" if clip.corpus == left_out else "validation" if validates(clip) else "train"

    corpora = list(dict.fromkeys(clip.corpus for clip in clips))
    if len(corpora) < 2:
        return []
    return [_task("corpus", f"without {name}", clips, partial(side, left_out=name)) for name in corpora]


def random_tasks(clips: Sequence[Clip], num_repeats: int = NUM_REPEATS) -> list[Task]:
    """Return ``num_repeats`` tasks for each corpus alone: of each label a fifth is tested and a tenth validates."""
    tasks = []
    for corpus in dict.fromkeys(clip.corpus for clip in clips):
        own = [clip for clip in clips if clip.corpus == corpus]
        for repeat in range(num_repeats):
            sides = _drawn_sides(own, np.random.default_rng(repeat))
            tasks.append(_task("random", f"{corpus} {repeat}", own, sides.__getitem__))
    return tasks


def _drawn_sides(clips: Sequence[Clip], random: np.random.Generator) -> dict[Clip, str]:
    sides: dict[Clip, str] = {}
    for label in LABELS:
        drawn = [clip for clip in clips if clip.label == label]
        order = random.permutation(len(drawn))
        num_tested, num_held = round(_TEST_PART * len(drawn)), round((_TEST_PART + _VALIDATION_PART) * len(drawn))
        for rank, index in enumerate(order):
            side = "test" if rank < num_tested else "validation" if rank < num_held else "train"
            sides[drawn[int(index)]] = side
    return sides


def _first_fold(clips: Sequence[Clip]) -> Callable[[Clip], bool]:
    folds = folds_of(clips)
    first = {corpus: min(fold for (name, _), fold in folds.items() if name == corpus) for corpus, _ in folds}
    return lambda clip: folds[speaker_of(clip)] == first[clip.corpus]


def _side_by_fold(clip: Clip, folds: Mapping[Speaker, int], sides: Mapping[int, str]) -> str:
    return sides.get(folds[speaker_of(clip)], "train")


def _task(protocol: str, name: str, clips: Sequence[Clip], side_of: Callable[[Clip], str]) -> Task:
    sides: dict[str, list[Clip]] = {"train": [], "validation": [], "test": []}
    for clip in clips:
        sides[side_of(clip)].append(clip)
    return Task(protocol, name, **{side: tuple(chosen) for side, chosen in sides.items()})
