"""A file from a server, continued where it stopped the last time, and verified."""

import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import requests
from tqdm import tqdm

from training.fetch.connection import Connection, Patience
from training.fetch.disk import require_space
from training.fetch.errors import FetchError, TransientError
from training.fetch.zenodo import RecordFile

# What is lost of a connection that is cut; small, so that a poor one comes forward, too.
_READ_BYTES = 16 * 1024

_CONTENT_RANGE = re.compile(r"bytes (?P<start>\d+)-\d+/(?P<total>\d+|\*)")


@contextmanager
def partial_file(path: Path) -> Iterator[FileIO]:
    """Give the file at ``path`` to append to, for this process alone; it is deleted at the end if it is empty.

    Raises:
        FetchError: Another process has it.
        OSError: It can not be written.
    """
    with FileIO(path, "a+") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FetchError(f"{path}: another process is fetching it; wait until it is done") from error
        try:
            yield part
        except KeyboardInterrupt:
            tqdm.write(f"{path}: kept; the same command continues after its {size_bytes(part)} bytes", file=sys.stderr)
            raise
        finally:
            if not size_bytes(part):
                path.unlink(missing_ok=True)


def size_bytes(part: FileIO) -> int:
    """Return how much of the file is there."""
    return os.fstat(part.fileno()).st_size


def download_file(file: RecordFile, part: FileIO, connection: Connection, pause: Callable[[float], object]) -> None:
    """Append to ``part`` what is missing of ``file``, and verify the whole; what can not be right is emptied.

    Args:
        file: What to get.
        part: What is there already; see :func:`partial_file`.
        connection: To whom to speak.
        pause: Waits for so many seconds before another try.

    Raises:
        FetchError: It can not be had, does not fit on the disk, or is not what the record says.
        OSError: It can not be written.
    """
    if size_bytes(part) > file.size_bytes:
        part.truncate(0)
    # Unpacked, it is at least as large again; more is not known before the archive's directory is there.
    missing_bytes = file.size_bytes - size_bytes(part)
    require_space(Path(part.name).parent, missing_bytes + file.size_bytes, f"{file.name} with what is in it")
    patience, furthest_bytes = Patience(pause), size_bytes(part)
    with tqdm(None, file.name, file.size_bytes, unit="B", unit_scale=True, initial=furthest_bytes) as bar:
        while size_bytes(part) < file.size_bytes:
            try:
                _receive(file, part, connection, bar)
            except TransientError as error:
                patience.endure(error, has_progressed=size_bytes(part) > furthest_bytes)
            furthest_bytes = max(furthest_bytes, size_bytes(part))
    _verify(file, part)


def _receive(file: RecordFile, part: FileIO, connection: Connection, bar: "tqdm[None]") -> None:
    """Append the body of one answer."""
    offset_bytes = size_bytes(part)
    with connection.get(file.url, offset_bytes) as response:
        start_bytes, total_bytes = _offered(response)
        if start_bytes != offset_bytes:
            part.truncate(0)
        if start_bytes not in (0, offset_bytes):
            raise TransientError(f"{file.url}: the server can not continue at byte {offset_bytes}, so from the start")
        _check_size(file, part, total_bytes)
        bar.update(size_bytes(part) - bar.n)
        for body in response.iter_content(_READ_BYTES):
            _check_size(file, part, None if size_bytes(part) + len(body) <= file.size_bytes else "more")
            _write(part, body)
            bar.update(len(body))
    if size_bytes(part) < file.size_bytes:
        raise TransientError(f"{file.url}: ended after {size_bytes(part)} of {file.size_bytes} bytes")


def _offered(response: requests.Response) -> tuple[int | None, str | None]:
    """Return at which byte of the file the body begins, and how long the server says that the file is."""
    if response.status_code == 200:
        return 0, response.headers.get("Content-Length")
    match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if response.status_code == 416 or match is None:
        return None, None
    return int(match["start"]), None if match["total"] == "*" else match["total"]


def _check_size(file: RecordFile, part: FileIO, offered: str | None) -> None:
    if offered not in (None, str(file.size_bytes)):
        part.truncate(0)
        raise FetchError(
            f"{file.url}: expected {file.size_bytes} bytes as in the record, got {offered}; "
            f"what was fetched is deleted, run the command again later"
        )


def _write(part: FileIO, body: bytes) -> None:
    rest = memoryview(body)
    while rest:  # a file without a buffer may take less than all
        rest = rest[part.write(rest) :]


def _verify(file: RecordFile, part: FileIO) -> None:
    part.seek(0)
    md5 = hashlib.file_digest(part, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if md5 != file.md5:
        part.truncate(0)
        raise FetchError(
            f"{part.name}: wrong checksum: expected MD5 {file.md5} as in the record, got {md5}; "
            f"the file is deleted, run the command again"
        )
