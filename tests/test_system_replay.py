"""A microphone that is lost and comes back while its session is recorded; what was printed is printed again."""

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import ROOT, without_latency
from faults import FAULTS
from listener import Listen, as_wav, demonstration

pytestmark = pytest.mark.system


def replayed(session: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "streamer", "replay", session, "-o", "jsonl"]
    printed = subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout
    return [json.loads(line) for line in printed.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("name", ["source suspended", "server killed and started again"])
def test_a_session_with_a_fault_is_printed_again(
    listen: Listen, server: dict[str, str], tmp_path: Path, name: str, number: int
) -> None:
    session, fault = tmp_path / "session", FAULTS[name]
    clip = as_wav(demonstration(), tmp_path / "speech.wav")
    listener = listen("--partials", "--record-session", str(session))

    listener.play(clip)
    fault.begin(server)
    listener.wait_for(lambda event: event.get("health") == "device_lost", 10)
    fault.end(server)
    listener.wait_for(lambda event: event.get("health") == "ok", 15)
    listener.play(clip)
    listener.process.send_signal(number)
    listener.process.wait(20)
    printed, again = listener.events(), replayed(session)

    # What was heard is kept before it is judged: killed, it may have had more in hand than it had printed.
    assert [json.dumps(event) for event in without_latency(again[: len(printed)])] == [
        json.dumps(event) for event in without_latency(printed)
    ]
    assert len(again) == len(printed) or number == signal.SIGKILL
    assert again[-1]["reason"] == ("signal" if number == signal.SIGINT else "eof")
    types = [event["type"] for event in again]
    assert "gap" in types
    assert types.count("utterance") >= 5
    assert "utterance" in types[types.index("gap") :]
    assert {stat.S_IMODE(path.stat().st_mode) for path in session.iterdir()} == {0o600}
