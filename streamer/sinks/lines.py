"""Where lines go: each is written at once and whole, or not at all."""

import contextlib
import errno
import fcntl
import os
import select
import stat
from pathlib import Path

from streamer import stderr
from streamer.errors import SettingsError, SinkError


class ReaderGoneError(SinkError):
    """Whoever read the results closed the pipe; that is no fault."""


class LineWriter:
    """Whole lines on a file descriptor, UTF-8, one write each, nothing buffered."""

    def __init__(self, descriptor: int, name: str) -> None:
        """Write to ``descriptor``, called ``name`` in messages."""
        self._descriptor, self._name = descriptor, name

    @classmethod
    def standard_output(cls) -> "LineWriter":
        """Return a writer to standard output.

        Raises:
            SettingsError: It is closed; the command line has put something read-only in its place.
        """
        if fcntl.fcntl(1, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise SettingsError("standard output is closed: open it, or name a file with -o FORMAT:PATH")
        return cls(1, "standard output")

    @classmethod
    def open(cls, path: Path) -> "LineWriter":
        """Return a writer that adds to the file at ``path``, and never overwrites.

        Raises:
            SettingsError: The file can not be opened.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            writer = cls(descriptor, str(path))
            if _ends_inside_line(path):
                os.write(descriptor, b"\n")  # a crash cut the last line short: keep it apart
        except OSError as error:
            raise SettingsError(f"{path}: can not be written ({error.strerror})") from error
        return writer

    def close(self) -> None:
        """Close the descriptor, unless it is a standard one."""
        if self._descriptor > 2:
            os.close(self._descriptor)

    def check(self) -> None:
        """Ask whether somebody reads.

        Raises:
            ReaderGoneError: The pipe was closed.
        """
        poll = select.poll()
        poll.register(self._descriptor, 0)
        if any(state & select.POLLERR for _, state in poll.poll(0)):
            raise ReaderGoneError(f"{self._name}: closed by its reader")

    def write(self, line: str) -> None:
        """Write ``line`` and a line feed.

        Raises:
            ReaderGoneError: The pipe was closed.
            SinkError: The line does not fit; a regular file ends with the line before.
        """
        content = line.encode("utf-8", "backslashreplace") + b"\n"
        num_written = 0
        while num_written < len(content):
            try:
                num_written += os.write(self._descriptor, content[num_written:])
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                self._take_back(num_written)
                if error.errno == errno.EPIPE:
                    raise ReaderGoneError(f"{self._name}: closed by its reader") from error
                raise SinkError(f"{self._name}: results can not be written ({error.strerror})") from error

    def _take_back(self, num_written: int) -> None:
        status = os.fstat(self._descriptor) if num_written else None
        if status and stat.S_ISREG(status.st_mode):
            os.ftruncate(self._descriptor, status.st_size - num_written)


def escaped(line: str) -> str:
    """Return ``line`` with escapes for what would end it or command the terminal, as names of files may hold it."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def tell_people(line: str) -> None:
    """Write ``line`` to standard error, where that is open: what is told there is no result."""
    with contextlib.suppress(OSError):
        os.write(stderr.descriptor(), escaped(line).encode() + b"\n")


def first_line(path: Path) -> str:
    """Return the first line of the regular file at ``path``, empty where there is none."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline().rstrip("\n")


def _ends_inside_line(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        return content.read() != b"\n"
