"""The examination of a real audio server: a microphone that is well, and what may be wrong with one."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listener import RATE_HZ, ROOT, as_wav, demonstration
from signals import Samples, noise, tone

pytestmark = pytest.mark.system

PLAYED_S = 30
"""Longer than an examination takes."""

Examine = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def examine(server: dict[str, str], tmp_path: Path) -> Examine:
    """Give a function that has the command examine what is played; it returns exit code and findings."""

    def run(samples: Samples, sink: str = "vmic_sink", **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
        wav = as_wav(samples, tmp_path / "played.wav")
        command = [sys.executable, "-m", "streamer", "doctor", "--json", "--seconds", "6"]
        with subprocess.Popen(["paplay", f"--device={sink}", wav], env=server) as player:
            done = subprocess.run(
                command, env={**server, **environment}, capture_output=True, text=True, cwd=ROOT, check=False
            )
            player.kill()
        (line,) = done.stdout.splitlines()
        return done.returncode, {finding["name"]: finding for finding in json.loads(line)["findings"]}

    return run


def hiss() -> Samples:
    return noise(PLAYED_S * RATE_HZ, level=60)


def problems(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, finding in found.items() if finding["verdict"] == "fail"]


def test_a_microphone_that_is_well(examine: Examine) -> None:
    code, found = examine(hiss())

    assert (code, problems(found)) == (0, [])
    assert found["rate"]["measured"]["true_hz"] == pytest.approx(RATE_HZ, rel=0.005)
    assert found["level"]["measured"]["level_dbfs"] == pytest.approx(-54.8, abs=1.0)
    assert found["room"]["measured"]["utterances"] == 0
    assert {found[name]["verdict"] for name in ("rate", "level", "clipping", "offset", "hum", "room")} == {"ok"}


def test_a_microphone_that_is_muted(examine: Examine, server: dict[str, str]) -> None:
    subprocess.run(["pactl", "set-source-mute", "vmic", "1"], env=server, check=True)

    code, found = examine(hiss())

    assert (code, problems(found)) == (1, ["level"])
    assert "unmute" in found["level"]["advice"]
    assert found["rate"]["verdict"] == "ok"


def test_a_gain_that_is_far_too_high(examine: Examine) -> None:
    code, found = examine(noise(PLAYED_S * RATE_HZ, level=20_000))

    assert (code, problems(found)) == (1, ["clipping"])
    assert "turn down" in found["clipping"]["advice"]
    assert found["level"]["verdict"] == "warn"


def test_mains_hum(examine: Examine) -> None:
    code, found = examine(tone(PLAYED_S * RATE_HZ, hz=50, peak=600.0))

    assert (code, found["hum"]["verdict"]) == (0, "warn")


def test_somebody_who_talks(examine: Examine) -> None:
    code, found = examine(np.resize(demonstration(), PLAYED_S * RATE_HZ))

    assert (code, found["room"]["verdict"]) == (0, "warn")


def test_a_source_of_48_khz_and_32_bits(examine: Examine, server: dict[str, str]) -> None:
    sink = ["sink_name=wide", "rate=48000", "channels=2", "format=s32le"]
    subprocess.run(["pactl", "load-module", "module-null-sink", *sink], env=server, check=True, capture_output=True)
    subprocess.run(["pactl", "set-default-source", "wide.monitor"], env=server, check=True)

    code, found = examine(hiss(), sink="wide")

    assert (code, problems(found)) == (0, [])
    assert found["rate"]["measured"]["off_percent"] == pytest.approx(0.0, abs=0.5)
    assert found["level"]["measured"]["level_dbfs"] > -60


def test_no_audio_server(examine: Examine) -> None:
    code, found = examine(hiss(), PULSE_SERVER="unix:/nonexistent/socket")

    assert (code, problems(found)) == (1, ["device"])
    assert found["microphone"]["verdict"] == found["room"]["verdict"] == "skipped"
    assert found["cpu"]["verdict"] in ("ok", "warn")
