"""Voices are learnt, told apart and known again."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.emotion.memory import Voice, VoiceMemory, Voiceprints

SIZE, FIRST, PRINT = 20, 5, 12
VOICEPRINTS = Voiceprints(FIRST, (16.0,) * PRINT, 3.0)


class Speaker:
    """Somebody whose utterances spread around a mean, as a network's impressions of them should."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.mean = self._random.standard_normal(SIZE)
        self.mean[FIRST : FIRST + PRINT] *= 4.0

    def speak(self) -> np.ndarray:
        return self.mean + self._random.standard_normal(SIZE)


def memory(known: Voice | None = None) -> VoiceMemory:
    return VoiceMemory(SIZE, VOICEPRINTS, known)


def hear(heard_by: VoiceMemory, speaker: Speaker, num_utterances: int) -> list[float]:
    """Let ``speaker`` speak; return how familiar each utterance was before it was learnt."""
    familiar = []
    for _ in range(num_utterances):
        impression = speaker.speak()
        familiar.append(heard_by.familiarity(impression))
        heard_by.learn(impression, 1.0)
    return familiar


def test_learns_the_mean_and_the_spread_of_who_speaks() -> None:
    heard_by, speaker = memory(), Speaker(0)

    hear(heard_by, speaker, 50)

    voice = heard_by.voice
    assert voice.weight == pytest.approx(50, abs=3)
    np.testing.assert_allclose(voice.mean, speaker.mean, atol=0.6)
    assert np.mean(voice.mean_square - np.square(voice.mean)) == pytest.approx(1.0, abs=0.2)


@given(weights=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=40))
def test_is_the_weighted_mean_of_all_utterances(weights: list[float]) -> None:
    impressions = np.random.default_rng(len(weights)).standard_normal((len(weights), SIZE))
    voice = Voice.unknown(SIZE)
    for impression, weight in zip(impressions, weights, strict=True):
        voice = voice.heard(impression, weight)

    assert voice.weight == pytest.approx(sum(weights))
    np.testing.assert_allclose(voice.mean, np.average(impressions, axis=0, weights=weights), atol=1e-9)
    np.testing.assert_allclose(
        voice.mean_square, np.average(np.square(impressions), axis=0, weights=weights), atol=1e-9
    )


def test_follows_slow_changes_for_ever() -> None:
    voice = Voice.unknown(SIZE)
    for _ in range(1000):
        voice = voice.heard(np.zeros(SIZE), 1.0)
    for _ in range(100):
        voice = voice.heard(np.ones(SIZE), 1.0)

    assert voice.weight == 50.0
    assert voice.mean.min() > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_one_voice_stays_familiar(seed: int) -> None:
    familiar = hear(memory(), Speaker(seed), 100)

    assert np.mean(np.array(familiar) > 0.5) > 0.97


@pytest.mark.parametrize("seed", range(5))
def test_another_voice_is_the_one_from_its_second_utterance_on(seed: int) -> None:
    heard_by = memory()
    hear(heard_by, Speaker(seed), 10)

    familiar = hear(heard_by, Speaker(seed + 100), 3)

    assert familiar[0] < 0.5
    assert familiar[2] > 0.5
    assert heard_by.voice.weight == 3.0


@pytest.mark.parametrize("seed", range(5))
def test_a_voice_that_returns_is_known_again(seed: int) -> None:
    heard_by, first, second = memory(), Speaker(seed), Speaker(seed + 100)
    for _ in range(4):
        hear(heard_by, first, 5)
        hear(heard_by, second, 5)
    hear(heard_by, first, 2)

    assert heard_by.voice.weight >= 20
    assert np.abs(heard_by.voice.mean - first.mean).mean() < 0.5


def test_a_single_strange_sound_is_forgotten() -> None:
    heard_by, speaker = memory(), Speaker(0)
    hear(heard_by, speaker, 10)
    before = heard_by.voice

    heard_by.learn(np.full(SIZE, 50.0), 1.0)
    assert heard_by.voice is before
    hear(heard_by, speaker, 5)

    assert heard_by.voice.weight == 15.0


def test_strange_sounds_that_have_nothing_in_common_are_no_voice() -> None:
    """A door, a cough, a dog: each is far from the speaker, and as far from each other."""
    heard_by, speaker = memory(), Speaker(0)
    hear(heard_by, speaker, 10)
    random = np.random.default_rng(1)

    for _ in range(20):
        heard_by.learn(30.0 * random.standard_normal(SIZE), 1.0)

    hear(heard_by, speaker, 3)
    assert heard_by.voice.weight >= 10.0


def test_what_is_hardly_speech_begins_no_other_voice() -> None:
    """A door, of which a twentieth of an utterance is left, and then the same one speaks on."""
    heard_by, speaker = memory(), Speaker(0)
    hear(heard_by, speaker, 7)

    heard_by.learn(np.full(SIZE, 15.0), 0.05)
    hear(heard_by, speaker, 5)

    assert heard_by.num_changes == 0
    assert heard_by.voice.weight == 12.0


def test_what_is_worth_nothing_is_not_learnt() -> None:
    heard_by = memory()

    heard_by.learn(np.ones(SIZE), 0.0)

    assert heard_by.voice.weight == 0.0


def test_begins_with_the_voice_that_is_known_and_returns_to_it() -> None:
    owner, guests = Speaker(0), [Speaker(seed) for seed in range(1, 20)]
    before = memory()
    hear(before, owner, 10)
    heard_by = memory(before.voice)

    assert hear(heard_by, owner, 1)[0] > 0.5
    for guest in guests:  # more than are remembered
        hear(heard_by, guest, 4)
    hear(heard_by, owner, 2)

    assert heard_by.voice.is_known
    assert heard_by.known is heard_by.voice
    assert heard_by.voice.weight == 13.0


def test_only_so_many_voices_are_kept() -> None:
    heard_by = memory()
    for seed in range(100):
        hear(heard_by, Speaker(seed), 3)

    assert len(heard_by._voices) == 8


def test_reset_forgets_all_but_the_known_voice() -> None:
    known = Voice.unknown(SIZE).heard(Speaker(0).speak(), 1.0)
    for heard_by, weight in ((memory(), 0.0), (memory(known), 1.0)):
        hear(heard_by, Speaker(1), 10)
        heard_by.reset()
        assert heard_by.voice.weight == weight


def test_who_was_never_heard_is_familiar() -> None:
    """With nothing to compare with, nobody is a stranger."""
    assert memory().familiarity(Speaker(0).speak()) == pytest.approx(0.98, abs=0.01)


@pytest.mark.parametrize("size", [0.0, 1e3, 1e6])
def test_how_far_it_is_never_overflows(size: float) -> None:
    heard_by = memory()
    hear(heard_by, Speaker(0), 50)

    assert 0.0 <= heard_by.familiarity(np.full(SIZE, size)) <= 1.0


def test_a_voice_is_what_its_json_says() -> None:
    voice = Voice.unknown(SIZE).heard(Speaker(0).speak(), 0.5)

    read = Voice.from_json(voice.to_json())

    assert read.weight == voice.weight
    np.testing.assert_array_equal(read.mean, voice.mean)
    np.testing.assert_array_equal(read.mean_square, voice.mean_square)
    assert Voiceprints.from_json(VOICEPRINTS.to_json()) == VOICEPRINTS


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"weight": -1.0}, "weight must be from 0 to 50"),
        ({"weight": 51}, "weight must be from 0 to 50"),
        ({"weight": None}, "weight must be a number"),
        ({"mean": [1.0, float("nan")]}, "mean must be a list of numbers"),
        ({"mean": [1.0, 10**400]}, "mean must be a list of numbers"),
        ({"mean": [1.0]}, "mean_square must hold a number for each of mean"),
        ({"mean_square": [1.0, 3.9]}, "none below its square"),
        ({"mean_square": "four"}, "mean_square must be a list of numbers"),
        ({"more": 1}, "must hold weight, mean and mean_square"),
    ],
    ids=repr,
)
def test_what_is_no_voice_is_refused(changes: dict[str, Any], complaint: str) -> None:
    values = {"weight": 3.0, "mean": [1.0, 2.0], "mean_square": [1.0, 4.0]}
    Voice.from_json(values)

    with pytest.raises(ValueError, match=complaint):
        Voice.from_json({**values, **changes})


@pytest.mark.parametrize("values", [[], "voice", None, {"weight": 1.0}])
def test_what_is_not_even_an_object_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match="must hold weight, mean and mean_square"):
        Voice.from_json(values)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({}, "expected voiceprint_first, voiceprint_variance and temperature"),
        ({"voiceprint_first": -1, "voiceprint_variance": [1.0], "temperature": 3.0}, "whole number from 0 on, got -1"),
        (
            {"voiceprint_first": True, "voiceprint_variance": [1.0], "temperature": 3.0},
            "from 0 on, got True",
        ),
        ({"voiceprint_first": 0, "voiceprint_variance": [], "temperature": 3.0}, "numbers from 1e-6 on"),
        ({"voiceprint_first": 0, "voiceprint_variance": [0.0], "temperature": 3.0}, "numbers from 1e-6 on"),
        ({"voiceprint_first": 0, "voiceprint_variance": 1.0, "temperature": 3.0}, "must be a list of numbers"),
        ({"voiceprint_first": 0, "voiceprint_variance": [1.0], "temperature": 0}, "temperature must be from 0.01"),
    ],
    ids=repr,
)
def test_what_are_no_voiceprints_is_refused(values: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Voiceprints.from_json(values)


def test_who_might_as_well_be_anybody_is_learnt_by_a_voice_of_the_run_and_not_by_a_profile() -> None:
    """Between the known voice and everybody's there are guests who sound a little like it."""
    speaker = Speaker(0)
    learnt = memory()
    hear(learnt, speaker, 20)
    between = speaker.mean.copy()
    between[FIRST : FIRST + PRINT] *= 0.5
    run, profile = memory(), memory(learnt.voice)
    hear(run, Speaker(0), 20)
    before = profile.known

    while run.familiarity(between) < 0.5:  # as near as a run's own voice takes it
        between = 0.9 * between + 0.1 * speaker.mean
    run_weight = run.voice.weight
    run.learn(between, 1.0)
    profile.learn(between, 1.0)

    assert run.voice.weight == run_weight + 1.0
    assert profile.known is before
    profile.learn(speaker.mean, 1.0)
    assert profile.known is not None
    assert before is not None
    assert profile.known.weight == before.weight + 1.0


def test_what_was_heard_is_counted_whoever_spoke() -> None:
    heard_by = memory()
    hear(heard_by, Speaker(0), 5)
    hear(heard_by, Speaker(1), 1)

    assert heard_by.heard == 6.0
    assert heard_by.voice.weight == 5.0
    assert heard_by.voice.learnt == 5.0
    hear(heard_by, Speaker(0), 100)
    assert heard_by.voice.learnt > 100.0  # what fades was learnt, too


def test_an_odd_first_utterance_makes_no_second_voice_of_one() -> None:
    """A cough before the first word: nobody is known yet, so that it is taken for somebody."""
    heard_by, speaker = memory(), Speaker(0)
    hear(heard_by, Speaker(1), 1)

    hear(heard_by, speaker, 20)

    assert heard_by.is_of_one_voice
    assert heard_by.most_heard.weight == 20.0
    np.testing.assert_allclose(heard_by.most_heard.mean, speaker.mean, atol=1.0)


def test_who_speaks_last_need_not_be_who_was_heard() -> None:
    heard_by, owner = memory(), Speaker(0)
    hear(heard_by, owner, 16)

    hear(heard_by, Speaker(1), 4)

    assert heard_by.is_of_one_voice
    np.testing.assert_allclose(heard_by.most_heard.mean, owner.mean, atol=1.0)


@pytest.mark.parametrize("lengths", [(10, 10), (100, 100), (60, 40), (5, 5, 5, 5)])
def test_two_voices_are_not_one_however_long_they_speak(lengths: tuple[int, ...]) -> None:
    """What fades behind fifty counts, too."""
    heard_by, speakers = memory(), (Speaker(0), Speaker(1))
    for turn, length in enumerate(lengths):
        hear(heard_by, speakers[turn % 2], length)

    assert not heard_by.is_of_one_voice


def test_a_profile_counts_what_it_learns_and_not_what_it_knew() -> None:
    known = memory()
    hear(known, Speaker(0), 40)
    heard_by = memory(known.voice)

    hear(heard_by, Speaker(0), 10)

    assert heard_by.is_of_one_voice
    assert heard_by.voice.learnt == 10.0


@pytest.mark.parametrize("seed", range(5))
def test_a_profile_learns_nothing_of_those_who_spoke_last_when_its_owner_returns(seed: int) -> None:
    owner, guest = Speaker(seed), Speaker(seed + 100)
    before = memory()
    hear(before, owner, 20)
    heard_by = memory(before.voice)
    hear(heard_by, guest, 6)
    assert not heard_by.voice.is_known

    for other in range(3):  # strange to the guest's voice, and too few to be another
        hear(heard_by, Speaker(seed + 200 + other), 1)
    hear(heard_by, owner, 3)

    assert heard_by.voice.is_known
    assert heard_by.voice.weight == before.voice.weight + 3.0


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 5])  # the voice of 1 is near everybody's: half of it is no other one
def test_who_sounds_alike_is_noticed_late_and_unlearnt(seed: int) -> None:
    first, second = Speaker(seed), Speaker(seed + 100)
    second.mean[FIRST : FIRST + PRINT] = 0.5 * first.mean[FIRST : FIRST + PRINT]
    heard_by = memory()
    hear(heard_by, first, 20)
    before = heard_by.voice

    familiar = hear(heard_by, second, 8)

    assert max(familiar[:3]) > 0.5  # taken for the first
    assert heard_by.voice.weight == 8.0
    assert heard_by._voices[-2] is before
    assert [voice.learnt for voice in heard_by._voices] == [20.0, 8.0]


def test_evidence_is_that_of_hearing_one_after_the_other() -> None:
    """All places are looked at together; one by one it is the same."""
    heard_by, first, second = memory(), Speaker(0), Speaker(1)
    hear(heard_by, first, 5)
    before = heard_by.voice
    impressions = [first.mean + 0.4 * (second.mean - first.mean) for _ in range(8)]

    evidence, new, old = 0.0, Voice.unknown(SIZE), before
    for count, impression in enumerate(impressions, start=1):
        heard_by.learn(impression, 0.7)
        evidence += 0.7 * (VOICEPRINTS.log_likelihood(new, impression) - VOICEPRINTS.log_likelihood(old, impression))
        new, old = new.heard(impression, 0.7), old.heard(impression, 0.7)
        assert (heard_by.voice.weight < before.weight) == (count > 1 and evidence >= 14.0), count
        if heard_by.voice.weight < before.weight:
            break
    assert heard_by.voice.weight == pytest.approx(0.7 * count)
