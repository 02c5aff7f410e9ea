"""The daemon on a real PipeWire, through its layer for PulseAudio and through that for ALSA, and what befalls both."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from listener import RATE_HZ, ROOT, Listen, Listener, as_wav, demonstration, of_file, utterances

pytestmark = pytest.mark.system

PIPEWIRE_MIC = ROOT / "tests" / "system" / "pipewire_mic.sh"
PW_CLI = ROOT / ".pipewire" / "usr" / "bin" / "pw-cli"

both_layers = pytest.mark.parametrize("device", ["pulse", "pipewire"])


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a private PipeWire with a virtual microphone; give the environment that leads to it."""
    folder = tmp_path_factory.mktemp("vmic")
    yield {**os.environ, **start(folder)}
    subprocess.run([PIPEWIRE_MIC, "stop", folder], check=True)


def start(folder: Path | str) -> dict[str, str]:
    """Start what does not run of the server in ``folder``; return the variables that lead to it."""
    started = subprocess.run([PIPEWIRE_MIC, "start", folder], check=True, stdout=subprocess.PIPE, text=True)
    return dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())


def send(server: dict[str, str], pid_file: str, number: signal.Signals) -> None:
    os.kill(int((Path(server["VMIC_DIR"]) / pid_file).read_text()), number)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Give a file with the clip's first utterance, which lasts from 0.8 to 3.6 s."""
    return as_wav(demonstration()[: 4 * RATE_HZ], tmp_path / "speech.wav")


def is_health(health: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "status" and event["health"] == health


def play_and_wait(listener: Listener, wav: Path) -> float:
    """Return when, on the monotonic clock, ``wav`` had been played."""
    listener.play(wav)
    played_s = time.monotonic()
    time.sleep(1.5)
    return played_s


def device_losses(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if is_health("device_lost")(event)]


def assert_one_loss_between_two_utterances(events: list[dict[str, Any]], away_s: float, apart_s: float) -> None:
    """A gap as long as the device was ``away_s`` at the least, and the utterances ``apart_s`` apart by the clock."""
    first, second = (event for event in events if event["type"] == "utterance")
    (gap,) = (event for event in events if event["type"] == "gap")
    assert gap["reason"] == "device_lost"
    assert first["end_sample"] <= gap["start_sample"] < gap["end_sample"] <= second["start_sample"]
    assert away_s - 0.5 < gap["lost_samples"] / RATE_HZ < away_s + 4
    assert second["end_s"] - first["end_s"] == pytest.approx(apart_s, abs=0.5)
    assert events[-1]["reason"] == "signal"


@pytest.mark.parametrize(("device", "least_arrived"), [("pulse", 1.0), ("pipewire", 0.9)])
def test_speech_arrives_bit_for_bit_and_gives_the_events_of_the_file(
    device: str, least_arrived: float, listen: Listen, tmp_path: Path
) -> None:
    """The layer for ALSA drops what a machine too busy does not take within 45 ms, and tells nobody."""
    listener = listen("-d", device)

    play_and_wait(listener, as_wav(demonstration(), tmp_path / "demonstration.wav"))
    live = listener.stop()

    captured = soundfile.read(listener.captured, dtype="int16")[0].tobytes()
    pieces = np.array_split(np.trim_zeros(demonstration()), 100)
    assert sum(piece.tobytes() in captured for piece in pieces) >= least_arrived * len(pieces)
    assert len(utterances(live)) >= 3
    assert utterances(live) == utterances(of_file(listener.captured))
    assert live[0]["source"]["device"]["name"] == device
    assert live[-1]["lost_samples"] == 0


@pytest.mark.parametrize(
    ("device", "killed"), [("pulse", "pid"), ("pipewire", "pid"), ("pulse", "pulse.pid"), ("pulse", "wireplumber.pid")]
)
def test_who_dies_and_comes_back_leaves_a_gap(
    device: str, killed: str, listen: Listen, server: dict[str, str], speech: Path, record_property: Any
) -> None:
    """The server, its layer for PulseAudio or its session manager."""
    listener = listen("-d", device)
    first_s = play_and_wait(listener, speech)

    died_s = time.monotonic()
    send(server, killed, signal.SIGKILL)
    listener.wait_for(is_health("device_lost"), within_s=5)
    time.sleep(2)
    start(server["VMIC_DIR"])
    back_s = time.monotonic()
    record_property("recovered_s", round(listener.wait_for(is_health("ok"), within_s=10), 2))
    second_s = play_and_wait(listener, speech)
    events = listener.stop()

    assert len(device_losses(events)) == 1
    assert_one_loss_between_two_utterances(events, away_s=back_s - died_s, apart_s=second_s - first_s)


def test_a_layer_for_pulseaudio_that_dies_is_nothing_to_the_layer_for_alsa(
    listen: Listen, server: dict[str, str], speech: Path
) -> None:
    listener = listen("-d", "pipewire")

    send(server, "pulse.pid", signal.SIGKILL)
    time.sleep(2)
    start(server["VMIC_DIR"])
    play_and_wait(listener, speech)
    events = listener.stop()

    assert [event["type"] for event in events if event["type"] != "status"] == ["start", "utterance", "end"]
    assert events[-1]["lost_samples"] == 0


@pytest.mark.parametrize(("device", "frozen"), [("pulse", "pid"), ("pipewire", "pid"), ("pulse", "pulse.pid")])
def test_who_is_frozen_for_seconds_leaves_a_gap(
    device: str, frozen: str, listen: Listen, server: dict[str, str], speech: Path, record_property: Any
) -> None:
    listener = listen("-d", device)
    first_s = play_and_wait(listener, speech)

    send(server, frozen, signal.SIGSTOP)
    frozen_s = time.monotonic()
    time.sleep(5)
    send(server, frozen, signal.SIGCONT)
    away_s = time.monotonic() - frozen_s
    record_property("recovered_s", round(listener.wait_for(is_health("ok"), within_s=10), 2))
    second_s = play_and_wait(listener, speech)
    events = listener.stop()

    assert len(device_losses(events)) == 1
    assert_one_loss_between_two_utterances(events, away_s, apart_s=second_s - first_s)


@both_layers
def test_a_source_that_is_destroyed_and_made_anew_is_heard_again(
    device: str, listen: Listen, server: dict[str, str], speech: Path
) -> None:
    """The session manager leads the stream to another source meanwhile, and back: no device is lost."""
    listener = listen("-d", device)

    subprocess.run([PW_CLI, "destroy", "vmic"], env=server, check=True)
    time.sleep(2)
    remapped = ("source_name=vmic", "master=vmic_sink.monitor", "rate=16000", "channels=1")
    subprocess.run(["pactl", "load-module", "module-remap-source", *remapped], env=server, check=True)
    time.sleep(1)
    play_and_wait(listener, speech)
    events = listener.stop()

    assert not device_losses(events)
    assert len(utterances(events)) == 1
