"""The daemon survives what becomes of its microphone: real faults of a real PulseAudio, and of the machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from faults import FAULTS, Fault
from listener import RATE_HZ, ROOT, VIRTUAL_MIC, Listen, Listener, as_wav, demonstration, start_server

pytestmark = pytest.mark.system

CLICK = 32_767
"""No sample of the demonstration is as loud: this one second is told from the next by it."""
RECOVERED_WITHIN_S = 5.0
TWICE = pytest.mark.parametrize("time_", ["once", "again"])


def with_clicks(samples: np.ndarray, num_seconds: int) -> np.ndarray:
    """Return the demonstration, again and again, with a click at the start of each second."""
    track = np.minimum(np.resize(samples, num_seconds * RATE_HZ), CLICK - 1)
    track[::RATE_HZ] = CLICK
    return track


@pytest.fixture
def track(server: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Play speech with clicks into the microphone for as long as the test takes."""
    wav = as_wav(with_clicks(demonstration(), 120), tmp_path / "track.wav")
    player = subprocess.Popen(["paplay", "--device=vmic_sink", wav], env=server, stderr=subprocess.DEVNULL)
    yield player
    player.kill()
    player.wait()


def is_health(health: str) -> Any:
    return lambda event: event["type"] == "status" and event["health"] == health


def is_utterance(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "utterance" and event["cut"] != "gap")


def check_timeline(events: list[dict[str, Any]]) -> None:
    """Positions and the wall clock go on together, across all gaps."""
    found = [(event["end_s"], clock_s(event)) for event in events if event["type"] == "utterance"]
    offsets_s = [wall_s - end_s for end_s, wall_s in found]
    assert max(offsets_s) - min(offsets_s) < 0.05


def clock_s(event: dict[str, Any]) -> float:
    hours, minutes, seconds = event["time"].rpartition("T")[2].removesuffix("Z").split(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)


@TWICE
@pytest.mark.parametrize("name", FAULTS)
def test_what_was_lost_is_found_again(
    name: str, time_: str, server: dict[str, str], listen: Listen, track: Any, tmp_path: Path, record_property: Any
) -> None:
    fault = FAULTS[name]
    listener = listen()
    listener.wait_for(is_utterance, 15)

    recovered_s = suffer(fault, 4.0, listener, server)
    record_property("recovered_s", round(recovered_s, 2))
    if fault.keeps_playing:
        known = len(listener.events())
        listener.wait_for(is_utterance, 15, known)
    else:
        listener.play(as_wav(demonstration(), tmp_path / "speech.wav"))
    events = listener.stop()

    types = [event["type"] for event in events]
    healths = [event["health"] for event in events if event["type"] == "status"]
    gaps = [event for event in events if event["type"] == "gap"]
    assert healths[:2] == ["device_lost", "ok"]
    assert [gap["reason"] for gap in gaps] == ["device_lost"]
    assert "utterance" in types[types.index("gap") :]
    assert 4.0 < gaps[0]["lost_samples"] / RATE_HZ < 4.0 + RECOVERED_WITHIN_S
    assert events[-1]["reason"] == "signal"
    check_timeline(events)
    if fault.keeps_playing:
        check_clicks(listener.captured, gaps[0])


def suffer(fault: Fault, seconds: float, listener: Listener, server: dict[str, str]) -> float:
    """Let the fault last for so long; return how long after its end the device is heard again."""
    known = len(listener.events())
    fault.begin(server)
    time.sleep(seconds)
    listener.wait_for(is_health("device_lost"), 3, known)
    fault.end(server)
    return listener.wait_for(is_health("ok"), RECOVERED_WITHIN_S, known)


def check_clicks(captured: Path, gap: dict[str, Any]) -> None:
    """The clicks behind the gap are whole seconds from those before, to 50 ms: the player knew of no gap."""
    samples = soundfile.read(captured, dtype="int16")[0]
    places = np.flatnonzero(samples == CLICK)
    before, behind = places[places < gap["start_sample"]], places[places > gap["end_sample"]]
    assert before.size >= 2
    assert behind.size >= 1
    off = (behind - before[-1] + RATE_HZ // 2) % RATE_HZ - RATE_HZ // 2
    assert np.abs(off).max() < 0.05 * RATE_HZ


@TWICE
def test_a_stall_too_short_to_be_one_leaves_a_gap_all_the_same(
    time_: str, server: dict[str, str], listen: Listen, track: Any
) -> None:
    listener = listen()
    listener.wait_for(is_utterance, 15)

    FAULTS["source suspended"].begin(server)
    time.sleep(0.6)
    FAULTS["source suspended"].end(server)
    listener.wait_for(is_utterance, 15, len(listener.events()))
    time.sleep(2)
    events = listener.stop()

    (gap,) = [event for event in events if event["type"] == "gap"]
    assert gap["reason"] == "driver_overflow"
    assert not [event for event in events if event["type"] == "status"]
    check_clicks(listener.captured, gap)


@TWICE
def test_a_microphone_that_comes_after_the_start_is_heard(time_: str, tmp_path: Path, record_property: Any) -> None:
    """As at boot: not even the audio server is there."""
    folder = tmp_path / "vmic"
    environment = {**os.environ, **start_server(folder)}
    subprocess.run([VIRTUAL_MIC, "stop", folder], check=True)
    listener = Listener(environment, tmp_path, "--on-device-loss", "wait")
    try:
        listener.wait_for(is_health("device_lost"), 10)
        time.sleep(3)
        start_server(folder)
        record_property("recovered_s", listener.wait_for(is_health("ok"), RECOVERED_WITHIN_S))
        listener.play(as_wav(demonstration(), tmp_path / "speech.wav"))
        events = listener.stop()
    finally:
        listener.close()
        subprocess.run([VIRTUAL_MIC, "stop", folder], check=True)

    assert events[0]["source"]["device"] is None
    gap = next(event for event in events if event["type"] == "gap")
    assert (gap["start_sample"], gap["reason"]) == (0, "device_lost")
    assert any(is_utterance(event) for event in events)


def alsa_devices(*names: str) -> str:
    """Return an ALSA configuration of microphones that all lead to the virtual one."""
    return "".join(f"pcm.{name} {{ type pulse device vmic hint {{ show on description {name} }} }}\n" for name in names)


@TWICE
def test_a_microphone_that_is_numbered_anew_is_still_the_same(
    time_: str, server: dict[str, str], tmp_path: Path
) -> None:
    """It was asked for by a number that another one has afterwards."""
    (tmp_path / ".asoundrc").write_text(alsa_devices("desk", "kitchen"))
    environment = {**server, "HOME": str(tmp_path)}
    number = next(device["index"] for device in devices(environment) if device["name"] == "kitchen")
    listener = Listener(environment, tmp_path, "-d", str(number))
    try:
        listener.wait_until_hearing()
        (tmp_path / ".asoundrc").write_text(alsa_devices("attic", "desk", "hall", "kitchen"))
        assert next(device["name"] for device in devices(environment) if device["index"] == number) != "kitchen"
        suffer(FAULTS["server killed and started again"], 1.0, listener, server)
        listener.play(as_wav(demonstration(), tmp_path / "speech.wav"))
        events = listener.stop()
    finally:
        listener.close()

    assert [event["detail"] for event in events if is_health("ok")(event)] == ["microphone 'kitchen' delivers again"]
    assert is_utterance(events[-2])


@TWICE
def test_a_stopped_process_goes_on_where_it_was(
    time_: str, listen: Listen, track: Any, tmp_path: Path, server: dict[str, str]
) -> None:
    """The audio server kept what it did not hear: nothing is lost, nothing is taken for a stall."""
    listener = listen()

    listener.process.send_signal(signal.SIGSTOP)
    time.sleep(6)
    listener.process.send_signal(signal.SIGCONT)
    time.sleep(3)
    events = listener.stop()

    assert events[-1]["reason"] == "signal"
    assert (events[-1]["gaps"], events[-1]["lost_samples"]) == (0, 0)
    assert events[-1]["end_s"] > 9
    places = np.flatnonzero(soundfile.read(listener.captured, dtype="int16")[0] == CLICK)
    assert set(np.diff(places)) == {RATE_HZ}


@TWICE
def test_a_muted_microphone_is_told_and_opened_again_once(
    time_: str, listen: Listen, server: dict[str, str], tmp_path: Path
) -> None:
    listener = listen()

    listener.wait_for(is_health("silent_input"), 14)
    listener.wait_for(lambda event: event["type"] == "gap", 5)
    listener.play(as_wav(demonstration(), tmp_path / "speech.wav"))
    time.sleep(1.5)
    events = listener.stop()

    healths = [event["health"] for event in events if event["type"] == "status"]
    assert healths == ["silent_input", "ok"]
    assert [event["reason"] for event in events if event["type"] == "gap"] == ["reopened"]
    assert any(is_utterance(event) for event in events)


def test_a_server_that_stays_frozen_ends_it_for_whoever_starts_it_again(listen: Listen, server: dict[str, str]) -> None:
    listener = listen()

    FAULTS["server frozen"].begin(server)
    code, said, events = listener.ended(within_s=50)
    FAULTS["server frozen"].end(server)

    assert code == 75
    assert "hangs" in said
    assert events[-1]["reason"] == "device_lost"


def devices(environment: dict[str, str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "streamer", "devices", "--json"]
    listed = subprocess.run(command, env=environment, check=True, capture_output=True, cwd=ROOT).stdout
    return list(json.loads(listed))
