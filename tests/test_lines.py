"""Lines leave at once and whole, or not at all."""

import contextlib
import fcntl
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import SettingsError, SinkError
from streamer.sinks import lines as lines_module
from streamer.sinks.lines import LineWriter, ReaderGoneError, escaped, first_line


@contextlib.contextmanager
def files_up_to(num_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``num_bytes``, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_each_line_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written can be read at once, and lines of several writers do not mix."""
    written: list[bytes] = []
    monkeypatch.setattr(lines_module.os, "write", lambda _, content: written.append(content) or len(content))
    writer = LineWriter(9, "nine")

    writer.write("first")
    writer.write("zweite Zeile: ä")

    assert written == [b"first\n", "zweite Zeile: ä\n".encode()]


def test_a_name_that_is_no_text_becomes_an_escape(tmp_path: Path) -> None:
    path = tmp_path / "out"
    writer = LineWriter.open(path)

    writer.write('{"path":"\udcff.wav"}')
    writer.close()

    assert path.read_bytes() == b'{"path":"\\udcff.wav"}\n'


def test_a_file_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for line in ("one", "two"):
        writer = LineWriter.open(path)
        writer.write(line)
        writer.close()

    assert path.read_text() == "one\ntwo\n"


def test_a_line_that_a_crash_cut_short_is_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("whole\nhal")
    writer = LineWriter.open(path)
    writer.write("next")
    writer.close()

    assert path.read_text() == "whole\nhal\nnext\n"


def test_closing_gives_the_descriptor_back_but_for_standard_ones(tmp_path: Path) -> None:
    writer = LineWriter.open(tmp_path / "out")
    writer.close()

    with pytest.raises(SinkError, match="Bad file descriptor"):
        writer.write("late")
    LineWriter.standard_output().close()
    os.fstat(1)


@pytest.mark.parametrize(
    ("path", "reason"), [("/no/such/folder/out", "No such file or directory"), ("/", "Is a directory")]
)
def test_a_file_that_can_not_be_opened_is_refused(path: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"{path}: can not be written .{reason}"):
        LineWriter.open(Path(path))


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "out"
    writer = LineWriter.open(path)
    lines = ["x" * 299] * 3
    for line in lines:
        writer.write(line)

    # Around this write alone: pytest's own output may be a file.
    with (
        pytest.raises(SinkError, match=r"out: results can not be written \(File too large\)"),
        files_up_to(1000),
    ):
        writer.write("x" * 299)
    writer.close()

    assert path.read_text().splitlines() == lines


def test_a_device_that_is_full_is_an_error() -> None:
    writer = LineWriter.open(Path("/dev/full"))

    with pytest.raises(SinkError, match=r"/dev/full: results can not be written \(No space left on device\)"):
        writer.write("line")
    writer.close()


def test_a_reader_that_left_is_no_fault() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)

    with pytest.raises(ReaderGoneError):
        LineWriter(descriptor, "pipe").write("line")
    os.close(descriptor)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_slow_reader_gets_whole_lines_in_order(is_blocking: bool) -> None:
    """Also longer ones than the pipe holds, and where somebody else made the pipe non-blocking."""
    reader, descriptor = os.pipe()
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(descriptor, is_blocking)
    lines = [f"{number} {'x' * 3000 * number}" for number in range(10)]
    received = bytearray()

    def read() -> None:
        while content := os.read(reader, 1000):
            received.extend(content)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    writer = LineWriter(descriptor, "pipe")
    for line in lines:
        writer.write(line)
    writer.close()
    thread.join()
    os.close(reader)

    assert received.decode().splitlines() == lines


def test_a_standard_output_for_reading_only_is_refused() -> None:
    """The command line puts such a one where there was none."""
    kept, null = os.dup(1), os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 1)
    try:
        with pytest.raises(SettingsError, match="standard output is closed: open it, or name a file with -o FORMAT:P"):
            LineWriter.standard_output()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)


@pytest.mark.parametrize(
    ("content", "line"), [("", ""), ("one", "one"), ("one\ntwo\n", "one"), ("\n", ""), ("ä\n", "ä")]
)
def test_the_first_line_of_a_file(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "file"
    path.write_text(content)

    assert first_line(path) == line


@pytest.mark.parametrize("path", ["/no/such/file", "/dev/zero", "/"])
def test_what_is_no_regular_file_has_no_first_line(path: str) -> None:
    assert first_line(Path(path)) == ""


@given(line=st.text())
def test_an_escaped_line_is_one_line_without_commands(line: str) -> None:
    shown = escaped(line)

    assert shown.isprintable()
    assert shown == line or not line.isprintable()


def test_a_reader_that_left_is_noticed_without_a_line() -> None:
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor, "pipe")
    writer.check()
    os.close(reader)

    with pytest.raises(ReaderGoneError):
        writer.check()
    writer.close()
