"""Arguments in, settings for the command out; what contradicts is refused."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamer import __version__, commands
from streamer.cli import main
from streamer.commands import RunSettings
from streamer.emotion.classifier import BUNDLED_MODEL
from streamer.errors import (
    AudioFormatError,
    DeviceError,
    InputError,
    ModelError,
    ProfileError,
    SettingsError,
    SinkError,
    StreamBrokenError,
    StreamerError,
)
from streamer.sinks.lines import ReaderGoneError
from streamer.sinks.sink import SinkSettings
from streamer.speech.network import BUNDLED_DETECTOR

DEFAULTS = RunSettings(
    input="mic",
    rate_hz=16_000,
    num_channels=1,
    pcm_format="s16le",
    device=None,
    channel="mix",
    outputs=(SinkSettings("jsonl", None),),
    partials=False,
    model=BUNDLED_MODEL,
    detector=BUNDLED_DETECTOR,
    is_silero=False,
    auto_gain=False,
    realtime=False,
    on_device_loss=None,
    profile=None,
    learn=False,
    recording=None,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunSettings]:
    """Keep what ``run`` is asked for, and run nothing."""
    kept: list[RunSettings] = []
    monkeypatch.setattr(commands, "run", lambda settings, *_: kept.append(settings) or 0)
    monkeypatch.setattr(commands, "calibrate", lambda settings, _seconds, _signals: kept.append(settings) or 0)
    return kept


def changed(**changes: Any) -> RunSettings:
    return RunSettings(**{**vars(DEFAULTS), **changes})


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ("", {}),
        ("-i mic", {}),
        ("-i a.wav", {"input": "a.wav"}),
        ("-i -", {"input": "-"}),
        (
            "-i - --rate 44100 --channels 2 --format f32le",
            {"input": "-", "rate_hz": 44_100, "num_channels": 2, "pcm_format": "f32le"},
        ),
        ("--vad silero:a/b.onnx", {"detector": Path("a/b.onnx"), "is_silero": True}),
        ("--vad a/b.onnx", {"detector": Path("a/b.onnx")}),
        ("--auto-gain", {"auto_gain": True}),
        ("--profile me.json", {"profile": Path("me.json")}),
        ("--profile me.json --learn", {"profile": Path("me.json"), "learn": True}),
        ("-d 3", {"device": 3}),
        ("-d 0", {"device": 0}),
        ("-d USB", {"device": "USB"}),
        ("-d ³", {"device": "³"}),
        ("--channel 2", {"channel": 2}),
        ("--channel mix", {}),
        ("-o text", {"outputs": (SinkSettings("text", None),)}),
        (
            "-o label -o csv:a.csv -o jsonl:b:c",
            {
                "outputs": (
                    SinkSettings("label", None),
                    SinkSettings("csv", Path("a.csv")),
                    SinkSettings("jsonl", Path("b:c")),
                )
            },
        ),
        ("--partials", {"partials": True}),
        ("--model m.onnx", {"model": Path("m.onnx")}),
        ("-i a.wav --realtime", {"input": "a.wav", "realtime": True}),
        ("-i - --realtime", {"input": "-", "realtime": True}),
    ],
)
def test_run_is_asked_for_what_the_options_say(
    asked: list[RunSettings], arguments: str, changes: dict[str, Any]
) -> None:
    assert main(["run", *arguments.split()]) == 0
    assert asked == [changed(**changes)]


def test_calibrate_is_asked_for_what_the_options_say(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(
        commands, "calibrate", lambda settings, seconds, _signals: kept.append((settings, seconds)) or 0
    )

    assert main(["calibrate", "me.json"]) == 0
    assert main(["calibrate", "me.json", "-i", "a.wav", "--seconds", "12", "--auto-gain"]) == 0

    expected = changed(profile=Path("me.json"), outputs=(), on_device_loss="quit")
    assert kept == [(expected, 30), (replace(expected, input="a.wav", auto_gain=True), 12)]


def test_a_terminal_is_given_text(asked: list[RunSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor == 1)

    main(["run"])

    assert asked[0].outputs == (SinkSettings("text", None),)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("listen", "invalid choice: 'listen'"),
        ("run --louder", "unrecognized arguments: --louder"),
        ("run --part", "unrecognized arguments: --part; see `emotion-streamer run --help`"),
        ("run a.wav", "unrecognized arguments: a.wav; did you mean -i a.wav?"),
        ("calibrate me.json a.wav", "unrecognized arguments: a.wav; did you mean -i a.wav?"),
        ("run a.wav b.wav", "unrecognized arguments: a.wav b.wav; see"),
        ("run -i a.wav b.wav", "unrecognized arguments: b.wav; see"),
        ("run -i a.wav -i b.wav", "-i was given twice; see `emotion-streamer run --help`"),
        ("run --input=a.wav -i a.wav", "-i was given twice"),
        ("run --partials --no-partials", "--partials was given twice"),
        ("calibrate me.json --seconds 10 --seconds 20", "--seconds was given twice"),
        ("run -i a.wav -d 1", "-d goes with -i mic only, got -i a.wav"),
        ("run -i - -d 0", "-d goes with -i mic only, got -i -"),
        ("run -i a.wav --rate 16000", "--rate goes with -i - only, got -i a.wav"),
        ("run --channels 2", "--channels goes with -i - only, got -i mic"),
        ("run -i a.wav --format s16le", "--format goes with -i - only, got -i a.wav"),
        ("run --realtime", "--realtime goes with a file or stdin: the microphone is live anyway"),
        ("run -i - --rate 0", "--rate: expected a whole number from 1000 to 768000, got '0'"),
        ("run -i - --rate 16k", "--rate: expected a whole number from 1000 to 768000, got '16k'"),
        ("run -i - --rate -1", "--rate: expected"),
        ("run -i - --rate ٣٣٣٣", "--rate: expected a whole number"),
        (f"run -i - --rate {'9' * 5000}", "--rate"),
        ("run -i - --channels 0", "--channels: expected a whole number from 1 to 256, got '0'"),
        ("run -i - --format u8", "--format: invalid choice: 'u8' (choose from"),
        ("run --channel 0", "--channel: expected a whole number from 1 to 256, got '0'"),
        ("run --channel left", "--channel: expected a whole number from 1 to 256, got 'left'"),
        ("run -o foo", "-o/--output: expected FORMAT or FORMAT:PATH with one of"),
        ("run -o csv:", "-o/--output: expected FORMAT or FORMAT:PATH with one of"),
        ("run -o :a.csv", "-o/--output: expected FORMAT or FORMAT:PATH with one of"),
        ("run -o text -o jsonl", "two -o go to the same place: give each but one its own file"),
        ("run -o text:a -o jsonl:a", "two -o go to the same place"),
        ("run -i README.md -o jsonl:./README.md", "would write into the input, a model, the profile or the settings"),
        ("run -o text:a -o jsonl:./b/../a", "two -o go to the same place"),
        (f"run -o text:new -o jsonl:{Path.cwd()}/new", "two -o go to the same place"),
        ("run -i", "-i/--input: expected one argument"),
        ("run --vad silero:", "expected FILE or silero:FILE, got 'silero:'"),
        (
            "run -i a.wav --vad silero:README.md -o jsonl:README.md",
            "would write into the input, a model, the profile or the settings",
        ),
        ("run --learn", "--learn goes with --profile FILE only"),
        (
            "run --profile README.md -o jsonl:README.md",
            "would write into the input, a model, the profile or the settings",
        ),
        ("calibrate", "the following arguments are required: PROFILE"),
        ("calibrate me.json --seconds 9", "--seconds: expected a whole number from 10 to 600, got '9'"),
        ("calibrate me.json -o text", "unrecognized arguments: -o text"),
        ("calibrate me.json -i a.wav -d 1", "-d goes with -i mic only, got -i a.wav"),
        ("calibrate README.md -i README.md", "the profile would be written over the input, a model or the settings"),
        (f"calibrate {BUNDLED_MODEL}", "the profile would be written over the input, a model or the settings"),
        ("devices --all", "unrecognized arguments: --all"),
        ("inspect a b", "unrecognized arguments: b"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    asked: list[RunSettings], capfd: pytest.CaptureFixture[str], arguments: str, complaint: str
) -> None:
    code = main(arguments.split())

    out, err = capfd.readouterr()
    assert (code, out, asked) == (2, "", [])
    (line,) = err.splitlines()
    assert line.startswith("emotion-streamer: ")
    assert complaint in line


def test_a_device_without_a_name_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-d", ""]) == 2
    assert "-d/--device: expected an index or a part of a name, got nothing" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StreamBrokenError, 1),
        (SinkError, 1),
        (AudioFormatError, 1),
        (SettingsError, 2),
        (InputError, 2),
        (DeviceError, 3),
        (ModelError, 4),
        (ProfileError, 4),
    ],
)
def test_each_error_is_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: type[StreamerError], code: int
) -> None:
    def fail(*_: object) -> int:
        raise error("a\nb\x1b[31m \udcff: ä is wrong")

    monkeypatch.setattr(commands, "run", fail)

    assert main(["run"]) == code
    assert capfd.readouterr() == ("", "emotion-streamer: a\\nb\\x1b[31m \\udcff: ä is wrong\n")


def test_a_reader_that_left_is_no_error(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> int:
        raise ReaderGoneError("closed")

    monkeypatch.setattr(commands, "run", fail)

    assert main(["run"]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("arguments", "shown"), [("--version", f"emotion-streamer {__version__}\n"), ("--help", "")])
def test_what_is_asked_about_the_command_is_told(
    capsys: pytest.CaptureFixture[str], arguments: str, shown: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([arguments])

    assert caught.value.code == 0
    assert (shown or "exit codes: 0 clean; 1 the stream broke midway") in capsys.readouterr().out
