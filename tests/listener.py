"""The daemon as a process, hearing a real audio server without a sound card; for the system tests."""

import json
import os
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

ROOT = Path(__file__).parent.parent
CLIP = ROOT / "streamer" / "demonstration.flac"
VIRTUAL_MIC = ROOT / "tests" / "system" / "virtual_mic.sh"
RATE_HZ = 16_000


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a private audio server with a virtual microphone; give the environment that leads to it."""
    folder = tmp_path_factory.mktemp("vmic")
    yield {**os.environ, **start_server(folder)}
    subprocess.run([VIRTUAL_MIC, "stop", folder], check=True)


def start_server(folder: Path) -> dict[str, str]:
    """Start a server in ``folder``; return the variables that lead to it."""
    started = subprocess.run([VIRTUAL_MIC, "start", folder], check=True, capture_output=True, text=True)
    return dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())


class Listener:
    """The daemon as a process; with a witness what its microphone captured is kept in ``captured``."""

    def __init__(self, server: dict[str, str], folder: Path, *options: str, has_witness: bool = True) -> None:
        self.captured, self._out = folder / "captured.wav", folder / "events.jsonl"
        witness = [ROOT / "tests" / "system" / "recorded_run.py", self.captured]
        command = [sys.executable, *(witness if has_witness else ["-m", "streamer"]), "run", "-o", "jsonl", *options]
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
        for line in self.process.stderr:
            if line == "hearing\n":
                return
        pytest.fail("the daemon ended before it heard anything")

    def wait_for(self, is_there: Callable[[dict[str, Any]], bool], within_s: float, num_known: int = 0) -> float:
        """Wait for an event behind the first ``num_known``; return how long that took."""
        started_s = time.monotonic()
        while not any(is_there(event) for event in self.events()[num_known:]):
            assert self.process.poll() is None, "the daemon ended"
            lasted_s = time.monotonic() - started_s
            assert lasted_s < within_s, f"not within {within_s} s: {self.events()[num_known:]}"
            time.sleep(0.02)
        return time.monotonic() - started_s

    def play(self, wav: Path) -> None:
        subprocess.run(["paplay", "--device=vmic_sink", wav], env=self._server, check=True)

    def events(self) -> list[dict[str, Any]]:
        whole_lines = self._out.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole_lines.splitlines()]

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
