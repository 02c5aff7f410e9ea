"""Files that nobody should train on: found, listed, and left out only where that was asked for."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from signals import noise, silence, speech, tone
from training_toys import make_toy_emodb, make_toy_emouerj

from training import levels as levels_module
from training.cache import cache_dir
from training.corpora import find_clips, find_corpora
from training.corpora.base import Clip
from training.errors import CorpusError
from training.health import check_clips, find_checked_clips, load_checked_clips
from training.levels import Levels, dbfs, load_levels, measure


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    """Give a writer of samples to a file of 16 kHz."""

    def write(samples: np.ndarray, **options: str) -> Path:
        soundfile.write(tmp_path / "a.wav", samples, 16_000, **options)
        return tmp_path / "a.wav"

    return write


def reasons(path: Path) -> list[str]:
    return [complaint.reason for complaint in check_clips([Clip(path, "anger", "03", "emodb", "man")])]


def overdriven(gain_db: float) -> np.ndarray:
    return np.clip(speech(32_000, peak=32_767) * 10 ** (gain_db / 20), -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize(
    "samples",
    [
        speech(16_000),
        speech(16_000, peak=60),
        speech(16_000, peak=32_767),
        noise(16_000),
        tone(16_000, peak=32_000.0),
        np.stack([speech(16_000), silence(16_000)], axis=1),
    ],
    ids=["speech", "faint", "to full scale", "noise", "tone", "one channel of two"],
)
def test_a_recording_that_can_be_heard_is_well(wav: Callable[..., Path], samples: np.ndarray) -> None:
    assert reasons(wav(samples)) == []


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (silence(0), "empty: it holds no samples"),
        (silence(16_000), "silent: all its samples are the same"),
        (np.full(16_000, 8_192, np.int16), "silent: all its samples are the same"),
        (tone(16_000, peak=20.0), "silent: its peak is -64 dBFS, at least -60 are expected"),
        (tone(16_000, peak=20.0) + 12_000, "silent: its peak is -64 dBFS"),
        (np.stack([speech(16_000), -speech(16_000)], axis=1), "silent"),
        (overdriven(20), "of its samples are at full scale, at most 1% may be"),
        (np.stack([overdriven(30), silence(32_000)], axis=1), "clipped"),
    ],
    ids=["empty", "zeros", "constant", "too faint", "too faint, offset", "channels cancel", "clipped", "one clipped"],
)
def test_a_recording_that_nobody_can_learn_from_is_found(
    wav: Callable[..., Path], samples: np.ndarray, reason: str
) -> None:
    (found,) = reasons(wav(samples.astype(np.int16)))

    assert reason in found


@pytest.mark.parametrize("content", [b"", b"no audio", b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_a_file_that_is_no_audio_is_found(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)

    (found,) = reasons(tmp_path / "a.wav")

    assert found.startswith("can not be read as audio (")
    assert str(tmp_path) not in found


def test_a_flac_that_breaks_off_is_found(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.flac", noise(48_000), 16_000)
    content = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])

    assert reasons(tmp_path / "whole.flac") == []
    assert "can not be read" in reasons(tmp_path / "cut.flac")[0]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_samples_that_are_no_numbers_are_found(wav: Callable[..., Path], value: float) -> None:
    samples = speech(16_000) / 32768
    samples[5] = value

    assert reasons(wav(samples, subtype="FLOAT")) == ["holds samples that are no numbers"]


@given(
    samples=st.lists(
        st.one_of(st.integers(-32_768, 32_767), st.sampled_from([-32_768, 32_767])), min_size=1, max_size=50
    ),
    num_channels=st.integers(1, 3),
)
def test_levels_are_those_of_the_samples(
    tmp_path_factory: pytest.TempPathFactory, samples: list[int], num_channels: int
) -> None:
    path = tmp_path_factory.mktemp("levels") / "a.wav"
    heard = np.array(samples, np.int16)
    soundfile.write(path, np.stack([heard] * num_channels, axis=1), 8_000)

    measured = measure(path)

    centred = heard / 32_768 - np.mean(heard / 32_768)
    assert (measured.rate_hz, measured.num_channels, measured.num_samples) == (8_000, num_channels, len(samples))
    assert measured.duration_s == pytest.approx(len(samples) / 8_000)
    assert measured.peak == pytest.approx(np.abs(centred).max(), abs=1e-6)
    assert measured.rms == pytest.approx(np.sqrt(np.mean(centred**2)), abs=1e-6)
    assert measured.clipped == pytest.approx(np.mean([s <= -32_765 or s >= 32_765 for s in samples]))
    assert measured.fault == ""


def test_full_scale_is_0_dbfs_and_nothing_has_no_level() -> None:
    assert dbfs(1.0) == 0.0
    assert dbfs(0.1) == pytest.approx(-20.0)
    assert dbfs(0.0) is None


def test_a_file_is_measured_once_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first.wav", tmp_path / "second.wav"
    soundfile.write(first, speech(8_000), 16_000)
    soundfile.write(second, speech(8_000), 16_000)
    before = load_levels([first])

    def refuse(path: Path) -> Levels:
        raise AssertionError(path)

    monkeypatch.setattr(levels_module, "measure", refuse)

    assert load_levels([second, first]) == before * 2


def test_a_changed_file_is_measured_again(wav: Callable[..., Path]) -> None:
    (before,) = load_levels([wav(speech(8_000))])
    (after,) = load_levels([wav(speech(9_000))])

    assert (before.num_samples, after.num_samples) == (8_000, 9_000)


def test_several_processes_measure_the_same(tmp_path: Path) -> None:
    clips = find_clips(find_corpora(None, make_toy_emouerj(tmp_path, seconds=0.01)), tmp_path).clips[:120]
    paths = [clip.path for clip in clips]

    measured = load_levels(paths, num_processes=2)

    assert measured == [measure(path) for path in paths]


@pytest.fixture
def sick_emodb(tmp_path: Path) -> Path:
    """Give a corpus with one file of each kind that can not be used; 20 can."""
    wav_dir = make_toy_emodb(tmp_path) / "emodb" / "wav"
    soundfile.write(wav_dir / "03a01Wa.wav", silence(16_000), 16_000)
    (wav_dir / "08a01Wa.wav").write_text("no audio", encoding="utf-8")
    (wav_dir / "noise.wav").write_text("no name", encoding="utf-8")
    (wav_dir / "12a01Na.wav").write_bytes((wav_dir / "12a01Wa.wav").read_bytes())
    return tmp_path


def test_what_can_not_be_used_is_listed_and_refused(sick_emodb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpora = find_corpora(None, sick_emodb)

    with pytest.raises(CorpusError, match=r"^5 of the files .* --skip-bad leaves them out$"):
        load_checked_clips(corpora, sick_emodb, skip_bad=False)

    listed = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(sick_emodb))]
    assert len(listed) == 5
    for name, reason in (
        ("noise.wav", "does not fit"),
        ("12a01Na.wav", "the same recording"),
        ("12a01Wa.wav", "the same recording"),
        ("03a01Wa.wav", "silent"),
        ("08a01Wa.wav", "can not be read as audio"),
    ):
        assert sum(f"{name}: " in line and reason in line for line in listed) == 1


def test_only_on_request_the_rest_is_used(sick_emodb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpora = find_corpora(None, sick_emodb)

    found = find_checked_clips(corpora, sick_emodb, skip_bad=True)

    assert len(found.clips) == 20
    assert len(found.complaints) == 5
    assert not {clip.path for clip in found.clips} & {complaint.path for complaint in found.complaints}
    assert "5 complaints, 20 clips are left" in capsys.readouterr().err


def test_a_healthy_corpus_is_used_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpora = find_corpora(None, make_toy_emodb(tmp_path))

    clips = load_checked_clips(corpora, tmp_path, skip_bad=False)

    assert clips == find_clips(corpora, tmp_path).clips
    assert capsys.readouterr().out == ""


def test_an_incomplete_emouerj_is_used_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (make_toy_emouerj(tmp_path, seconds=0.01) / "emouerj/emoUERJ/w04a11.wav").unlink()

    clips = load_checked_clips(find_corpora(None, tmp_path), tmp_path, skip_bad=True)

    assert len(clips) == 376
    assert "w04 anger 15 instead of 16" in capsys.readouterr().err


def test_nothing_left_is_refused(tmp_path: Path) -> None:
    (tmp_path / "emodb/wav").mkdir(parents=True)
    soundfile.write(tmp_path / "emodb/wav/03a01Wa.wav", silence(16_000), 16_000)

    with pytest.raises(CorpusError, match="no clip is left"):
        load_checked_clips(find_corpora(None, tmp_path), tmp_path, skip_bad=True)


def test_no_real_recording_is_refused(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every 20th of them, since all take a while."""
    clips = find_clips(find_corpora(["emodb", "nemo", "ravdess"], corpora), corpora).clips[::20]

    assert check_clips(clips) == []


def test_a_name_that_is_not_utf_8_is_a_complaint(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.wav")
    soundfile.write(tmp_path / "plain.wav", speech(16_000), 16_000)
    (tmp_path / "plain.wav").rename(path)

    assert "its name is not UTF-8" in measure(path).fault


def test_a_damaged_cache_of_levels_is_made_anew(wav: Callable[..., Path]) -> None:
    path = wav(speech(16_000))
    measured = load_levels([path])
    (cached,) = (cache_dir() / "levels").iterdir()
    for damage in ("", "{", "[]", '{"a": 1}', '{"a": {"b": 1}}'):
        cached.write_text(damage)

        assert load_levels([path]) == measured


def test_a_corpus_of_which_nothing_can_be_used_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    for name, label in (("mine", "anger"), ("other", "fear")):
        path = tmp_path / name / label / "a" / "a.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, speech(16_000), 16_000)

    with pytest.raises(CorpusError, match="other: no clip is left that can be used; leave the corpus out"):
        load_checked_clips(find_corpora(["mine", "other"], tmp_path), tmp_path, skip_bad=False)
