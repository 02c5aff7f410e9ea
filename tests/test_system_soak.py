"""Some minutes of speech with faults in between, and ends at any moment."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from listener import CLIP, ROOT

sys.path.insert(0, str(ROOT / "tests" / "system"))
from endurance import soak, table

pytestmark = pytest.mark.system


def test_five_minutes_of_speech_and_faults(tmp_path: Path) -> None:
    kept = tmp_path / "soak.jsonl"

    soak(5, seed=7, kept=kept)
    outcomes = [json.loads(line) for line in kept.read_text().splitlines()]

    print(table(outcomes))
    spoken = [outcome for outcome in outcomes if "spoken" in outcome]
    suffered = [outcome for outcome in outcomes if "fault" in outcome]
    rss_mib = [outcome["rss_mib"] for outcome in outcomes if "rss_mib" in outcome]
    assert spoken
    assert suffered
    assert all(outcome["reported"] == outcome["spoken"] for outcome in spoken)
    assert all(outcome["is_labelled"] and outcome["recovered_s"] < 5 for outcome in suffered)
    assert max(rss_mib) < rss_mib[0] + 10


def test_whenever_it_is_killed_the_next_start_is_clean(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    streamer = [sys.executable, "-m", "streamer", "run", "-i", CLIP, "-o", f"jsonl:{out}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    rng = random.Random(11)

    for _ in range(10):
        process = subprocess.Popen([*streamer, "--realtime", "--partials"], env=environment)
        time.sleep(rng.uniform(0.1, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(streamer, env=environment, check=False).returncode == 0

    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert events[-1]["type"] == "end"
    assert sum(event["type"] == "start" for event in events) > 3
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
