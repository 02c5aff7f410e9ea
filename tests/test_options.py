"""Options from the environment and a file: as if typed, in one order, refused by the name of where they came from."""

import argparse
import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import ROOT
from hypothesis import given
from hypothesis import strategies as st

from streamer import commands
from streamer.cli import command_parsers, main, parse
from streamer.options import PREFIX, options_of

POSITIONAL = {"calibrate": ["me.json"], "replay": ["session"]}
"""What a command can not do without."""

VALUES: Mapping[str, tuple[Any, Any]] = {
    "all": (True, False),
    "auto_gain": (True, False),
    "channel": (2, "mix"),
    "channels": (3, 1),
    "device": ("USB Audio", 0),
    "format": ("f32le", "s16le"),
    "input": ("a b.wav", "mic"),
    "json": (True, False),
    "learn": (True, False),
    "model": ("m n.onnx", "$HOME/~.onnx"),
    "on_device_loss": ("wait", "quit"),
    "output": (["text", "jsonl:/a b/c'd.jsonl"], ["label"]),
    "partials": (True, False),
    "profile": ("me.json", "3"),
    "rate": (8000, 16_000),
    "realtime": (True, False),
    "record_minutes": (5, 60),
    "record_session": ("a b", "$HOME"),
    "seconds": (12, 30),
    "self_test": (True, False),
    "vad": ("silero:s.onnx", "v.onnx"),
}
"""Two values of each option, as TOML has them."""

OPTIONS = [
    (command, key, value)
    for command, parser in command_parsers()[1].items()
    for key in options_of(parser)
    if key != "config"
    for value in VALUES[key]
]


def typed(key: str, value: Any) -> list[str]:
    """Return the arguments that ask for ``value``."""
    name = key.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}={word}" for word in (value if isinstance(value, list) else [value])]


def variables(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that ask for ``values``."""
    return {
        f"EMOTION_STREAMER_{key.upper()}": shlex.join(value) if isinstance(value, list) else str(value)
        for key, value in values.items()
    }


def toml(values: Mapping[str, Any]) -> str:
    """Return lines of a file that ask for ``values``: strings, numbers and lists of these are written as in JSON."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def asked(command: str, arguments: list[str], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the settings of a command without where they came from."""
    parsed = vars(parse([command, *POSITIONAL.get(command, []), *arguments], environment or {}))
    return {name: value for name, value in parsed.items() if name not in {"config", "names", "command"}}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("streamer.toml")


@pytest.mark.parametrize(("command", "key", "value"), OPTIONS)
def test_every_option_of_every_command_means_the_same_from_everywhere(
    config: Path, command: str, key: str, value: Any
) -> None:
    expected = asked(command, typed(key, value))

    assert asked(command, [], variables({key: value})) == expected
    for text in (toml({key: value}), f"[{command}]\n{toml({key: value})}"):
        config.write_text(text, encoding="utf-8")
        assert asked(command, ["--config", "streamer.toml"]) == expected
        assert asked(command, [], {"EMOTION_STREAMER_CONFIG": "streamer.toml"}) == expected


@pytest.mark.parametrize(("command", "key"), sorted({(command, key) for command, key, _ in OPTIONS}))
def test_every_option_can_be_asked_for_otherwise_than_by_default(command: str, key: str) -> None:
    assert asked(command, typed(key, VALUES[key][0])) != asked(command, [])


@pytest.mark.parametrize("command", command_parsers()[1])
def test_every_option_has_a_kind_that_files_know(command: str) -> None:
    for option in options_of(command_parsers()[1][command]).values():
        kinds = (argparse.BooleanOptionalAction, argparse._AppendAction, argparse._StoreAction)
        assert isinstance(option, kinds)
        assert option.nargs in (None, 0)
        assert not option.required  # before anything but what was typed is looked at


SOURCES = ("typed", "environment", "table", "file")


@given(
    st.dictionaries(
        st.sampled_from([key for command, key, _ in OPTIONS if command == "run"]),
        st.dictionaries(st.sampled_from(SOURCES), st.sampled_from([0, 1])),
    )
)
def test_typed_wins_over_the_environment_and_that_over_the_file(
    tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, dict[str, int]]
) -> None:
    by_source = {
        source: {key: VALUES[key][places[source]] for key, places in chosen.items() if source in places}
        for source in SOURCES
    }
    path = tmp_path_factory.getbasetemp() / "precedence.toml"
    path.write_text(f"{toml(by_source['file'])}[run]\n{toml(by_source['table'])}", encoding="utf-8")
    winners = {key: value for source in reversed(SOURCES) for key, value in by_source[source].items()}

    def arguments(values: Mapping[str, Any]) -> list[str]:
        return [word for key, value in values.items() for word in typed(key, value)]

    found = asked("run", [*arguments(by_source["typed"]), f"--config={path}"], variables(by_source["environment"]))

    assert found == asked("run", arguments(winners))


@pytest.mark.parametrize("text", ["1", "true", "yes", "on", "ON", "True"])
def test_a_variable_switches_on(text: str) -> None:
    assert parse(["run"], {"EMOTION_STREAMER_PARTIALS": text}).partials is True


@pytest.mark.parametrize("text", ["0", "false", "no", "off", "OFF"])
def test_a_variable_switches_off_what_a_file_switches_on(config: Path, text: str) -> None:
    config.write_text("partials = true", encoding="utf-8")

    environment = {"EMOTION_STREAMER_PARTIALS": text, "EMOTION_STREAMER_CONFIG": "streamer.toml"}
    assert parse(["run"], environment).partials is False


def test_an_empty_variable_is_none(config: Path) -> None:
    config.write_text('device = "USB"\noutput = ["text"]', encoding="utf-8")
    empty = dict.fromkeys(("EMOTION_STREAMER_DEVICE", "EMOTION_STREAMER_OUTPUT", "EMOTION_STREAMER_CONFIG"), "")

    assert asked("run", [], empty) == asked("run", [])
    assert asked("run", ["--config=streamer.toml"], empty) == asked("run", ["-d", "USB", "-o", "text"])


def test_a_file_serves_all_commands(config: Path) -> None:
    config.write_text(
        'input = "a.wav"\nrealtime = true\njson = true\n[calibrate]\nseconds = 20\ninput = "b.wav"', encoding="utf-8"
    )

    assert asked("run", ["--config=streamer.toml"]) == asked("run", ["-i", "a.wav", "--realtime"])
    assert asked("calibrate", ["--config=streamer.toml"]) == asked("calibrate", ["-i", "b.wav", "--seconds", "20"])
    assert asked("devices", ["--config=streamer.toml"]) == asked("devices", ["--json"])


def test_a_typed_file_takes_the_place_of_the_one_that_the_environment_names(config: Path) -> None:
    config.write_text("partials = true", encoding="utf-8")
    Path("other.toml").write_text("auto_gain = true", encoding="utf-8")

    found = asked("run", ["--config=streamer.toml"], {"EMOTION_STREAMER_CONFIG": "other.toml"})

    assert found == asked("run", ["--partials"])


def test_no_file_is_read_that_was_not_asked_for(config: Path) -> None:
    config.write_text("partials = true", encoding="utf-8")

    assert not parse(["run"], {}).partials


def test_values_from_elsewhere_are_no_positional_arguments(config: Path) -> None:
    config.write_text('profile = "file.json"', encoding="utf-8")

    parsed = parse(
        ["calibrate", "typed.json", "--config=streamer.toml"], {"EMOTION_STREAMER_PROFILE": "environment.json"}
    )

    assert parsed.profile == Path("typed.json")


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line with which the command refuses."""
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    (line,) = err.splitlines()
    assert not out
    assert line.startswith("emotion-streamer: ")
    return line.removeprefix("emotion-streamer: ")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('rate = "x"', "streamer.toml: rate: expected a whole number from 1000 to 768000, got 'x'"),
        ("rate = 5", "streamer.toml: rate: expected a whole number from 1000 to 768000, got '5'"),
        ("rate = 8000.0", "streamer.toml: rate: expected a string or a whole number, got 8000.0"),
        ("rate = true", "streamer.toml: rate: expected a string or a whole number, got True"),
        ("rate = 0x" + "f" * 5000, "streamer.toml: rate: Exceeds the limit"),
        ("rate = " + "9" * 5000, "streamer.toml: is not TOML: Exceeds the limit"),
        ('rate = "8000"', "streamer.toml: rate: expected a number without quotes, got '8000'"),
        ("model = 5", "streamer.toml: model: expected a string, in quotes, got 5"),
        ("model = 2026-01-01", "streamer.toml: model: expected a string or a whole number, got datetime.date"),
        ('format = "u8"', "streamer.toml: format: invalid choice: 'u8' (choose from "),
        ('device = ""', "streamer.toml: device: expected an index or a part of a name, got nothing"),
        ('partials = "yes"', "streamer.toml: partials: expected true or false, got 'yes'"),
        ("partials = 1", "streamer.toml: partials: expected true or false, got 1"),
        ('output = "text"', "streamer.toml: output: expected a list of strings, [...], got 'text'"),
        ("output = []", "streamer.toml: output: expected a list of strings, [...], got []"),
        ('output = ["text", 3]', "streamer.toml: output: expected a list of strings, [...], got ['text', 3]"),
        ('output = ["foo"]', "streamer.toml: output: expected FORMAT or FORMAT:PATH with one of "),
        ("auto-gain = true", "streamer.toml: auto-gain: no such option; did you mean auto_gain?"),
        ("prtials = true", "streamer.toml: prtials: no such option; did you mean partials?"),
        ("xyzzy = 1", "streamer.toml: xyzzy: no such option; see `emotion-streamer --help`"),
        ('config = "other.toml"', "streamer.toml: config: no such option"),
        ("help = true", "streamer.toml: help: no such option"),
        ("[runs]\npartials = true", "streamer.toml: [runs]: no such command; did you mean run?"),
        ("[rate]", "streamer.toml: [rate]: no such command"),
        ("[[run]]\npartials = true", "streamer.toml: run: no such option"),
        ("[run]\nseconds = 20", "streamer.toml: run.seconds: no such option of run"),
        ("[calibrate]\npartial = true", "streamer.toml: calibrate.partial: no such option of calibrate"),
        ('[calibrate]\nprofile = "me.json"', "streamer.toml: calibrate.profile: no such option of calibrate"),
        ("[run]\nrate = 5", "streamer.toml: run.rate: expected a whole number from 1000 to 768000, got '5'"),
        ("partials = true\npartials = false", "streamer.toml: is not TOML: Cannot overwrite a value (at "),
        ("a\nb", "streamer.toml: is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 2)"),
        ("a = " + "[" * 90_000, "streamer.toml: is not TOML: "),
        ("#" * 100_001, "streamer.toml: expected options, got more than 100000 bytes, or 100 dots in a line"),
        ("a." * 101 + "b = 1", "streamer.toml: expected options, got more than 100000 bytes, or 100 dots in a line"),
        ("a = '\udcff'", "streamer.toml: is not TOML: 'utf-8' codec can't decode byte 0xff"),
        ("realtime = true", "streamer.toml: realtime goes with a file or stdin: the microphone is live anyway"),
        ("[run]\nlearn = true", "streamer.toml: run.learn goes with --profile FILE only"),
        (
            'device = "USB"\ninput = "a.wav"',
            "streamer.toml: device goes with -i mic only, got streamer.toml: input a.wav",
        ),
        ("rate = 8000", "streamer.toml: rate goes with -i - only, got -i mic"),
        ('output = ["text:a", "csv:a"]', "two -o go to the same place"),
        ('output = ["text:streamer.toml"]', "-o would write into the input, a model, the profile or the settings"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_one_line(
    config: Path, capfd: pytest.CaptureFixture[str], content: str, complaint: str
) -> None:
    config.write_text(content, encoding="utf-8", errors="surrogateescape")

    assert refused(capfd, "run", "--config=streamer.toml").startswith(complaint)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("missing.toml", "missing.toml: can not be read (No such file or directory)"),
        (".", ".: can not be read (Is a directory)"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused(capfd: pytest.CaptureFixture[str], path: str, complaint: str) -> None:
    assert refused(capfd, "run", "--config", path) == complaint


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("RATE", "x", "EMOTION_STREAMER_RATE: expected a whole number from 1000 to 768000, got 'x'"),
        ("FORMAT", "u8", "EMOTION_STREAMER_FORMAT: invalid choice: 'u8' (choose from "),
        (
            "PARTIALS",
            "ja",
            "EMOTION_STREAMER_PARTIALS: expected one of 1, true, yes, on, 0, false, no, off, got 'ja'",
        ),
        ("OUTPUT", "text foo", "EMOTION_STREAMER_OUTPUT: expected FORMAT or FORMAT:PATH with one of "),
        ("OUTPUT", "'text", "EMOTION_STREAMER_OUTPUT: No closing quotation"),
        ("OUTPUT", " ", "EMOTION_STREAMER_OUTPUT: expected at least one word, got ' '"),
        ("DEVIZE", "USB", "EMOTION_STREAMER_DEVIZE: no such variable; did you mean EMOTION_STREAMER_DEVICE?"),
        ("DEVIZE", "", "EMOTION_STREAMER_DEVIZE: no such variable; did you mean EMOTION_STREAMER_DEVICE?"),
        ("device", "USB", "EMOTION_STREAMER_device: no such variable"),
        ("HELP", "1", "EMOTION_STREAMER_HELP: no such variable; see `emotion-streamer --help`"),
        ("", "1", "EMOTION_STREAMER_: no such variable"),
        ("CONFIG", "missing.toml", "missing.toml: can not be read"),
        ("REALTIME", "1", "EMOTION_STREAMER_REALTIME goes with a file or stdin: the microphone is live anyway"),
        ("LEARN", "1", "EMOTION_STREAMER_LEARN goes with --profile FILE only"),
        ("CHANNELS", "2", "EMOTION_STREAMER_CHANNELS goes with -i - only, got -i mic"),
    ],
)
def test_a_variable_that_makes_no_sense_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str, text: str, complaint: str
) -> None:
    monkeypatch.setenv(PREFIX + name, text)

    assert refused(capfd, "run").startswith(complaint)


def test_what_is_typed_may_contradict_a_variable(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOTION_STREAMER_INPUT", "a.wav")

    assert refused(capfd, "run", "-d", "1") == "-d goes with -i mic only, got EMOTION_STREAMER_INPUT a.wav"


def test_a_profile_is_not_written_over_the_settings(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config.touch()

    line = refused(capfd, "calibrate", "streamer.toml", "--config=./streamer.toml")

    assert line.startswith("the profile would be written over the input, a model or the settings")


def test_variables_of_other_commands_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "devices", lambda *, as_json: 0 if as_json else 1)
    monkeypatch.setenv("EMOTION_STREAMER_REALTIME", "neither checked")
    monkeypatch.setenv("EMOTION_STREAMER_JSON", "yes")

    assert main(["devices"]) == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "may_demonstrate"),
    [
        ("", {}, True),
        ("--partials --channel 2", {"EMOTION_STREAMER_OUTPUT": "text"}, True),
        ("", {"EMOTION_STREAMER_INPUT": ""}, True),
        ("-i a.wav", {}, False),
        ("--device USB", {}, False),
        ("--config streamer.toml", {}, False),
        ("", {"EMOTION_STREAMER_INPUT": "a.wav"}, False),
        ("", {"EMOTION_STREAMER_OUTPUT": "text jsonl:a"}, False),
    ],
)
def test_make_run_demonstrates_only_where_nothing_was_chosen(
    monkeypatch: pytest.MonkeyPatch, arguments: str, environment: dict[str, str], may_demonstrate: bool
) -> None:
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    command = ["make", "-n", "run", "PYTHON=true", f"ARGS={arguments}"]

    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    first_step = recipe.partition("start=.venv/bin/emotion-streamer\n")[2].split(maxsplit=1)[0]
    assert first_step == ("status=0" if may_demonstrate else "exec")
