"""What may come of hostile input: a result, or one line; neither for much memory."""

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from streamer.errors import StreamerError

MOST_MEMORY_KIB = 400 * 1024
"""Which the process may grow by while it takes in one input; a network may have 256 MiB."""


@contextlib.contextmanager
def result_or_one_line() -> Iterator[None]:
    """Let what is inside give a result or refuse in one line; all else is a finding, also what it writes."""
    before_kib = _begin_peak()
    with _nothing_written(), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            yield
        except StreamerError as error:
            _check_line(error)
    grown_kib = _resident_kib("VmHWM") - before_kib
    assert grown_kib <= MOST_MEMORY_KIB, f"took {grown_kib} KiB of memory"


def _begin_peak() -> int:
    """Return the memory that the process has, which is the most from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _resident_kib("VmRSS")


def _resident_kib(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition(f"{name}:")[2].split()[0])


def _check_line(error: StreamerError) -> None:
    message = str(error)
    assert message.strip(), f"{type(error).__name__} says nothing"
    assert "\n" not in message, f"{type(error).__name__} of several lines: {message!r}"


@contextlib.contextmanager
def _nothing_written() -> Iterator[None]:
    """Look that nothing is written to the standard streams, by libraries of C neither."""
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with open(os.memfd_create("written"), "w+b") as written:  # noqa: PTH123  # there is no path
        with contextlib.redirect_stdout(io.StringIO()) as said:
            for descriptor in (1, 2):
                os.dup2(written.fileno(), descriptor)
            try:
                yield
            finally:
                for descriptor, before in zip((1, 2), kept, strict=True):
                    os.dup2(before, descriptor)
                    os.close(before)
        written.seek(0)
        content = said.getvalue().encode() + written.read()
        assert not content, f"written to standard output or error: {content[:500]!r}"


@contextlib.contextmanager
def as_file(data: bytes, name: str) -> Iterator[Path]:
    """Give a file of ``data``, in memory where the machine has a place for that."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path
