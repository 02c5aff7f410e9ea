"""The command line: arguments in, exit code out."""

import argparse
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from streamer import __version__, commands
from streamer.emotion.classifier import BUNDLED_MODEL
from streamer.errors import DeviceHungError, SettingsError, StreamerError
from streamer.options import complete, options_of
from streamer.signals import StopSignals
from streamer.sinks.lines import ReaderGoneError, tell_people
from streamer.sinks.sink import FORMATS, SinkSettings
from streamer.sources.conditioner import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, MIX, ChannelChoice
from streamer.sources.pcm import PCM_BYTES
from streamer.sources.session import RecordingSettings
from streamer.speech.network import BUNDLED_DETECTOR

_BUNDLED_VAD = (BUNDLED_DETECTOR, False)
_RECORD_MINUTES = 60
_SWITCH = argparse.BooleanOptionalAction  # so that what a file switches on can be switched off
_BENCH = """\
measures for half a minute what it costs here, without a microphone, on the demonstration clip and a faint hiss:
cost_us_per_s  CPU time in microseconds per second of audio, as fast as it goes: vad finds the speech, features
               describes its sound, infer is the network, rest what joins them
block_us       microseconds that a block of 20 ms takes, where each is pushed alone; half of the blocks take up to p50
core_percent   share of a core for a live stream: waking up and cold caches come on top of cost_us_per_s
latency_ms     from the end of speech as the program finds it to its line, live, of so many utterances
rss_mib        the most memory of `emotion-streamer run` while it hears the clip
start_ms       from the start of `emotion-streamer run` to its first line
An open microphone comes on top; docs/performance.md has figures of all of it.
"""
_DOCTOR = """\
tries the programs, the model, PortAudio, the microphone, the room, the processor and the service, and tells what is
wrong and what to do. It listens for 10 s: be quiet meanwhile, since what is taken for speech then is not. Nothing that
it hears is kept. Exit code 1 where something keeps it from working, else 0.
"""
_CONFIG = (
    "options in TOML (auto_gain = true); variables (EMOTION_STREAMER_AUTO_GAIN=1) win over it, what is typed over both"
)
_EPILOG = """\
exit codes: 0 clean; 1 the stream broke midway, or a service does not run; 2 usage, or input missing, unreadable or
not audio; 3 device absent, lost or stalled; 4 model or profile; 75 a hung device; 130, 143 a second signal
"""


def main(arguments: Sequence[str] | None = None, signals: StopSignals | None = None) -> int:
    """Run the command that ``arguments`` name, those of the process by default; return the exit code.

    Args:
        arguments: Without the name of the program.
        signals: What ends a stream in good order.
    """
    try:
        parsed = parse(arguments)
        parsed.signals = signals
        return int(parsed.command(parsed))
    except ReaderGoneError:
        return 0
    except StreamerError as error:
        tell_people(f"emotion-streamer: {error}")
        if isinstance(error, DeviceHungError):
            os._exit(error.exit_code)  # an orderly exit would wait for the audio system, which hangs
        return error.exit_code


def parse(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    """Return what ``arguments`` and, where they leave it open, the environment and the file of --config ask for.

    Raises:
        SettingsError: Something of it makes no sense.
    """
    parser, parsers = command_parsers()
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        is_file = len(unknown) == 1 and not unknown[0].startswith("-") and getattr(parsed, "input", "") is None
        advice = f"did you mean -i {unknown[0]}?" if is_file else f"see `{parsers[parsed.command_name].prog} --help`"
        raise SettingsError(f"unrecognized arguments: {' '.join(unknown)}; {advice}")
    complete(parsed, parsed.command_name, parsers, os.environ if environment is None else environment)
    return parsed


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        """Fit the terminal; argparse itself would ask shutil, which loads archivers, at every start."""
        num_columns = 0
        with contextlib.suppress(OSError, ValueError):
            num_columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns
        super().__init__(prog, width=(num_columns or 80) - 2)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        """Make a parser, also of a command: texts stay as they are, no option goes by a part of its name."""
        super().__init__(formatter_class=_Help, allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse; leave None, not its default, where an option was not typed."""
        namespace = namespace or argparse.Namespace()
        for option in options_of(self).values():
            setattr(namespace, option.dest, None)
        self._typed: set[str] = set()
        return super().parse_known_args(args, namespace)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Take the values of an option; argparse itself would let the last of two win."""
        if action.option_strings and not isinstance(action, argparse._AppendAction):
            if action.dest in self._typed:
                self.error(f"{action.option_strings[0]} was given twice")
            self._typed.add(action.dest)
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        raise SettingsError(f"{message}; see `{self.prog} --help`")


def command_parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """Return the parser of the command line, and those of the commands by their names."""
    parser = _Parser(
        prog="emotion-streamer",
        description="Live speech emotion: a line per utterance, from a microphone, a file or a pipe.",
        epilog="options may also come from a file and from variables: see --config of each command\n" + _EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"emotion-streamer {__version__}")
    subparsers = parser.add_subparsers(required=True, dest="command_name", metavar="COMMAND")
    _add_run(subparsers)
    _add_replay(subparsers)
    _add_calibrate(subparsers)
    devices = subparsers.add_parser("devices", help="list the capture devices")
    devices.add_argument("--json", action=_SWITCH, help="for programs")
    devices.set_defaults(command=lambda parsed: commands.devices(as_json=parsed.json))
    inspect = subparsers.add_parser("inspect", help="say what a model file holds")
    inspect.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="default: the bundled one")
    inspect.add_argument("--all", action=_SWITCH, help="all that it says of itself, some hundred lines")
    inspect.add_argument("--json", action=_SWITCH, help="all of it, for programs")
    inspect.add_argument("--self-test", action=_SWITCH, help="check that this machine runs it rightly")
    inspect.set_defaults(
        command=lambda parsed: commands.inspect(
            parsed.model, everything=parsed.all, as_json=parsed.json, self_test=parsed.self_test
        )
    )
    bench = subparsers.add_parser(
        "bench", parents=[_models()], help="measure what it costs on this machine", description=_BENCH
    )
    bench.add_argument("--json", action=_SWITCH, help="for programs")
    bench.set_defaults(
        command=lambda parsed: commands.bench(
            parsed.model or BUNDLED_MODEL, *(parsed.vad or _BUNDLED_VAD), as_json=parsed.json
        )
    )
    _add_doctor(subparsers)
    for command in subparsers.choices.values():
        command.add_argument("--config", type=Path, metavar="FILE", help=_CONFIG)
    _add_service(subparsers)
    return parser, subparsers.choices


def _add_run(subparsers: "argparse._SubParsersAction[_Parser]") -> None:
    run = subparsers.add_parser(
        "run", parents=[_inputs(), _models(), _outputs()], help="listen and print", epilog=_EPILOG
    )
    run.add_argument("--partials", action=_SWITCH, help="also tell while somebody is still speaking")
    run.add_argument(
        "--on-device-loss",
        choices=("wait", "quit"),
        help="what becomes of a microphone that is lost: wait until it is back, also where it is not there at the "
        "start, or quit (default: wait, but not at the start)",
    )
    run.add_argument("--realtime", action=_SWITCH, help="pace FILE or stdin as if heard now")
    run.add_argument("--profile", type=Path, metavar="FILE", help="begin with a voice that is known, see `calibrate`")
    run.add_argument("--learn", action=_SWITCH, help="keep the file of --profile up to date")
    run.add_argument(
        "--record-session",
        type=Path,
        metavar="DIR",
        help="also keep what is heard, for `replay`: the audio itself, in a new folder that only you may read",
    )
    run.add_argument(
        "--record-minutes", type=_minutes, metavar="N", help="keep so much of it, the last minutes (default 60)"
    )
    run.set_defaults(command=_run)


def _add_replay(subparsers: "argparse._SubParsersAction[_Parser]") -> None:
    replay = subparsers.add_parser(
        "replay",
        parents=[_models(), _outputs()],
        help="print a recorded session again",
        description="Print again what `run --record-session DIR` printed, with the same settings and as fast as it "
        "goes: the same events at the same times, but for what is under latency_ms and dropped.",
        epilog=_EPILOG,
    )
    replay.add_argument("session", type=Path, metavar="DIR", help="the folder of the session")
    replay.set_defaults(command=_replay)


def _add_calibrate(subparsers: "argparse._SubParsersAction[_Parser]") -> None:
    calibrate = subparsers.add_parser(
        "calibrate",
        parents=[_inputs(), _models()],
        help="learn how a voice sounds without emotion",
        description="Speak, or let somebody speak, without emotion until it ends by itself: read something aloud. What "
        "the voice sounds like is written to PROFILE, for `run --profile`; what was said is kept nowhere.",
        epilog=_EPILOG,
    )
    calibrate.add_argument("profile", type=Path, metavar="PROFILE", help="the file; one that is there is replaced")
    calibrate.add_argument(
        "--seconds", type=_seconds, default=30, metavar="N", help="of speech to hear (default 30, at least 10)"
    )
    calibrate.set_defaults(command=_calibrate)


def _add_service(subparsers: "argparse._SubParsersAction[_Parser]") -> None:
    service = subparsers.add_parser(
        "service",
        help="run under systemd, from the start of the machine on",
        description="A system service hears ALSA's devices as a user of its own; one of a user goes with PipeWire or "
        "PulseAudio. Which of the two is chosen by what is here, unless it is said.",
        epilog=_EPILOG,
    )
    service.set_defaults(config=None)  # that of `run` goes with its ARGS
    actions = service.add_subparsers(required=True, metavar="ACTION")
    install = _add_action(actions, "install", "write a unit that runs `run` with ARGS, enable and start it", _install)
    install.add_argument(
        "arguments",
        nargs="*",
        metavar="ARGS",
        help="behind a --, as of `run` (-o text --on-device-loss wait, where not said)",
    )
    _add_action(actions, "uninstall", "stop it and remove it", _uninstall)
    _add_action(actions, "status", "tell whether it runs; exit code 1 where it does not", _status)


def _add_action(
    actions: "argparse._SubParsersAction[_Parser]", name: str, text: str, command: Callable[[argparse.Namespace], int]
) -> _Parser:
    action = actions.add_parser(name, help=text)
    scopes = action.add_mutually_exclusive_group()
    for scope in ("system", "user"):
        scopes.add_argument(f"--{scope}", dest="scope", action="store_const", const=scope, help=f"that of the {scope}")
    action.set_defaults(command=command)
    return action


def _install(parsed: argparse.Namespace) -> int:
    from streamer import service

    asked = parse(["run", *parsed.arguments], {})  # a service has nothing of this shell
    if not asked.outputs:  # neither a terminal nor a pipe
        parsed.arguments += ["-o", "text"]
    if not asked.on_device_loss and asked.input == "mic":  # it may be plugged in at any time
        parsed.arguments += ["--on-device-loss", "wait"]
    asked = parse(["run", *parsed.arguments], {})
    run = service.Run(tuple(parsed.arguments), _run_settings(asked), asked.config)
    return service.install(parsed.scope and service.Scope(parsed.scope), run)


def _uninstall(parsed: argparse.Namespace) -> int:
    from streamer import service

    return service.uninstall(parsed.scope and service.Scope(parsed.scope))


def _status(parsed: argparse.Namespace) -> int:
    from streamer import service

    return service.status(parsed.scope and service.Scope(parsed.scope))


def _add_doctor(subparsers: "argparse._SubParsersAction[_Parser]") -> None:
    doctor = subparsers.add_parser(
        "doctor", parents=[_models()], help="tell whether it can work here, and what to do", description=_DOCTOR
    )
    _add_microphone(doctor)
    doctor.add_argument(
        "--seconds", type=_doctor_seconds, default=10, metavar="N", help="to listen (default 10, at least 5)"
    )
    doctor.add_argument("--json", action=_SWITCH, help="for programs, with all that was measured (docs/doctor.md)")
    doctor.set_defaults(
        command=lambda parsed: commands.doctor(
            commands.DoctorSettings(
                parsed.device,
                parsed.channel or MIX,
                parsed.seconds,
                parsed.model or BUNDLED_MODEL,
                *(parsed.vad or _BUNDLED_VAD),
            ),
            as_json=parsed.json,
        )
    )


def _add_microphone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--device", type=_device, metavar="INDEX|NAME", help="microphone, see `devices`")
    parser.add_argument("--channel", type=_channel, metavar="N|mix", help="channel from 1, or the mean (default mix)")


def _inputs() -> _Parser:
    options = _Parser(add_help=False)
    options.add_argument("-i", "--input", default="mic", metavar="mic|FILE|-", help="input; - is raw PCM on stdin")
    options.add_argument("--rate", type=_rate, metavar="N", help="of raw PCM, in Hz (default 16000)")
    options.add_argument("--channels", type=_count, metavar="N", help="of raw PCM (default 1)")
    options.add_argument("--format", choices=list(PCM_BYTES), help="of raw PCM (default s16le)")
    _add_microphone(options)
    options.add_argument("--auto-gain", action=_SWITCH, help="raise the level where people are heard too quietly")
    return options


def _outputs() -> _Parser:
    options = _Parser(add_help=False)
    options.add_argument(
        "-o",
        "--output",
        dest="outputs",
        action="append",
        type=_output,
        metavar="FORMAT[:PATH]",
        help=f"one of {', '.join(FORMATS)}; to stdout, or added to PATH; repeatable "
        "(default: text on a terminal, jsonl in a pipe)",
    )
    return options


def _models() -> _Parser:
    options = _Parser(add_help=False)
    options.add_argument(
        "--vad",
        type=_detector,
        metavar="[silero:]FILE",
        help="find speech with another detector: one of `python -m training detector`, or silero_vad.onnx, with which "
        "speech costs five times as much and silence sixteen times (default: the bundled one)",
    )
    options.add_argument("--model", type=Path, metavar="FILE", help="model file (default: the bundled one)")
    return options


def _run(parsed: argparse.Namespace) -> int:
    return commands.run(_run_settings(parsed), parsed.signals, lambda: _run_settings(parse()))


def _run_settings(parsed: argparse.Namespace) -> commands.RunSettings:
    if parsed.realtime and parsed.input == "mic":
        raise SettingsError(f"{parsed.names['realtime']} goes with a file or stdin: the microphone is live anyway")
    _refuse(parsed.input != "mic", parsed, ("on_device_loss",), "goes with -i mic only")
    if parsed.learn and not parsed.profile:
        raise SettingsError(f"{parsed.names['learn']} goes with --profile FILE only")
    outputs = _chosen_outputs(parsed, parsed.record_session, Path(parsed.input), parsed.profile)
    return replace(
        _settings(parsed, outputs=outputs, learn=parsed.learn),
        partials=parsed.partials,
        realtime=parsed.realtime,
        on_device_loss=parsed.on_device_loss,
        recording=_recording(parsed),
    )


def _recording(parsed: argparse.Namespace) -> RecordingSettings | None:
    if parsed.record_session:
        return RecordingSettings(parsed.record_session, parsed.record_minutes or _RECORD_MINUTES)
    if parsed.record_minutes:
        raise SettingsError(f"{parsed.names['record_minutes']} goes with --record-session DIR only")
    return None


def _replay(parsed: argparse.Namespace) -> int:
    outputs = _chosen_outputs(parsed, parsed.session)
    return commands.replay(parsed.session, outputs, parsed.model, parsed.vad, parsed.signals)


def _chosen_outputs(parsed: argparse.Namespace, session: Path | None, *read: Path | None) -> tuple[SinkSettings, ...]:
    """Return where results go; nowhere twice, into no file that is ``read``, and not into the folder of a session."""
    outputs = parsed.outputs or [SinkSettings("text" if os.isatty(1) else "jsonl", None)]
    places = [output.path and _place(output.path) for output in outputs]
    if len(set(places)) < len(places):
        raise SettingsError("two -o go to the same place: give each but one its own file (-o FORMAT:PATH)")
    all_read = filter(None, (*read, parsed.model or BUNDLED_MODEL, (parsed.vad or _BUNDLED_VAD)[0], parsed.config))
    if {_place(path) for path in all_read} & set(places):
        raise SettingsError(
            "-o would write into the input, a model, the profile or the settings: give another file (-o FORMAT:PATH)"
        )
    if session and any(output.path and _place(output.path.parent) == _place(session) for output in outputs):
        raise SettingsError(f"-o would write into the session in {session}: give another file (-o FORMAT:PATH)")
    return tuple(outputs)


def _calibrate(parsed: argparse.Namespace) -> int:
    read = {parsed.model or BUNDLED_MODEL, (parsed.vad or _BUNDLED_VAD)[0], *filter(None, (parsed.config,))}
    if parsed.input not in ("mic", "-"):
        read.add(Path(parsed.input))
    if _place(parsed.profile) in {_place(path) for path in read}:
        raise SettingsError("the profile would be written over the input, a model or the settings: give another file")
    return commands.calibrate(_settings(parsed), parsed.seconds, parsed.signals)


def _settings(
    parsed: argparse.Namespace, *, outputs: tuple[SinkSettings, ...] = (), learn: bool = False
) -> commands.RunSettings:
    _refuse(parsed.input != "-", parsed, ("rate", "channels", "format"), "goes with -i - only")
    _refuse(parsed.input != "mic", parsed, ("device",), "goes with -i mic only")
    detector, is_silero = parsed.vad or _BUNDLED_VAD
    return commands.RunSettings(
        input=parsed.input,
        rate_hz=parsed.rate or 16_000,
        num_channels=parsed.channels or 1,
        pcm_format=parsed.format or "s16le",
        device=parsed.device,
        channel=parsed.channel or MIX,
        outputs=outputs,
        partials=False,
        model=parsed.model or BUNDLED_MODEL,
        detector=detector,
        is_silero=is_silero,
        auto_gain=parsed.auto_gain,
        realtime=False,
        on_device_loss="quit",
        profile=parsed.profile,
        learn=learn,
        recording=None,
    )


def _place(path: Path) -> tuple[int, int] | str:
    """Return what tells one file from another, whatever its name, or the name where there is none yet."""
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _refuse(condition: bool, parsed: argparse.Namespace, options: Sequence[str], reason: str) -> None:
    for option in options:
        if condition and getattr(parsed, option) is not None:
            raise SettingsError(f"{parsed.names[option]} {reason}, got {parsed.names['input']} {parsed.input}")


def _whole(value: str, low: int, high: int) -> int:
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}, got {value!r}")
    return int(value)


def _rate(value: str) -> int:
    return _whole(value, LOWEST_RATE_HZ, HIGHEST_RATE_HZ)


def _minutes(value: str) -> int:
    return _whole(value, 1, 10_080)  # a week, 25 GB


def _seconds(value: str) -> int:
    return _whole(value, 10, 600)


def _doctor_seconds(value: str) -> int:
    return _whole(value, 5, 600)


def _count(value: str) -> int:
    return _whole(value, 1, 256)


def _device(value: str) -> int | str:
    if not value:
        raise argparse.ArgumentTypeError("expected an index or a part of a name, got nothing")
    return int(value) if value.isascii() and value.isdigit() else value


def _channel(value: str) -> ChannelChoice:
    return MIX if value == MIX else _whole(value, 1, 256)


def _detector(value: str) -> tuple[Path, bool]:
    """Return a file, and whether it is Silero's."""
    path = value.removeprefix("silero:")
    if not path:
        raise argparse.ArgumentTypeError(f"expected FILE or silero:FILE, got {value!r}")
    return Path(path), path != value


def _output(value: str) -> SinkSettings:
    name, colon, path = value.partition(":")
    if name not in FORMATS or (colon and not path):
        raise argparse.ArgumentTypeError(f"expected FORMAT or FORMAT:PATH with one of {FORMATS}, got {value!r}")
    return SinkSettings(name, Path(path) if colon else None)
