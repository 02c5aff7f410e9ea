"""How a server is spoken to: the only user of requests."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import requests
from requests.exceptions import ChunkedEncodingError, InvalidSchema
from tqdm import tqdm

from streamer import __version__
from training.fetch.errors import FetchError, TransientError

TIMEOUT_S = (10, 30)
"""To connect, and to wait for the next bytes."""

TRIES = 5
"""Requests in a row that may fail without a new byte."""

MAX_WAIT_S = 60

# Zenodo asks clients to name themselves, since it limits those that only say "python-requests"
# (its reply in https://github.com/fatiando/pooch/issues/502). Without "identity", a packed body
# could not be continued at a byte of the file.
_HEADERS = {
    "User-Agent": f"emotion-streamer/{__version__} (python -m training fetch)",
    "Accept-Encoding": "identity",
}


class Connection:
    """Asks one server for what it has; https only, unless the address given is a plain http one."""

    def __init__(self, api_url: str) -> None:
        """Prepare to speak with the server of ``api_url``; nothing is sent yet."""
        self._session = requests.Session()
        self._session.headers.update(_HEADERS)
        if not api_url.startswith("http://"):
            del self._session.adapters["http://"]  # also for redirects

    def __enter__(self) -> Self:
        """Return the connection itself."""
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close what is open."""
        self._session.close()

    @contextmanager
    def get(self, url: str, offset_bytes: int = 0) -> Iterator[requests.Response]:
        """Give the answer to a request, its body not read yet; errors while reading it are turned into ours, too.

        Args:
            url: What to get.
            offset_bytes: Where in the body to begin; the server may not care, and answers 416 where that is its end.

        Raises:
            TransientError: The server can not be reached, is busy, or the connection was cut.
            FetchError: It will not give it.
        """
        headers = {"Range": f"bytes={offset_bytes}-"} if offset_bytes else {}
        try:
            with self._session.get(url, headers=headers, timeout=TIMEOUT_S, stream=True) as response:
                _check(response, has_range=bool(headers))
                yield response
        except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError) as error:
            raise TransientError(f"{url}: {_reason(error)}") from error
        except InvalidSchema as error:
            raise FetchError(f"{url}: leads to an address that is not https ({error}); check the address") from error
        except requests.RequestException as error:
            raise FetchError(f"{url}: {error}; check the address, which begins with https://") from error


class Patience:
    """Decides how long to wait before another try, and when to give up."""

    def __init__(self, pause: Callable[[float], object]) -> None:
        """Begin with none lost; ``pause`` waits for so many seconds."""
        self._pause = pause
        self._num_failures = 0

    def endure(self, error: TransientError, *, has_progressed: bool = False) -> None:
        """Wait: 1, 2, 4 ... s, or as long as the server asks for, within bounds.

        Args:
            error: What happened.
            has_progressed: Something was gained since the last time, which is worth as many tries again.

        Raises:
            FetchError: It was the last of :data:`TRIES` in a row.
        """
        self._num_failures = 1 if has_progressed else self._num_failures + 1
        if self._num_failures == TRIES:
            raise FetchError(
                f"{error}; gave up after {TRIES} tries: check the network and run the command again, "
                f"which continues where it stopped"
            ) from error
        wait_s = min(error.retry_after_s or 2 ** (self._num_failures - 1), MAX_WAIT_S)
        tqdm.write(f"{error}; next try in {wait_s} s", file=sys.stderr)
        self._pause(wait_s)


def _check(response: requests.Response, *, has_range: bool) -> None:
    status, said = response.status_code, f"{response.url}: the server answers {response.status_code} {response.reason}"
    if status == 429 or status >= 500:
        retry_after = response.headers.get("Retry-After", "")
        raise TransientError(said, int(retry_after[:9]) if retry_after.isdecimal() else None)
    if status not in (200, 206) and not (status == 416 and has_range):
        raise FetchError(f"{said}, expected 200; see in a browser whether it is there, and check the address")


def _reason(error: BaseException) -> str:
    """Return the innermost cause; what is around it repeats the address and the names of classes."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
