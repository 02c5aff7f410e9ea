"""Sessions: what is known before a clip is what its speaker said in that recording, and nothing that was no speech."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.corpora.base import LABELS, Clip
from training.experiment import SessionSettings, load_experiment
from training.sessions import Material, SessionSampler

EXPERIMENT = load_experiment("streaming")
SIZE = 6
SPEAKERS = [("emodb", "a"), ("emodb", "b"), ("nemo", "c")]
CLIPS = [
    Clip(Path(f"{speaker}{label}{take}"), label, speaker, corpus, "man")
    for corpus, speaker in SPEAKERS
    for label in LABELS
    for take in range(2)
]
UNHEARD = 5
"""The clip in which nobody is heard in one of the recordings."""
NOISE = 1000.0


def sampler(**changes: float) -> SessionSampler:
    """Give sessions in which number 0 of what is heard tells the clip, 1 the recording and 2 the view."""
    assert EXPERIMENT.sessions is not None
    settings: SessionSettings = replace(
        EXPERIMENT.sessions, **{"offset": 0.0, "cropped": 0.0, "noise": 0.0, "enrolled": 0.0, **changes}
    )
    described = np.zeros((2, 2, len(CLIPS), SIZE), np.float32)
    described[..., 0] = np.arange(len(CLIPS))
    described[..., 1] = np.arange(2)[:, np.newaxis, np.newaxis]
    described[..., 2] = np.arange(2)[:, np.newaxis]
    described[1, 0, UNHEARD] = np.nan
    posteriors = np.zeros((2, len(CLIPS), 4), np.float32)
    posteriors[:, :, 0] = 10 + np.arange(len(CLIPS))  # nothing that a known label would be
    posteriors[:, :, 1] = np.arange(2)[:, np.newaxis]
    material = Material(CLIPS, described, posteriors, np.full((3, SIZE), NOISE, np.float32))
    learning = replace(EXPERIMENT.learning, batch_size=64, min_batches=3)
    return SessionSampler(material, replace(EXPERIMENT, sessions=settings, learning=learning))


def test_a_clip_in_which_nobody_is_heard_is_not_drawn() -> None:
    heard = {int(index) for number in range(20) for batch in sampler().epoch(number) for index in batch.inputs[0][:, 0]}

    assert heard == set(range(len(CLIPS))) - {UNHEARD}


def test_what_is_known_is_of_the_same_speaker_in_the_same_recording() -> None:
    for batch in sampler().epoch(1):
        described, memory, _ = batch.inputs
        heard, recordings = described[:, 0].astype(int), described[:, 1]
        for position in range(len(described)):
            known = np.flatnonzero(memory[position])
            assert (known < position).all()
            assert {CLIPS[heard[other]].speaker for other in known} <= {CLIPS[heard[position]].speaker}
            assert set(recordings[known]) <= {recordings[position]}


def test_everything_is_known_sometimes_and_nothing_sometimes() -> None:
    counts = np.concatenate([(batch.inputs[1] > 0).sum(axis=1) for batch in sampler().epoch(1)])

    assert counts.min() == 0
    assert counts.max() >= 8


def test_targets_and_guesses_are_those_of_the_clip_that_is_heard() -> None:
    for batch in sampler().epoch(1):
        described, _, posteriors = batch.inputs
        heard = described[:, 0].astype(int)
        assert [CLIPS[index].label for index in heard] == [LABELS[label] for label in batch.targets[0].argmax(axis=1)]
        np.testing.assert_array_equal(posteriors[:, 0], 10 + heard)
        np.testing.assert_array_equal(posteriors[:, 1], described[:, 1])
        assert batch.targets[2].all()


def test_noise_is_no_emotion_and_not_remembered() -> None:
    for batch in sampler(noise=0.5).epoch(1):
        is_noise = batch.inputs[0][:, 0] == NOISE
        assert 10 < is_noise.sum() < 54
        np.testing.assert_array_equal(batch.targets[2][:, 0], ~is_noise)
        np.testing.assert_allclose(batch.targets[0][is_noise], 0.25)
        assert not batch.inputs[1][:, is_noise].any()


def test_who_enrols_is_known_to_speak_neutrally_and_then_speaks_as_he_likes() -> None:
    labels = set()
    for batch in sampler(enrolled=1.0).epoch(1):
        is_known = batch.inputs[2].max(axis=1) == 1.0
        is_known &= batch.inputs[2].sum(axis=1) == 1.0
        assert {LABELS[label] for label in batch.targets[0][is_known].argmax(axis=1)} == {"neutral"}
        np.testing.assert_array_equal(batch.weights, ~is_known)  # who enrols is not asked
        knows = (batch.inputs[1] > 0)[:, is_known].any(axis=1)
        labels |= {LABELS[label] for label in batch.targets[0][knows & ~is_known].argmax(axis=1)}

    assert labels == set(LABELS)


@pytest.mark.parametrize(("one_emotion", "most"), [(1.0, 1), (0.0, 4)])
def test_in_some_stretches_one_emotion_is_shown(one_emotion: float, most: int) -> None:
    seen = set()
    for batch in sampler(one_emotion=one_emotion).epoch(1):
        labels = batch.targets[0].argmax(axis=1)
        for position, known in enumerate(batch.inputs[1] > 0):
            seen.add(len({*labels[known], labels[position]}))

    assert max(seen) == most


def test_corpora_weigh_the_same_whatever_their_size() -> None:
    batches = [batch for number in range(20) for batch in sampler().epoch(number)]
    corpora = [CLIPS[int(index)].corpus for batch in batches for index in batch.inputs[0][:, 0]]

    assert 0.4 < corpora.count("nemo") / len(corpora) < 0.6  # a third of the speakers, and of the clips


def test_an_epoch_is_the_same_again_and_others_are_not() -> None:
    first, again, other = (list(sampler().epoch(number)) for number in (1, 1, 2))

    for one, same, another in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.inputs[0], same.inputs[0])
        assert not np.array_equal(one.inputs[0], another.inputs[0])


@pytest.mark.parametrize("cropped", [0.0, 0.5, 1.0])
def test_of_some_clips_a_part_is_heard(cropped: float) -> None:
    views = np.concatenate([batch.inputs[0][:, 2] for batch in sampler(cropped=cropped).epoch(1)])

    assert abs(views.mean() - cropped) < 0.2
    assert cropped % 1.0 or views.mean() == cropped


def test_an_offset_is_that_of_a_session() -> None:
    assert EXPERIMENT.sessions is not None
    per_session = EXPERIMENT.sessions.clips_per_session
    for batch in sampler(offset=0.5).epoch(1):
        of_session = batch.inputs[0][:, 3:].reshape(-1, per_session, SIZE - 3)
        assert (of_session == of_session[:, :1]).all()
        assert 0.2 < of_session[:, 0].std() < 0.9
