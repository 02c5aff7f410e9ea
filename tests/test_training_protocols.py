"""Who trains and who is tested: nobody on two sides, and every label on each."""

from collections import Counter
from pathlib import Path

import pytest

from training.corpora.base import LABELS, Clip, Gender
from training.errors import CorpusError
from training.folds import NUM_FOLDS, deal, folds_of, speaker_of
from training.protocols import NUM_REPEATS, Task, all_tasks, corpus_tasks, final_task, random_tasks, speaker_tasks

KNOWN = {
    "emodb": ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"],
    "nemo": ["EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0"],
}


def clips_of(corpus: str, speakers: list[str], *, takes: int = 2, gender: Gender = "woman") -> list[Clip]:
    """Return ``takes`` clips for each label of each speaker."""
    return [
        Clip(Path(f"{corpus}/{speaker}{label}{take}.wav"), label, speaker, corpus, gender)
        for speaker in speakers
        for label in LABELS
        for take in range(takes)
    ]


def known_clips() -> list[Clip]:
    return [clip for corpus, speakers in KNOWN.items() for clip in clips_of(corpus, speakers)]


def people(clips: tuple[Clip, ...]) -> set[tuple[str, str]]:
    return {speaker_of(clip) for clip in clips}


def test_every_speaker_is_tested_exactly_once() -> None:
    tasks = speaker_tasks(known_clips())

    tested = Counter(speaker for task in tasks for speaker in people(task.test))
    assert set(tested.values()) == {1}
    assert set(tested) == people(tuple(known_clips()))
    assert len(tasks) == NUM_FOLDS


@pytest.mark.parametrize("tasks", [speaker_tasks, corpus_tasks])
def test_nobody_is_on_two_sides_and_nobody_is_left_out(tasks) -> None:
    for task in tasks(known_clips()):
        sides = [people(task.train), people(task.validation), people(task.test)]

        assert sum(map(len, sides)) == len(set.union(*sides)) == 19


def test_a_corpus_left_out_is_tested_whole_and_not_heard_before() -> None:
    tasks = corpus_tasks(known_clips())

    assert [task.name for task in tasks] == ["without emodb", "without nemo"]
    for task in tasks:
        assert {clip.corpus for clip in task.test} == {task.name.removeprefix("without ")}
        assert not {clip.corpus for clip in (*task.train, *task.validation)} & {clip.corpus for clip in task.test}


def test_a_single_corpus_can_not_be_left_out() -> None:
    clips = clips_of("emodb", KNOWN["emodb"])

    assert corpus_tasks(clips) == []
    assert {task.protocol for task in all_tasks(clips)} == {"speakers", "random"}


def test_a_random_split_tests_a_fifth_of_each_label_of_one_corpus() -> None:
    tasks = random_tasks(known_clips())

    assert len(tasks) == 2 * NUM_REPEATS
    for task in tasks:
        assert len({clip.corpus for clip in (*task.train, *task.validation, *task.test)}) == 1
        sizes = [len(task.train), len(task.validation), len(task.test)]
        assert len(task.test) / sum(sizes) == pytest.approx(0.2, abs=0.03)
        assert set(task.train).isdisjoint(task.test)


def test_repeats_of_the_random_split_differ_and_can_be_repeated() -> None:
    first, second, *_ = random_tasks(known_clips())
    again, *_ = random_tasks(known_clips())

    assert first.test != second.test
    assert first == again


def test_the_network_to_use_is_trained_on_all_speakers_but_those_who_validate() -> None:
    task = final_task(known_clips())

    assert task.test == ()
    assert people(task.train) | people(task.validation) == people(tuple(known_clips()))
    assert {folds_of(known_clips())[speaker] for speaker in people(task.validation)} == {0}


def test_a_side_without_a_label_is_refused_before_anything_is_trained() -> None:
    clips = [clip for clip in known_clips() if clip.speaker not in ("03", "08") or clip.label != "anger"]
    clips = [clip for clip in clips if clip.corpus == "emodb"]

    with pytest.raises(CorpusError, match=r"speakers/fold 0: no clip of anger is left for test"):
        speaker_tasks(clips)


def test_a_speaker_on_two_sides_is_refused() -> None:
    clips = tuple(clips_of("emodb", ["03"]))

    with pytest.raises(CorpusError, match="speakers/x: on two sides: emodb/03"):
        Task("speakers", "x", clips, tuple(clips_of("emodb", ["08"])), clips)


def test_too_few_speakers_are_refused() -> None:
    with pytest.raises(CorpusError, match=r"mine: at least three speakers are needed .* got 2"):
        speaker_tasks(clips_of("mine", ["anna", "bert"]))


def test_a_stranger_in_a_known_corpus_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"emodb: speakers 99 are not in folds\.csv"):
        folds_of(clips_of("emodb", ["03", "08", "99"]))


def test_an_unknown_corpus_is_dealt_by_the_rule() -> None:
    clips = [*clips_of("mine", ["a", "b", "c"]), *clips_of("mine", ["d", "e", "f"], gender="man")]

    folds = folds_of(clips)

    assert [folds["mine", name] for name in "abcdef"] == [0, 1, 2, 3, 4, 0]


def test_the_committed_folds_are_what_the_rule_gives(corpora: Path) -> None:
    """The file is there so that nobody has to trust the rule never to change."""
    from training.corpora import find_corpora, load_clips

    found = find_corpora(["emodb", "nemo", "ravdess"], corpora)
    clips = load_clips(found, corpora)

    for corpus in found:
        own = [clip for clip in clips if clip.corpus == corpus.name]
        assert deal(own) == {speaker: fold for speaker, fold in folds_of(clips).items() if speaker[0] == corpus.name}


def test_every_fold_tests_women_and_men_of_every_corpus_but_one(corpora: Path) -> None:
    """NEMO has four women and five men for five folds."""
    from training.corpora import find_corpora, load_clips

    clips = load_clips(find_corpora(["emodb", "nemo", "ravdess"], corpora), corpora)
    folds = folds_of(clips)

    groups = {(clip.corpus, folds[speaker_of(clip)], clip.gender) for clip in clips}
    assert len(groups) == 3 * NUM_FOLDS * 2 - 1


def test_the_next_fold_validates() -> None:
    folds = folds_of(known_clips())

    for number, task in enumerate(speaker_tasks(known_clips())):
        assert {folds[speaker] for speaker in people(task.test)} == {number}
        assert {folds[speaker] for speaker in people(task.validation)} == {(number + 1) % 5}
