"""Adapting to voices, the whole way through the command."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_files import wav
from command import ended, records_in, start
from command import run as run_command
from signals import conversation, silence
from tiny_model import adapting_info, model_info, write_adapting_model, write_model

from streamer import commands
from streamer.cli import main
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.emotion.memory import Voice
from streamer.emotion.profile import Profile

SPEECH = conversation(300, *(1500, 900) * 12)
"""Twelve utterances of 1.5 s."""
MUFFLED = np.convolve(SPEECH, np.full(6, 1 / 6), "same").astype(np.int16)
"""The same, from behind a door."""


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(SPEECH.tobytes()))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    info = adapting_info(mean=(0.0,) * 12 + (-1000.0,), std=(1000.0,) * 13)  # all is worth an utterance
    return write_adapting_model(tmp_path / "adapting.onnx", info.to_metadata())


@pytest.fixture
def profile(speech: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """Give a profile of the one who speaks."""
    path = tmp_path / "me.json"
    assert main(["calibrate", str(path), "-i", str(speech), "--model", str(model), "--seconds", "10"]) == 0
    capfd.readouterr()
    return path


@pytest.fixture
def run(model: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    def run(*arguments: str | Path) -> list[dict[str, Any]]:
        assert main(["run", "--model", str(model), "-o", "jsonl", *map(str, arguments)]) == 0
        return records_in(capfd.readouterr().out)

    return run


def heard_before(records: list[dict[str, Any]]) -> list[int]:
    return [record["heard_before"] for record in records if record["type"] == "utterance"]


def test_every_utterance_tells_how_many_it_knows_of_the_voice(run: Any, speech: Path) -> None:
    assert heard_before(run("-i", speech)) == list(range(12))


def test_nothing_is_remembered_from_one_run_to_the_next(run: Any, speech: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())

    assert run("-i", speech)[1]["probs"] == run("-i", speech)[1]["probs"]
    assert sorted(tmp_path.iterdir()) == before


def test_a_profile_is_made_and_begun_with(
    run: Any, speech: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "me.json"

    code = main(["calibrate", str(profile), "-i", str(speech), "--model", str(model), "--seconds", "10"])

    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    assert out.startswith(f"{profile}: written, of 1")
    content = profile.read_bytes()
    records = run("-i", speech, "--profile", profile)
    assert records[0]["settings"]["profile"] == str(profile)
    weight = round(json.loads(content)["voice"]["weight"])
    assert 6 <= weight <= 8
    assert heard_before(records) == list(range(weight, weight + 12))
    assert profile.read_bytes() == content


def test_a_profile_is_kept_up_to_date_where_that_is_asked_for(
    run: Any, speech: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "me.json"
    main(["calibrate", str(profile), "-i", str(speech), "--model", str(model), "--seconds", "10"])
    capfd.readouterr()
    before = json.loads(profile.read_text(encoding="utf-8"))["voice"]["weight"]

    run("-i", speech, "--profile", profile, "--learn")

    assert json.loads(profile.read_text(encoding="utf-8"))["voice"]["weight"] == pytest.approx(before + 12, abs=0.5)
    assert heard_before(run("-i", speech, "--profile", profile))[0] == round(before + 12)


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (silence(32_000), "0.0 s of speech were heard, at least 10 are needed"),
        (conversation(300, 1500, 900), "1.5 s of speech were heard"),
    ],
)
def test_too_little_speech_makes_no_profile(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], samples: np.ndarray, complaint: str
) -> None:
    path, profile = tmp_path / "short.wav", tmp_path / "me.json"
    path.write_bytes(wav(samples.tobytes()))

    assert main(["calibrate", str(profile), "-i", str(path), "--model", str(model)]) == 2

    assert complaint in capfd.readouterr().err
    assert not profile.exists()


@pytest.mark.parametrize("command", ["run --profile", "calibrate"])
def test_a_model_that_does_not_adapt_has_no_profiles(
    speech: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    plain = write_model(tmp_path / "plain.onnx", model_info().to_metadata())

    assert main([*command.split(), str(tmp_path / "me.json"), "-i", str(speech), "--model", str(plain)]) == 4

    assert "a model that does not adapt to voices: profiles mean nothing to it" in capfd.readouterr().err


def test_a_profile_of_another_model_is_refused(
    model: Path, speech: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "me.json"
    main(["calibrate", str(profile), "-i", str(speech), "--model", str(model)])
    other = write_adapting_model(tmp_path / "other.onnx", adapting_info(name="other").to_metadata())
    capfd.readouterr()

    assert main(["run", "-i", str(speech), "--model", str(other), "--profile", str(profile)]) == 4

    assert "made with another model; make one with `calibrate` and the same --model" in capfd.readouterr().err


def test_calibration_that_is_interrupted_writes_nothing(model: Path, tmp_path: Path) -> None:
    profile = tmp_path / "me.json"
    with start("calibrate", profile, "-i", "-", "--model", model, "--seconds", "30") as process:
        assert process.stdin
        process.stdin.write(SPEECH.tobytes())  # 18 s of it: enough for a profile, had the input ended
        process.stdin.flush()
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        _, err = ended(process)

    assert process.returncode == 2
    assert err.decode().startswith("emotion-streamer: interrupted after 1")
    assert not profile.exists()


def test_calibration_writes_over_nothing_but_a_profile(
    speech: Path, model: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = tmp_path / "interview.wav"
    other.write_bytes(b"RIFF" * 100)

    assert main(["calibrate", str(other), "-i", str(speech), "--model", str(model)]) == 4

    assert "nothing but a profile is written over" in capfd.readouterr().err
    assert other.read_bytes() == b"RIFF" * 100


def test_what_does_not_sound_like_speech_makes_no_profile(
    speech: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    info = adapting_info(mean=(0.0,) * 12 + (1000.0,), std=(1000.0,) * 13)  # nothing is worth remembering
    model, profile = write_adapting_model(tmp_path / "deaf.onnx", info.to_metadata()), tmp_path / "me.json"

    assert main(["calibrate", str(profile), "-i", str(speech), "--model", str(model), "--seconds", "10"]) == 2

    assert "does not sound like somebody speaking" in capfd.readouterr().err
    assert not profile.exists()


@pytest.fixture
def discerning(tmp_path: Path) -> Path:
    """Give a model to which speech from behind a door is another voice."""
    info = adapting_info(mean=(0.0,) * 12 + (-1000.0,), std=(1.5,) * 12 + (1000.0,))
    return write_adapting_model(tmp_path / "discerning.onnx", info.to_metadata())


def test_two_voices_make_no_profile(discerning: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, profile = tmp_path / "two.wav", tmp_path / "me.json"
    path.write_bytes(wav(np.concatenate([SPEECH, MUFFLED]).tobytes()))

    assert main(["calibrate", str(profile), "-i", str(path), "--model", str(discerning)]) == 2

    assert capfd.readouterr().err == (
        "emotion-streamer: what was heard does not sound like one voice without emotion: nothing is written; "
        "speak alone and evenly\n"
    )
    assert not profile.exists()


def test_an_odd_first_utterance_does_not_spoil_a_calibration(
    discerning: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, profile = tmp_path / "odd.wav", tmp_path / "me.json"
    path.write_bytes(wav(np.concatenate([MUFFLED[: 3 * 16_000], SPEECH, SPEECH]).tobytes()))

    code = main(["calibrate", str(profile), "-i", str(path), "--model", str(discerning)])

    assert (code, capfd.readouterr().err) == (0, "")
    assert json.loads(profile.read_text(encoding="utf-8"))["voice"]["weight"] == pytest.approx(20, abs=1)


def test_a_long_calibration_counts_all_of_it(model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Older utterances fade behind fifty; that is no second voice."""
    path, profile = tmp_path / "long.wav", tmp_path / "me.json"
    path.write_bytes(wav(np.tile(SPEECH[-28_800 * 2 :], 40).tobytes()))

    code = main(["calibrate", str(profile), "-i", str(path), "--model", str(model), "--seconds", "70"])

    assert (code, capfd.readouterr().err) == (0, "")
    assert json.loads(profile.read_text(encoding="utf-8"))["voice"]["weight"] == 50.0


def test_words_are_speech_however_short(model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, profile = tmp_path / "digits.wav", tmp_path / "me.json"
    path.write_bytes(wav(conversation(300, *(380, 900) * 30).tobytes()))

    code = main(["calibrate", str(profile), "-i", str(path), "--model", str(model), "--seconds", "10"])

    assert (code, capfd.readouterr().err) == (0, "")


def test_who_calibrates_wants_that_profile_whoever_wrote_it_meanwhile(
    speech: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, listen = tmp_path / "me.json", commands._listen
    arguments = ["calibrate", str(profile), "-i", str(speech), "--model", str(model), "--seconds", "10"]
    assert main(arguments) == 0
    calibrated = profile.read_bytes()

    def kept_up_to_date_meanwhile(*args: Any) -> list[float]:
        values = json.loads(calibrated)
        profile.write_text(json.dumps({**values, "voice": {**values["voice"], "weight": 3.0}}), encoding="utf-8")
        return listen(*args)

    monkeypatch.setattr(commands, "_listen", kept_up_to_date_meanwhile)

    assert main(arguments) == 0
    assert profile.read_bytes() == calibrated


def test_a_profile_written_by_somebody_else_meanwhile_stays_and_the_run_ends_cleanly(
    speech: Path, model: Path, profile: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by `calibrate`, or another run that learns."""
    theirs = profile.read_text(encoding="utf-8") + "\n"
    daemon_run = commands.Daemon.run

    def run(*args: Any) -> None:
        profile.write_text(theirs, encoding="utf-8")
        daemon_run(*args)

    monkeypatch.setattr(commands.Daemon, "run", run)

    options = ["--model", str(model), "--profile", str(profile), "--learn", "-o", "jsonl"]
    assert main(["run", "-i", str(speech), *options]) == 0

    out, err = capfd.readouterr()
    assert records_in(out)[-1]["reason"] == "eof"
    (line,) = err.splitlines()
    assert line.startswith(f"emotion-streamer: {profile}: changed by somebody else meanwhile, and left as it is: ")
    assert profile.read_text(encoding="utf-8") == theirs


def test_a_profile_of_absurd_numbers_is_refused_and_not_the_model(
    tmp_path: Path, speech: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    classifier, profile = OnnxClassifier(BUNDLED_MODEL), tmp_path / "me.json"
    size = classifier.impression_size
    voice = Voice(50.0, np.full(size, 1e3), np.full(size, 1e6))
    Profile(profile, classifier.sha256, size).write(voice)

    assert main(["run", "-i", str(speech), "--profile", str(profile)]) == 4

    out, err = capfd.readouterr()
    complaint = "damaged (the network gives no numbers for such a voice); make one with `calibrate`"
    assert (out, err) == ("", f"emotion-streamer: {profile}: {complaint}\n")


def test_a_confirmation_that_nobody_can_read_tells_that_the_profile_is_there(
    speech: Path, model: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "me.json"
    with Path("/dev/full").open("wb") as full:
        arguments = ["calibrate", profile, "-i", speech, "--model", model, "--seconds", "10"]
        done = run_command(*arguments, stdout=full)

    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"emotion-streamer: {profile}: written; but standard output: ")
    assert json.loads(profile.read_text(encoding="utf-8"))["voice"]["weight"] > 5


def test_a_recording_that_is_shorter_than_asked_for_is_told(
    speech: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "me.json"

    assert main(["calibrate", str(profile), "-i", str(speech), "--model", str(model)]) == 0

    out, err = capfd.readouterr()
    assert out.startswith(f"{profile}: written, of 17.")
    assert err.startswith("emotion-streamer: 17.")
    assert err.endswith(" s of speech were heard, fewer than the 30 s asked for, and enough for a profile\n")


def test_a_profile_that_can_not_be_kept_is_told_at_once(
    speech: Path, model: Path, profile: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", read_only)

    assert main(["run", "-i", str(speech), "--model", str(model), "--profile", str(profile), "--learn"]) == 4

    out, err = capfd.readouterr()
    assert (out, err) == ("", f"emotion-streamer: {profile}: can not be written (Read-only file system)\n")


def test_a_profile_that_can_not_be_written_in_the_end_is_in_the_last_line(
    speech: Path, model: Path, profile: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    options = ["--model", str(model), "--profile", str(profile), "--learn", "-o", "jsonl"]

    assert main(["run", "-i", str(speech), *options]) == 1

    out, err = capfd.readouterr()
    assert records_in(out)[-1]["reason"] == "sink_failed"
    assert err == f"emotion-streamer: {profile}: can not be written (No space left on device)\n"
