"""What the benchmark of costs could get wrong without a word."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import measure
from benchmarks.peers.measure import Cost, PeerError, commands_of, cost_of, figures_of, measured, order, slope
from benchmarks.peers.peers import ALL, FEATURES, FLAT_OUT, LIVE, REFERENCES, ROOT, RSS, START, TARGETS, Peer
from benchmarks.peers.scripts import feed, rows
from benchmarks.peers.tables import figures, median, page, ratios, targets
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier

BY_NAME = {peer.name: peer for peer in ALL}


def here(name: str) -> Peer:
    """Return a peer in the environment of the tests, on little audio."""
    peer = BY_NAME[name]
    return replace(peer, environment=sys.prefix, long_s=peer.long_s and 3)


def rounds_of(**values: list[float]) -> list[measure.Round]:
    """Return rounds with these costs flat out."""
    count = len(next(iter(values.values())))
    return [{name.replace("_", "-"): {FLAT_OUT: each[n]} for name, each in values.items()} for n in range(count)]


def test_names_are_told_apart_and_known_where_they_are_used() -> None:
    used = {*REFERENCES.values(), *(t.ours for t in TARGETS), *(t.other for t in TARGETS)}

    assert len(BY_NAME) == len(ALL)
    assert used <= set(BY_NAME)


def test_ratios_are_of_one_round_each() -> None:
    # The machine was twice as slow in the second round: medians over each would give another ratio.
    rounds = rounds_of(daemon=[1.0, 4.0, 3.0], silero=[2.0, 8.0, 1.0])

    assert ratios(rounds, "daemon", "silero", FLAT_OUT) == [0.5, 0.5, 3.0]
    assert (median(rounds, "daemon", FLAT_OUT), median(rounds, "silero", FLAT_OUT)) == (3.0, 2.0)


@pytest.mark.parametrize(("ours", "verdict"), [(0.5, "reached"), (0.51, "**not reached**")])
def test_a_target_is_reached_at_its_limit(ours: float, verdict: str) -> None:
    line = next(line for line in targets(rounds_of(daemon=[ours], silero=[1.0])).splitlines() if "Silero" in line)

    assert line.split(" | ")[3:] == [str(ours), f"{ours} to {ours}", "0.5", f"{verdict} |"]


def test_what_was_not_measured_is_a_dash() -> None:
    table = targets(rounds_of(daemon=[1.0])).splitlines()[2:]

    assert all(line.split(" | ")[3] == "-" and line.endswith(" - |") for line in table)
    assert (
        figures(rounds_of(kaldi_20=[1234.0]), FEATURES)
        .splitlines()[-1]
        .endswith("| 1234 | - | - | - | - | - | - | - |")
    )


def test_every_other_round_goes_backwards() -> None:
    peers = ALL[:3]

    assert [list(order(peers, number)) for number in range(3)] == [list(peers), list(peers[::-1]), list(peers)]


def test_the_slope_is_without_the_start() -> None:
    short, long = Cost(0.25, 0.1, 30.0, ""), Cost(1.25, 0.1, 30.0, "")

    assert slope(long, short, 100) == 0.01


def test_only_the_run_at_real_time_is_at_real_time() -> None:
    commands = commands_of(BY_NAME["daemon"], "folder")

    assert ["--realtime" in command for command in commands] == [False, False, True]
    assert ["folder/speech-1.wav" in commands[0], "folder/speech-15.wav" in commands[2]] == [True, True]


def test_all_mfccs_are_those_of_the_bundled_model() -> None:
    features = OnnxClassifier(BUNDLED_MODEL).features
    given = (features.fft_size, features.num_filters, features.num_cepstra, features.lifter)

    assert given == (rows.FFT_SIZE, rows.NUM_FILTERS, rows.NUM_CEPSTRA, rows.LIFTER)
    assert (features.window_samples, features.hop_samples) == (rows.WINDOW_SAMPLES, rows.HOP_SAMPLES)
    assert (features.low_hz, features.high_hz, features.preemphasis) == (rows.LOW_HZ, rows.HIGH_HZ, rows.PREEMPHASIS)
    assert (features.append_energy, features.window_function) == (False, "hamming")


class Clock:
    """A clock that only sleeping and work move."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.monotonic = lambda: self.now_s

    def sleep(self, duration_s: float) -> None:
        assert duration_s >= 0
        self.now_s += duration_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clock:
    audio = tmp_path / "speech.raw"
    audio.write_bytes(bytes(range(250)) * 4)  # 500 samples: the 20 behind three blocks are not heard
    clock = Clock()
    monkeypatch.setattr(feed, "time", clock)
    monkeypatch.setattr(sys, "argv", ["script", str(audio), "0.05", "20", "--realtime"])
    return clock


def test_blocks_come_when_their_last_sample_was_heard(clock: Clock) -> None:
    came_s = []
    for index, _ in enumerate(feed.blocks(160)):
        came_s.append(round(clock.now_s - 100, 6))
        clock.now_s += 0.015 if index == 1 else 0.001  # late once, and on time again

    assert came_s == [0.01, 0.02, 0.035, 0.04, 0.05]


def test_audio_is_repeated_in_whole_blocks(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv[:-1])
    heard = list(feed.blocks(160))

    assert (feed.arguments(), clock.now_s) == (["20"], 100.0)
    assert [len(block) for block in heard] == [320] * 5
    assert heard[3] == heard[0] != heard[1]


def test_processes_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr(measure, "LIVE_S", 2)
    audio = [str(tmp_path / name) for name in ("speech.raw", "speech-1.wav", "speech-2.wav", "speech-3.wav")]
    cost_of("audio", [sys.executable, "-m", "benchmarks.peers.audio", *audio])

    began_s = time.monotonic()
    (found,) = measured([here("numpy"), here("empty"), here("daemon")], 1, str(tmp_path))

    assert time.monotonic() - began_s > 2 * 2
    assert set(found["numpy"]) == {START, RSS}
    assert set(found["empty"]) == set(found["daemon"]) == {FLAT_OUT, LIVE, START, RSS}
    assert 20 < found["daemon"][START] < 20_000
    assert "100 blocks" in capfd.readouterr().err


def test_memory_is_that_of_the_process_alone() -> None:
    # From the benchmark itself, which has to be small: what starts a process is counted in it.
    code = (
        "from benchmarks.peers.__main__ import cost_of; import json, sys\n"
        "tell = \"import numpy; print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\"\n"
        "cost = cost_of('numpy', [sys.executable, '-c', tell])\n"
        "print(json.dumps([cost.rss_mib, int(cost.said) / 1024]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    seen, own = json.loads(done.stdout)

    assert seen == pytest.approx(own, rel=0.03)


@pytest.mark.parametrize(
    ("code", "why"),
    [("import nonesuch", "exit code 1: ModuleNotFoundError"), ("pass", "exit code 0: it said nothing")],
)
def test_a_peer_that_fails_is_named_in_one_line(code: str, why: str, tmp_path: Path) -> None:
    peer = replace(here("numpy"), words=("-c", code))

    with pytest.raises(PeerError, match=f"^numpy failed with {why}.*--only.*$"):
        figures_of(peer, str(tmp_path))


def test_a_missing_environment_is_named(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"numpy: .*python: No such file .*make bench"):
        figures_of(replace(here("numpy"), environment=str(tmp_path)), str(tmp_path))


def test_page_and_picture_are_made_of_what_was_written(tmp_path: Path) -> None:
    record = {"command": "this", "processor": "a processor", "versions": {".venv": {"numpy": "2.4.6"}}}
    found = {peer.name: {FLAT_OUT: 1.0, LIVE: 2.0, START: 3.0, RSS: 4.0} for peer in ALL if peer.long_s}
    (tmp_path / "peers.json").write_text(json.dumps({**record, "rounds": [found]}))

    command = [sys.executable, "-m", "benchmarks.peers", "--rounds", "0", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    text = (tmp_path / "peers.md").read_text()
    assert "Made by `this` on a processor" in text
    assert all(peer.title in text for peer in ALL if peer.long_s)
    assert (tmp_path / "peers.svg").stat().st_size > 1000
    assert page("about", {**record, "rounds": [found]}).startswith("# What it costs")
