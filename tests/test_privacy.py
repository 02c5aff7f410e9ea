"""No audio and no profile is written without being asked, and nobody is called: Python itself tells what a run does.

What libraries do behind Python's back is seen by ``test_system_privacy.py``.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from audio_files import wav
from command import run
from footprints import ASKED, NO_BYTECODE, Asked, make_profile, options_of, require_only
from signals import conversation

SPEECH = conversation(300, *(1500, 900) * 8)

WITNESS = """
import json, os, sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
CALLING = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")
TOLD = os.dup(2)  # which is silenced now and then

def see(event, arguments):
    if event == "open" and not isinstance(arguments[0], int) and arguments[2] & WRITING:
        if os.fsdecode(arguments[0]) != os.devnull:
            tell("file", os.fsdecode(arguments[0]))
    elif event in CHANGING:
        for path in arguments[: 2 if event == "os.rename" else 1]:
            if not isinstance(path, int):  # a file that was opened before
                tell("file", os.fsdecode(path))
    elif event.startswith(CALLING):
        tell("call", event)

def tell(kind, what):
    os.write(TOLD, (json.dumps([kind, what]) + "\\n").encode())

sys.addaudithook(see)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with speech, and the profile of the one who speaks."""
    made = tmp_path_factory.mktemp("privacy")
    (made / "speech.wav").write_bytes(wav(SPEECH.tobytes()))
    make_profile(made, made / "speech.wav")
    return made


def seen(arguments: list[str], content: bytes = b"", code: str = "") -> list[Any]:
    """Return what the witness saw of a run that went well."""
    done = run(*arguments, code=f"{WITNESS}\n{code}", environment=NO_BYTECODE, input=content)
    assert done.returncode == 0
    assert b'"utterance"' in done.stdout
    return [json.loads(line) for line in done.stderr.splitlines() if line.startswith(b"[")]


@pytest.mark.parametrize("given", ["file", "pipe"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_a_run_writes_what_it_was_asked_for_and_calls_nobody(
    folder: Path, tmp_path: Path, asked: Asked, given: str
) -> None:
    for name in ("m.onnx", "me.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    source = ["-i", f"{folder}/speech.wav"] if given == "file" else ["-i", "-"]

    found = seen(["run", *source, *options_of(asked, tmp_path), "-o", "jsonl"], SPEECH.tobytes())

    require_only(asked, tmp_path, {what for kind, what in found if kind == "file"})
    assert [what for kind, what in found if kind == "call"] == []


def test_a_replay_writes_nothing(folder: Path, tmp_path: Path) -> None:
    seen(["run", "-i", f"{folder}/speech.wav", "--record-session", f"{tmp_path}/s"])

    assert seen(["replay", f"{tmp_path}/s"]) == []


def test_the_witness_sees_who_writes_and_calls(folder: Path) -> None:
    """Otherwise the other tests here could not fail."""
    guilty = "import socket; socket.socket(); open('/dev/full', 'a')"

    found = seen(["run", "-i", f"{folder}/speech.wav"], code=guilty)

    assert found == [["call", "socket.__new__"], ["file", "/dev/full"]]
