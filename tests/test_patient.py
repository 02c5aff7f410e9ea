"""A reader that does not read: nobody waits for it, what is dropped for it is what is missed least, and is counted."""

import fcntl
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import TIME_LIMIT_S, ended, records_in, start
from fake_portaudio import FakeDevice, Format, install
from fakes import FixedClassifier, ListSink, LoudnessDetector
from hypothesis import given
from hypothesis import strategies as st
from signals import loud_where
from test_daemon import START
from tiny_model import write_model

from streamer.daemon import Daemon
from streamer.errors import DeviceError, SinkError
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.sinks import patient as patient_module
from streamer.sinks.lines import ReaderGoneError
from streamer.sinks.patient import Backlog, PatientSink
from streamer.sinks.record import Record
from streamer.sinks.sink import Sink, SinkSettings
from streamer.sources.conditioner import MIX
from streamer.sources.microphone import Microphone

TYPES = ("start", "partial", "status", "gap", "utterance", "end")
WORTH = {"partial": 0, "status": 1, "gap": 2, "utterance": 3, "start": 4, "end": 4}


def record(kind: str, number: int = 0) -> Record:
    return {"type": kind, "number": number, "label": f"label{number}"}


def numbered(kinds: list[str]) -> list[Record]:
    return [record(kind, number) for number, kind in enumerate(kinds)]


def filled(capacity: int, kinds: list[str]) -> tuple[list[str], list[str]]:
    """Return what a backlog holds of the types ``kinds``, each with its number, and what it dropped, in order."""
    backlog = Backlog(capacity)
    dropped = [dropped for pushed in numbered(kinds) if (dropped := backlog.push(pushed))]
    held = [backlog.pop() for _ in range(len(backlog))]
    return named(held), named(dropped)


def named(records: list[Record]) -> list[str]:
    return [f"{one['type']}{one['number']}" for one in records]


@pytest.mark.parametrize(
    ("kinds", "dropped"),
    [
        (["start", "partial", "utterance"], []),
        (["start", "utterance", "partial", "partial"], ["partial2"]),
        (["start", "utterance", "utterance", "partial"], ["partial3"]),
        (["start", "gap", "status", "utterance"], ["status2"]),
        (["start", "utterance", "gap", "utterance"], ["gap2"]),
        (["start", "utterance", "utterance", "utterance"], ["utterance1"]),
        (["gap", "status", "partial", "utterance", "utterance", "utterance"], ["partial2", "status1", "gap0"]),
        (["start", "utterance", "utterance", "end", "end"], ["utterance1", "utterance2"]),
        (["start", "end", "start", "end"], []),
    ],
)
def test_what_is_missed_least_goes_first(kinds: list[str], dropped: list[str]) -> None:
    assert filled(3, kinds)[1] == dropped


@given(capacity=st.integers(1, 8), kinds=st.lists(st.sampled_from(TYPES), max_size=40))
def test_of_all_that_came_the_most_telling_and_newest_are_kept(capacity: int, kinds: list[str]) -> None:
    """Where nobody takes anything, the way to it makes no difference."""
    by_worth = sorted(range(len(kinds)), key=lambda place: (WORTH[kinds[place]], place))
    kept = {place for place in by_worth if WORTH[kinds[place]] == 4} | set(by_worth[-capacity:])

    held, dropped = filled(capacity, kinds)

    names = named(numbered(kinds))
    assert held == [name for place, name in enumerate(names) if place in kept]
    assert sorted(held + dropped) == sorted(names)


@given(st.lists(st.one_of(st.sampled_from(TYPES), st.none()), max_size=60))
def test_a_reader_now_and_then_gets_what_was_not_dropped_in_its_order(steps: list[str | None]) -> None:
    backlog, taken, dropped, pushed = Backlog(4), [], [], 0
    for number, kind in enumerate(steps):
        if kind is None:
            taken += [backlog.pop()["number"]] if backlog else []
            continue
        pushed += 1
        victim = backlog.push(record(kind, number))
        dropped += [victim["number"]] if victim else []
        assert len(backlog) <= 4 or victim is None
    taken += [backlog.pop()["number"] for _ in range(len(backlog))]

    assert taken == sorted(taken)
    assert len({*taken, *dropped}) == len(taken) + len(dropped) == pushed
    assert all(WORTH[steps[number] or ""] < 4 for number in dropped)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For sinks of which nobody reads a line."""
    monkeypatch.setattr(patient_module, "_STUCK_S", 0.05)


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For readers that a busy machine may keep from reading."""
    monkeypatch.setattr(patient_module, "_STUCK_S", TIME_LIMIT_S)


@pytest.fixture
def full_pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Give a pipe that has no room for a line, by its name, and the end at which nobody reads."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    filler = os.open(path, os.O_WRONLY)
    os.write(filler, b"x" * 4095 + b"\n")
    yield path, reader
    os.close(filler)
    os.set_blocking(reader, True)
    while os.read(reader, 65_536):  # ends the thread of who is stuck, too
        pass
    os.close(reader)


class Reader:
    """Reads a pipe to its end, on a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, True)
        self._descriptor, self._received = descriptor, bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._received.endswith(b"end\n") and (content := os.read(self._descriptor, 700)):
            self._received += content

    def lines(self) -> list[str]:
        """Return what came up to a line that ends in ``end``."""
        self._thread.join(TIME_LIMIT_S)
        return self._received.decode().splitlines()


def sink_to(path: Path, output: str = "jsonl") -> Sink:
    return Sink(SinkSettings(output, path), ("anger", "neutral"))


def write_all(sink: PatientSink, records: list[Record]) -> None:
    for one in records:
        sink.write(one)


def received(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_gets_every_record_in_order(tmp_path: Path) -> None:
    sent = numbered(["start", *["partial", "utterance"] * 50, "end"])

    with PatientSink(sink_to(tmp_path / "out")) as sink:
        write_all(sink, sent)
        assert received(tmp_path / "out") == sent, "the end is waited for"

    assert sink.dropped == 0


def test_what_waits_is_written_where_a_stream_breaks_off_without_an_end(tmp_path: Path) -> None:
    sent = numbered(["start", *["partial"] * 50])

    with PatientSink(sink_to(tmp_path / "out")) as sink:
        write_all(sink, sent)

    assert received(tmp_path / "out") == sent


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("name", ["jsonl", "label"])
def test_a_stuck_reader_is_not_waited_for_and_misses_are_counted(full_pipe: tuple[Path, int], name: str) -> None:
    path, reader = full_pipe
    kinds = ["start", *["partial", "utterance"] * 20, "status", "gap"]
    with PatientSink(sink_to(path, name), capacity=10) as sink:
        write_all(sink, numbered(kinds))
        sink.check()
        sink.finish()
        assert sink.dropped == {"jsonl": len(kinds), "label": 20}[name], "only what the format shows"

        sink.finish()
        sink.write(record("end"))
        sink.write(record("utterance"))
        assert sink.dropped == {"jsonl": len(kinds) + 2, "label": 21}[name]

    assert os.read(reader, 65_536).count(b"\n") == 1, "that which filled the pipe before"


@pytest.mark.usefixtures("_patient")
def test_a_reader_that_reads_again_gets_what_is_left_in_order(full_pipe: tuple[Path, int]) -> None:
    path, descriptor = full_pipe
    sent = numbered(["start", *["partial", "utterance"] * 60])
    with PatientSink(sink_to(path), capacity=40) as sink:
        write_all(sink, sent)
        before = sink.dropped
        reader = Reader(descriptor)
        sink.finish()
        os.write(filler := os.open(path, os.O_WRONLY), b"end\n")
        os.close(filler)
        lines = [json.loads(line) for line in reader.lines()[1:-1]]

    numbers = [line["number"] for line in lines]
    assert sink.dropped == before == len(sent) - len(lines) > 0
    assert numbers == sorted(numbers)
    assert [line["type"] for line in lines] == ["start", *["utterance"] * (len(lines) - 1)]
    assert 40 <= len(lines) <= 41


@pytest.mark.usefixtures("_patient")
def test_as_long_as_somebody_reads_the_end_waits(full_pipe: tuple[Path, int]) -> None:
    """For more than the pipe holds."""
    path, descriptor = full_pipe
    with PatientSink(sink_to(path)) as sink:
        write_all(sink, numbered(["start", *["utterance"] * 200]))
        reader = Reader(descriptor)
        sink.write({"type": "end"})
        os.write(filler := os.open(path, os.O_WRONLY), b"end\n")
        os.close(filler)
        lines = reader.lines()[1:-1]

    assert [json.loads(line)["type"] for line in lines] == ["start", *["utterance"] * 200, "end"]
    assert sink.dropped == 0


@pytest.mark.parametrize("how", ["write", "check", "finish"])
def test_a_full_disk_is_told_the_next_time(how: str) -> None:
    with PatientSink(sink_to(Path("/dev/full"))) as sink:
        sink.write(record("start"))
        with pytest.raises(SinkError, match="No space left"):
            sink.finish()

        with pytest.raises(SinkError, match="No space left"):
            {"write": lambda: sink.write(record("gap")), "check": sink.check, "finish": sink.finish}[how]()


def test_an_end_that_can_not_be_written_is_told_at_once() -> None:
    with PatientSink(sink_to(Path("/dev/full"))) as sink, pytest.raises(SinkError, match="No space left"):
        sink.write(record("end"))


def test_a_reader_that_leaves_is_noticed_without_a_line_and_ends_the_wait(full_pipe: tuple[Path, int]) -> None:
    path, reader = full_pipe
    with PatientSink(sink_to(path)) as sink:
        sink.write(record("utterance"))
        sink.check()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, reader)
        os.close(null)

        with pytest.raises(ReaderGoneError):
            sink.check()
        with pytest.raises(ReaderGoneError):
            sink.finish()


def test_a_mistake_of_ours_is_not_swallowed_by_the_thread(tmp_path: Path) -> None:
    with PatientSink(sink_to(tmp_path / "out", "label")) as sink:
        sink.write({"type": "utterance"})
        with pytest.raises(KeyError, match="label"):
            sink.finish()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())

    with PatientSink(sink_to(tmp_path / "out")) as sink:
        write_all(sink, numbered(["start", "end"]))
        assert len(set(threading.enumerate()) - before) == 1
        assert is_open(tmp_path / "out")

    assert set(threading.enumerate()) <= before
    assert not is_open(tmp_path / "out")


def is_open(path: Path) -> bool:
    """Return whether this process holds the file open."""
    return path in (descriptor.resolve() for descriptor in Path("/proc/self/fd").iterdir())


@pytest.mark.usefixtures("_impatient")
def test_a_microphone_is_heard_while_nobody_reads(full_pipe: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as long as its ring holds; every second of it comes when the one before was taken."""
    was_taken = threading.Semaphore(0)

    class Witness(ListSink):
        def check(self) -> None:
            was_taken.release()

    def script(_opened: Format) -> Iterator[bytes]:
        for second in np.split(loud_where("0" * 20 + ("1" * 60 + "0" * 40) * 20 + "0" * 30, 320), 41):
            yield second.tobytes()
            if not was_taken.acquire(timeout=5):
                Reader(full_pipe[1])  # lets who waits for it fail, instead of hang
                return

    install(monkeypatch, FakeDevice(script=script))
    pipeline = Pipeline(SpeechSettings(), LoudnessDetector(), FixedClassifier(), partials=True)
    witness = Witness()
    with (
        Microphone(None, MIX, pipeline.patience) as source,
        PatientSink(sink_to(full_pipe[0]), capacity=20) as sink,
        pytest.raises(DeviceError, match="was lost"),
    ):
        Daemon(source, pipeline, [sink, witness]).run(START)

    *told, end = witness.records
    assert (end["utterances"], end["gaps"], end["overflows"]) == (20, 0, 0)
    assert end["dropped"] == sink.dropped - 1 == len(told), "the end itself is not in its own count"


MICROPHONE = """
import sys, time
sys.path.insert(0, 'tests')
from fake_portaudio import FakeDevice, FakePortAudio

def script(opened):
    while True:
        time.sleep(0.02)
        yield bytes(640)

sys.modules['sounddevice'] = FakePortAudio([FakeDevice(script=script)])
from streamer.sinks import patient
patient._STUCK_S = 1.0  # for the file, too, which a busy machine may hold up
"""


def first_line_of(path: Path, process: Any) -> None:
    """Wait until the command has begun."""
    pause = threading.Event()
    for _ in range(TIME_LIMIT_S * 20):
        if path.exists() and path.read_bytes().count(b"\n") > 0:
            return
        assert process.poll() is None
        pause.wait(0.05)
    pytest.fail(f"nothing in {path}")


def test_the_command_stops_at_a_signal_though_nobody_reads(tmp_path: Path, full_pipe: tuple[Path, int]) -> None:
    model, witness = write_model(tmp_path / "tiny.onnx"), tmp_path / "witness"
    writer = os.open(full_pipe[0], os.O_WRONLY)
    with start("run", "--model", model, "-o", "jsonl", "-o", f"jsonl:{witness}", code=MICROPHONE, stdout=writer) as run:
        os.close(writer)
        first_line_of(witness, run)
        run.send_signal(signal.SIGTERM)
        _, err = ended(run)

    *told, end = records_in(witness.read_bytes())
    assert (run.returncode, err) == (0, b"")
    assert (end["type"], end["reason"], end["dropped"]) == ("end", "signal", len(told))


def test_a_disk_that_is_full_ends_the_command_with_one_line_and_the_file_with_a_whole_one(tmp_path: Path) -> None:
    model, path = write_model(tmp_path / "tiny.onnx"), tmp_path / "out"
    path.write_text("the line before\n")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))"  # as a full disk does
    with start("run", "--model", model, "-o", "jsonl", "-o", f"jsonl:{path}", code=MICROPHONE + limit) as run:
        out, err = ended(run)

    assert run.returncode == 1
    assert err.decode() == f"emotion-streamer: {path}: results can not be written (File too large)\n"
    assert records_in(out)[-1]["reason"] == "sink_failed"
    assert path.read_text() == "the line before\n", "500 bytes of `start` were there for a moment"
