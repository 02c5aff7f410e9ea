"""Scenes: where speech is in them is known, and they follow from their seed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import speech

from streamer.settings import SAMPLE_RATE_HZ
from training.corpora.base import Clip
from training.scenes.acoustics import FRAME_SAMPLES, ROOMS, active_level_db, reverberate
from training.scenes.labels import runs, speech_frames
from training.scenes.machines import machine_sound
from training.scenes.noises import BABBLE, NOISES
from training.scenes.scene import SPEECH_DBFS, Cast, Cell, make_scene


@pytest.fixture
def cast(tmp_path: Path) -> Cast:
    """Give three people, one of whom only babbles."""
    clips = []
    for speaker, corpus in (("a", "one"), ("b", "one"), ("c", "two")):
        for take in range(4):
            path = tmp_path / f"{speaker}{take}.wav"
            said = speech(SAMPLE_RATE_HZ + 4000 * take, seed=take)
            soundfile.write(path, np.pad(said, 8000), SAMPLE_RATE_HZ)
            clips.append(Clip(path, "anger", speaker, corpus, "woman"))
    return Cast(clips, ("one",))


@pytest.mark.parametrize("noise", [*NOISES, BABBLE])
def test_a_scene_follows_from_its_seed(cast: Cast, noise: str) -> None:
    cell = Cell(noise, 5.0, ROOMS[1])

    first, again = (make_scene(cell, cast, 10.0, (1, 2)) for _ in range(2))
    other = make_scene(cell, cast, 10.0, (1, 3))

    assert np.array_equal(first.samples, again.samples)
    assert first.utterances == again.utterances
    assert not np.array_equal(first.samples, other.samples)


def test_people_speak_for_less_than_half_of_the_time_and_pause_between(cast: Cast) -> None:
    scene = make_scene(Cell("white", None, ROOMS[0]), cast, 60.0, (1, 0))

    assert scene.samples.shape == (60 * SAMPLE_RATE_HZ,)
    assert scene.is_speech.shape == (6000,)
    assert 0.40 < scene.is_speech.mean() < 0.50
    ends = [0, *(end for _, end in scene.utterances)]
    pauses = [start - end for (start, _), end in zip(scene.utterances, ends, strict=False)]
    assert all(50 <= pause <= 500 for pause in pauses)
    assert scene.is_speech.sum() == sum(scene.is_speech[start:end].sum() for start, end in scene.utterances)


def test_a_scene_without_speech_has_none(cast: Cast) -> None:
    scene = make_scene(Cell("doors", 10.0, ROOMS[2], has_speech=False), cast, 5.0, (1, 0))

    assert not scene.is_speech.any()
    assert not scene.utterances


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_is_as_loud_as_was_asked_for(cast: Cast, snr_db: float) -> None:
    scene = make_scene(Cell("pink", snr_db, ROOMS[0], has_speech=False), cast, 20.0, (1, 0))

    assert active_level_db(scene.samples / 32768.0) == pytest.approx(SPEECH_DBFS - snr_db, abs=0.5)


def test_speech_is_found_in_clean_audio_without_a_breath_before_it() -> None:
    random = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    breath = 0.03 * random.standard_normal(SAMPLE_RATE_HZ)  # 27 dB below
    clean = np.concatenate([1e-4 * random.standard_normal(SAMPLE_RATE_HZ), breath, tone, 1e-4 * breath])

    assert runs(speech_frames(clean)) == [(190, 300)]  # at most 100 ms of the breath


@pytest.mark.parametrize(("hole_ms", "count"), [(150, 1), (400, 2)])
def test_a_hole_is_bridged_and_a_pause_is_not(hole_ms: int, count: int) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    clean = np.concatenate([tone, np.zeros(16 * hole_ms), tone])

    assert len(runs(speech_frames(clean))) == count


def test_a_click_is_no_speech() -> None:
    clean = np.zeros(2 * SAMPLE_RATE_HZ)
    clean[4000:4160] = 1.0
    clean[16_000:24_000] = np.sin(2 * np.pi * 200 * np.arange(8000) / SAMPLE_RATE_HZ)

    assert runs(speech_frames(clean)) == [(100, 150)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_adds_echoes_behind_the_direct_sound(room) -> None:
    click = np.zeros(SAMPLE_RATE_HZ)
    click[1000] = 1.0

    heard = reverberate(click, room, np.random.default_rng(0))

    assert np.argmax(np.abs(heard)) == 1000
    assert not np.abs(heard[:1000]).max() > 1e-9
    direct_over_echoes_db = -10 * np.log10(np.sum(np.square(heard[1001:])))
    assert direct_over_echoes_db == pytest.approx(room.direct_db, abs=0.5)


def test_a_level_is_that_of_the_blows_and_not_of_the_quiet_between() -> None:
    blows = np.zeros(100 * FRAME_SAMPLES)
    blows[: 2 * FRAME_SAMPLES] = 0.1

    assert active_level_db(blows) == pytest.approx(-20.0, abs=0.1)


def test_sounds_of_machines_follow_from_their_seed_and_are_never_silent() -> None:
    for seed in range(100):
        sound = machine_sound(12_800, np.random.default_rng(seed))

        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 0.01
        np.testing.assert_array_equal(sound, machine_sound(12_800, np.random.default_rng(seed)))
