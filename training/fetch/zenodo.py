"""What Zenodo's public API says about a file of a record."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from training.fetch.connection import Connection, Patience
from training.fetch.errors import FetchError, TransientError

ZENODO_API = "https://zenodo.org/api"

_MD5 = re.compile(r"(?:md5:)?(?P<digest>[0-9a-f]{32})")


@dataclass(frozen=True)
class RecordFile:
    """A file as its record describes it."""

    name: str
    size_bytes: int
    md5: str
    """In hexadecimal."""
    url: str
    """Of its content."""


def find_file(
    connection: Connection, api_url: str, record_id: str, name: str, pause: Callable[[float], object]
) -> RecordFile:
    """Ask the API at ``api_url`` for the file ``name`` of a record.

    Raises:
        FetchError: The server does not answer, there is no such file, or the answer is no record.
    """
    url = f"{api_url.rstrip('/')}/records/{record_id}"
    body = _body(connection, url, pause)
    try:
        entries = _entries(json.loads(body))
    except _NO_RECORD as error:
        raise FetchError(
            f"{url}: expected a record of Zenodo in JSON, got {_excerpt(body)}; check the address"
        ) from error
    if name not in entries:
        raise FetchError(f"{url}: expected a file {name}, got {sorted(entries) or 'none'}; is it the right record?")
    try:
        return _record_file(name, entries[name], url)
    except _NO_RECORD as error:
        raise FetchError(
            f"{url}: expected a size, an MD5 checksum and a link for {name}, got {_excerpt(json.dumps(entries[name]))}"
        ) from error


_NO_RECORD = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)


def _body(connection: Connection, url: str, pause: Callable[[float], object]) -> bytes:
    patience = Patience(pause)
    while True:
        try:
            with connection.get(url) as response:
                return response.content
        except TransientError as error:
            patience.endure(error)


# Three forms are known; all are accepted, since a mirror may keep an older one.
# - Today's and the one before October 2023: a list of {"key", "size", "checksum": "md5:...", "links": {"self"}}
#   (`ZenodoSchema.dump_files` in zenodo/zenodo-rdm, site/zenodo_rdm/legacy/serializers/schemas/zenodojson.py;
#   a recent answer is quoted in https://github.com/zenodo/zenodo/issues/2591).
# - Some weeks of October 2023, and deposits until now: {"filename", "filesize", "checksum" without "md5:",
#   "links": {"download"}} (`LegacyFileSchema` in files.py beside it; https://github.com/fatiando/pooch/pull/373).
# - InvenioRDM itself: {"entries": {name: {"key", "size", "checksum", "links": {"self", "content"}}}}, where "self"
#   is a description and "content" the file
#   (https://inveniordm.docs.cern.ch/reference/rest_api_drafts_records/, sizes there are like 89364.0).
def _entries(record: Any) -> dict[str, Any]:
    files = record.get("files", [])  # missing where access is restricted
    if isinstance(files, dict):
        files = files.get("entries", [])
    if isinstance(files, dict):
        files = files.values()
    return {str(entry["key"] if "key" in entry else entry["filename"]): entry for entry in files}


def _record_file(name: str, entry: Any, record_url: str) -> RecordFile:
    size_bytes = int(entry["size"] if "size" in entry else entry["filesize"])
    match = _MD5.fullmatch(entry["checksum"].lower())
    if match is None or size_bytes < 1:
        raise ValueError(name)
    links = entry["links"]
    link = links.get("content") or links.get("download") or links["self"]
    return RecordFile(name, size_bytes, match["digest"], urljoin(record_url, link))


def _excerpt(text: bytes | str) -> str:
    return repr(text[:60]) + ("..." if len(text) > 60 else "")
