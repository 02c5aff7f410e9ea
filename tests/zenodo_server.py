"""A server on this machine that speaks as much of Zenodo's API as fetching needs, and fails as it is told to.

``python tests/zenodo_server.py emoUERJ.zip`` serves an archive for a rehearsal, until it is interrupted.
"""

import hashlib
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

RECORD_ID = "5427549"
FILE_NAME = "emoUERJ.zip"
SHAPES = ("zenodo", "october 2023", "inveniordm")


@dataclass(frozen=True)
class Answer:
    """What the server answers instead of what was asked for."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Sent:
    """An answer about the content of the file."""

    range: str | None
    """What the request asked for."""
    status: int
    num_bytes: int
    """Of the body."""


class ZenodoServer:
    """Serves one record with one file; a context manager.

    Attributes:
        sent: Every answer about the file's content so far.
        record_answers: For the next requests for the record, one each.
        file_answers: For the next requests for the file, one each.
        cuts: After how many bytes of the body the connection of the next requests for the file is cut, one each.
        knows_ranges: Whether it sends parts.
        says_size: Whether it says beforehand how long a body is.
        size_bytes: What the record says, and ...
        md5: ... what it says of the checksum.
        shape: Of the record, one of :data:`SHAPES`.
        before_body: Called before the body of the file is sent.
        url: Of the server.
        api_url: Of its API.
        content_url: Of the file's content.
    """

    def __init__(self, content: bytes, tls: ssl.SSLContext | None = None) -> None:
        """Prepare to serve ``content`` as the file; with ``tls`` over https."""
        self.content = content
        self.sent: list[Sent] = []
        self.record_answers: list[Answer] = []
        self.file_answers: list[Answer] = []
        self.cuts: list[int] = []
        self.knows_ranges = self.says_size = True
        self.size_bytes = len(content)
        self.md5 = hashlib.md5(content).hexdigest()
        self.shape = SHAPES[0]
        self.before_body: Callable[[], object] = lambda: None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"zenodo": self}))
        self._http.daemon_threads = True
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._http.server_port}"
        self.api_url = f"{self.url}/api"
        self.content_url = f"{self.api_url}/records/{RECORD_ID}/files/{FILE_NAME}/content"

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def record(self) -> dict[str, Any]:
        """Return the record in its shape, with all that a client needs, and little of the rest."""
        url = self.content_url.removesuffix("/content")
        numbers = {"size": self.size_bytes, "checksum": f"md5:{self.md5}"}
        files: Any = [{"id": "0", "key": FILE_NAME, **numbers, "links": {"self": self.content_url}}]
        if self.shape == "october 2023":
            links = {"self": url, "download": self.content_url}
            files = [{"filename": FILE_NAME, "filesize": self.size_bytes, "checksum": self.md5, "links": links}]
        elif self.shape == "inveniordm":
            links = {"self": url, "content": self.content_url.removeprefix(self.url)}
            numbers["size"] = float(self.size_bytes)
            files = {"enabled": True, "entries": {FILE_NAME: {"key": FILE_NAME, **numbers, "links": links}}}
        return {"id": int(RECORD_ID), "metadata": {"title": "emoUERJ"}, "files": files}


class _Handler(BaseHTTPRequestHandler):
    zenodo: ZenodoServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Serve one connection; a client that goes away is nothing to tell about."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        if self.path == f"/api/records/{RECORD_ID}":
            answers, send = self.zenodo.record_answers, self._send_record
        elif self.path == f"/api/records/{RECORD_ID}/files/{FILE_NAME}/content":
            answers, send = self.zenodo.file_answers, self._send_file
        else:
            answers, send = [Answer(404)], self._send_record
        if not answers:
            send()
            return
        answer = answers.pop(0)
        length = {"Content-Length": str(len(answer.body))}
        self._send(answer.status, length | answer.headers, answer.body)

    def _send_record(self) -> None:
        body = json.dumps(self.zenodo.record()).encode()
        self._send(200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, body)

    def _send_file(self) -> None:
        zenodo, asked = self.zenodo, self.headers["Range"]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and zenodo.knows_ranges else 0  # type: ignore[index]
        size, body = len(zenodo.content), zenodo.content[start:]
        status, headers = 200, {"Content-Length": str(len(body))} if zenodo.says_size else {}
        if start >= size:
            status, body, headers = 416, b"", {"Content-Length": "0", "Content-Range": f"bytes */{size}"}
        elif start:
            status, headers = 206, headers | {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        if zenodo.cuts:
            body = body[: zenodo.cuts.pop(0)]
            self.close_connection = True
        zenodo.sent.append(Sent(asked, status, len(body)))
        self._send(status, headers, body, zenodo.before_body)

    def _send(
        self, status: int, headers: dict[str, str], body: bytes, before_body: Callable[[], object] = lambda: None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Connection", "close")
        self.end_headers()
        before_body()
        self.wfile.write(body)

    def log_message(self, *_message: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    with ZenodoServer(Path(sys.argv[1]).read_bytes()) as server:
        print(server.api_url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
