"""The sink that keeps a profile up to date."""

from collections.abc import Callable

from streamer.errors import ProfileError, SinkError
from streamer.sinks.record import Record

_INTERVAL_S = 60.0


class ProfileSink:
    """Writes a profile once a minute of the stream, and at its end; only where something was learnt since.

    One that can not be written is tried again later, and ``warn`` told once; at the end it is a sink that fails.
    """

    dropped = 0
    """It has no reader."""

    def __init__(self, write: Callable[[], None], warn: Callable[[str], None]) -> None:
        """Keep it with ``write``."""
        self._write, self._warn = write, warn
        self._has_warned = False
        self._written_s = 0.0
        self._has_learnt = False

    def write(self, record: Record) -> None:
        """Take note of ``record``."""
        self._has_learnt |= record["type"] == "utterance"
        if not self._has_learnt or record.get("end_s", 0.0) < self._written_s + _INTERVAL_S:
            return
        self._written_s = record["end_s"]
        try:
            self._write()
            self._has_learnt = False
        except ProfileError as error:
            if not self._has_warned:
                self._has_warned = True
                self._warn(str(error))

    def finish(self) -> None:
        """Write what was learnt since.

        Raises:
            SinkError: It can not be written.
        """
        if not self._has_learnt:
            return
        self._has_learnt = False
        try:
            self._write()
        except ProfileError as error:
            raise SinkError(str(error)) from error

    def check(self) -> None:
        """Nobody reads it meanwhile."""
