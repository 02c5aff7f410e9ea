"""Speech played into a real audio server, heard through PortAudio, read from the daemon's stdout."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from streamer.stopwatch import STAGES

pytestmark = pytest.mark.system

ROOT = Path(__file__).parent.parent
CLIP = ROOT / "streamer" / "demonstration.flac"
VIRTUAL_MIC = ROOT / "tests" / "system" / "virtual_mic.sh"
RATE_HZ = 16_000


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a private audio server with a virtual microphone; give the environment that leads to it."""
    folder = tmp_path_factory.mktemp("vmic")
    started = subprocess.run([VIRTUAL_MIC, "start", folder], check=True, capture_output=True, text=True)
    exports = dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())
    yield {**os.environ, **exports}
    subprocess.run([VIRTUAL_MIC, "stop", folder], check=True)


class Listener:
    """The daemon as a process, with what its microphone captured kept in ``captured``."""

    def __init__(self, server: dict[str, str], folder: Path, *options: str) -> None:
        self.captured, self._out = folder / "captured.wav", folder / "events.jsonl"
        script = ROOT / "tests" / "system" / "recorded_run.py"
        command = [sys.executable, script, self.captured, "run", "-o", "jsonl", *options]
        environment = {**server, "PYTHONPATH": str(ROOT)}
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True)
        self._server = server

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_until_hearing(self) -> None:
        assert self.process.stderr
        assert self.process.stderr.readline() == "hearing\n"

    def play(self, wav: Path) -> None:
        subprocess.run(["paplay", "--device=vmic_sink", wav], env=self._server, check=True)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_bytes().splitlines()]

    def stop(self, number: int = signal.SIGINT) -> list[dict[str, Any]]:
        self.process.send_signal(number)
        assert self.process.wait(20) == 0
        return self.events()

    def ended(self, within_s: float) -> tuple[int, str, list[dict[str, Any]]]:
        """Return exit code, last line on stderr and events, once it has ended by itself."""
        _, errors = self.process.communicate(timeout=within_s)
        return self.process.returncode, errors.splitlines()[-1], self.events()


Listen = Callable[..., Listener]


@pytest.fixture
def listen(server: dict[str, str], tmp_path: Path) -> Iterator[Listen]:
    """Give a function that starts the daemon with options and returns it once it hears."""
    listeners: list[Listener] = []

    def start(*options: str) -> Listener:
        listeners.append(Listener(server, tmp_path, *options))
        listeners[-1].wait_until_hearing()
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()


def of_file(wav: Path) -> list[dict[str, Any]]:
    """Return the events of the file path."""
    command = [sys.executable, "-m", "streamer", "run", "-i", wav, "-o", "jsonl"]
    printed = subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout
    return [json.loads(line) for line in printed.splitlines()]


def utterances(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the utterances without what differs between live and not."""
    kept = [event for event in events if event["type"] == "utterance"]
    return [{key: value for key, value in event.items() if key not in ("latency_ms", "time")} for event in kept]


def as_wav(samples: np.ndarray, path: Path) -> Path:
    soundfile.write(path, samples, RATE_HZ)
    return path


def demonstration() -> np.ndarray:
    return np.asarray(soundfile.read(CLIP, dtype="int16")[0])


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
    listener = listen()

    os.kill(int((Path(server["VMIC_DIR"]) / "pid").read_text()), signal.SIGKILL)
    code, said, events = listener.ended(within_s=10)

    assert code == 3
    assert "was lost" in said
    assert events[-1]["reason"] == "device_lost"


def test_a_suspended_source_is_a_stalled_device(listen: Listen, server: dict[str, str]) -> None:
    listener = listen()

    for source in ("vmic", "vmic_sink.monitor"):
        subprocess.run(["pactl", "suspend-source", source, "1"], env=server, check=False)
    code, said, events = listener.ended(within_s=10)

    assert code == 3
    assert "has stalled" in said
    assert events[-1]["reason"] == "device_lost"


def test_a_frozen_server_is_a_hung_device(listen: Listen, server: dict[str, str]) -> None:
    """A call into it does not return; only a new process helps, so that the exit code asks for one."""
    listener = listen()
    server_process = int((Path(server["VMIC_DIR"]) / "pid").read_text())

    os.kill(server_process, signal.SIGSTOP)
    code, said, events = listener.ended(within_s=20)
    os.kill(server_process, signal.SIGCONT)

    assert code == 75
    assert "hangs" in said
    assert events[-1]["reason"] == "device_lost"


def test_a_stopped_process_goes_on_where_it_was(listen: Listen, server: dict[str, str]) -> None:
    """The audio server kept the samples meanwhile: nothing is lost, and nothing is taken for a stall."""
    listener = listen()

    listener.process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    listener.process.send_signal(signal.SIGCONT)
    time.sleep(2)
    events = listener.stop()

    assert events[-1]["reason"] == "signal"
    assert events[-1]["end_s"] > 5


def test_devices_are_listed_and_found_by_a_part_of_their_name(listen: Listen, server: dict[str, str]) -> None:
    command = [sys.executable, "-m", "streamer", "devices", "--json"]
    listed = json.loads(subprocess.run(command, env=server, check=True, capture_output=True, cwd=ROOT).stdout)
    assert "pulse" in [device["name"] for device in listed]

    listener = listen("-d", "ULS")
    events = listener.stop()

    assert events[0]["source"]["device"]["name"] == "pulse"
