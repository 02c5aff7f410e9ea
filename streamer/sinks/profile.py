"""The sink that keeps a profile up to date."""

from collections.abc import Callable

from streamer.errors import ProfileChangedError, ProfileError, SinkError
from streamer.sinks.record import Record

_INTERVAL_S = 60.0


class ProfileSink:
    """Writes a profile once a minute of the stream, and at its end; only where something was learnt since.

    One that can not be written is tried again later, and ``warn`` told; at the end it is a sink that fails. One that
    somebody else wrote meanwhile is theirs from then on: ``warn`` is told, and nothing is written any more.
    """

    dropped = 0
    """It has no reader."""

    def __init__(self, write: Callable[[], None], warn: Callable[[str], None]) -> None:
        """Keep it with ``write``."""
        self._write, self._warn = write, warn
        self._warned_of = ""  # what is so for weeks is told once
        self._written_s = 0.0
        self._has_learnt = False
        self._is_over = False

    def write(self, record: Record) -> None:
        """Take note of ``record``."""
        self._has_learnt |= record["type"] == "utterance"
        if not self._has_learnt or record.get("end_s", 0.0) < self._written_s + _INTERVAL_S:
            return
        self._written_s = record["end_s"]
        try:
            self._keep()
        except ProfileError as error:
            if str(error) != self._warned_of:
                self._warned_of = str(error)
                self._warn(self._warned_of)

    def finish(self) -> None:
        """Write what was learnt since.

        Raises:
            SinkError: It can not be written.
        """
        if not self._has_learnt:
            return
        try:
            self._keep()
        except ProfileError as error:
            self._has_learnt = False
            raise SinkError(str(error)) from error

    def check(self) -> None:
        """Nobody reads it meanwhile."""

    def _keep(self) -> None:
        if not self._is_over:
            try:
                self._write()
            except ProfileChangedError as error:
                self._is_over = True
                self._warn(f"{error}: what is learnt from now on is kept until the end of this run only")
        self._has_learnt = False
