"""Profiles: whole or not at all, and for the model that they were made with only."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.emotion.memory import Voice
from streamer.emotion.profile import read_profile, write_profile
from streamer.errors import ProfileError, SinkError
from streamer.sinks.profile import ProfileSink

MODEL, SIZE = "0" * 64, 5
VOICE = Voice.unknown(SIZE).heard(np.linspace(-1.0, 1.0, SIZE), 0.75)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "me.json"
    write_profile(path, VOICE, MODEL)
    return path


def test_what_is_written_is_read(profile: Path) -> None:
    voice = read_profile(profile, MODEL, SIZE)

    assert voice.weight == VOICE.weight
    np.testing.assert_allclose(voice.mean, VOICE.mean, atol=1e-6)
    np.testing.assert_allclose(voice.mean_square, VOICE.mean_square, atol=1e-6)
    assert [path.name for path in profile.parent.iterdir()] == ["me.json"]


def changed(**changes: Any) -> str:
    values = {"profile": 1, "model_sha256": MODEL, "voice": VOICE.to_json()}
    return json.dumps({**values, **changes})


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "not a profile, or damaged"),
        (changed()[:-30], "not a profile, or damaged"),
        ("[" * 100_000, "not a profile, or damaged"),
        ("[]", "not a profile that this version reads"),
        (changed(profile=2), "not a profile that this version reads"),
        (changed(model_sha256="1" * 64), "made with another model"),
        (changed(voice=None), "damaged (a voice must hold"),
        (changed(voice={**VOICE.to_json(), "weight": 1e3}), "damaged (weight must be from 0 to 50"),
        (changed(voice=Voice.unknown(4).to_json()), "damaged (a voice of 4 numbers, expected 5)"),
        ('{"profile": 1, "model_sha256": NaN}', "made with another model"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_profile_of_this_model_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "me.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(ProfileError) as caught:
        read_profile(path, MODEL, SIZE)

    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 4


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "me.json"
    path.write_bytes(bytes(range(256)))

    with pytest.raises(ProfileError, match="not a profile, or damaged"):
        read_profile(path, MODEL, SIZE)


@pytest.mark.parametrize("name", ["nowhere.json", "."])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileError, match="can not be read"):
        read_profile(tmp_path / name, MODEL, SIZE)


def test_a_profile_that_can_not_be_written_leaves_the_one_before(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    before = profile.read_bytes()
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(ProfileError, match="can not be written \\(No space left on device\\)"):
        write_profile(profile, VOICE.heard(np.zeros(SIZE), 1.0), MODEL)

    assert profile.read_bytes() == before
    assert len(list(profile.parent.iterdir())) == 1


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="can not be written"):
        write_profile(tmp_path / "nowhere" / "me.json", VOICE, MODEL)


# Kept up to date


class Counter:
    def __init__(self) -> None:
        self.count, self.fails = 0, False

    def __call__(self) -> None:
        if self.fails:
            raise ProfileError("me.json: can not be written")
        self.count += 1


def record(kind: str, end_s: float) -> dict[str, Any]:
    return {"type": kind, "end_s": end_s}


def test_it_is_written_once_a_minute_and_at_the_end() -> None:
    write = Counter()
    sink = ProfileSink(write)

    sink.write({"type": "start"})
    counts = []
    for end_s in (10.0, 59.0, 61.0, 70.0, 120.0, 121.0, 122.0):
        sink.write(record("utterance", end_s))
        counts.append(write.count)
    sink.write(record("end", 130.0))

    assert counts == [0, 0, 1, 1, 1, 2, 2]
    assert write.count == 3
    sink.check()


def test_where_nothing_was_learnt_nothing_is_written() -> None:
    write = Counter()
    sink = ProfileSink(write)

    for end_s in (60.0, 120.0, 180.0):
        sink.write(record("status", end_s))
    sink.write(record("end", 200.0))

    assert write.count == 0


def test_what_can_not_be_written_is_tried_again_and_told_at_the_end() -> None:
    write = Counter()
    sink = ProfileSink(write)
    write.fails = True
    sink.write(record("utterance", 100.0))
    write.fails = False
    sink.write(record("utterance", 170.0))
    assert write.count == 1

    write.fails = True
    sink.write(record("utterance", 180.0))
    with pytest.raises(SinkError, match=r"me\.json: can not be written"):
        sink.write(record("end", 181.0))
