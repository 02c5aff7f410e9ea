"""How well voices are told apart, counted on people of whom that is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_memory import FIRST, PRINT, SIZE, VOICEPRINTS, Speaker

from benchmarks.voices import COLUMNS, Ear, figures_of, table, told_apart
from streamer.emotion.memory import VoiceMemory
from training.corpora.base import LABELS, Clip
from training.judging import Sounds

_NUM_CLIPS = 48


def ear_of(*speakers: Speaker) -> Ear:
    """Return what hears each of ``speakers``, of one corpus, say every label in turn."""
    clips = [
        Clip(Path(f"{index}.wav"), LABELS[index % 4], f"s{number}", "toy", "unknown")
        for number, _ in enumerate(speakers)
        for index in range(_NUM_CLIPS)
    ]
    impressions = np.array([speaker.speak() for speaker in speakers for _ in range(_NUM_CLIPS)])
    nothing = np.zeros((len(clips), len(LABELS)))
    sounds = Sounds(
        tuple(clips),
        nothing.astype(np.float32),
        nothing,
        impressions,
        np.ones(len(clips)),
        np.full(len(clips), 100, np.int64),
    )
    return Ear(sounds, sounds, VOICEPRINTS)


def figures(*speakers: Speaker, elsewhere: Ear | None = None) -> dict[str, Any]:
    ear = ear_of(*speakers)
    return figures_of(list(told_apart(ear.sounds.clips, ear, (elsewhere or ear).sounds)))["toy"]


def test_people_who_differ_are_told_apart_each_counted_once() -> None:
    found = figures(*map(Speaker, range(4)))

    assert (found["people"], found["pairs"]) == (4, 12)
    values = {name: found[name]["value"] for name in COLUMNS}
    assert values == {
        "noticed": 1.0,
        "recording_noticed": 0.0,  # it is the same one
        "own_is_another": 0.0,
        "owner_learnt": pytest.approx(1.0, abs=0.1),
        "guest_learnt": 0.0,
        "two_refused": pytest.approx(0.9, abs=0.1),  # who take turns
        "one_refused": 0.0,
    }
    assert found["noticed"]["interval_95"] == [1.0, 1.0]


def test_who_sounds_the_same_is_not_told_apart() -> None:
    found = figures(Speaker(0), Speaker(0))

    values = [found[name]["value"] for name in ("noticed", "two_refused")]
    assert values == [0.0, 0.0]
    assert found["guest_learnt"]["value"] > 0.9


def test_another_recording_is_noticed() -> None:
    moved = [Speaker(0), Speaker(1)]
    for speaker in moved:
        speaker.mean[FIRST : FIRST + PRINT] += 8.0

    assert figures(Speaker(0), Speaker(1), elsewhere=ear_of(*moved))["recording_noticed"]["value"] == 1.0


def test_a_change_is_noticed_also_where_the_one_who_spoke_had_hardly_been_heard() -> None:
    """Going on with another voice then raises the weight of who is thought to speak."""
    ear = ear_of(Speaker(0), Speaker(1))

    assert ear.turns([0], range(_NUM_CLIPS, _NUM_CLIPS + 10))
    assert not ear.turns([0], range(1, 11))


def test_what_a_profile_loses_again_it_has_not_learnt() -> None:
    """A guest who sounds a little like its owner is taken for him at first, and noticed later."""
    owner, guest = Speaker(0), Speaker(3)
    guest.mean[FIRST : FIRST + PRINT] = 0.65 * owner.mean[FIRST : FIRST + PRINT]
    ear = ear_of(owner, guest)
    profile = ear.calibrate(range(12)).voice
    guests = range(_NUM_CLIPS, _NUM_CLIPS + 10)
    memory, most = VoiceMemory(SIZE, VOICEPRINTS, profile), 0.0
    for index in guests:
        memory.learn(ear.sounds.impressions[index], 1.0)
        assert memory.known is not None
        most = max(most, memory.known.learnt)

    assert most > 0.0  # it was taken for him
    assert ear.learnt(profile, [], guests) == 0.0


def test_the_intervals_are_over_people() -> None:
    people = [{"corpus": "toy", "pairs": 1, **dict.fromkeys(COLUMNS, value)} for value in (0.0, 1.0, 1.0, 1.0)]

    found = figures_of(people)

    assert found["toy"]["noticed"] == {"value": 0.75, "interval_95": [0.25, 1.0]}
    header, _, line = table(found).splitlines()
    assert header.startswith("|  | people | pairs | another person noticed")
    assert line.startswith("| toy | 4 | 4 | 75 % (25 to 100) |")
