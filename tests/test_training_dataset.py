"""Rows for training: the ones that the daemon would classify."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import silence, speech

from streamer.events import Utterance
from streamer.pipeline import Pipeline
from streamer.settings import FeatureSettings, SpeechSettings
from streamer.speech.network import NetworkDetector
from training.corpora.base import Clip
from training.dataset import data_hash, load_examples, titled
from training.errors import CorpusError, RunError
from training.experiment import QUIET, Hearing, Recording, Room
from training.hearing import RowRecorder, heard_rows
from training.rooms import place, read_samples

FEATURES, SPEECH = FeatureSettings(), SpeechSettings()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    path = tmp_path / "03a01Wa.wav"
    soundfile.write(path, speech(16_000), 16_000)
    return Clip(path, "anger", "03", "emodb", "man")


def test_training_sees_exactly_the_rows_that_the_daemon_classifies() -> None:
    """Pre-roll included, and however the daemon's samples are split."""
    samples = place(speech(24_000) / 32768.0, QUIET, clip_seed=1)
    daemon = RowRecorder(FEATURES)
    pipeline = Pipeline(SPEECH, NetworkDetector(SPEECH), daemon)
    for first in range(0, samples.size, 777):
        pipeline.push(samples[first : first + 777])
    pipeline.finish()

    rows = heard_rows(samples, FEATURES, SPEECH)

    np.testing.assert_allclose(rows, daemon.recorded[0], atol=1e-4)
    assert len(rows) > 130  # 1.5 s of speech and what of the pre-roll comes with it


def test_the_longest_utterance_stands_for_a_clip() -> None:
    samples = np.concatenate([silence(16_000), speech(8000), silence(16_000), speech(48_000), silence(16_000)])
    recorder = RowRecorder(FEATURES)
    pipeline = Pipeline(SPEECH, NetworkDetector(SPEECH), recorder)
    events = [*pipeline.push(samples), *pipeline.finish()]

    rows = heard_rows(samples, FEATURES, SPEECH)

    assert len([event for event in events if isinstance(event, Utterance)]) == 2
    assert len(rows) == max(len(recorded) for recorded in recorder.recorded)


def test_silence_has_no_rows() -> None:
    assert heard_rows(silence(32_000), FEATURES, SPEECH).shape == (0, FEATURES.num_cepstra)


def test_a_room_puts_silence_around_the_clip() -> None:
    placed = place(np.full(1600, 0.5), QUIET, clip_seed=0)

    assert placed.size == 9600 + 1600 + 16_000
    assert np.abs(placed[:9600]).max() < 40
    assert np.abs(placed[-16_000:]).max() < 40


def test_a_room_sounds_the_same_twice_and_otherwise_for_another_clip() -> None:
    room, samples = Room(snr_db=(10.0, 30.0), seed=3), speech(4000) / 32768.0

    first, second, other = place(samples, room, 5), place(samples, room, 5), place(samples, room, 6)

    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_noise_has_the_ratio_asked_for() -> None:
    samples = speech(16_000) / 32768.0
    placed = place(samples, Room(snr_db=(20.0, 20.0)), clip_seed=2).astype(np.float64)

    noise_rms = np.sqrt(np.mean(placed[:9600] ** 2))
    speech_rms = np.sqrt(np.mean((samples * 32768) ** 2))

    assert 20 * np.log10(speech_rms / noise_rms) == pytest.approx(20, abs=2)


def test_a_faster_clip_is_shorter() -> None:
    assert place(np.zeros(16_000), Room(speed_percent=125), 0).size == 9600 + 12_800 + 16_000


def test_a_file_of_another_rate_and_two_channels_becomes_mono_of_16_khz(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.zeros((48_000, 2)), 48_000)

    assert read_samples(path).shape == (16_000,)


def test_a_file_that_is_no_audio_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_text("no audio", encoding="utf-8")

    with pytest.raises(CorpusError, match=r"broken\.wav: can not be read as audio"):
        read_samples(path)


def cached_rows(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "rows").rglob("*.npy"))


def test_rows_come_from_the_cache_the_second_time(clip: Clip, tmp_path: Path) -> None:
    (made,) = load_examples([clip], FEATURES, QUIET)
    (cached,) = cached_rows(tmp_path)
    np.save(cached, made.rows + 1)

    (found,) = load_examples([clip], FEATURES, QUIET)

    np.testing.assert_array_equal(found.rows, made.rows + 1)


def test_a_clip_is_heard_once_whatever_its_name_and_label(clip: Clip, tmp_path: Path) -> None:
    """The cache goes by content: another split, or a corrected label, costs nothing."""
    copy = tmp_path / "16b10Tb.wav"
    copy.write_bytes(clip.path.read_bytes())

    load_examples([clip], FEATURES, QUIET)
    load_examples([Clip(copy, "sadness", "16", "emodb", "woman"), clip], FEATURES, QUIET)

    assert len(cached_rows(tmp_path)) == 1


def test_a_damaged_file_in_the_cache_is_named(clip: Clip, tmp_path: Path) -> None:
    load_examples([clip], FEATURES, QUIET)
    (cached,) = cached_rows(tmp_path)
    cached.write_bytes(cached.read_bytes()[:100])

    with pytest.raises(RunError, match=rf"{cached.name}: damaged .* delete it"):
        load_examples([clip], FEATURES, QUIET)


@pytest.mark.parametrize(
    ("features", "hearing"),
    [(FeatureSettings(num_cepstra=20), QUIET), (FEATURES, Room(seed=1)), (FEATURES, Recording(1))],
    ids=["other features", "another room", "a recording"],
)
def test_other_settings_have_their_own_cache(
    clip: Clip, tmp_path: Path, features: FeatureSettings, hearing: Hearing
) -> None:
    load_examples([clip], FEATURES, QUIET)
    load_examples([clip], features, hearing)

    assert len(cached_rows(tmp_path)) == 2


def test_a_recording_is_of_one_speaker(clip: Clip, tmp_path: Path) -> None:
    """The same content of another speaker is another recording."""
    other = replace(clip, speaker="99")

    first, second = load_examples([clip, other], FEATURES, Recording(1))

    assert len(cached_rows(tmp_path)) == 2
    assert first.rows.shape != second.rows.shape or not np.array_equal(first.rows, second.rows)


def test_the_hash_of_the_data_sees_content_and_labels(clip: Clip) -> None:
    before = data_hash([clip])
    relabelled = data_hash([Clip(clip.path, "neutral", clip.speaker, clip.corpus, clip.gender)])
    soundfile.write(clip.path, speech(16_000, seed=1), 16_000)

    assert len({before, relabelled, data_hash([clip])}) == 3


def test_a_progress_bar_tells_which_of_how_many_recordings_it_is(
    clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    for hearing, title in titled((QUIET, Recording(1), Recording(2))):
        load_examples([clip], FEATURES, hearing, title=title, num_processes=1)

    told = capsys.readouterr().err
    assert [f"rows of recording {number} of 3: 100%" in told for number in (1, 2, 3)] == [True] * 3
