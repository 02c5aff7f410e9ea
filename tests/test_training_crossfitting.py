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
from training.crossfitting import held_out, known_clips, parts_of, tasks_held_out
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


def test_each_part_and_each_corpus_is_asked_about_once() -> None:
    task = task_of("speakers")

    kept_out = held_out(task, NUM_PARTS)

    corpora = np.array([clip.corpus for clip in known_clips(task)])
    assert len(kept_out) == NUM_PARTS + 2
    assert np.sum(kept_out[:NUM_PARTS], axis=0).tolist() == [1] * len(corpora)
    assert [set(corpora[kept]) for kept in kept_out[NUM_PARTS:]] == [{"emodb"}, {"nemo"}]


def test_of_a_random_split_no_corpus_is_kept_out() -> None:
    assert len(held_out(task_of("random"), NUM_PARTS)) == NUM_PARTS


def test_a_corpus_that_alone_has_a_label_is_learnt_from() -> None:
    """Networks that never saw a label say nothing of how sure to be."""
    whole = task_of("corpus")
    train = tuple(clip for clip in whole.train if clip.label != "anger" or clip.corpus == "emodb")
    validation = tuple(clip for clip in train if clip.speaker == "3")
    task = Task("corpus", "x", tuple(clip for clip in train if clip.speaker != "3"), validation, whole.test)

    kept_out = held_out(task, NUM_PARTS)

    corpora = np.array([clip.corpus for clip in known_clips(task)])
    assert [set(corpora[kept]) for kept in kept_out[NUM_PARTS:]] == [{"nemo"}]


def test_who_is_kept_out_is_tested_by_a_network_that_learns_from_all_others() -> None:
    task = task_of("final")

    tasks = tasks_held_out(task, NUM_PARTS)

    names = [str(each) for each in tasks]
    assert names == [
        *(f"speakers/part {part}" for part in range(NUM_PARTS)),
        "corpus/without emodb",
        "corpus/without nemo",
    ]
    for each, kept in zip(tasks, held_out(task, NUM_PARTS), strict=True):
        assert each.test == tuple(clip for clip, is_out in zip(known_clips(task), kept, strict=True) if is_out)
        assert set(known_clips(each)) == set(known_clips(task)) - set(each.test)
