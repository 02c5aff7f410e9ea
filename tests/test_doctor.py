"""The examination: what is tried, in which order, what is skipped where something fails, and how it is told."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import ROOT
from fake_portaudio import FakeDevice, install
from fakes import FixedClassifier, ListSource, LoudnessDetector
from signals import Samples, noise, silence, tone
from tiny_model import model_info, write_model

from streamer import bench, doctor
from streamer.cli import main
from streamer.doctor import listen, service_states
from streamer.errors import DeviceError
from streamer.pipeline import Pipeline
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.sources import calls, microphone
from streamer.sources.base import NOTHING, AudioBlock, LostSamples, SourceItem

BLOCK = SAMPLE_RATE_HZ // 10
PAGE = ROOT / "docs" / "doctor.md"
HEARD = ("stream", "rate", "level", "clipping", "offset", "hum", "room")


def delivered(samples: Samples, ratio: float = 1.0, start_s: float = 50.0) -> list[SourceItem]:
    """Return ``samples`` as blocks of a device whose clock runs ``ratio`` times as fast as ours."""
    return [
        AudioBlock(samples[start : start + BLOCK], start_s + (start + BLOCK) / SAMPLE_RATE_HZ / ratio)
        for start in range(0, samples.size, BLOCK)
    ]


class FakeMicrophone(ListSource):
    """Opened with 48 kHz; gives what it was made with."""

    def describe(self) -> dict[str, Any]:
        return {"kind": "microphone", "rate_hz": 48_000, "channels": 2, "format": "s32le"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of this machine, little of the processor, no long waits."""
    monkeypatch.setattr(doctor, "_SPEECH_S", 2)
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (0.1, 0.1, 0.1))
    monkeypatch.setattr(doctor.machine, "temperature", lambda: 45.0)
    monkeypatch.setattr(doctor.machine, "throttled", lambda: 0)
    monkeypatch.setattr(doctor, "service_states", dict)
    monkeypatch.setattr(microphone, "_LOOK_S", 0.01)
    installed = install(monkeypatch, FakeDevice(name="USB microphone"))
    yield
    installed.released.set()


def plug_in(monkeypatch: pytest.MonkeyPatch, *items: SourceItem, error: DeviceError | None = None) -> FakeMicrophone:
    """Let a microphone give ``items``."""
    source = FakeMicrophone(*items, error=error, is_live=True, is_device=True)
    monkeypatch.setattr(doctor, "Microphone", lambda _wanted, _channel, _patience: source)
    return source


def examined(capfd: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return exit code, findings by name and the whole object."""
    code = main(["doctor", "--json", "--seconds", "6", *options])
    (line,) = capfd.readouterr().out.splitlines()
    told = json.loads(line)
    return code, {finding["name"]: finding for finding in told["findings"]}, told


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {name: finding["verdict"] for name, finding in found.items()}


def test_all_is_well(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50), ratio=1.0001))

    code, found, told = examined(capfd)

    assert (code, told["ready"], told["verdict"]) == (0, True, "ready: `emotion-streamer run`")
    assert set(told) == {"version", "ready", "verdict", "findings"}
    assert {name for name, verdict in verdicts(found).items() if verdict != "ok"} == {"service"}
    assert found["rate"]["measured"]["true_hz"] == pytest.approx(48_004.8, abs=0.1)
    assert found["microphone"]["measured"] == {"rate_hz": 48_000, "channels": 2, "format": "s32le"}
    assert found["device"]["measured"]["device"]["name"] == "USB microphone"
    assert found["stream"]["measured"]["duration_s"] == pytest.approx(6.0, abs=0.11)
    assert 0 < found["cpu"]["measured"]["speech_percent"] < found["cpu"]["measured"]["core_percent"]


def test_every_check_and_all_that_it_measures_is_documented(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50)))
    monkeypatch.setattr(doctor, "service_states", lambda: {"user": {"ActiveState": "active", "SubState": "running"}})

    _, found, _ = examined(capfd)

    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == list(found)
    for row, finding in zip(rows, found.values(), strict=True):
        assert set(finding["measured"]) <= set(re.findall("`([a-z0-9_]+)`", row[-2]))


def test_people_read_a_line_a_check_and_the_verdict_last(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source = plug_in(monkeypatch, *delivered(silence(6 * SAMPLE_RATE_HZ + BLOCK)))

    assert main(["doctor", "--seconds", "6"]) == 1

    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[-1].startswith("1 problem: level: unmute it")
    assert [line.split()[:2] for line in lines if line.startswith("fail")] == [["fail", "level"]]
    assert lines[0].startswith("ok    programs    emotion-streamer ")
    assert not any("skipped" in line for line in lines)
    assert err == "emotion-streamer: listening to USB microphone for 6 s: please be quiet ...\n"
    assert source.calls == ["enter", "exit"]


@pytest.mark.parametrize(
    ("samples", "name", "verdict"),
    [
        (silence(6 * SAMPLE_RATE_HZ + BLOCK), "level", "fail"),
        (np.resize(np.array([32767, -32768], np.int16), 6 * SAMPLE_RATE_HZ + BLOCK), "clipping", "fail"),
        (tone(6 * SAMPLE_RATE_HZ + BLOCK, hz=50, peak=1000), "hum", "warn"),
        (noise(6 * SAMPLE_RATE_HZ + BLOCK, level=20) + np.int16(600), "offset", "warn"),
        (bench.talk(7), "room", "warn"),
    ],
    ids=["zeros", "clipping", "hum", "offset", "speech"],
)
def test_what_is_wrong_with_the_input_is_found(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], samples: Samples, name: str, verdict: str
) -> None:
    plug_in(monkeypatch, *delivered(samples))

    code, found, _ = examined(capfd)

    assert found[name]["verdict"] == verdict
    assert code == (verdict == "fail")


def test_a_rate_that_is_not_true_fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50), ratio=44_100 / 48_000))

    code, found, _ = examined(capfd)

    assert (code, found["rate"]["verdict"]) == (1, "fail")
    assert found["rate"]["measured"]["off_percent"] == pytest.approx(-8.125, abs=0.01)


def test_without_portaudio_all_that_needs_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise microphone.PortAudioMissingError("PortAudio is missing: on Debian, `apt install libportaudio2`")

    monkeypatch.setattr(doctor, "list_devices", missing)

    code, found, told = examined(capfd)

    assert code == 1
    assert found["portaudio"]["measured"] == {"exit_code": 3}
    assert told["verdict"].startswith("1 problem: portaudio: PortAudio is missing: on Debian, `apt install")
    skipped = {name for name, verdict in verdicts(found).items() if verdict == "skipped"}
    assert skipped == {"device", "microphone", *HEARD, "service"}


@pytest.mark.parametrize("devices", [(), (FakeDevice(name="one"), FakeDevice(name="other"))])
def test_no_device_to_choose_is_the_only_problem(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], devices: tuple[FakeDevice, ...]
) -> None:
    install(monkeypatch, *devices)

    code, found, _ = examined(capfd, "-d", "USB")

    assert code == 1
    assert found["portaudio"]["measured"]["devices"] == [] if not devices else len(devices) == 2
    assert [name for name, verdict in verdicts(found).items() if verdict == "fail"] == ["device"]
    assert found["device"]["said"].startswith("no capture device ")


@pytest.mark.parametrize(
    ("states", "advice"),
    [
        ({}, "fuser -v /dev/snd/*"),
        ({"user": {"ActiveState": "active", "SubState": "running"}}, "`systemctl --user stop emotion-streamer` first"),
    ],
)
def test_a_device_that_does_not_open_may_be_in_use(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], states: dict[str, Any], advice: str
) -> None:
    install(monkeypatch, FakeDevice(takes=lambda _: False))
    monkeypatch.setattr(doctor, "service_states", lambda: states)

    code, found, _ = examined(capfd)

    assert (code, found["microphone"]["verdict"]) == (1, "fail")
    assert advice in found["microphone"]["advice"]
    assert {found[name]["verdict"] for name in HEARD} == {"skipped"}


def test_an_audio_system_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    installed = install(monkeypatch, FakeDevice(hangs_in="open"))
    monkeypatch.setattr(calls, "CALL_LIMIT_S", 0.01)

    code, found, _ = examined(capfd)
    installed.released.set()

    assert (code, found["microphone"]["verdict"]) == (1, "fail")
    assert found["microphone"]["measured"] == {"exit_code": 75}


def test_a_device_that_is_lost_midway_fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, FakeDevice(script=lambda _: [noise(BLOCK).tobytes()], then="stop"))

    code, found, _ = examined(capfd)

    assert (code, found["microphone"]["verdict"], found["stream"]["verdict"]) == (1, "ok", "fail")
    assert "was lost" in found["stream"]["said"]
    assert found["stream"]["measured"] == {"exit_code": 3}
    assert {found[name]["verdict"] for name in HEARD[1:]} == {"skipped"}
    assert found["cpu"]["verdict"] == "ok"


def test_a_model_that_is_none_does_not_keep_the_microphone_from_being_heard(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50)))

    code, found, _ = examined(capfd, "--model", "missing.onnx")

    assert code == 1
    assert found["model"]["measured"] == {"exit_code": 4}
    skipped = {name for name, verdict in verdicts(found).items() if verdict == "skipped"}
    assert skipped == {"self_test", "service", "room", "cpu"}
    assert found["level"]["verdict"] == found["rate"]["verdict"] == "ok"


def test_a_detector_that_is_none_fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50)))

    code, found, _ = examined(capfd, "--vad", "missing.onnx")

    assert (code, found["detector"]["verdict"], found["self_test"]["verdict"]) == (1, "fail", "ok")


def test_a_model_may_have_no_self_test(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50)))
    path = write_model(tmp_path / "tiny.onnx", model_info().to_metadata())

    code, found, _ = examined(capfd, "--model", str(path))

    assert (code, found["model"]["verdict"], found["self_test"]["verdict"]) == (0, "ok", "skipped")


def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    plug_in(monkeypatch, *delivered(noise(8 * SAMPLE_RATE_HZ, level=50)))
    monkeypatch.setitem(sys.modules, "_webrtcvad", None)
    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "no-such-package"))

    code, found, told = examined(capfd)

    assert code == 1
    assert (found["programs"]["said"], found["programs"]["verdict"]) == ("missing: no-such-package", "fail")
    assert "webrtcvad" in found["detector"]["said"]
    assert told["verdict"].startswith("2 problems, first: programs: install")


@pytest.mark.parametrize("seconds", ["4", "601", "x"])
def test_it_listens_for_five_seconds_at_least(capfd: pytest.CaptureFixture[str], seconds: str) -> None:
    assert main(["doctor", "--seconds", seconds]) == 2
    assert "expected a whole number from 5 to 600" in capfd.readouterr().err


def pipeline() -> Pipeline:
    return Pipeline(SpeechSettings(), LoudnessDetector(), FixedClassifier())


def test_listening_ends_by_the_stamps_and_counts_the_utterance_in_hand() -> None:
    loud = np.full(20 * SAMPLE_RATE_HZ, 12_000, np.int16)
    items = [AudioBlock(NOTHING), *delivered(loud)]

    heard = listen(ListSource(*items), pipeline(), 10)

    assert heard.duration_s == pytest.approx(10.0, abs=0.11)
    assert heard.num_utterances == 1
    assert heard.rate_ratio == pytest.approx(1.0)
    assert heard.report.level_dbfs == -8.7


def test_what_was_lost_is_counted_and_the_longest_stretch_tells_the_rate() -> None:
    hiss = noise(7 * SAMPLE_RATE_HZ, level=50)
    items = [*delivered(hiss[: 2 * SAMPLE_RATE_HZ]), LostSamples(0, "driver_overflow"), *delivered(hiss, 1.02, 60.0)]

    heard = listen(ListSource(*items), pipeline(), 16)

    assert heard.num_overflows == 1
    assert heard.rate_ratio == pytest.approx(1.02)
    assert heard.num_utterances == 0


def test_a_source_that_gives_nothing_is_heard_as_nothing() -> None:
    heard = listen(ListSource(), None, 5)

    assert (heard.duration_s, heard.num_utterances, heard.rate_ratio) == (0.0, None, None)


STATES = {
    "--system": "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\n",
    "--user": "LoadState=not-found\nActiveState=inactive\nSubState=dead\nNRestarts=0\n",
}


def test_services_that_are_installed_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[0] == "systemctl"
        return subprocess.CompletedProcess(command, 0, STATES[command[1]], "")

    monkeypatch.setattr(subprocess, "run", answer)

    assert service_states() == {
        "system": {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NRestarts": "0"}
    }


def test_without_systemd_there_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("systemctl")

    monkeypatch.setattr(subprocess, "run", fail)

    assert service_states() == {}
