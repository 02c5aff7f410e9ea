"""Whether it can work here: one thing after the other is tried and measured; :mod:`streamer.findings` judges it."""

import contextlib
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from streamer import findings, machine, service
from streamer.bench import flat_out, talk
from streamer.commands import DoctorSettings, load_detector
from streamer.emotion.classifier import OnnxClassifier
from streamer.errors import ServiceError, StreamerError
from streamer.events import Utterance
from streamer.findings import Finding, Heard
from streamer.level import InputMeter
from streamer.pipeline import Pipeline, PipelineEvent
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.sources.base import AudioBlock, AudioSource, LostSamples
from streamer.sources.microphone import Device, Microphone, find_device, list_devices

_PACKAGES = ("numpy", "onnxruntime", "sounddevice", "webrtcvad-wheels", "soxr", "soundfile")
_HEARD = ("stream", "rate", "level", "clipping", "offset", "hum", "room")
_PATIENCE_SAMPLES = SAMPLE_RATE_HZ // 10
"""Gathered at once where no pipeline says how many."""
_SPEECH_S = 20
_ERRORS = (StreamerError, ImportError, OSError)
"""For users, and of libraries that are missing or do not load."""


class Doctor:
    """Examines the programs, the microphone, the room and the machine, as far as one thing does not need another."""

    def __init__(self, settings: DoctorSettings, tell: Callable[[str], None]) -> None:
        """Prepare to examine what ``settings`` name; ``tell`` takes a line for people."""
        self._settings, self._tell = settings, tell
        self._classifier: OnnxClassifier | None = None
        self._pipeline: Pipeline | None = None
        self._devices: list[Device] | None = None
        self._device: Device | None = None
        self._listening_percent: float | None = None

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, as it is found."""
        yield findings.programs(_versions(), platform.python_version(), is_64_bit=sys.maxsize > 2**32)
        yield _checked("model", self._try_model)
        yield _checked("self_test", self._try_self_test)
        yield _checked("detector", self._try_detector)
        services = service_states()
        yield findings.service(services)
        yield _checked("portaudio", self._try_portaudio)
        yield _checked("device", self._try_device)
        yield from self._listen(services)
        yield _checked("cpu", self._try_cpu)
        yield findings.load(os.getloadavg()[0], os.cpu_count() or 1)
        yield findings.temperature(machine.temperature())
        yield findings.throttling(machine.throttled())

    def _try_model(self) -> Finding:
        classifier = self._classifier = OnnxClassifier(self._settings.model)
        said = f"{classifier.info.name}: {', '.join(classifier.labels)}"
        return Finding("model", "ok", said, "", {"name": classifier.info.name, "sha256": classifier.sha256})

    def _try_self_test(self) -> Finding:
        if not self._classifier or not self._classifier.has_self_test:
            return findings.skipped("self_test", "no model that has one")
        return findings.self_test(self._classifier.self_test())

    def _try_detector(self) -> Finding:
        settings = SpeechSettings()
        detector = load_detector(settings, self._settings.detector, self._settings.is_silero)
        if self._classifier:
            self._pipeline = Pipeline(settings, detector, self._classifier)
        return Finding("detector", "ok", "loads")

    def _try_portaudio(self) -> Finding:
        self._devices = list_devices()
        return findings.devices(self._devices)

    def _try_device(self) -> Finding:
        if self._devices is None:
            return findings.skipped("device", "needs PortAudio")
        self._device = find_device(self._settings.device, self._devices)
        return findings.device(self._device)

    def _listen(self, services: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
        """Yield how the microphone opens and what it brings; what can not be found out is skipped."""
        names = ["microphone", *_HEARD]
        found: list[Finding] = []
        if self._device:
            try:
                with Microphone(self._settings.device, self._settings.channel, self._patience) as source:
                    opened = source.describe()
                    yield findings.microphone(opened)
                    names.remove("microphone")
                    self._tell(f"listening to {self._device.name} for {self._settings.seconds} s: please be quiet ...")
                    heard = listen(source, self._pipeline, self._settings.seconds)
                self._listening_percent = heard.core_percent
                found = findings.of_what_was_heard(heard, opened["rate_hz"])
            except _ERRORS as error:
                advice = _how_to_free(services) if "microphone" in names else ""
                found = [findings.failed(names.pop(0), error, advice)]
                found += [findings.skipped(name, "the microphone was not heard") for name in names]
        yield from found or [findings.skipped(name, "no device") for name in names]

    def _patience(self) -> int:
        return self._pipeline.patience() if self._pipeline else _PATIENCE_SAMPLES

    def _try_cpu(self) -> Finding:
        if not self._pipeline:
            return findings.skipped("cpu", "needs a model and a detector")
        speech = talk(_SPEECH_S)
        flat_out(self._pipeline, speech)  # first calls load and allocate
        cost_us_per_s = flat_out(self._pipeline, speech)["total"]
        return findings.cpu(cost_us_per_s / 10_000, self._listening_percent)


_OPENING_S = 1.0
"""What audio libraries spend at first, beside the first blocks, is not what listening costs."""


def listen(source: AudioSource, pipeline: Pipeline | None, seconds: int) -> Heard:
    """Return what the open ``source`` brings in ``seconds``, by the stamps of its blocks.

    Raises:
        DeviceError: It stalls or is lost.
    """
    meter = InputMeter()
    began_s = ended_s = None
    num_samples = num_utterances = 0
    stretches: list[list[tuple[int, float]]] = [[]]  # without a loss: how many samples had come, and when
    spending_since: tuple[float, float] | None = None  # a moment, and the CPU time until then
    for item in source.blocks():
        events: list[PipelineEvent] = []
        match item:
            case LostSamples(num_lost, reason):
                stretches.append([])
                events = pipeline.skip(num_lost, reason) if pipeline else []
            case AudioBlock(samples, captured_s):
                meter.push(samples)
                events = pipeline.push(samples) if pipeline else []
                if captured_s is not None and samples.size:
                    num_samples += samples.size
                    stretches[-1].append((num_samples, captured_s))
                    began_s, ended_s = captured_s if began_s is None else began_s, captured_s
                    if spending_since is None and captured_s - began_s >= _OPENING_S:
                        spending_since = (captured_s, time.process_time())
        num_utterances += _num_utterances(events)
        if began_s is not None and ended_s is not None and ended_s - began_s >= seconds:
            break
    cpu_s = time.process_time()
    num_utterances += _num_utterances(pipeline.finish() if pipeline else [])
    duration_s = (ended_s or 0.0) - (began_s or 0.0)
    since_s, cpu_before_s = spending_since or (ended_s or 0.0, cpu_s)
    return Heard(
        duration_s=duration_s,
        report=meter.take(),
        num_overflows=source.overflows,
        num_utterances=num_utterances if pipeline else None,
        rate_ratio=findings.true_rate_ratio(max(stretches, key=len)),
        core_percent=100 * (cpu_s - cpu_before_s) / max((ended_s or 0.0) - since_s, 1.0),
    )


def service_states() -> dict[str, dict[str, str]]:
    """Return what systemd says of the service, for each of ``system`` and ``user`` where it is installed."""
    states = {}
    for scope in service.Scope:
        with contextlib.suppress(ServiceError):  # no systemd, or none of this user
            values = service.properties(scope, "LoadState", "ActiveState", "SubState", "NRestarts")
            if values["LoadState"] == "loaded":
                states[scope.value] = values
    return states


def _checked(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except _ERRORS as error:
        return findings.failed(name, error)


def _num_utterances(events: list[PipelineEvent]) -> int:
    return sum(isinstance(event, Utterance) for event in events)


def _how_to_free(services: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how to get at a device that does not open."""
    listening = [scope for scope, state in services.items() if state["ActiveState"] == "active"]
    if listening:
        return f"the service has it: `systemctl --{listening[0]} stop emotion-streamer` first"
    return "end what has it (`fuser -v /dev/snd/*` names it), or choose another, see `emotion-streamer devices`"


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
