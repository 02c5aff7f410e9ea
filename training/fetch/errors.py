"""What can go wrong while fetching."""

from streamer.errors import StreamerError


class FetchError(StreamerError):
    """The network, the server, the disk or the archive does not do what it should."""


class TransientError(FetchError):
    """What may pass by itself, so that the same request is worth another try."""

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        """Tell what happened, and for how long the server asks to be left alone if it says so."""
        super().__init__(message)
        self.retry_after_s = retry_after_s
