"""The command `replay`: the same bytes as the recorded run, with the same model, settings and voice."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from audio_files import wav
from command import ended, records_in, run, start, without_latency
from signals import conversation
from tiny_model import adapting_info, write_adapting_model, write_hearing_model

from streamer.cli import main

SPEECH = conversation(400, 700, 500, 900, 600)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model whose labels depend on what it hears."""
    return write_hearing_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(SPEECH.tobytes()))
    return path


def replayed(*arguments: str | Path, code: int = 0) -> tuple[bytes, str]:
    done = run("replay", *arguments)
    assert done.returncode == code
    return done.stdout, done.stderr.decode()


def same_bytes(first: bytes, second: bytes) -> bool:
    """Return whether both print the same bytes, but for the values of ``latency_ms``."""
    lines = [[json.dumps(record) for record in without_latency(records_in(out))] for out in (first, second)]
    return lines[0] == lines[1] and len(first.splitlines()) == len(second.splitlines())


@pytest.mark.parametrize("options", [(), ("--realtime",), ("--partials",), ("--auto-gain", "--realtime", "--partials")])
def test_a_replay_prints_the_lines_of_the_run(
    tmp_path: Path, model: Path, speech: Path, options: tuple[str, ...]
) -> None:
    session = tmp_path / "s"
    printed = run("run", "-i", speech, "--model", model, "--record-session", session, *options)

    again, said = replayed(session, "--model", model)

    assert same_bytes(again, printed.stdout)
    assert [record["type"] for record in records_in(again)].count("utterance") == 2
    assert said == ""
    assert printed.stderr.decode() == (
        f"emotion-streamer: what is heard is recorded in {session}: the last 60 minutes of it, at most 148 MB\n"
    )


def test_raw_pcm_is_replayed_from_the_samples_that_were_heard(tmp_path: Path) -> None:
    stereo = np.repeat(SPEECH, 2).tobytes()
    session = tmp_path / "s"
    printed = run("run", "-i", "-", "--channels", "2", "--record-session", session, input=stereo)

    again, _ = replayed(session)

    assert same_bytes(again, printed.stdout)
    assert (session / "000001.s16le").read_bytes() == SPEECH.tobytes()


def test_a_stream_that_broke_breaks_again(tmp_path: Path, model: Path, speech: Path) -> None:
    speech.write_bytes(speech.read_bytes()[:-10_000])
    session = tmp_path / "s"
    printed = run("run", "-i", speech, "--model", model, "--record-session", session)

    again, said = replayed(session, "--model", model, code=1)

    assert same_bytes(again, printed.stdout)
    assert printed.stderr.decode().endswith(said)
    assert "truncated" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_stopped_is_replayed_as_far_as_it_came(tmp_path: Path, speech: Path, number: int) -> None:
    session = tmp_path / "s"
    with start("run", "-i", "-", "--realtime", "--record-session", session) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(SPEECH.tobytes())
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(2)]  # start, and the first utterance
        process.send_signal(number)
        rest, _ = ended(process)
        process.stdin.close()
    printed = b"".join(lines) + rest

    again, _ = replayed(session)

    if number == signal.SIGTERM:
        assert same_bytes(again, printed)
        assert records_in(again)[-1]["reason"] == "signal"
    else:
        told = printed.splitlines()
        assert same_bytes(b"\n".join(again.splitlines()[: len(told)]) + b"\n", printed)
        assert records_in(again)[-1]["reason"] == "eof"


def test_it_prints_in_every_format_and_never_into_the_session(
    tmp_path: Path, model: Path, speech: Path, capfd: Capture
) -> None:
    session = tmp_path / "s"
    run("run", "-i", speech, "--model", model, "--record-session", session)
    before = {path.name: path.read_bytes() for path in session.iterdir()}

    assert main(["replay", str(session), "--model", str(model), "-o", "label", "-o", f"csv:{tmp_path}/a.csv"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 2
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 3

    assert main(["replay", str(session), "-o", f"jsonl:{session}/session.json"]) == 2
    assert f"-o would write into the session in {session}" in capfd.readouterr().err
    assert {path.name: path.read_bytes() for path in session.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("run --record-minutes 5", "--record-minutes goes with --record-session DIR only"),
        (
            "run --record-session s --record-minutes 0",
            "argument --record-minutes: expected a whole number from 1 to 10080",
        ),
        ("run -i README.md --record-session docs", "docs: is not empty, and nothing is written over"),
        ("run --record-session new -o text:new/a", "-o would write into the session in new"),
        ("replay", "the following arguments are required: DIR"),
        ("replay missing", "missing/session.json: no session can be read there (No such file or directory)"),
        ("replay README.md", "README.md/session.json: no session can be read there (Not a directory)"),
        ("replay docs --partials", "unrecognized arguments: --partials"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(capfd: Capture, arguments: str, complaint: str) -> None:
    assert main(arguments.split()) == 2

    out, err = capfd.readouterr()
    (line,) = err.splitlines()
    assert not out
    assert line.startswith(f"emotion-streamer: {complaint}")


@pytest.mark.parametrize(("changed", "option"), [("model", "--model"), ("detector", "--vad")])
def test_another_model_than_that_of_the_session_is_used_only_where_it_is_named(
    tmp_path: Path, speech: Path, capfd: Capture, changed: str, option: str
) -> None:
    session = tmp_path / "s"
    run("run", "-i", speech, "--record-session", session)
    header = json.loads((session / "session.json").read_text())
    header["start"][changed]["sha256"] = "0123456789abcdef" * 4
    (session / "session.json").write_text(json.dumps(header))

    assert main(["replay", str(session)]) == 4
    complaint = capfd.readouterr().err
    assert "(0123456789ab...), which is not the bundled one: name its file, or another" in complaint
    assert f"with {option}" in complaint

    bundled = {"--model": "streamer/models/emotion.onnx", "--vad": "streamer/models/speech.onnx"}[option]
    assert main(["replay", str(session), option, bundled, "-o", "label"]) == 0


@pytest.fixture
def known(tmp_path: Path, speech: Path) -> tuple[Path, Path]:
    """Give a model that adapts, and the profile of the one who speaks."""
    speech.write_bytes(wav(conversation(300, *(1500, 900) * 8).tobytes()))
    info = adapting_info(mean=(0.0,) * 12 + (-1000.0,), std=(1000.0,) * 13)  # all is worth an utterance
    adapting = write_adapting_model(tmp_path / "adapting.onnx", info.to_metadata())
    profile = tmp_path / "me.json"
    assert main(["calibrate", str(profile), "-i", str(speech), "--model", str(adapting), "--seconds", "10"]) == 0
    return adapting, profile


def test_a_voice_that_was_known_is_known_again_without_its_file(
    tmp_path: Path, speech: Path, known: tuple[Path, Path]
) -> None:
    adapting, profile = known
    session = tmp_path / "s"
    asked = ["run", "-i", speech, "--model", adapting, "--profile", profile, "--learn", "--record-session", session]
    printed = run(*asked)
    profile.unlink()

    again, _ = replayed(session, "--model", adapting)

    assert same_bytes(again, printed.stdout)
    assert records_in(again)[1]["heard_before"] > 0
    assert b", and a copy of the profile\n" in printed.stderr
    assert not profile.exists()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda header: header["start"]["model"].update(sha256="0"), "began with a profile, which means nothing to"),
        (lambda header: header["voice"].update(weight=-1), "its copy of the profile is damaged (weight must be"),
    ],
)
def test_a_voice_that_means_nothing_to_the_model_is_refused(
    tmp_path: Path, speech: Path, known: tuple[Path, Path], capfd: Capture, damage: Callable[..., None], complaint: str
) -> None:
    adapting, profile = known
    session = tmp_path / "s"
    run("run", "-i", speech, "--model", adapting, "--profile", profile, "--record-session", session)
    header = json.loads((session / "session.json").read_text())
    damage(header)
    (session / "session.json").write_text(json.dumps(header))

    assert main(["replay", str(session), "--model", str(adapting)]) == 4
    assert complaint in capfd.readouterr().err


def test_a_full_disk_costs_the_recording_and_no_event(tmp_path: Path, model: Path, speech: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))"
    asked = ["run", "-i", speech, "--model", model, "--realtime", "--record-session", tmp_path / "s"]

    done = run(*asked, code=limit)

    assert done.returncode == 0
    assert done.stderr.decode().splitlines()[1:] == [
        f"emotion-streamer: {tmp_path}/s: can not be written (File too large): nothing more is recorded"
    ]
    assert [record["type"] for record in records_in(done.stdout)] == ["start", "utterance", "utterance", "end"]
    again, _ = replayed(tmp_path / "s", "--model", model)
    assert records_in(again)[-1]["end_s"] == pytest.approx(0.9, abs=0.1)
