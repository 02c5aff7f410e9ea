"""Profiles: whole or not at all, and for the model that they were made with only."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.emotion.memory import Voice
from streamer.emotion.profile import Profile
from streamer.errors import ProfileChangedError, ProfileError, SinkError
from streamer.sinks.profile import ProfileSink

MODEL, SIZE = "0" * 64, 5
VOICE = Voice.unknown(SIZE).heard(np.linspace(-1.0, 1.0, SIZE), 0.75)
LATER = VOICE.heard(np.zeros(SIZE), 1.0)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "me.json"
    Profile(path, MODEL, SIZE).write(VOICE)
    return path


def test_what_is_written_is_read(profile: Path) -> None:
    voice = Profile(profile, MODEL, SIZE).read()

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
        ('{"name": "package"}', "not a profile that this version reads"),
        (changed(profile=2), "not a profile that this version reads"),
        (changed(model_sha256="1" * 64), "made with another model"),
        (changed(profile=True), "not a profile that this version reads"),
        (changed(voice={**VOICE.to_json(), "weight": "x"}), "damaged (weight must be a number"),
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
        Profile(path, MODEL, SIZE).read()

    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 4


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "me.json"
    path.write_bytes(bytes(range(256)))

    with pytest.raises(ProfileError, match="not a profile, or damaged"):
        Profile(path, MODEL, SIZE).read()


@pytest.mark.parametrize("name", ["nowhere.json", ".", "x" * 300])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileError, match="can not be read"):
        Profile(tmp_path / name, MODEL, SIZE).read()


def test_a_profile_that_can_not_be_written_leaves_the_one_before(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    before = profile.read_bytes()
    kept = Profile(profile, MODEL, SIZE)
    kept.read()
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(ProfileError, match="can not be written \\(No space left on device\\)"):
        kept.write(LATER)

    assert profile.read_bytes() == before
    assert len(list(profile.parent.iterdir())) == 1


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="can not be written"):
        Profile(tmp_path / "nowhere" / "me.json", MODEL, SIZE).write(VOICE)


def test_a_file_system_that_lets_nothing_be_written_any_more_is_one_error(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    kept = Profile(profile, MODEL, SIZE)
    kept.read()
    monkeypatch.setattr("pathlib.Path.replace", read_only)
    monkeypatch.setattr("pathlib.Path.unlink", read_only)

    with pytest.raises(ProfileError, match="can not be written \\(Read-only file system\\)"):
        kept.write(LATER)


@pytest.mark.parametrize("name", ["", ".", "x" * 300 + ".json", "a file/me.json"])
def test_what_is_no_name_of_a_file_is_refused_before_anybody_speaks(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("", encoding="ascii")

    with pytest.raises(ProfileError):
        Profile(tmp_path / name if name else Path(), MODEL, SIZE).check_writable()


def test_nothing_but_a_profile_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "interview.wav"
    path.write_bytes(b"RIFF" * 100)

    with pytest.raises(ProfileError) as caught:
        Profile(path, MODEL, SIZE).check_writable()

    complaint = "; nothing but a profile is written over: name another file, or remove this one"
    assert str(caught.value).endswith(complaint)
    assert "calibrate" not in str(caught.value)  # which is what was just tried
    assert path.read_bytes() == b"RIFF" * 100


def test_a_pipe_is_no_profile(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "me.json")

    for use in (Profile.read, Profile.check_writable):
        with pytest.raises(ProfileError, match="expected a file"):
            use(Profile(tmp_path / "me.json", MODEL, SIZE))


def test_a_profile_of_another_model_may_be_replaced(profile: Path) -> None:
    newer = Profile(profile, "1" * 64, SIZE)
    newer.check_writable()
    newer.write(LATER)

    assert newer.read().weight == LATER.weight


def test_only_its_owner_may_read_a_new_one_and_a_replaced_one_keeps_who_may(profile: Path) -> None:
    assert profile.stat().st_mode & 0o777 == 0o600
    profile.chmod(0o640)
    kept = Profile(profile, MODEL, SIZE)
    kept.read()

    kept.write(LATER)

    assert profile.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_one_that_root_replaces_stays_its_owners(profile: Path) -> None:
    os.chown(profile, 65534, 65534)
    kept = Profile(profile, MODEL, SIZE)
    kept.read()

    kept.write(LATER)

    assert (profile.stat().st_uid, profile.stat().st_gid) == (65534, 65534)


def test_what_comes_between_the_look_and_the_reading_is_not_written_over(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, read = Profile(profile, MODEL, SIZE), Profile._values

    def replaced_meanwhile(self: Profile) -> dict[str, Any]:
        values = read(self)
        copy = profile.with_suffix(".copy")
        copy.write_bytes(profile.read_bytes())
        copy.replace(profile)
        return values

    with monkeypatch.context() as patch:
        patch.setattr(Profile, "_values", replaced_meanwhile)
        kept.read()

    with pytest.raises(ProfileChangedError, match="changed by somebody else"):
        kept.write(LATER)


def test_a_link_is_followed(profile: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(profile)
    kept = Profile(link, MODEL, SIZE)
    kept.read()

    kept.write(LATER)

    assert link.is_symlink()
    assert Profile(profile, MODEL, SIZE).read().weight == LATER.weight


def test_what_somebody_else_wrote_meanwhile_is_not_lost(profile: Path) -> None:
    kept, other = Profile(profile, MODEL, SIZE), Profile(profile, MODEL, SIZE)
    kept.read()
    other.check_writable()
    other.write(LATER)

    with pytest.raises(ProfileChangedError, match="changed by somebody else"):
        kept.write(VOICE.heard(np.ones(SIZE), 1.0))

    assert other.read().weight == LATER.weight


def test_a_profile_that_is_gone_is_not_made_again_and_was_not_changed(profile: Path) -> None:
    """Its folder was removed, or is on a disk that is not there at the moment."""
    kept = Profile(profile, MODEL, SIZE)
    kept.read()
    away = profile.parent.rename(profile.parent.with_name("away"))

    with pytest.raises(ProfileError, match=r"me\.json: can not be written \(the file is gone\)") as caught:
        kept.write(LATER)

    assert not isinstance(caught.value, ProfileChangedError)
    assert not profile.exists()
    away.rename(profile.parent)
    kept.write(LATER)
    assert kept.read().weight == LATER.weight


def test_where_nothing_is_new_the_file_is_left_alone(profile: Path) -> None:
    kept = Profile(profile, MODEL, SIZE)
    voice = kept.read()
    before = profile.stat()

    kept.write(voice)

    assert profile.stat().st_ino == before.st_ino


# Kept up to date


class Counter:
    def __init__(self) -> None:
        self.count = self.num_asked = 0
        self.error: ProfileError | None = None

    def __call__(self) -> None:
        self.num_asked += 1
        if self.error:
            raise self.error
        self.count += 1


def record(kind: str, end_s: float) -> dict[str, Any]:
    return {"type": kind, "end_s": end_s}


def test_it_is_written_once_a_minute_and_at_the_end() -> None:
    write, warnings = Counter(), list[str]()
    sink = ProfileSink(write, warnings.append)

    sink.write({"type": "start"})
    counts = []
    for end_s in (10.0, 59.0, 61.0, 70.0, 120.0, 121.0, 122.0):
        sink.write(record("utterance", end_s))
        counts.append(write.count)
    sink.finish()
    sink.write(record("end", 130.0))

    assert counts == [0, 0, 1, 1, 1, 2, 2]
    assert write.count == 3
    sink.check()


def test_where_nothing_was_learnt_nothing_is_written() -> None:
    write, warnings = Counter(), list[str]()
    sink = ProfileSink(write, warnings.append)

    for end_s in (60.0, 120.0, 180.0):
        sink.write(record("status", end_s))
    sink.finish()
    sink.write(record("end", 200.0))

    assert write.count == 0


def test_what_can_not_be_written_is_tried_again_and_told_at_the_end() -> None:
    write, warnings = Counter(), list[str]()
    sink = ProfileSink(write, warnings.append)
    write.error = ProfileError("me.json: can not be written")
    sink.write(record("utterance", 100.0))
    sink.write(record("utterance", 165.0))
    assert warnings == ["me.json: can not be written"]
    write.error = None
    sink.write(record("utterance", 170.0))
    sink.write(record("utterance", 230.0))
    assert write.count == 1

    write.error = ProfileError("me.json: can not be written")
    sink.write(record("utterance", 180.0))
    with pytest.raises(SinkError, match=r"me\.json: can not be written"):
        sink.finish()
    sink.write(record("end", 300.0))


def test_another_trouble_is_told_too() -> None:
    write, warnings = Counter(), list[str]()
    sink = ProfileSink(write, warnings.append)

    for end_s, reason in ((100.0, "full"), (165.0, "full"), (230.0, "gone"), (295.0, "gone")):
        write.error = ProfileError(reason)
        sink.write(record("utterance", end_s))

    assert warnings == ["full", "gone"]


def test_a_profile_that_somebody_else_wrote_is_told_once_left_alone_and_no_failure() -> None:
    write, warnings = Counter(), list[str]()
    sink = ProfileSink(write, warnings.append)
    write.error = ProfileError("me.json: can not be written")
    sink.write(record("utterance", 100.0))
    write.error = ProfileChangedError("me.json: changed")
    for end_s in (165.0, 230.0, 295.0):
        sink.write(record("utterance", end_s))
    num_asked = write.num_asked

    sink.write(record("utterance", 300.0))
    sink.finish()

    assert warnings[1:] == ["me.json: changed: what is learnt from now on is kept until the end of this run only"]
    assert write.num_asked == num_asked == 2
