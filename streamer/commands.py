"""What the commands do; each returns the exit code of a clean end."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamer import __version__
from streamer.daemon import Daemon
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.errors import SettingsError
from streamer.events import Start
from streamer.onnx import DETECTOR_KIND, metadata_of, open_session, read_model
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.signals import StopSignals
from streamer.sinks.lines import LineWriter, escaped
from streamer.sinks.sink import Sink, SinkSettings
from streamer.sources.base import AudioSource, Patience
from streamer.sources.conditioner import ChannelChoice
from streamer.sources.file import FileSource
from streamer.sources.microphone import Microphone, find_device, list_devices, portaudio_loading
from streamer.sources.pcm import PcmFormat
from streamer.sources.pipe import PipeSource
from streamer.sources.realtime import RealTime
from streamer.speech.network import NetworkDetector, SpeechNetwork
from streamer.speech.segmenter import latency_ms
from streamer.speech.silero import SileroDetector

_STDIN = 0


@dataclass(frozen=True)
class RunSettings:
    """What ``run`` was asked for; consistent, the command line sees to it."""

    input: str
    """``mic``, ``-`` or the path of a file."""

    rate_hz: int
    num_channels: int
    pcm_format: str
    """Rate, channels and format of raw PCM on standard input."""

    device: int | str | None
    """Index or name of the microphone; None for the default."""

    channel: ChannelChoice
    outputs: tuple[SinkSettings, ...]
    partials: bool
    model: Path
    """A model file."""

    detector: Path
    """A file that tells speech from noise."""

    is_silero: bool
    """Whether ``detector`` is Silero's network; else it is one of this project."""

    auto_gain: bool
    realtime: bool


def run(settings: RunSettings, signals: StopSignals | None = None) -> int:
    """Listen and print until the input ends, or one of ``signals`` comes."""
    speech = SpeechSettings()
    with contextlib.ExitStack() as stack:
        with portaudio_loading() if settings.input == "mic" else contextlib.nullcontext():
            classifier = OnnxClassifier(settings.model)
            detector = _load_detector(speech, settings.detector, settings.is_silero)
        pipeline = Pipeline(speech, detector, classifier, partials=settings.partials, auto_gain=settings.auto_gain)
        source = stack.enter_context(_source(settings, pipeline.patience))
        sinks = [stack.enter_context(Sink(output, classifier.labels)) for output in settings.outputs]
        daemon = Daemon(source, pipeline, sinks)
        if signals:
            stack.enter_context(signals.calling(daemon.note_stop, daemon.stop))
        daemon.run(
            Start(
                version=__version__,
                model={"name": classifier.info.name, "sha256": classifier.sha256, "labels": list(classifier.labels)},
                detector={"name": detector.name, "sha256": detector.sha256},
                source=source.describe(),
                settings={
                    "channel": settings.channel,
                    "partials": settings.partials,
                    "auto_gain": settings.auto_gain,
                    "speech": asdict(speech),
                    "latency_ms": latency_ms(speech, detector.frames_to_judge),
                },
            )
        )
    return 0


def _load_detector(speech: SpeechSettings, path: Path, is_silero: bool) -> NetworkDetector | SileroDetector:
    return (SileroDetector if is_silero else NetworkDetector)(speech, path)


def devices(*, as_json: bool) -> int:
    """List the capture devices.

    Raises:
        DeviceError: There is none.
    """
    found = list_devices()
    latency = latency_ms(SpeechSettings(), NetworkDetector.frames_to_judge)
    out = LineWriter.standard_output()
    if as_json:
        out.write(json.dumps([{**asdict(device), "latency_ms": latency} for device in found], ensure_ascii=False))
    else:
        for device in found:
            mark = "*" if device.is_default else " "
            facts = f"{device.host_api}, {device.channels} channels, {device.default_rate_hz} Hz"
            out.write(escaped(f"{mark}{device.index:3}  {device.name} ({facts})"))
        if found:
            out.write(
                f"A label follows {latency['usual']} ms after the end of speech, {latency['least']} ms at the least, "
                "later by what the device takes."
            )
    find_device(None, found)
    return 0


def inspect(model: Path | None, *, self_test: bool) -> int:
    """Print what a model file says about itself, and try out whether this machine runs it rightly.

    Raises:
        ModelError: It does not.
    """
    path = model or BUNDLED_MODEL
    content, sha256 = read_model(path)
    is_detector = metadata_of(open_session(path, content)).get("kind") == DETECTOR_KIND
    if is_detector and self_test:
        raise SettingsError(f"{path}: --self-test is for models of emotions, and this is a detector of speech")
    classifier = None if is_detector else OnnxClassifier(path)
    about = asdict(classifier.info) if classifier else SpeechNetwork(path).about()
    out = LineWriter.standard_output()
    out.write(escaped(f"file: {path} ({len(content)} bytes)"))
    out.write(f"sha256: {sha256}")
    for line in _outline(about):
        out.write(escaped(line))
    if self_test and classifier:
        out.write(f"self-test: passed, the logits differ by at most {classifier.self_test():.1e}")
    return 0


def bench(model: Path, detector: Path, is_silero: bool, *, as_json: bool) -> int:
    """Measure what this machine makes of a model and a detector and print it."""
    from streamer.bench import bench as measure  # starts processes, which no stream needs

    def make_pipeline() -> Pipeline:
        speech = SpeechSettings()
        return Pipeline(speech, _load_detector(speech, detector, is_silero), OnnxClassifier(model))

    make_pipeline()  # what is wrong with the files is told at once
    # Absolute, since a name may look like an option, or like Silero's.
    run_options = [f"--model={model.absolute()}", f"--vad={'silero:' if is_silero else ''}{detector.absolute()}"]

    out = LineWriter.standard_output()
    with contextlib.suppress(OSError):
        os.write(2, b"measuring for half a minute ...\n")
    found = measure(make_pipeline, run_options)
    for line in [json.dumps(found)] if as_json else _outline(found):
        out.write(escaped(line))
    return 0


def _outline(value: Any, indent: str = "") -> Iterator[str]:
    """Yield ``value``, as JSON knows it, as lines for people: a key or an item each, what is in it indented."""
    entries = value.items() if isinstance(value, Mapping) else (("-", item) for item in value)
    for key, entry in entries:
        name = f"{indent}{key}:" if isinstance(value, Mapping) else f"{indent}-"
        if entry in ({}, [], ()):
            yield f"{name} none"
        elif not isinstance(entry, Mapping | list | tuple):
            yield f"{name} {_scalar(entry)}"
        elif isinstance(entry, Mapping) or any(isinstance(item, Mapping | list | tuple) for item in entry):
            yield name
            yield from _outline(entry, indent + "  ")
        else:
            yield f"{name} {', '.join(map(_scalar, entry))}"


def _scalar(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _source(settings: RunSettings, patience: Patience) -> AudioSource:
    if settings.input == "mic":
        return Microphone(settings.device, settings.channel, patience)
    source: AudioSource
    if settings.input == "-":
        pcm = PcmFormat(settings.pcm_format, settings.num_channels)
        source = PipeSource(_STDIN, pcm, settings.rate_hz, settings.channel)
    else:
        source = FileSource(Path(settings.input), settings.channel)
    return RealTime(source, patience) if settings.realtime else source
