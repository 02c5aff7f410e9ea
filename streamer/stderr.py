"""Standard error is for our own lines: what libraries of C write there is kept away."""

import contextlib
import os
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_num_inside = 0  # of all threads
_kept = -1


def descriptor() -> int:
    """Return where people read what is said, also while libraries are not heard."""
    return _kept if _num_inside else 2


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Let nothing that is written to descriptor 2 inside be seen; our own messages say what matters of it.

    Any number of threads may be inside: it is heard again when the last one has left.
    """
    global _num_inside, _kept  # noqa: PLW0603  # descriptor 2 is one for all, too
    with _lock:
        if _num_inside == 0:
            _kept = os.dup(2)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            os.close(null)
        _num_inside += 1
    try:
        yield
    finally:
        with _lock:
            _num_inside -= 1
            if _num_inside == 0:
                os.dup2(_kept, 2)
                os.close(_kept)
