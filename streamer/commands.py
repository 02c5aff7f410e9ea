"""What the commands do; each returns the exit code of a clean end."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from streamer import __version__
from streamer import clock as system_clock
from streamer.daemon import Daemon, RecordSink
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.emotion.memory import Voice, VoiceMemory
from streamer.emotion.profile import Profile
from streamer.errors import InputError, ModelError, ProfileError, SettingsError, SinkError, StreamerError
from streamer.events import Start, Utterance
from streamer.onnx import DETECTOR_KIND, metadata_of, open_session, read_model
from streamer.pipeline import Pipeline, PipelineEvent
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings
from streamer.signals import StopSignals
from streamer.sinks.lines import LineWriter, ReaderGoneError, escaped, tell_people
from streamer.sinks.manager import Manager, ManagerSink
from streamer.sinks.patient import PatientSink
from streamer.sinks.profile import ProfileSink
from streamer.sinks.sink import Sink, SinkSettings
from streamer.sources.base import AudioBlock, AudioSource, DeviceState, LostSamples, Patience
from streamer.sources.conditioner import ChannelChoice
from streamer.sources.file import FileSource
from streamer.sources.lasting import LastingMicrophone, OnDeviceLoss
from streamer.sources.microphone import find_device, list_devices, portaudio_loading
from streamer.sources.pcm import PcmFormat
from streamer.sources.pipe import PipeSource
from streamer.sources.realtime import RealTime
from streamer.sources.replay import Replay
from streamer.sources.session import Recording, RecordingSettings
from streamer.speech.network import BUNDLED_DETECTOR, NetworkDetector, SpeechNetwork
from streamer.speech.segmenter import latency_ms
from streamer.speech.silero import SileroDetector
from streamer.summary import summary

_STDIN = 0
_NEUTRAL = "neutral"
_LEAST_CALIBRATION_S = 10
_LEAST_SPEECH = 0.5
"""Part of an utterance that the network takes for speech, on average."""


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
    on_device_loss: OnDeviceLoss

    profile: Path | None
    """Where the voice that is known from the beginning is, or is to be kept."""
    learn: bool
    """Whether ``profile`` is kept up to date."""

    recording: RecordingSettings | None
    """Where what is heard is kept; None for nowhere."""


@dataclass(frozen=True)
class DoctorSettings:
    """What ``doctor`` was asked for."""

    device: int | str | None
    channel: ChannelChoice
    """As in :class:`RunSettings`."""

    seconds: int
    """How long it listens."""

    model: Path
    detector: Path
    is_silero: bool
    """As in :class:`RunSettings`."""


class _Loaded(NamedTuple):
    """What a stream needs of files."""

    classifier: OnnxClassifier
    detector: NetworkDetector | SileroDetector
    profile: Profile | None
    voice: Voice | None


def _load(settings: RunSettings) -> _Loaded:
    classifier = OnnxClassifier(settings.model)
    profile = voice = None
    if settings.profile:
        _require_adapting(classifier)
        profile = _profile(classifier, settings.profile)
        if settings.learn:
            profile.check_writable()
        voice = _know(classifier, profile)
    return _Loaded(classifier, load_detector(SpeechSettings(), settings.detector, settings.is_silero), profile, voice)


def run(
    settings: RunSettings,
    signals: StopSignals | None = None,
    settings_anew: Callable[[], RunSettings] | None = None,
) -> int:
    """Listen and print until the input ends, or one of ``signals`` comes.

    Args:
        settings: What was asked for.
        signals: Those heeded.
        settings_anew: Gives what would be asked for now, should a service manager want a reload.
    """
    speech = SpeechSettings()
    manager = Manager.taken_from(os.environ)
    with contextlib.ExitStack() as stack:
        may_wait = settings.on_device_loss == "wait"
        with portaudio_loading(may_fail=may_wait) if settings.input == "mic" else contextlib.nullcontext():
            classifier, detector, profile, voice = _load(settings)
        pipeline = Pipeline(speech, detector, classifier, partials=settings.partials, auto_gain=settings.auto_gain)
        source, recording = _source(settings, pipeline.patience), None
        if settings.recording:
            known = voice.to_json() if voice else None
            source = recording = Recording(source, settings.recording, _tell, voice=known)
        stack.enter_context(source)
        sinks: list[RecordSink] = [
            stack.enter_context(_sink(output, classifier.labels, source)) for output in settings.outputs
        ]
        if profile and settings.learn:
            sinks.append(ProfileSink(partial(_keep, classifier, profile), _tell))
        if manager:
            sinks.append(ManagerSink(manager))
        if recording:
            sinks.append(recording)
        daemon = Daemon(source, pipeline, sinks, clock=recording or system_clock)
        if signals:
            may_reload = partial(_may_reload, settings_anew) if manager and settings_anew else None
            stack.enter_context(signals.calling(daemon.note_stop, daemon.stop, may_reload))
        reason = daemon.run(
            Start(
                version=__version__,
                **_made_with(classifier, detector),
                source=source.describe(),
                settings={
                    "channel": settings.channel,
                    "partials": settings.partials,
                    "auto_gain": settings.auto_gain,
                    "profile": str(settings.profile) if settings.profile else None,
                    "learn": settings.learn,
                    "on_device_loss": settings.on_device_loss,
                    "speech": asdict(speech),
                    "latency_ms": latency_ms(speech, detector.frames_to_judge),
                },
            )
        )
    if signals and manager and reason == "reload":
        signals.start_anew(manager.environment)
    return 0


def _may_reload(settings_anew: Callable[[], RunSettings]) -> bool:
    """Return whether a process that begins anew would get as far as this one: what is refused must not end it."""
    try:
        settings = settings_anew()
        if settings.recording:
            raise SettingsError("a session is one run: stop it and record another")
        _load(settings)
    except StreamerError as error:
        _tell(f"not reloaded, all stays as it was: {error}")
        return False
    return True


def replay(
    folder: Path,
    outputs: Sequence[SinkSettings],
    model: Path | None,
    detector: tuple[Path, bool] | None,
    signals: StopSignals | None = None,
) -> int:
    """Print again what ``run`` printed of a recorded session, and end as it did.

    Args:
        folder: Of the session.
        outputs: Where to print.
        model: Another than the bundled one, be it that of the session or not.
        detector: Likewise, and whether it is Silero's.
        signals: What ends it before its end.

    Raises:
        InputError: There is no session, or it is damaged.
        ModelError: It was made with another model or detector than the bundled one, and none is named.
        ProfileError: It began with a voice that means nothing to the model.
    """
    source = Replay(folder)
    classifier = OnnxClassifier(model or BUNDLED_MODEL)
    ear = load_detector(source.speech, *(detector or (BUNDLED_DETECTOR, False)))
    if model is None:
        _require_same(folder, source.start["model"], classifier.sha256, "--model")
    if detector is None:
        _require_same(folder, source.start["detector"], ear.sha256, "--vad")
    if source.voice is not None:
        if source.start["model"]["sha256"] != classifier.sha256:
            raise ProfileError(f"{folder}: began with a profile, which means nothing to another model than its own")
        _require_adapting(classifier)
        try:
            classifier.know(Voice.from_json(source.voice, classifier.impression_size))
        except ValueError as error:
            raise ProfileError(f"{folder}: its copy of the profile is damaged ({error})") from error
    pipeline = Pipeline(source.speech, ear, classifier, partials=source.partials, auto_gain=source.auto_gain)
    with contextlib.ExitStack() as stack:
        stack.enter_context(source)
        sinks = [stack.enter_context(Sink(output, classifier.labels)) for output in outputs]
        daemon = Daemon(source, pipeline, sinks, clock=source)
        source.at_stop = daemon.note_stop
        if signals:
            stack.enter_context(signals.calling(daemon.note_stop, daemon.stop))
        delay_ms = latency_ms(source.speech, ear.frames_to_judge)
        daemon.run(
            Start(
                version=__version__,
                **_made_with(classifier, ear),
                source=source.describe(),
                settings={**source.start["settings"], "latency_ms": delay_ms},
            )
        )
    return 0


def _require_same(folder: Path, recorded: Mapping[str, Any], sha256: str, option: str) -> None:
    if recorded["sha256"] != sha256:
        raise ModelError(
            f"{folder}: made with {recorded['name']} ({recorded['sha256'][:12]}...), which is not the bundled one: "
            f"name its file, or another to hear what that makes of it, with {option}"
        )


def _made_with(classifier: OnnxClassifier, detector: NetworkDetector | SileroDetector) -> dict[str, Any]:
    return {
        "model": {"name": classifier.info.name, "sha256": classifier.sha256, "labels": list(classifier.labels)},
        "detector": {"name": detector.name, "sha256": detector.sha256},
    }


def calibrate(settings: RunSettings, seconds: int, signals: StopSignals | None = None) -> int:
    """Listen to somebody who speaks without emotion and write the profile.

    Raises:
        InputError: There was not enough speech, or more than one voice, or it was interrupted.
        ProfileError: The profile can not be written, or something else would be written over.
    """
    if settings.profile is None:
        raise SettingsError("calibrate needs the file that the profile is written to")
    speech, out = SpeechSettings(), LineWriter.standard_output()
    with contextlib.ExitStack() as stack:
        with portaudio_loading() if settings.input == "mic" else contextlib.nullcontext():
            classifier = OnnxClassifier(settings.model)
            memory = _require_adapting(classifier)
            profile = _profile(classifier, settings.profile)
            profile.check_writable()  # before anybody speaks for half a minute
            if _NEUTRAL not in classifier.labels:
                raise ModelError(f"{classifier.path}: can not be calibrated: it has no label {_NEUTRAL!r}")
            classifier.teach(_NEUTRAL)
            detector = load_detector(speech, settings.detector, settings.is_silero)
        pipeline = Pipeline(speech, detector, classifier, auto_gain=settings.auto_gain)
        source = stack.enter_context(_source(settings, pipeline.patience))
        stops: list[str] = []
        if signals:
            stack.enter_context(signals.calling(stops.append, lambda _reason: source.interrupt()))
        if settings.input == "mic":
            _tell(f"listening for {seconds} s of speech: read something aloud, without any emotion")
        lengths_s = _listen(source, pipeline, seconds)
    heard_s = sum(lengths_s)
    if stops and heard_s < seconds:
        raise InputError(f"interrupted after {heard_s:.1f} s of speech: nothing is written")
    _require_one_speaker(memory, lengths_s)
    profile.check_writable()  # a daemon that learns may have written it meanwhile: who calibrates wants this one
    profile.write(memory.most_heard)
    if heard_s < seconds:
        _tell(f"{heard_s:.1f} s of speech were heard, fewer than the {seconds} s asked for, and enough for a profile")
    try:
        out.write(escaped(f"{profile.path}: written, of {heard_s:.1f} s of speech"))
    except ReaderGoneError:
        raise
    except SinkError as error:
        raise SinkError(f"{profile.path}: written; but {error}") from error
    return 0


def _require_one_speaker(memory: VoiceMemory, lengths_s: Sequence[float]) -> None:
    """Refuse what is too short, no speech or not of one voice."""
    heard_s = sum(lengths_s)
    if heard_s < _LEAST_CALIBRATION_S:
        raise InputError(
            f"{heard_s:.1f} s of speech were heard, at least {_LEAST_CALIBRATION_S} are needed: go on longer"
        )
    if memory.heard < _LEAST_SPEECH * sum(min(length_s, 1.0) for length_s in lengths_s):  # as much as is remembered
        raise InputError("what was heard does not sound like somebody speaking: nothing is written")
    if not memory.is_of_one_voice:
        raise InputError(
            "what was heard does not sound like one voice without emotion: nothing is written; speak alone and evenly"
        )


def _listen(source: AudioSource, pipeline: Pipeline, seconds: int) -> list[float]:
    """Return the lengths of the utterances, when they are ``seconds`` together or the input ends."""
    lengths_s: list[float] = []
    events: list[PipelineEvent]
    for item in source.blocks():
        match item:
            case LostSamples(num_samples, reason):
                events = pipeline.skip(num_samples, reason)
            case AudioBlock(samples, _):
                events = pipeline.push(samples)
            case DeviceState(_, detail):
                events = []
                _tell(detail)
        lengths_s += _speech_s(events)
        if sum(lengths_s) >= seconds:
            break
    else:
        lengths_s += _speech_s(pipeline.finish())
    return lengths_s


def _speech_s(events: Iterable[PipelineEvent]) -> list[float]:
    return [(e.end_sample - e.start_sample) / SAMPLE_RATE_HZ for e in events if isinstance(e, Utterance)]


def _require_adapting(classifier: OnnxClassifier) -> VoiceMemory:
    if classifier.memory is None:
        raise ModelError(f"{classifier.path}: a model that does not adapt to voices: profiles mean nothing to it")
    return classifier.memory


def _profile(classifier: OnnxClassifier, path: Path) -> Profile:
    return Profile(path, classifier.sha256, classifier.impression_size)


def _know(classifier: OnnxClassifier, profile: Profile) -> Voice:
    voice = profile.read()
    try:
        classifier.know(voice)
    except ValueError as error:
        raise profile.damaged(error) from error
    return voice


def _keep(classifier: OnnxClassifier, profile: Profile) -> None:
    known = classifier.memory and classifier.memory.known
    if known:
        profile.write(known)


def _tell(line: str) -> None:
    tell_people(f"emotion-streamer: {line}")


def load_detector(speech: SpeechSettings, path: Path, is_silero: bool) -> NetworkDetector | SileroDetector:
    """Return the detector in the file at ``path``."""
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


def inspect(model: Path | None, *, everything: bool, as_json: bool, self_test: bool) -> int:
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
    difference = classifier.self_test() if classifier and self_test else None
    out = LineWriter.standard_output()
    if as_json:
        tested = {} if difference is None else {"self_test": {"largest_difference": difference}}
        file = {"file": str(path), "bytes": len(content), "sha256": sha256}
        out.write(json.dumps({**file, **about, **tested}, ensure_ascii=False))
        return 0
    out.write(escaped(f"file: {path} ({len(content)} bytes)"))
    out.write(f"sha256: {sha256}")
    for line in _outline(about) if everything else summary(about):
        out.write(escaped(line))
    if difference is not None:
        out.write(f"self-test: passed, the logits differ by at most {difference:.1e}")
    return 0


def bench(model: Path, detector: Path, is_silero: bool, *, as_json: bool) -> int:
    """Measure what this machine makes of a model and a detector and print it."""
    from streamer.bench import bench as measure  # starts processes, which no stream needs

    def make_pipeline() -> Pipeline:
        speech = SpeechSettings()
        return Pipeline(speech, load_detector(speech, detector, is_silero), OnnxClassifier(model))

    make_pipeline()  # what is wrong with the files is told at once
    # Absolute, since a name may look like an option, or like Silero's.
    run_options = [f"--model={model.absolute()}", f"--vad={'silero:' if is_silero else ''}{detector.absolute()}"]

    out = LineWriter.standard_output()
    tell_people("measuring for half a minute ...")
    found = measure(make_pipeline, run_options)
    for line in [json.dumps(found)] if as_json else _outline(found):
        out.write(escaped(line))
    return 0


def doctor(settings: DoctorSettings, *, as_json: bool) -> int:
    """Find out whether it can work here, and print what is wrong and what to do.

    Returns:
        0 where nothing keeps it from working, else 1.
    """
    from streamer.doctor import Doctor  # starts processes, which no stream needs
    from streamer.findings import verdict

    out, found = LineWriter.standard_output(), []
    for finding in Doctor(settings, _tell).findings():
        found.append(finding)
        if not as_json and finding.verdict != "skipped":
            advice = f"; {finding.advice}" if finding.advice else ""
            out.write(escaped(f"{finding.verdict:<4}  {finding.name:<12}{finding.said}{advice}"))
    is_ready = all(finding.verdict != "fail" for finding in found)
    if as_json:
        about = {"version": __version__, "ready": is_ready, "verdict": verdict(found)}
        out.write(json.dumps({**about, "findings": [asdict(finding) for finding in found]}, ensure_ascii=False))
    else:
        out.write(escaped(verdict(found)))
    return 0 if is_ready else 1


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


def _sink(output: SinkSettings, labels: Sequence[str], source: AudioSource) -> AbstractContextManager[RecordSink]:
    sink = Sink(output, labels)
    return PatientSink(sink) if source.is_device else sink  # files and pipes wait, so that nothing is lost


def _source(settings: RunSettings, patience: Patience) -> AudioSource:
    if settings.input == "mic":
        return LastingMicrophone(settings.device, settings.channel, patience, settings.on_device_loss)
    source: AudioSource
    if settings.input == "-":
        pcm = PcmFormat(settings.pcm_format, settings.num_channels)
        source = PipeSource(_STDIN, pcm, settings.rate_hz, settings.channel)
    else:
        source = FileSource(Path(settings.input), settings.channel)
    return RealTime(source, patience) if settings.realtime else source
