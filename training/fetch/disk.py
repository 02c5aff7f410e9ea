"""What the disk allows."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.fetch.errors import FetchError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def require_space(folder: Path, num_bytes: int, purpose: str) -> None:
    """Return if ``num_bytes`` more fit on the disk of ``folder``.

    Raises:
        FetchError: They do not.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < num_bytes:
        raise FetchError(
            f"{folder}: {purpose} needs {num_bytes / 1e6:.1f} MB, but only {free_bytes / 1e6:.1f} MB are free; "
            f"make room, or choose another folder"
        )


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about writing ``path`` into one line.

    Raises:
        FetchError: The disk is full, or the path can not be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise FetchError(
                f"{path}: the disk is full ({error.strerror}); make room and run the command again, "
                f"which continues where it stopped"
            ) from error
        raise FetchError(
            f"{path}: can not be written ({error.strerror or error}); expected a folder that you may write into"
        ) from error
