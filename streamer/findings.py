"""What measurements of a machine, a microphone and a room mean, and what to do about it; nothing is measured here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from streamer import __version__
from streamer.errors import StreamerError
from streamer.level import InputReport
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.microphone import Device

Verdict = Literal["ok", "warn", "fail", "skipped"]

LEAST_RATE_S = 5.0
"""Blocks arrive some ms late: over less, what a clock tells of a rate says little."""

_MOST_RATE_ERROR = 0.01
_FAINT_DBFS = -90.0
"""One step of 16 bits."""
_LOUD_DBFS = -40.0
_BUSY_CORE_PERCENT, _FULL_CORE_PERCENT = 50.0, 100.0
_BUSY_LOAD = 1.0
_HOT_CELSIUS = 80.0
_UNDER_VOLTAGE, _THROTTLED, _NOW = 0x1, 0x4, 0xF
_TROUBLES = {0x1: "the voltage is too low", 0x2: "the clock is capped", 0x4: "it is throttled", 0x8: "it is too warm"}
_SINCE_START = 16
"""Bits so much higher tell what has been since the start of the machine."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    verdict: Verdict
    said: str
    """What is so, in a line."""

    advice: str = ""
    """What to do; empty where there is nothing, or where ``said`` tells it."""

    measured: Mapping[str, Any] = field(default_factory=dict)
    """Ready for JSON."""


@dataclass(frozen=True)
class Heard:
    """What a microphone gave for a while."""

    duration_s: float
    """From the first block to the last, by the clock."""

    report: InputReport
    num_overflows: int
    num_utterances: int | None
    """None where nothing listened for them."""

    rate_ratio: float | None
    """Samples that came for each that was promised; None where too little came in one piece."""

    core_percent: float
    """CPU time, of one core."""


def programs(versions: Mapping[str, str | None], python: str, *, is_64_bit: bool) -> Finding:
    """Judge the ``versions`` of packages, None where one is missing."""
    measured = {"emotion_streamer": __version__, "python": python, "is_64_bit": is_64_bit, "packages": dict(versions)}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        advice = "install the program anew, in an environment of its own: pip install ."
        return Finding("programs", "fail", f"missing: {', '.join(missing)}", advice, measured)
    if not is_64_bit:
        advice = "onnxruntime needs a 64-bit userland: on a Raspberry Pi, Raspberry Pi OS (64-bit)"
        return Finding("programs", "fail", f"Python {python} is a 32-bit program", advice, measured)
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding("programs", "ok", f"emotion-streamer {__version__}, Python {python}, {listed}", "", measured)


def failed(name: str, error: Exception, advice: str = "") -> Finding:
    """Take an error for a failed check: one for users, or that of a library that is missing or does not load."""
    exit_code = error.exit_code if isinstance(error, StreamerError) else 1
    return Finding(name, "fail", str(error), advice, {"exit_code": exit_code})


def skipped(name: str, why: str) -> Finding:
    """Take note that a check was left out."""
    return Finding(name, "skipped", why)


def devices(found: Sequence[Device]) -> Finding:
    """Tell which devices PortAudio lists; that there is none is for whoever chooses one to say."""
    measured = {"devices": [asdict(device) for device in found]}
    return Finding("portaudio", "ok", f"starts, capture devices: {len(found)}", "", measured)


def device(chosen: Device) -> Finding:
    """Tell which device was chosen."""
    said = f"{chosen.index} {chosen.name!r} ({chosen.host_api})"
    return Finding("device", "ok", said, "", {"device": asdict(chosen)})


def microphone(opened: Mapping[str, Any]) -> Finding:
    """Tell in which format it is ``opened``, as the microphone describes itself."""
    measured = {key: opened[key] for key in ("rate_hz", "channels", "format")}
    channels = f"{measured['channels']} channel{'s' * (measured['channels'] != 1)}"
    said = f"opened with {measured['rate_hz']} Hz, {channels}, {measured['format']}"
    return Finding("microphone", "ok", said, "", measured)


def of_what_was_heard(heard: Heard, opened_rate_hz: int) -> list[Finding]:
    """Judge a stream of a microphone that was opened with ``opened_rate_hz``, in a room where nobody spoke."""
    return [
        stream(heard),
        rate(heard, opened_rate_hz),
        level(heard.report),
        clipping(heard.report),
        offset(heard.report),
        hum(heard.report),
        room(heard),
    ]


def stream(heard: Heard) -> Finding:
    """Judge how often samples were lost."""
    measured = {"duration_s": round(heard.duration_s, 2), "overflows": heard.num_overflows}
    if not heard.num_overflows:
        return Finding("stream", "ok", f"nothing was lost in {heard.duration_s:.1f} s", "", measured)
    is_often = heard.num_overflows > max(1.0, heard.duration_s / 10)  # hardly an utterance gets through
    said = f"samples were lost {heard.num_overflows} times in {heard.duration_s:.1f} s"
    advice = "end what else keeps this machine busy; plug a USB microphone into another socket, without a hub"
    return Finding("stream", "fail" if is_often else "warn", said, advice, measured)


def rate(heard: Heard, opened_rate_hz: int) -> Finding:
    """Judge how many samples a second truly come."""
    if heard.rate_ratio is None:
        return skipped("rate", f"needs {LEAST_RATE_S:.0f} s without a loss")
    true_hz, off = opened_rate_hz * heard.rate_ratio, heard.rate_ratio - 1
    measured = {"opened_hz": opened_rate_hz, "true_hz": round(true_hz, 1), "off_percent": round(100 * off, 3)}
    said = f"{true_hz:.0f} Hz by the clock, {100 * off:+.2f} % off"
    if abs(off) <= _MOST_RATE_ERROR:
        return Finding("rate", "ok", said, "", measured)
    advice = (
        "samples are lost on the way without a word: another socket, cable or power supply"
        if off < 0
        else "the device does not have the rate that it claims: choose another with -d, see `emotion-streamer devices`"
    )
    return Finding("rate", "fail", said, advice, measured)


def level(report: InputReport) -> Finding:
    """Judge how loud a room is in which nobody speaks."""
    measured = {"level_dbfs": report.level_dbfs, "peak_dbfs": report.peak_dbfs, "faults": list(report.faults)}
    said = f"{report.level_dbfs:.1f} dBFS, peak {report.peak_dbfs:.1f}"
    if "silent_input" in report.faults:
        advice = (
            "unmute it, in the sound settings or in `alsamixer` (F4); "
            "behind a noise gate, which closes in silence, speak meanwhile"
        )
        return Finding("level", "fail", "nothing but zeros came: the microphone is muted", advice, measured)
    if report.level_dbfs < _FAINT_DBFS:
        advice = "turn up its gain, in the sound settings or in `alsamixer` (F4)"
        return Finding("level", "warn", f"{said}: next to nothing", advice, measured)
    if report.level_dbfs > _LOUD_DBFS:
        advice = "people must be well above that: a quieter place, a microphone nearer to them, or less gain"
        return Finding("level", "warn", f"{said}: loud, where nobody speaks", advice, measured)
    return Finding("level", "ok", said, "", measured)


def clipping(report: InputReport) -> Finding:
    """Judge whether samples reach full scale."""
    if "clipping" in report.faults:
        advice = "turn down its gain, in the sound settings or in `alsamixer` (F4)"
        return Finding("clipping", "fail", "more than one sample in 10,000 is at full scale", advice)
    return Finding("clipping", "ok", "none")


def offset(report: InputReport) -> Finding:
    """Judge whether samples lie around 0."""
    if "dc_offset" in report.faults:
        advice = "a fault of the sound card or its microphone: another one; so far it does no harm"
        return Finding("offset", "warn", "the mean is above -40 dBFS, not 0", advice)
    return Finding("offset", "ok", "none")


def hum(report: InputReport) -> Finding:
    """Judge whether the mains are heard."""
    if "hum" in report.faults:
        advice = "move its cable away from power supplies, try another socket or another power supply"
        return Finding("hum", "warn", "mains of 50 or 60 Hz are most of what was heard", advice)
    return Finding("hum", "ok", "none")


def room(heard: Heard) -> Finding:
    """Judge what was taken for speech although nobody spoke."""
    if heard.num_utterances is None or "silent_input" in heard.report.faults:
        return skipped("room", "nothing was listened to")
    a_minute = 60 * heard.num_utterances / max(heard.duration_s, 1.0)
    measured = {"utterances": heard.num_utterances, "per_minute": round(a_minute, 1)}
    if not heard.num_utterances:
        return Finding("room", "ok", f"nothing was taken for speech in {heard.duration_s:.1f} s", "", measured)
    said = f"taken for speech: {heard.num_utterances} times in {heard.duration_s:.1f} s, {a_minute:.1f} a minute"
    advice = "if nobody spoke, switch off what talks or plays; with --seconds 60 it is known better"
    return Finding("room", "warn", said, advice, measured)


def self_test(difference: float) -> Finding:
    """Tell by how much the network's results differ here from what they should be."""
    said = f"passed, the logits differ by at most {difference:.1e}"
    return Finding("self_test", "ok", said, "", {"difference": difference})


def cpu(speech_percent: float, listening_percent: float | None) -> Finding:
    """Judge what a live stream takes of one core.

    Args:
        speech_percent: For speech, as fast as it goes.
        listening_percent: With the microphone open while nobody spoke: waking up is dear; None where it was not.
    """
    total = speech_percent + (listening_percent or 0.0)
    measured = {"core_percent": total, "speech_percent": speech_percent, "listening_percent": listening_percent}
    measured = {key: None if value is None else round(value, 2) for key, value in measured.items()}
    said = f"a live stream takes {total:.1f} % of a core while somebody speaks"
    if total <= _BUSY_CORE_PERCENT:
        return Finding("cpu", "ok", said, "", measured)
    advice = "take the bundled detector and model, a faster machine, or cool this one"
    if total <= _FULL_CORE_PERCENT:
        return Finding("cpu", "warn", said, advice, measured)
    return Finding("cpu", "fail", f"{said}: it can not keep up", advice, measured)


def load(waiting: float, num_cores: int) -> Finding:
    """Judge how many programs want to run, on average over the last minute."""
    measured = {"load": round(waiting, 2), "cores": num_cores}
    said = f"{waiting:.1f} programs want to run on {num_cores} cores"
    if waiting > _BUSY_LOAD * num_cores:
        return Finding("load", "warn", said, "end what else keeps this machine busy: results come late", measured)
    return Finding("load", "ok", said, "", measured)


def temperature(celsius: float | None) -> Finding:
    """Judge the warmest sensor."""
    if celsius is None:
        return skipped("temperature", "no sensor tells")
    measured = {"celsius": round(celsius, 1)}
    if celsius >= _HOT_CELSIUS:
        advice = "give it air or a cooler: it slows down when it is hotter"
        return Finding("temperature", "warn", f"{celsius:.0f} degrees Celsius", advice, measured)
    return Finding("temperature", "ok", f"{celsius:.0f} degrees Celsius", "", measured)


def throttling(bits: int | None) -> Finding:
    """Judge what the firmware of a Raspberry Pi says, ``bits`` of its ``get_throttled``; None on other machines."""
    if bits is None:
        return skipped("throttling", "not a Raspberry Pi")
    measured = {"bits": hex(bits)}
    now, since_start = _named(bits & _NOW), _named(bits >> _SINCE_START & _NOW)
    if not now and not since_start:
        return Finding("throttling", "ok", "none since the start of the machine", "", measured)
    said = f"now {' and '.join(now)}" if now else f"since its start at times {' and '.join(since_start)}"
    is_power = (bits | bits >> _SINCE_START) & _UNDER_VOLTAGE
    advice = "another power supply, with a short, thick cable" if is_power else "give it air or a cooler"
    is_grave = bits & (_UNDER_VOLTAGE | _THROTTLED)
    return Finding("throttling", "fail" if is_grave else "warn", said, advice, measured)


def service(states: Mapping[str, Mapping[str, str]]) -> Finding:
    """Judge the service of each service manager, ``system`` and ``user``, where it is installed.

    Args:
        states: Properties as ``systemctl show`` names them.
    """
    if not states:
        return skipped("service", "not installed")
    said = ", ".join(f"{scope}: {state['ActiveState']} ({state['SubState']})" for scope, state in states.items())
    restarts = ", ".join(f"{state.get('NRestarts', '0')} restarts" for state in states.values())
    measured = {"services": {scope: dict(state) for scope, state in states.items()}}
    broken = [scope for scope, state in states.items() if state["ActiveState"] == "failed"]
    ailing = [scope for scope, state in states.items() if state["SubState"] == "auto-restart"]
    for scope in broken + ailing:
        advice = f"`journalctl --{scope} -u emotion-streamer -n 20` tells why"
        return Finding("service", "fail" if broken else "warn", f"{said}, {restarts}", advice, measured)
    return Finding("service", "ok", f"{said}, {restarts}", "", measured)


def verdict(findings: Sequence[Finding]) -> str:
    """Return what all of it comes to, and what to do first."""
    problems = [finding for finding in findings if finding.verdict == "fail"]
    if problems:
        first = problems[0]
        number = f"{len(problems)} problems, first" if problems[1:] else "1 problem"
        return f"{number}: {first.name}: {first.advice or first.said}"
    warnings = [finding.name for finding in findings if finding.verdict == "warn"]
    if warnings:
        return f"ready: `emotion-streamer run`; it would do better without what is said of {', '.join(warnings)}"
    return "ready: `emotion-streamer run`"


def true_rate_ratio(arrivals: Sequence[tuple[int, float]]) -> float | None:
    """Return how many samples came for each that was promised, None where it lasted less than ``LEAST_RATE_S``.

    A block is stamped late, by what the system had to do, and never early: what was least late in the first and in the
    last third is how the device's clock went.

    Args:
        arrivals: How many samples at 16 kHz had come, and when, in seconds.
    """
    if not arrivals or arrivals[-1][1] - arrivals[0][1] < LEAST_RATE_S:
        return None
    third = max(1, len(arrivals) // 3)

    def least_late(some: Sequence[tuple[int, float]]) -> tuple[int, float]:
        return min(some, key=lambda arrival: arrival[1] - arrival[0] / SAMPLE_RATE_HZ)

    (first, first_s), (last, last_s) = least_late(arrivals[:third]), least_late(arrivals[-third:])
    return (last - first) / SAMPLE_RATE_HZ / (last_s - first_s)


def _named(bits: int) -> list[str]:
    return [trouble for bit, trouble in _TROUBLES.items() if bits & bit]
