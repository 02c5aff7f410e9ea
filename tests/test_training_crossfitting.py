"""Cross-fitting: about everybody a network is asked that never heard him, and nobody is kept from the one in use."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

from training.corpora.base import LABELS, Clip
from training.crossfitting import known_clips, parts_of
from training.folds import speaker_of
from training.protocols import Task

NUM_PARTS = 3
SPEAKERS = [("emodb", str(number)) for number in range(4)] + [("nemo", str(number)) for number in range(3)]


def task_of(protocol: str) -> Task:
    clips = [
        Clip(Path(f"{corpus} {speaker} {label} {take}"), label, speaker, corpus, "man")
        for corpus, speaker in SPEAKERS
        for label in LABELS
        for take in range(3)
    ]
    return Task(protocol, "x", train=tuple(clips[:-24]), validation=tuple(clips[-24:-12]), test=tuple(clips[-12:]))


@pytest.mark.parametrize("protocol", ["speakers", "corpus", "final"])
def test_a_speaker_is_in_one_part_and_the_parts_of_a_corpus_are_alike(protocol: str) -> None:
    task = task_of(protocol)

    parts = parts_of(task, NUM_PARTS)

    clips = known_clips(task)
    assert clips == (*task.train, *task.validation)
    placed = set(zip(map(speaker_of, clips), parts.tolist(), strict=True))
    assert len(placed) == len({speaker for speaker, _ in placed}) == len(SPEAKERS) - 1
    for corpus, sizes in (("emodb", [1, 1, 2]), ("nemo", [1, 1])):
        assert sorted(Counter(part for (name, _), part in placed if name == corpus).values()) == sizes


def test_where_clips_are_drawn_clips_are_dealt_out() -> None:
    """Their speakers are tested, too: what is asked about must be as near to what was learnt from as there."""
    task = task_of("random")

    parts = parts_of(task, NUM_PARTS)

    clips = known_clips(task)
    for corpus in ("emodb", "nemo"):
        for label in LABELS:
            chosen = np.array([(clip.corpus, clip.label) == (corpus, label) for clip in clips])
            sizes = np.bincount(parts[chosen], minlength=NUM_PARTS)
            assert sizes.max() - sizes.min() <= 1
