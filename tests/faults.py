"""What happens to microphones in months, done to a real PulseAudio: each fault with what ends it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from listener import VIRTUAL_MIC, start_server

Environment = dict[str, str]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong and is put right."""

    begin: Callable[[Environment], None]
    end: Callable[[Environment], None]
    keeps_playing: bool
    """Whether what is being played into the microphone goes on through it."""


def _pactl(server: Environment, *arguments: str) -> str:
    return subprocess.run(["pactl", *arguments], env=server, check=True, capture_output=True, text=True).stdout


def _signal(server: Environment, number: int) -> None:
    os.kill(int((Path(server["VMIC_DIR"]) / "pid").read_text()), number)


def _stop_server(server: Environment) -> None:
    _signal(server, signal.SIGKILL)
    time.sleep(0.2)
    subprocess.run([VIRTUAL_MIC, "stop", server["VMIC_DIR"]], check=True)


def _start_server(server: Environment) -> None:
    start_server(Path(server["VMIC_DIR"]))


def _suspend(server: Environment, flag: str) -> None:
    _pactl(server, "suspend-source", "vmic", flag)


def _unload(server: Environment, *modules: str) -> None:
    for line in reversed(_pactl(server, "list", "short", "modules").splitlines()):
        number, name, *_ = line.split("\t")
        if name in modules:
            _pactl(server, "unload-module", number)


def _load_source(server: Environment, rate_hz: int = 16_000) -> None:
    source = ("source_name=vmic", "master=vmic_sink.monitor", f"rate={rate_hz}", "channels=1")
    _pactl(server, "load-module", "module-remap-source", *source)
    _pactl(server, "set-default-source", "vmic")


def _load_all(server: Environment, rate_hz: int = 16_000) -> None:
    _pactl(
        server,
        "load-module",
        "module-null-sink",
        "sink_name=vmic_sink",
        "format=s16le",
        f"rate={rate_hz}",
        "channels=1",
    )
    _load_source(server, rate_hz)
    _pactl(server, "set-default-sink", "vmic_sink")


def _unload_all(server: Environment) -> None:
    _unload(server, "module-remap-source", "module-null-sink")


FAULTS = {
    "server killed and started again": Fault(_stop_server, _start_server, keeps_playing=False),
    "all sources gone and back": Fault(_unload_all, _load_all, keeps_playing=False),
    "all sources back at another rate": Fault(
        _unload_all, lambda server: _load_all(server, 48_000), keeps_playing=False
    ),
    "source suspended": Fault(
        lambda server: _suspend(server, "1"), lambda server: _suspend(server, "0"), keeps_playing=True
    ),
    "server frozen": Fault(
        lambda server: _signal(server, signal.SIGSTOP),
        lambda server: _signal(server, signal.SIGCONT),
        keeps_playing=False,
    ),
}
"""By what happens."""
