"""What can go wrong in an export; each error is one line for people and an exit code."""

from streamer.errors import StreamerError


class ExportError(StreamerError):
    """The run can not become a model file, or it can not be written."""

    exit_code = 2


class ParityError(StreamerError):
    """The model file gives other numbers than the network it was made from."""
