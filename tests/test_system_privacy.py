"""No audio and no profile is written without being asked, and nobody is called: the kernel tells what a run does."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from audio_files import wav
from command import ROOT
from footprints import ASKED, NO_BYTECODE, Asked, make_profile, options_of, require_only
from listener import as_wav, demonstration
from signals import conversation

pytestmark = pytest.mark.system

SPEECH = conversation(300, *(1500, 900) * 8)
CALLS = "open,openat,openat2,creat,socket,connect,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir"
CALLS += ",link,linkat,symlink,symlinkat,truncate,mknod,mknodat,execve,sendto,sendmsg"
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|\?)")
_WRITING = re.compile("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass
class Trace:
    """What the kernel was asked for, successfully or not."""

    written: set[str]
    """Files opened for writing, made, moved or removed."""
    sockets: set[str]
    """Families of the sockets made."""
    connected: set[str]
    """Addresses connected to, as strace prints them."""
    executed: list[str]


def traced(path: Path) -> Trace:
    """Read what strace has written to ``path``."""
    trace = Trace(set(), set(), set(), [])
    for line in path.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if not match:
            assert "<unfinished ...>" not in line
            continue
        name, arguments, _ = match.groups()
        paths = _PATH.findall(arguments)
        if name == "socket":
            trace.sockets.add(arguments.partition(",")[0])
        elif name in ("connect", "sendto", "sendmsg"):
            trace.connected |= {arguments} if name == "connect" else set()
        elif name == "execve":
            trace.executed.append(paths[0])
        elif name not in ("open", "openat", "openat2") or _WRITING.search(arguments):
            trace.written.update(paths)
    return trace


def start(trace: Path, arguments: list[str], environment: dict[str, str], stdin: Path) -> "subprocess.Popen[bytes]":
    """Start the command; strace, its grandchild, writes to ``trace`` what it and its threads ask of the kernel."""
    # One file for each thread: their lines do not cut each other in two.
    command = ["strace", "-D", "-ff", "-e", f"trace={CALLS}", "-s", "4096", "-o", trace]
    with stdin.open("rb") as content:
        return subprocess.Popen(
            [*command, sys.executable, "-m", "streamer", *arguments],
            cwd=ROOT,
            env={**environment, **NO_BYTECODE},
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def ended(trace: Path, process: "subprocess.Popen[bytes]") -> Trace:
    """Return what a command did that has come to its end."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b'"type":"end"' in out
    for _ in range(100):  # the tracer ends behind what it traces
        parts = [part.read_text(errors="replace") for part in trace.parent.glob(f"{trace.name}.*")]
        if parts and all("\n+++ " in f"\n{part}" for part in parts):
            break
        time.sleep(0.1)
    whole = trace.parent / "whole"
    whole.write_text("".join(parts))
    return traced(whole)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with speech, and the profile of the one who speaks."""
    (tmp_path / "speech.wav").write_bytes(wav(SPEECH.tobytes()))
    (tmp_path / "speech.raw").write_bytes(SPEECH.tobytes())
    make_profile(tmp_path, tmp_path / "speech.wav")
    return tmp_path


@pytest.fixture
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trace") / "strace"


@pytest.mark.parametrize("given", ["file", "pipe"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_a_run_writes_what_it_was_asked_for_and_calls_nobody(
    folder: Path, trace: Path, asked: Asked, given: str
) -> None:
    source = ["-i", f"{folder}/speech.wav"] if given == "file" else ["-i", "-"]
    arguments = ["run", *source, *options_of(asked, folder), "-o", "jsonl"]

    found = ended(trace, start(trace, arguments, {**os.environ}, folder / "speech.raw"))

    require_only(asked, folder, found.written - {"/dev/null"})
    assert found.sockets == set()
    assert found.executed == [sys.executable]


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_with_a_microphone_only_the_audio_system_is_called(
    server: dict[str, str], folder: Path, trace: Path, asked: Asked
) -> None:
    """PortAudio and the libraries of sound systems look around: in devices, shared memory, the server's own folder."""
    process = start(trace, ["run", *options_of(asked, folder), "-o", "jsonl"], server, Path(os.devnull))
    time.sleep(5)
    subprocess.run(
        ["paplay", "--device=vmic_sink", as_wav(demonstration(), folder / "clip.wav")], env=server, check=True
    )
    process.send_signal(signal.SIGINT)
    found = ended(trace, process)

    audio_system = (server["VMIC_DIR"], "/dev/snd/", "/dev/dsp", "/dev/shm/jack_", "/dev/null")  # not ours
    require_only(asked, folder, {path for path in found.written if not path.startswith(audio_system)})
    assert found.sockets == {"AF_UNIX"}
    assert all("sa_family=AF_UNIX" in address for address in found.connected)
    assert any(f'"{server["VMIC_DIR"]}/socket"' in address for address in found.connected)


def test_the_trace_shows_who_writes_and_calls(trace: Path) -> None:
    """Otherwise the other tests here could not fail."""
    guilty = "import socket; socket.socket(socket.AF_INET); open('/dev/zero', 'a')"
    command = ["strace", "-ff", "-e", f"trace={CALLS}", "-o", trace, sys.executable, "-c", guilty]
    subprocess.run(command, check=True, env={**os.environ, **NO_BYTECODE})

    (part,) = trace.parent.iterdir()

    assert (traced(part).written, traced(part).sockets) == ({"/dev/zero"}, {"AF_INET"})
