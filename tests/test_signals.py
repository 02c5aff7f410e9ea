"""SIGINT and SIGTERM, sent to the real command, and readers that leave."""

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import PIPE, ROOT, TIME_LIMIT_S, ended, records_in, run, start
from signals import conversation
from tiny_model import write_model

from streamer.errors import StreamerError
from streamer.signals import StopSignals

SPEAKING = conversation(500, 1500).tobytes()
"""Somebody speaks, and goes on."""

MANY = conversation(*[600, 600] * 7, 600).tobytes()
"""Seven utterances."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@contextlib.contextmanager
def listening(model: Path, *arguments: str, stdout: int = PIPE, code: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Give a command that has opened a pipe which stays open."""
    with start("run", "-i", "-", "--model", model, *arguments, stdout=stdout, code=code) as process:
        try:
            yield process
        finally:
            process.kill()
            if process.stdin:
                process.stdin.close()


def feed(process: subprocess.Popen[bytes], content: bytes) -> None:
    """Give the command ``content`` to hear."""
    assert process.stdin
    process.stdin.write(content)
    process.stdin.flush()


def wait_for(descriptor: int, wanted: bytes) -> bytes:
    """Return what can be read up to the end of the line that holds ``wanted``."""
    seen = bytearray()
    while wanted not in seen or not seen.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], TIME_LIMIT_S)
        assert ready, f"only {bytes(seen)!r} came"
        content = os.read(descriptor, 65_536)
        assert content, f"{bytes(seen)!r} came, and the end"
        seen += content
    return bytes(seen)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_tells_the_utterance_in_hand(model: Path, number: signal.Signals) -> None:
    with listening(model, "--partials") as process:
        assert process.stdout
        feed(process, SPEAKING)
        seen = wait_for(process.stdout.fileno(), b'"end_s":1.7')
        signalled_s = time.monotonic()
        process.send_signal(number)
        out, err = ended(process)
        stopped_s = time.monotonic() - signalled_s

    *_, utterance, end = records_in(seen + out)
    assert (utterance["type"], utterance["cut"]) == ("utterance", "stop")
    assert (end["type"], end["reason"], end["end_sample"]) == ("end", "signal", len(SPEAKING) // 2)
    assert (process.returncode, err) == (0, b"")
    assert stopped_s < 2, "silence on standard input must not hold up the stop"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_paced_recording_ends_at_once_too(model: Path, number: signal.Signals) -> None:
    with listening(model, "--realtime") as process:
        assert process.stdout
        feed(process, SPEAKING[:30_000])
        wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(number)
        out, err = ended(process)

    assert (process.returncode, err) == (0, b"")
    assert records_in(out)[-1]["reason"] == "signal"


@pytest.mark.parametrize("later_s", [0.005, 0.02, 0.04, 0.06])
def test_the_echo_of_a_signal_changes_nothing_however_late_it_comes(model: Path, later_s: float) -> None:
    """Also while the process is on its way out."""
    with listening(model, "--realtime") as process:
        assert process.stdout
        feed(process, SPEAKING[:30_000])
        wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(signal.SIGINT)
        time.sleep(later_s)
        process.send_signal(signal.SIGINT)
        _, err = ended(process)

    assert (process.returncode, err) == (0, b"")


def test_a_signal_that_also_ends_the_input_within_a_sample_is_no_broken_input(model: Path) -> None:
    with listening(model) as process:
        assert process.stdout
        assert process.stdin
        wait_for(process.stdout.fileno(), b'"start"')
        feed(process, SPEAKING[:30_001])
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        process.stdin = None
        out, err = ended(process)

    assert (process.returncode, err) == (0, b"")
    assert records_in(out)[-1]["reason"] == "signal"


def test_a_signal_at_the_start_ends_the_process_without_a_word(model: Path) -> None:
    for later_s in (0.01, 0.05, 0.1):
        with listening(model, code="import os, streamer.__main__\nos.write(1, b'begins\\n')") as process:
            assert process.stdout
            wait_for(process.stdout.fileno(), b"begins")
            time.sleep(later_s)
            process.send_signal(signal.SIGINT)
            _, err = ended(process)

        assert (process.returncode, err) in {(-signal.SIGINT, b""), (130, b""), (0, b"")}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_a_process_that_is_stuck(model: Path, number: signal.Signals, code: int) -> None:
    """It is stuck in writing to a pipe that nobody reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with listening(model, "--partials", stdout=writer) as process:
        os.close(writer)
        feed(process, MANY)
        wait_until_stuck(reader)
        process.send_signal(number)
        time.sleep(0.15)
        assert process.poll() is None
        signalled_s = time.monotonic()
        process.send_signal(number)
        _, err = ended(process)
        stopped_s = time.monotonic() - signalled_s
    os.close(reader)

    assert (process.returncode, err) == (code, b"")
    assert stopped_s < 2


def wait_until_stuck(reader: int) -> None:
    """Wait until the pipe has no room for another line, in all likelihood."""
    held = -1
    for _ in range(TIME_LIMIT_S * 20):
        before, held = held, int.from_bytes(fcntl.ioctl(reader, 0x541B, bytes(4)), "little")  # FIONREAD
        if held == before and held > 3000:
            return
        time.sleep(0.05)
    pytest.fail(f"the pipe holds only {held} bytes")


def test_an_echo_of_the_first_signal_is_no_second(model: Path) -> None:
    """`timeout` signals the process and its group."""
    with listening(model) as process:
        assert process.stdout
        feed(process, SPEAKING)
        wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        out, _ = ended(process)

    assert process.returncode == 0
    assert records_in(out)[-1]["reason"] == "signal"


@pytest.mark.parametrize("output", ["jsonl", "csv", "label", "text"])
def test_a_reader_that_leaves_after_a_line_ends_the_command_quietly(model: Path, output: str) -> None:
    with listening(model, "-o", output) as process:
        assert process.stdout
        feed(process, MANY[: len(MANY) // 2])
        process.stdout.readline()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it may have noticed by now
            feed(process, MANY[len(MANY) // 2 :])
        assert process.stderr
        process.wait(TIME_LIMIT_S)
        err = process.stderr.read()

    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize("arguments", [["inspect"], ["devices"]])
def test_a_reader_that_left_before_the_first_line_is_no_error(
    model: Path, tmp_path: Path, arguments: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    fake = "import sys; sys.path.insert(0, 'tests')\nfrom fake_portaudio import *\n"
    fake += "sys.modules['sounddevice'] = FakePortAudio([FakeDevice()])"
    arguments = [*arguments, *([str(model)] if arguments == ["inspect"] else [])]

    with start(*arguments, stdout=writer, code=fake) as process:
        os.close(writer)
        _, err = ended(process)

    assert (process.returncode, err) == (0, b"")


def test_a_signal_before_the_stream_ends_the_command_at_once(model: Path) -> None:
    """The audio system hangs, and so would an orderly exit."""
    code = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job has not
sys.path.insert(0, 'tests')
from fake_portaudio import FakeDevice, FakePortAudio

def takes(wanted):
    os.write(1, b'opening\\n')
    time.sleep(60)

sys.modules['sounddevice'] = FakePortAudio([FakeDevice(takes=takes)])
import atexit
atexit.register(time.sleep, 60)
"""
    with start("run", "--model", model, code=code) as process:
        assert process.stdout
        wait_for(process.stdout.fileno(), b"opening")
        process.send_signal(signal.SIGINT)
        out, err = ended(process)

    assert (process.returncode, out, err) == (130, b"", b"")


def test_signals_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    num_threads = threading.active_count()

    with StopSignals() as signals, signals.calling(nothing, nothing):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1
    assert threading.active_count() == num_threads


def test_the_first_signal_calls_back_from_another_thread() -> None:
    called, noted = [], []
    was_called = threading.Event()

    def stop(reason: str) -> None:
        called.append((reason, threading.current_thread()))
        was_called.set()

    with (
        StopSignals() as signals,
        signals.calling(lambda reason: noted.append((reason, threading.current_thread())), stop),
    ):
        signal.raise_signal(signal.SIGTERM)
        assert noted == [("signal", threading.main_thread())]
        assert was_called.wait(TIME_LIMIT_S)
        signal.raise_signal(signal.SIGINT)  # taken for an echo

    ((reason, thread),) = called
    assert reason == "signal"
    assert thread != threading.main_thread()


def test_other_signals_stop_nothing() -> None:
    called: list[str] = []
    previous = signal.signal(signal.SIGUSR1, lambda *_: None)

    with StopSignals() as signals, signals.calling(nothing, called.append):
        signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, previous)

    assert called == []


def test_leaving_waits_for_the_callback() -> None:
    """What it calls into is closed behind it."""
    entered, left = threading.Event(), threading.Event()

    def stop(_reason: str) -> None:
        entered.set()
        time.sleep(0.05)
        left.set()

    with StopSignals() as signals:
        with signals.calling(nothing, stop):
            signal.raise_signal(signal.SIGINT)
            assert entered.wait(TIME_LIMIT_S)
        assert left.is_set()


def test_a_first_signal_behind_the_stream_changes_nothing() -> None:
    """What it would stop is closed, and the process on its way out."""
    called: list[str] = []

    with StopSignals() as signals:
        with signals.calling(nothing, called.append):
            pass
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.05)

    assert called == []


def test_a_signal_that_comes_as_the_source_is_closed_changes_nothing(model: Path) -> None:
    code = """
import os, signal, time
from streamer.sources.pipe import PipeSource
close = PipeSource.__exit__

def close_and_signal(self, *exc_info):
    close(self, *exc_info)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)

PipeSource.__exit__ = close_and_signal
"""
    done = run("run", "-i", "-", "--model", model, input=SPEAKING, code=code)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_signal_that_was_switched_off_stays_off() -> None:
    """As Ctrl-C is for the background jobs of a script."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, previous)


def test_the_command_leaves_a_signal_alone_that_was_switched_off(model: Path) -> None:
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    with start("run", "-i", "-", "--model", model, **ignoring) as process:
        assert process.stdout
        feed(process, SPEAKING)
        wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(signal.SIGINT)
        out, err = ended(process, b"")

    assert (process.returncode, err) == (0, b"")
    assert records_in(out)[-1]["reason"] == "eof"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give what tells the command of a manager, which listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        yield {"NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(ROOT)}


def test_a_reload_tells_the_utterance_in_hand_and_begins_anew(model: Path, environment: dict[str, str]) -> None:
    """The same process goes on with what is left of standard input, and is told of the manager again."""
    with start("run", "-i", "-", "--model", model, "--partials", environment=environment) as process:
        assert process.stdout
        feed(process, SPEAKING)
        seen = wait_for(process.stdout.fileno(), b'"end_s":1.7')
        process.send_signal(signal.SIGHUP)
        seen += wait_for(process.stdout.fileno(), b'"start"')
        feed(process, SPEAKING)
        process.send_signal(signal.SIGHUP)
        seen += wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(signal.SIGTERM)
        out, err = ended(process)

    records = [record for record in records_in(seen + out) if record["type"] != "partial"]
    types = [record["type"] for record in records]
    assert types[:4] == ["start", "utterance", "end", "start"]
    assert [record["cut"] for record in records[:2] if record["type"] == "utterance"] == ["stop"]
    assert [record["reason"] for record in records if record["type"] == "end"] == ["reload", "reload", "signal"]
    assert (process.returncode, err) == (0, b"")


def test_settings_that_are_refused_at_a_reload_change_nothing(
    model: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text("partials = true\n")
    with start("run", "-i", "-", "--model", model, "--config", settings, environment=environment) as process:
        assert process.stdout
        assert process.stderr
        seen = wait_for(process.stdout.fileno(), b'"start"')
        settings.write_text("partial = true\n")
        process.send_signal(signal.SIGHUP)
        told = wait_for(process.stderr.fileno(), b"\n")
        feed(process, SPEAKING)
        seen += wait_for(process.stdout.fileno(), b'"partial"')
        process.send_signal(signal.SIGTERM)
        out, _ = ended(process)

    assert told.startswith(b"emotion-streamer: not reloaded, all stays as it was: ")
    assert b"no such option; did you mean partials?" in told
    assert [record["reason"] for record in records_in(seen + out) if record["type"] == "end"] == ["signal"]
    assert process.returncode == 0


def test_without_a_manager_a_hangup_ends_the_command(model: Path) -> None:
    with listening(model) as process:
        assert process.stdout
        wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(signal.SIGHUP)
        ended(process)

    assert process.returncode == -signal.SIGHUP


def test_a_stop_that_comes_while_it_reloads_is_heeded(model: Path, environment: dict[str, str]) -> None:
    code = """
import os, signal
from streamer.sources.pipe import PipeSource
close = PipeSource.__exit__

def close_and_signal(self, *exc_info):
    close(self, *exc_info)
    os.kill(os.getpid(), signal.SIGTERM)

PipeSource.__exit__ = close_and_signal
"""
    with start("run", "-i", "-", "--model", model, code=code, environment=environment) as process:
        assert process.stdout
        wait_for(process.stdout.fileno(), b'"start"')
        process.send_signal(signal.SIGHUP)
        out, err = ended(process)

    assert [record["reason"] for record in records_in(out)] == ["reload"]
    assert (process.returncode, err) == (0, b"")


def test_an_interpreter_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        with pytest.raises(StreamerError, match=r"/nowhere/python: can not be started anew \(No such file"):
            StopSignals().start_anew({})
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def nothing(_reason: str) -> None:
    pass
