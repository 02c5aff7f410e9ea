"""Which clips were heard before: no clip before itself, and only those of its speaker."""

from pathlib import Path

import pytest

from training.corpora.base import LABELS, Clip
from training.states import ENROLMENT_S, STATES, WARM_AFTER, earlier_clips, enrolments

CLIPS = [
    Clip(Path(f"{speaker}{label}{take}"), label, speaker, "emodb", "man")
    for speaker in ("a", "b", "c")
    for label in LABELS
    for take in range(6)
]


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_before_a_clip_are_so_many_others_of_its_speaker(count: int) -> None:
    for index, before in enumerate(earlier_clips(CLIPS, count)):
        assert len(before) == len(set(before)) == count
        assert index not in before
        assert {CLIPS[other].speaker for other in before} <= {CLIPS[index].speaker}


def test_before_many_clips_are_several_emotions() -> None:
    mixed = [len({CLIPS[other].label for other in before}) for before in earlier_clips(CLIPS, 10)]

    assert min(mixed) > 1


def test_where_one_emotion_is_shown_it_is_that_of_the_clip() -> None:
    for index, before in enumerate(earlier_clips(CLIPS, 10, one_emotion=True)):
        assert len(before) == 5  # there are no more
        assert {(CLIPS[other].speaker, CLIPS[other].label) for other in before} == {
            (CLIPS[index].speaker, CLIPS[index].label)
        }


def test_everybody_is_enrolled_with_half_of_what_he_says_neutrally() -> None:
    enrolled = enrolments(CLIPS, [2.0] * len(CLIPS))

    used = {index for indices in enrolled for index in indices}
    assert len(used) == 3 * 3
    assert {CLIPS[index].label for index in used} == {"neutral"}
    for index, indices in enumerate(enrolled):
        assert (not indices) == (index in used)
        assert {CLIPS[other].speaker for other in indices} <= {CLIPS[index].speaker}


def test_thirty_seconds_are_enough() -> None:
    enrolled = enrolments(CLIPS, [20.0] * len(CLIPS))

    assert {len(indices) for indices in enrolled} == {0, 2}
    assert 20.0 < ENROLMENT_S <= 40.0


def test_every_state_has_a_title() -> None:
    assert set(WARM_AFTER) < set(STATES)
