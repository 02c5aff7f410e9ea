"""What measurements mean: for every check what is well, what is not so well and what keeps it from working."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer import findings
from streamer.errors import DeviceHungError, StreamerError
from streamer.findings import Finding, Heard, true_rate_ratio
from streamer.level import FLOOR_DBFS, InputReport
from streamer.settings import SAMPLE_RATE_HZ

QUIET = InputReport(-60.0, -45.0, ())
HEARD = Heard(duration_s=10.0, report=QUIET, num_overflows=0, num_utterances=0, rate_ratio=1.00002, core_percent=1.5)


def is_told(finding: Finding) -> bool:
    """Return whether what is wrong comes with what to do, and only that."""
    return bool(finding.advice) == (finding.verdict in ("warn", "fail"))


def with_faults(*faults: str, level_dbfs: float = -60.0) -> InputReport:
    return InputReport(level_dbfs, level_dbfs, faults)


@pytest.mark.parametrize(
    ("versions", "is_64_bit", "verdict", "said"),
    [
        ({"numpy": "2.1"}, True, "ok", "numpy 2.1"),
        ({"numpy": "2.1", "soxr": None}, True, "fail", "missing: soxr"),
        ({"numpy": "2.1"}, False, "fail", "32-bit"),
    ],
)
def test_programs(versions: dict[str, str | None], is_64_bit: bool, verdict: str, said: str) -> None:
    found = findings.programs(versions, "3.11.2", is_64_bit=is_64_bit)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert said in found.said
    assert found.measured["packages"] == versions


@pytest.mark.parametrize(
    ("num_overflows", "duration_s", "verdict"),
    [(0, 10.0, "ok"), (1, 5.0, "warn"), (2, 10.0, "fail"), (6, 60.0, "warn"), (7, 60.0, "fail")],
)
def test_losses(num_overflows: int, duration_s: float, verdict: str) -> None:
    found = findings.stream(replace(HEARD, num_overflows=num_overflows, duration_s=duration_s))

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert found.measured == {"duration_s": duration_s, "overflows": num_overflows}


@pytest.mark.parametrize(
    ("ratio", "verdict", "said", "advice"),
    [
        (1.00002, "ok", "48001 Hz by the clock, +0.00 % off", ""),
        (0.991, "ok", "-0.90 % off", ""),
        (0.98, "fail", "47040 Hz by the clock, -2.00 % off", "samples are lost on the way"),
        (1.0884, "fail", "+8.84 % off", "does not have the rate that it claims"),
        (None, "skipped", "needs 5 s without a loss", ""),
    ],
)
def test_rates(ratio: float | None, verdict: str, said: str, advice: str) -> None:
    found = findings.rate(replace(HEARD, rate_ratio=ratio), 48_000)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert said in found.said
    assert advice in found.advice
    assert ratio is None or found.measured["true_hz"] == pytest.approx(48_000 * ratio, abs=0.1)


@pytest.mark.parametrize(
    ("report", "verdict", "advice"),
    [
        (QUIET, "ok", ""),
        (with_faults("silent_input", level_dbfs=FLOOR_DBFS), "fail", "unmute"),
        (with_faults(level_dbfs=-91.0), "warn", "turn up"),
        (with_faults(level_dbfs=-90.0), "ok", ""),
        (with_faults(level_dbfs=-40.0), "ok", ""),
        (with_faults(level_dbfs=-39.0), "warn", "quieter place"),
    ],
)
def test_levels(report: InputReport, verdict: str, advice: str) -> None:
    found = findings.level(report)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert advice in found.advice
    assert found.measured == {
        "level_dbfs": report.level_dbfs,
        "peak_dbfs": report.peak_dbfs,
        "faults": list(report.faults),
    }


@pytest.mark.parametrize(
    ("check", "fault", "verdict"),
    [
        (findings.clipping, "clipping", "fail"),
        (findings.offset, "dc_offset", "warn"),
        (findings.hum, "hum", "warn"),
    ],
)
def test_faults_of_the_input(check: Any, fault: str, verdict: str) -> None:
    others = {"clipping", "dc_offset", "hum", "silent_input"} - {fault}
    bad, good = check(with_faults(fault)), check(with_faults(*others))

    assert (bad.verdict, is_told(bad)) == (verdict, True)
    assert (good.verdict, is_told(good)) == ("ok", True)


@pytest.mark.parametrize(
    ("heard", "verdict", "per_minute"),
    [
        (HEARD, "ok", 0.0),
        (replace(HEARD, num_utterances=3), "warn", 18.0),
        (replace(HEARD, num_utterances=3, duration_s=90.0), "warn", 2.0),
        (replace(HEARD, num_utterances=None), "skipped", None),
        (replace(HEARD, report=with_faults("silent_input")), "skipped", None),
    ],
)
def test_rooms(heard: Heard, verdict: str, per_minute: float | None) -> None:
    found = findings.room(heard)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert found.measured.get("per_minute") == per_minute


@pytest.mark.parametrize(
    ("speech_percent", "listening_percent", "verdict"),
    [(0.4, 1.5, "ok"), (50.0, None, "ok"), (49.0, 2.0, "warn"), (100.0, 0.0, "warn"), (99.0, 2.0, "fail")],
)
def test_headroom(speech_percent: float, listening_percent: float | None, verdict: str) -> None:
    found = findings.cpu(speech_percent, listening_percent)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert found.measured["core_percent"] == speech_percent + (listening_percent or 0.0)


@pytest.mark.parametrize(("waiting", "verdict"), [(0.2, "ok"), (4.0, "ok"), (4.1, "warn")])
def test_load(waiting: float, verdict: str) -> None:
    found = findings.load(waiting, 4)

    assert (found.verdict, is_told(found)) == (verdict, True)


@pytest.mark.parametrize(("celsius", "verdict"), [(None, "skipped"), (55.1, "ok"), (79.9, "ok"), (80.0, "warn")])
def test_temperature(celsius: float | None, verdict: str) -> None:
    found = findings.temperature(celsius)

    assert (found.verdict, is_told(found)) == (verdict, True)


@pytest.mark.parametrize(
    ("bits", "verdict", "said", "advice"),
    [
        (None, "skipped", "not a Raspberry Pi", ""),
        (0x0, "ok", "none", ""),
        (0x50005, "fail", "now the voltage is too low and it is throttled", "power supply"),
        (0x50000, "warn", "since its start at times the voltage is too low and it is throttled", "power supply"),
        (0x4, "fail", "now it is throttled", "cooler"),
        (0x80008, "warn", "now it is too warm", "cooler"),
        (0x2, "warn", "now the clock is capped", "cooler"),
    ],
)
def test_throttling(bits: int | None, verdict: str, said: str, advice: str) -> None:
    found = findings.throttling(bits)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert found.said.startswith(said)
    assert advice in found.advice


def state(active: str, sub: str, restarts: str = "0") -> Mapping[str, str]:
    return {"LoadState": "loaded", "ActiveState": active, "SubState": sub, "NRestarts": restarts}


@pytest.mark.parametrize(
    ("states", "verdict", "said", "advice"),
    [
        ({}, "skipped", "not installed", ""),
        ({"system": state("active", "running")}, "ok", "system: active (running), 0 restarts", ""),
        ({"user": state("inactive", "dead")}, "ok", "user: inactive (dead)", ""),
        ({"user": state("activating", "auto-restart", "7")}, "warn", "7 restarts", "journalctl --user -u"),
        (
            {"system": state("activating", "auto-restart"), "user": state("failed", "failed")},
            "fail",
            "user: failed",
            "journalctl --user -u",
        ),
    ],
)
def test_services(states: Mapping[str, Mapping[str, str]], verdict: str, said: str, advice: str) -> None:
    found = findings.service(states)

    assert (found.verdict, is_told(found)) == (verdict, True)
    assert said in found.said
    assert advice in found.advice


@pytest.mark.parametrize(
    ("error", "exit_code"), [(StreamerError("no"), 1), (DeviceHungError("no"), 75), (ImportError("no"), 1)]
)
def test_an_error_fails_with_the_exit_code_that_it_means(error: Exception, exit_code: int) -> None:
    assert findings.failed("device", error) == Finding("device", "fail", "no", "", {"exit_code": exit_code})


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("oo", "ready: `emotion-streamer run`"),
        ("os", "ready: `emotion-streamer run`"),
        ("wow", "ready: `emotion-streamer run`; it would do better without what is said of n0, n2"),
        ("wfo", "1 problem: n1: do 1"),
        ("off", "2 problems, first: n1: do 1"),
    ],
)
def test_the_verdict_says_what_to_do_first(verdicts: str, expected: str) -> None:
    names: Any = {"o": "ok", "w": "warn", "f": "fail", "s": "skipped"}
    found = [Finding(f"n{i}", names[letter], "so it is", f"do {i}") for i, letter in enumerate(verdicts)]

    assert findings.verdict(found) == expected


def test_a_problem_that_tells_itself_what_to_do_is_repeated() -> None:
    assert findings.verdict([Finding("device", "fail", "plug it in")]) == "1 problem: device: plug it in"


def arrivals(ratio: float, lateness_s: list[float], block_s: float = 0.1) -> list[tuple[int, float]]:
    """Return how blocks of a device arrive whose clock runs ``ratio`` times as fast as ours."""
    block = round(block_s * SAMPLE_RATE_HZ)
    return [
        ((i + 1) * block, 100.0 + (i + 1) * block / SAMPLE_RATE_HZ / ratio + late) for i, late in enumerate(lateness_s)
    ]


@given(st.floats(0.9, 1.1), st.lists(st.floats(0.0, 0.01), min_size=70, max_size=120))
def test_the_rate_is_found_whatever_the_blocks_are_late(ratio: float, lateness_s: list[float]) -> None:
    found = true_rate_ratio(arrivals(ratio, lateness_s))

    assert found == pytest.approx(ratio, rel=0.005)


def test_a_first_burst_that_comes_late_does_not_count() -> None:
    late = [1.5 - i / 10 for i in range(15)] + [0.0] * 85

    assert true_rate_ratio(arrivals(0.97, late)) == pytest.approx(0.97)


@pytest.mark.parametrize("num_blocks", [0, 1, 50])
def test_less_than_five_seconds_tell_nothing_of_the_rate(num_blocks: int) -> None:
    assert true_rate_ratio(arrivals(1.0, [0.0] * num_blocks)) is None
