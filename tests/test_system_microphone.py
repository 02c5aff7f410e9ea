"""Speech played into a real audio server, heard through PortAudio, read from the daemon's stdout."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from listener import RATE_HZ, ROOT, Listen, as_wav, demonstration, of_file, utterances

from streamer.stopwatch import STAGES

pytestmark = pytest.mark.system


def overlap(event: dict[str, Any], start: int, end: int) -> int:
    return max(0, min(event["end_sample"], end) - max(event["start_sample"], start))


def likeliest(event: dict[str, Any]) -> str:
    probabilities: dict[str, float] = event["probs"]
    return max(probabilities, key=probabilities.__getitem__)


def test_microphone_and_file_give_the_same_events_on_the_same_samples(listen: Listen, tmp_path: Path) -> None:
    listener = listen()

    listener.play(as_wav(demonstration(), tmp_path / "speech.wav"))
    time.sleep(1.5)
    live = listener.stop()

    assert len(utterances(live)) >= 3
    assert utterances(live) == utterances(of_file(listener.captured))
    assert live[-1]["reason"] == "signal"
    assert live[-1]["lost_samples"] == 0


def test_clips_of_strangers_are_found_and_labelled_as_in_the_original(
    listen: Listen, tmp_path: Path, corpora: Path
) -> None:
    """Through pauses and the audio server a clip may lose its edges; it hardly sounds like another emotion then.

    Whether it is sure enough to be told is another matter: at the bound of `uncertain` an edge decides.
    """
    paths = sorted(corpora.glob("nemo/samples/*.flac"))
    clips = [soundfile.read(path, dtype="int16")[0] for path in random.Random(5).sample(paths, 12)]
    noise = np.random.default_rng(5)
    pauses = [noise.integers(-3, 4, RATE_HZ).astype(np.int16) for _ in clips]
    starts = np.cumsum([0] + [clip.size + RATE_HZ for clip in clips[:-1]]) + RATE_HZ
    joined = np.concatenate([part for pair in zip(pauses, clips, strict=True) for part in pair] + [pauses[0]])
    listener = listen()

    listener.play(as_wav(joined, tmp_path / "clips.wav"))
    time.sleep(1.5)
    live = utterances(listener.stop())

    captured = soundfile.read(listener.captured, dtype="int16")[0]
    offset = captured.tobytes().find(clips[0][:4000].tobytes()) // 2 - starts[0]
    original = utterances(of_file(as_wav(joined, tmp_path / "joined.wav")))
    same, contradicted = 0, 0
    for start, clip in zip(starts, clips, strict=True):
        begun = start + offset
        found = max(live, key=lambda event: overlap(event, begun, begun + clip.size))
        assert overlap(found, begun, begun + clip.size) > 0.5 * clip.size
        meant = max(original, key=lambda event: overlap(event, start, start + clip.size))
        same += likeliest(found) == likeliest(meant)
        contradicted += len({found["label"], meant["label"]} - {"uncertain"}) > 1
    assert same >= 11
    assert contradicted == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_prints_the_utterance_in_hand(
    listen: Listen, server: dict[str, str], tmp_path: Path, number: int
) -> None:
    listener = listen()
    # The clip's first utterance lasts from 0.8 to 3.6 s.
    player = subprocess.Popen(
        ["paplay", "--device=vmic_sink", as_wav(demonstration(), tmp_path / "speech.wav")], env=server
    )
    time.sleep(2.5)

    events = listener.stop(number)
    player.kill()
    player.wait()

    assert [event["type"] for event in events] == ["start", "utterance", "end"]
    assert events[1]["cut"] == "stop"


def test_every_live_line_carries_its_latency_and_time(listen: Listen, tmp_path: Path) -> None:
    listener = listen("--partials")

    listener.play(as_wav(demonstration()[: 5 * RATE_HZ], tmp_path / "speech.wav"))
    time.sleep(1.5)
    events = listener.stop()

    spoken = [event for event in events if event["type"] in ("utterance", "partial")]
    assert len(spoken) >= 5
    for event in spoken:
        assert set(event["latency_ms"]) == {"total", "hangover", "block", "queue", *STAGES}
        assert event["time"].endswith("Z")
    assert all(240 <= event["latency_ms"]["total"] < 700 for event in spoken if event.get("cut") == "pause")


def test_a_server_that_dies_is_a_lost_device(listen: Listen, server: dict[str, str]) -> None:
    listener = listen("--on-device-loss", "quit")

    os.kill(int((Path(server["VMIC_DIR"]) / "pid").read_text()), signal.SIGKILL)
    code, said, events = listener.ended(within_s=10)

    assert code == 3
    assert "was lost" in said
    assert events[-1]["reason"] == "device_lost"


def test_a_suspended_source_is_a_stalled_device(listen: Listen, server: dict[str, str]) -> None:
    listener = listen("--on-device-loss", "quit")

    for source in ("vmic", "vmic_sink.monitor"):
        subprocess.run(["pactl", "suspend-source", source, "1"], env=server, check=False)
    code, said, events = listener.ended(within_s=10)

    assert code == 3
    assert "has stalled" in said
    assert events[-1]["reason"] == "device_lost"


def test_a_frozen_server_is_a_hung_device(listen: Listen, server: dict[str, str]) -> None:
    """A call into it does not return; only a new process helps, so that the exit code asks for one."""
    listener = listen("--on-device-loss", "quit")
    server_process = int((Path(server["VMIC_DIR"]) / "pid").read_text())

    os.kill(server_process, signal.SIGSTOP)
    code, said, events = listener.ended(within_s=20)
    os.kill(server_process, signal.SIGCONT)

    assert code == 75
    assert "hangs" in said
    assert events[-1]["reason"] == "device_lost"


def test_devices_are_listed_and_found_by_a_part_of_their_name(listen: Listen, server: dict[str, str]) -> None:
    command = [sys.executable, "-m", "streamer", "devices", "--json"]
    listed = json.loads(subprocess.run(command, env=server, check=True, capture_output=True, cwd=ROOT).stdout)
    assert "pulse" in [device["name"] for device in listed]

    listener = listen("-d", "ULS")
    events = listener.stop()

    assert events[0]["source"]["device"]["name"] == "pulse"
