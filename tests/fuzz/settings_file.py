"""Files of options: as if typed, or refused."""

from fuzz.outcome import as_file, result_or_one_line
from streamer.cli import parse

_COMMANDS = (["run"], ["calibrate", "me.json"], ["bench"], ["devices"], ["inspect"])


def check(data: bytes) -> None:
    """Take options of one of the commands from the file ``data``."""
    command = _COMMANDS[len(data) % len(_COMMANDS)]
    with as_file(data, "x.toml") as path, result_or_one_line():
        assert callable(parse([*command, "--config", str(path)], {}).command)


def seeds() -> list[bytes]:
    """Return files that set much."""
    return [
        b'channel = 2\npartials = true\noutput = ["text", "jsonl:out.jsonl"]\n[run]\ninput = "a.wav"\nrate = 16000\n',
        b'[run]\nformat = "f32le"\ndevice = "USB"\nvad = "silero:s.onnx"\n[bench]\njson = true\n',
        b'[calibrate]\nseconds = 12\nchannel = "mix"\n[inspect]\nself_test = false\n[devices]\njson = false\n',
    ]
