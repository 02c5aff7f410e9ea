"""Fetching a corpus: from a server that speaks Zenodo's API, and misbehaves in every way that is known."""

import errno
import hashlib
import io
import os
import shutil
import signal
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from command import ROOT
from hypothesis import given
from hypothesis import strategies as st
from zenodo_server import FILE_NAME, SHAPES, Answer, Sent, ZenodoServer

from training.errors import CorpusError
from training.fetch import fetch, zenodo_api
from training.fetch import unpack as unpacking
from training.fetch.connection import TRIES, Connection
from training.fetch.download import download_file, partial_file
from training.fetch.errors import FetchError
from training.fetch.unpack import MAX_FILES, MAX_UNPACKED_BYTES, unpack_archive
from training.fetch.zenodo import ZENODO_API, find_file

RECORDINGS = {
    f"emoUERJ/{name}.wav": np.random.default_rng(seed).bytes(60_000)
    for seed, name in enumerate(("w01a01", "w04a11", "m03s02", "m04n19", "w02h16"))
}


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of ``files``, their paths taken as they are."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()


ARCHIVE = zipped(RECORDINGS)


def unpacked(folder: Path) -> dict[str, bytes]:
    """Return the files below ``folder``."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FLAT = {name.removeprefix("emoUERJ/"): content for name, content in RECORDINGS.items()}


class Pauses(list[float]):
    """Keeps for how many seconds it was asked to wait, and does not wait."""

    def __call__(self, wait_s: float) -> None:
        """Note one."""
        self.append(wait_s)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def zenodo() -> Iterator[ZenodoServer]:
    with ZenodoServer(ARCHIVE) as server:
        yield server


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / f"{FILE_NAME}.part"


class TestWhole:
    def test_a_corpus_arrives_without_the_folder_that_holds_it_all(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        folder = fetch("emouerj", tmp_path / "new" / "corpora", api_url=zenodo.api_url)

        assert folder == tmp_path / "new" / "corpora" / "emouerj"
        assert unpacked(folder) == FLAT
        assert [path.name for path in folder.parent.iterdir()] == ["emouerj"]
        assert zenodo.sent == [Sent(None, 200, len(ARCHIVE))]

    @pytest.mark.parametrize("shape", SHAPES)
    def test_every_form_that_the_record_ever_had_is_read(self, shape: str, zenodo: ZenodoServer) -> None:
        zenodo.shape = shape

        with Connection(zenodo.api_url) as connection:
            file = find_file(connection, zenodo.api_url, "5427549", FILE_NAME, Pauses())

        assert (file.size_bytes, file.md5) == (len(ARCHIVE), hashlib.md5(ARCHIVE).hexdigest())
        assert file.url == zenodo.content_url

    def test_what_is_there_stays_and_nothing_is_asked(
        self, zenodo: ZenodoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "emouerj").mkdir()
        (tmp_path / "emouerj" / "w01a01.wav").write_bytes(b"mine")

        folder = fetch("emouerj", tmp_path, api_url="http://127.0.0.1:1")

        assert unpacked(folder) == {"w01a01.wav": b"mine"}
        assert f"{folder}: is there already" in capsys.readouterr().err
        assert not zenodo.sent

    def test_an_empty_folder_is_filled(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        (tmp_path / "emouerj").mkdir()

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url)) == FLAT

    def test_the_bar_goes_to_stderr(
        self, zenodo: ZenodoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fetch("emouerj", tmp_path, api_url=zenodo.api_url)
        printed = capsys.readouterr()

        assert f"{FILE_NAME}: 100%" in printed.err
        assert printed.out == ""

    def test_a_redirect_is_followed(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        zenodo.file_answers = [Answer(302, {"Location": zenodo.content_url})]

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url)) == FLAT

    def test_the_address_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMOTION_ZENODO_API", "https://mirror.example/api")
        mirror = zenodo_api()
        monkeypatch.delenv("EMOTION_ZENODO_API")

        assert (mirror, zenodo_api()) == ("https://mirror.example/api", ZENODO_API)


class TestCorpora:
    @pytest.mark.parametrize(
        ("name", "where", "layout"),
        [
            ("nemo", "github.com/amu-cai/nEMO", "CORPORA_DIR/nemo/"),
            ("ravdess", "zenodo.org/records/1188976", "CORPORA_DIR/ravdess/"),
            ("emodb", "emodb.bilderbar.info", "CORPORA_DIR/emodb/"),
        ],
    )
    def test_of_the_others_it_is_told_how_to_get_them(self, name: str, where: str, layout: str, tmp_path: Path) -> None:
        with pytest.raises(CorpusError) as raised:
            fetch(name, tmp_path)

        assert where in str(raised.value)
        assert layout in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_a_name_that_nobody_knows_is_wrong_input(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"'emo'.*expected emouerj, nemo, ravdess, emodb"):
            fetch("emo", tmp_path)


class TestCutConnections:
    def test_it_continues_at_the_byte_that_is_missing(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.cuts = [100_000, 50_000]

        folder = fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)

        assert unpacked(folder) == FLAT
        asked_bytes = [int(sent.range.removeprefix("bytes=")[:-1]) for sent in zenodo.sent if sent.range]
        assert 90_000 < asked_bytes[0] <= 100_000
        assert 40_000 < asked_bytes[1] - asked_bytes[0] <= 50_000
        assert [sent.num_bytes for sent in zenodo.sent] == [100_000, 50_000, len(ARCHIVE) - asked_bytes[1]]
        assert pauses == [1, 1]

    def test_it_gives_up_after_some_tries_and_the_next_call_continues(
        self, zenodo: ZenodoServer, tmp_path: Path, part: Path, pauses: Pauses
    ) -> None:
        zenodo.cuts = [100_000, *[0] * (TRIES - 1)]

        with pytest.raises(FetchError, match=rf"gave up after {TRIES} tries.*continues where it stopped"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)
        kept_bytes = part.stat().st_size
        folder = fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)

        assert 90_000 < kept_bytes <= 100_000
        assert zenodo.sent[-1] == Sent(f"bytes={kept_bytes}-", 206, len(ARCHIVE) - kept_bytes)
        assert unpacked(folder) == FLAT
        assert pauses == [1, 2, 4, 8]

    def test_any_number_of_cuts_is_survived_as_long_as_bytes_come(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.cuts = [20_000] * 2 * TRIES

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)) == FLAT
        assert len(zenodo.sent) == 2 * TRIES + 1

    def test_it_continues_also_where_nobody_says_how_long_the_file_is(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.says_size, zenodo.cuts = False, [100_000]

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)) == FLAT
        assert zenodo.sent[1] == Sent("bytes=100000-", 206, len(ARCHIVE) - 100_000)

    def test_a_server_without_ranges_sends_it_all_again(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.knows_ranges, zenodo.cuts = False, [100_000]

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)) == FLAT
        assert zenodo.sent[1].range is not None
        assert [sent.num_bytes for sent in zenodo.sent] == [100_000, len(ARCHIVE)]

    def test_a_server_without_ranges_that_always_breaks_is_given_up(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.knows_ranges, zenodo.cuts = False, [100_000] * 2 * TRIES

        with pytest.raises(FetchError, match="gave up"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)

        assert len(zenodo.sent) == TRIES

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(416),
            Answer(206, {"Content-Range": "bytes 7-9/10"}, b"789"),
            Answer(206, {"Content-Type": "multipart/byteranges"}, b"?"),
        ],
    )
    def test_a_server_that_continues_elsewhere_is_asked_for_the_whole(
        self, answer: Answer, zenodo: ZenodoServer, tmp_path: Path, part: Path, pauses: Pauses
    ) -> None:
        part.write_bytes(ARCHIVE[:1000])
        zenodo.file_answers = [answer]

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)) == FLAT
        assert zenodo.sent == [Sent(None, 200, len(ARCHIVE))]

    def test_what_is_complete_is_not_asked_for_again(self, zenodo: ZenodoServer, tmp_path: Path, part: Path) -> None:
        part.write_bytes(ARCHIVE)

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url)) == FLAT
        assert not zenodo.sent

    def test_a_part_longer_than_the_file_is_none_of_it(self, zenodo: ZenodoServer, tmp_path: Path, part: Path) -> None:
        part.write_bytes(ARCHIVE + b"?")

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url)) == FLAT

    def test_ctrl_c_keeps_the_part(self, zenodo: ZenodoServer, tmp_path: Path, part: Path) -> None:
        part.write_bytes(ARCHIVE[:70_000])
        is_reached, may_end = threading.Event(), threading.Event()

        def hold() -> None:
            is_reached.set()
            may_end.wait(30)

        zenodo.before_body = hold
        code = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from pathlib import Path; from training.fetch import fetch\n"
            f"fetch('emouerj', Path({str(tmp_path)!r}), api_url={zenodo.api_url!r})"
        )

        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) as process:
            assert is_reached.wait(30)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        may_end.set()

        assert process.returncode == -signal.SIGINT
        assert f"{part}: kept; the same command continues after its 70000 bytes" in said.decode()
        assert part.read_bytes() == ARCHIVE[:70_000]
        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url)) == FLAT
        assert zenodo.sent[-1] == Sent("bytes=70000-", 206, len(ARCHIVE) - 70_000)

    def test_two_at_once_do_not_write_the_same_part(self, zenodo: ZenodoServer, tmp_path: Path, part: Path) -> None:
        with partial_file(part) as other:
            other.write(ARCHIVE[:500])
            with pytest.raises(FetchError, match="another process is fetching it"):
                fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert part.read_bytes() == ARCHIVE[:500]


class TestServersThatFail:
    def test_without_a_server_the_reason_is_told(self, tmp_path: Path, pauses: Pauses) -> None:
        with ZenodoServer(b"") as server:
            url = server.api_url

        with pytest.raises(
            FetchError, match=rf"{url}/records/5427549: Connection refused; gave up .*check the network"
        ):
            fetch("emouerj", tmp_path, api_url=url, pause=pauses)

        assert pauses == [1, 2, 4, 8]
        assert not list(tmp_path.iterdir())

    def test_a_host_without_an_address_is_no_network(self, tmp_path: Path, pauses: Pauses) -> None:
        with pytest.raises(FetchError, match=r"(?i)(name|address).*check the network"):
            fetch("emouerj", tmp_path, api_url="http://zenodo.invalid/api", pause=pauses)

    @pytest.mark.parametrize("which", ["record_answers", "file_answers"])
    def test_what_is_not_found_is_not_asked_for_twice(
        self, which: str, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        setattr(zenodo, which, [Answer(404)])

        with pytest.raises(FetchError, match=r"answers 404 Not Found, expected 200; .*check the address"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)

        assert not pauses
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("which", ["record_answers", "file_answers"])
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_server_in_trouble_is_asked_again(
        self, status: int, which: str, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        setattr(zenodo, which, [Answer(status), Answer(status, {"Retry-After": "7"})])

        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)) == FLAT
        assert pauses == [1, 7]

    def test_a_server_that_stays_in_trouble_is_given_up(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.record_answers = [Answer(500, {"Retry-After": "86400"})] * TRIES

        with pytest.raises(FetchError, match=rf"answers 500 Internal Server Error; gave up after {TRIES} tries"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)

        assert pauses == [60] * (TRIES - 1)

    @pytest.mark.parametrize(
        "body",
        [
            b"<!DOCTYPE html><title>Zenodo</title>",
            b'{"id": 5427549, "files": [{"key": "emoUE',
            b"\xff\xfe",
            b"[]",
            b"null",
            b'{"files": 3}',
            b'{"files": [{}]}',
            b'{"files": [7]}',
        ],
    )
    def test_what_is_no_record_is_quoted(self, body: bytes, zenodo: ZenodoServer, tmp_path: Path) -> None:
        zenodo.record_answers = [Answer(200, body=body)]

        with pytest.raises(FetchError, match=r"expected a record of Zenodo in JSON, got b"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

    @pytest.mark.parametrize("body", [b"{}", b'{"files": []}', b'{"files": {"enabled": false}}'])
    def test_a_record_without_the_file_is_another(self, body: bytes, zenodo: ZenodoServer, tmp_path: Path) -> None:
        zenodo.record_answers = [Answer(200, body=body)]

        with pytest.raises(FetchError, match=r"expected a file emoUERJ\.zip, got none; is it the right record"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

    @pytest.mark.parametrize(
        ("size", "checksum", "links"),
        [
            ('"many"', "md5:" + 32 * "0", '{"self": "x"}'),
            ("0", "md5:" + 32 * "0", '{"self": "x"}'),
            ("9", "sha1:" + 40 * "0", '{"self": "x"}'),
            ("9", "md5:" + 32 * "0", "{}"),
            ("9", "md5:" + 32 * "0", "null"),
            ("null", "md5:" + 32 * "0", '{"self": "x"}'),
        ],
    )
    def test_a_file_without_size_checksum_or_link_is_not_fetched(
        self, size: str, checksum: str, links: str, zenodo: ZenodoServer, tmp_path: Path
    ) -> None:
        entry = f'{{"key": "{FILE_NAME}", "size": {size}, "checksum": "{checksum}", "links": {links}}}'
        zenodo.record_answers = [Answer(200, body=f'{{"files": [{entry}]}}'.encode())]

        with pytest.raises(FetchError, match="expected a size, an MD5 checksum and a link for emoUERJ"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

    def test_a_circle_of_redirects_ends(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        zenodo.record_answers = [Answer(302, {"Location": f"{zenodo.api_url}/records/5427549"})] * 40

        with pytest.raises(FetchError, match="redirects"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

    @pytest.mark.parametrize("url", ["zenodo.org/api", "ftp://zenodo.org/api", "https://"])
    def test_an_address_that_is_none_is_told(self, url: str, tmp_path: Path) -> None:
        with pytest.raises(FetchError, match="check the address"):
            fetch("emouerj", tmp_path, api_url=url)

    def test_https_does_not_lead_to_http(
        self, tmp_path: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("no openssl to make a certificate with")
        make = "req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2"
        certificate, key = tmp_path / "certificate", tmp_path / "key"
        subprocess.run(["openssl", *make.split(), "-out", certificate, "-keyout", key], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

        with ZenodoServer(ARCHIVE, tls) as secure:
            folder = fetch("emouerj", tmp_path / "straight", api_url=secure.api_url)
            secure.file_answers = [Answer(302, {"Location": zenodo.content_url})]
            with pytest.raises(FetchError, match="leads to an address that is not https"):
                fetch("emouerj", tmp_path / "astray", api_url=secure.api_url)

        assert unpacked(folder) == FLAT
        assert not zenodo.sent


class TestVerification:
    def test_a_wrong_checksum_deletes_the_part(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        zenodo.md5 = 32 * "0"

        with pytest.raises(
            FetchError, match=rf"wrong checksum: expected MD5 {32 * '0'}.*deleted, run the command again"
        ):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert not list(tmp_path.iterdir())

    def test_a_part_of_something_else_is_noticed(self, zenodo: ZenodoServer, tmp_path: Path, part: Path) -> None:
        part.write_bytes(b"?" * 1000)

        with pytest.raises(FetchError, match="wrong checksum"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert not part.exists()
        assert unpacked(fetch("emouerj", tmp_path, api_url=zenodo.api_url)) == FLAT

    @pytest.mark.parametrize("difference", [-1, 1])
    @pytest.mark.parametrize("start", [0, 1000])
    def test_a_file_of_another_size_is_not_fetched(
        self, start: int, difference: int, zenodo: ZenodoServer, tmp_path: Path, part: Path
    ) -> None:
        part.write_bytes(ARCHIVE[:start])
        zenodo.size_bytes += difference

        with pytest.raises(FetchError, match=rf"expected {zenodo.size_bytes} bytes.*got {len(ARCHIVE)}"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert not list(tmp_path.iterdir())

    def test_an_endless_body_is_left_where_the_file_should_end(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.says_size, zenodo.size_bytes = False, 1000

        with pytest.raises(FetchError, match=r"expected 1000 bytes.*got more"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)

        assert not list(tmp_path.iterdir())

    def test_a_body_that_ends_too_early_every_time_is_given_up(
        self, zenodo: ZenodoServer, tmp_path: Path, pauses: Pauses
    ) -> None:
        zenodo.says_size = False
        zenodo.size_bytes += 1

        with pytest.raises(FetchError, match="gave up"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url, pause=pauses)


def link() -> zipfile.ZipInfo:
    """Return the entry of a symbolic link."""
    info = zipfile.ZipInfo("emoUERJ/w01a01.wav")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def archive_of(info: zipfile.ZipInfo, content: bytes) -> bytes:
    """Return an archive with one entry."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(info, content)
    return archive.getvalue()


def with_size(archive: bytes, size_bytes: int) -> bytes:
    """Return ``archive`` of one file with another unpacked size in its header and its directory."""
    packed, directory = struct.pack("<I", size_bytes), archive.index(b"PK\1\2")
    return archive[:22] + packed + archive[26 : directory + 24] + packed + archive[directory + 28 :]


def with_flag(archive: bytes, flag: int) -> bytes:
    """Return ``archive`` with a flag in the directory's first entry."""
    at = archive.index(b"PK\1\2") + 8
    return archive[:at] + bytes([archive[at] | flag]) + archive[at + 1 :]


class BadArchive(NamedTuple):
    """What must not be unpacked, and what is said about it."""

    content: bytes
    said: str


BOMB = zipped({"emoUERJ/w01a01.wav": bytes(3_000_000)})

BAD_ARCHIVES = {
    "a path upwards": BadArchive(zipped({"emoUERJ/../../w.wav": b"x"}), "leads out of the folder"),
    "upwards in the end": BadArchive(zipped({"emoUERJ/..": b"x"}), "leads out of the folder"),
    "upwards as on Windows": BadArchive(zipped({"emoUERJ\\..\\..\\w.wav": b"x"}), "leads out of the folder"),
    "a folder upwards": BadArchive(zipped({"../": b"", "a.wav": b"x"}), "leads out of the folder"),
    "an absolute path": BadArchive(zipped({"/tmp/w.wav": b"x"}), "leads out of the folder"),
    "two slashes": BadArchive(zipped({"//tmp/w.wav": b"x"}), "leads out of the folder"),
    "a drive": BadArchive(zipped({"C:\\w.wav": b"x"}), "leads out of the folder"),
    "a drive alone": BadArchive(zipped({"C:w.wav": b"x"}), "leads out of the folder"),
    "no name": BadArchive(zipped({".": b"x"}), "leads out of the folder"),
    "a link": BadArchive(archive_of(link(), b"/etc/passwd"), "is a link"),
    "the same twice": BadArchive(zipped({"a/w.wav": b"x", "a//w.wav": b"y"}), "the same path"),
    "a file as a folder": BadArchive(zipped({"a": b"x", "a/w.wav": b"y"}), "can not be written"),
    "encrypted": BadArchive(with_flag(zipped({"w.wav": b"x"}), 1), "is encrypted"),
    "nothing": BadArchive(zipped({}), "0 files"),
    "folders only": BadArchive(zipped({"emoUERJ/": b""}), "0 files"),
    "too many": BadArchive(zipped(dict.fromkeys(map(str, range(MAX_FILES + 1)), b"")), f"{MAX_FILES + 1} entries"),
    "too much": BadArchive(with_size(BOMB, MAX_UNPACKED_BYTES + 1), "2147 MB unpacked"),
    "more than it says": BadArchive(with_size(BOMB, 1000), "Bad CRC-32"),
    "less than it says": BadArchive(with_size(BOMB, 4_000_000), "Bad CRC-32|has 3000000 bytes; expected 4000000"),
    "no archive": BadArchive(b"<!DOCTYPE html>", "not a zip file"),
    "half an archive": BadArchive(ARCHIVE[: len(ARCHIVE) // 2], "not a zip file"),
    "other bytes within": BadArchive(ARCHIVE[:5000] + bytes(9000) + ARCHIVE[14_000:], "not unpacked"),
    "a way of packing that nobody has": BadArchive(
        ARCHIVE.replace(b"PK\1\2\x14\3\x14\0\0\0\x08", b"PK\1\2\x14\3\x14\0\0\0\x0f"), "not supported"
    ),
}


class TestUnpacking:
    @pytest.mark.parametrize("name", BAD_ARCHIVES)
    def test_a_bad_archive_is_refused_and_leaves_nothing(
        self, name: str, zenodo: ZenodoServer, tmp_path: Path, part: Path
    ) -> None:
        bad = BAD_ARCHIVES[name]
        zenodo.content, zenodo.size_bytes = bad.content, len(bad.content)
        zenodo.md5 = hashlib.md5(bad.content).hexdigest()
        corpora = tmp_path / "deep" / "corpora"

        with pytest.raises(FetchError, match=bad.said) as raised:
            fetch("emouerj", corpora, api_url=zenodo.api_url)

        assert "\n" not in str(raised.value)
        assert unpacked(tmp_path) == {f"deep/corpora/{FILE_NAME}.part": bad.content}
        assert [path.name for path in corpora.iterdir()] == [part.name]

    def test_of_a_file_never_more_is_written_than_the_directory_says(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "bomb.zip").write_bytes(with_size(BOMB, 1000))
        written: list[int] = []
        monkeypatch.setattr(shutil, "rmtree", lambda path, **_: written.extend(map(len, unpacked(path).values())))

        with pytest.raises(FetchError, match="Bad CRC-32"):
            unpack_archive(tmp_path / "bomb.zip", tmp_path / "emouerj")

        assert written
        assert max(written) <= 1000

    def test_only_one_folder_around_everything_is_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(zipped({"emoUERJ/a/w.wav": b"1", "emoUERJ/b.wav": b"2"}))
        (tmp_path / "b.zip").write_bytes(zipped({"emoUERJ/w.wav": b"1", "README": b"2"}))

        unpack_archive(tmp_path / "a.zip", tmp_path / "a")
        unpack_archive(tmp_path / "b.zip", tmp_path / "b")

        assert unpacked(tmp_path / "a") == {"a/w.wav": b"1", "b.wav": b"2"}
        assert unpacked(tmp_path / "b") == {"emoUERJ/w.wav": b"1", "README": b"2"}

    def test_what_macos_adds_is_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(zipped({"emoUERJ/w.wav": b"1", "__MACOSX/emoUERJ/._w.wav": b"2"}))

        unpack_archive(tmp_path / "a.zip", tmp_path / "a")

        assert unpacked(tmp_path / "a") == {"w.wav": b"1"}

    def test_the_modes_of_the_archive_are_not_taken_over(self, tmp_path: Path) -> None:
        info = zipfile.ZipInfo("w.wav")
        info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o6777) << 16
        (tmp_path / "a.zip").write_bytes(archive_of(info, b"1"))

        unpack_archive(tmp_path / "a.zip", tmp_path / "a")

        assert not (tmp_path / "a" / "w.wav").stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR)

    def test_what_a_killed_call_left_is_cleared_away(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        (tmp_path / ".emouerj.unpacking").mkdir()
        (tmp_path / ".emouerj.unpacking" / "w01a01.wav").write_bytes(b"half")

        fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert unpacked(tmp_path) == {f"emouerj/{name}": content for name, content in FLAT.items()}

    def test_ctrl_c_while_unpacking_leaves_the_archive_only(
        self, zenodo: ZenodoServer, tmp_path: Path, part: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        extract = unpacking._extract

        def interrupted(archive: Any, info: Any, path: Path) -> None:
            extract(archive, info, path)
            if info is archive.infolist()[2]:
                raise KeyboardInterrupt

        monkeypatch.setattr(unpacking, "_extract", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert unpacked(tmp_path) == {part.name: ARCHIVE}
        assert [path.name for path in tmp_path.iterdir()] == [part.name]

    @given(st.data())
    def test_no_damage_gets_past_the_errors_that_are_known(self, data: st.DataObject) -> None:
        """Whatever byte is wrong: unpacked, or one line."""
        small = zipped({"a/w01a01.wav": b"speech" * 50, "a/m01n01.wav": b"x"})
        content = bytearray(small)
        for at in data.draw(st.lists(st.integers(0, len(small) - 1), min_size=1, max_size=4)):
            content[at] = data.draw(st.integers(0, 255))

        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder, "a.zip")
            archive.write_bytes(content)
            with suppress(FetchError, OSError):
                unpack_archive(archive, Path(folder, "a"))
            names = {path.name for path in Path(folder).iterdir()}

        assert names <= {"a.zip", "a"}


class FullDisk(io.FileIO):
    """Takes 50,000 bytes."""

    def write(self, content: Any) -> int:
        """Write, or raise what a full disk raises."""
        room_bytes = 50_000 - os.fstat(self.fileno()).st_size
        if not room_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content[:room_bytes])


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Any]:
    """Give a function that mounts a small disk with these options and returns its folder."""
    disk = tmp_path / "disk"

    def mount(options: str) -> Path:
        disk.mkdir()
        if os.geteuid() != 0:
            pytest.skip("needs root to mount a small disk")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"can not mount a small disk here: {done.stderr.decode().strip()}")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", disk], check=True)


class TestDisk:
    def test_too_little_room_for_the_download_is_told_before_it(self, zenodo: ZenodoServer, tmp_path: Path) -> None:
        zenodo.size_bytes = 10**18

        with pytest.raises(FetchError, match=r"needs 2000000000000\.0 MB, but only .* MB are free; make room"):
            fetch("emouerj", tmp_path, api_url=zenodo.api_url)

        assert not zenodo.sent
        assert not list(tmp_path.iterdir())

    def test_too_little_room_for_what_is_in_the_archive_is_told_before_unpacking(
        self, zenodo: ZenodoServer, tmp_path: Path, part: Path, mounted: Any
    ) -> None:
        disk = mounted("size=1m")
        part = disk / part.name
        zenodo.content = zipped({f"emoUERJ/{name}.wav": bytes(200_000) for name in range(10)})
        zenodo.size_bytes, zenodo.md5 = len(zenodo.content), hashlib.md5(zenodo.content).hexdigest()

        with pytest.raises(FetchError, match=r"unpacking emoUERJ\.zip\.part needs 2\.0 MB, but only 1\.0 MB are free"):
            fetch("emouerj", disk, api_url=zenodo.api_url)

        assert unpacked(disk) == {part.name: zenodo.content}

    def test_a_disk_that_is_full_in_the_middle_keeps_the_part(
        self, zenodo: ZenodoServer, tmp_path: Path, part: Path
    ) -> None:
        with (
            Connection(zenodo.api_url) as connection,
            FullDisk(part, "a+") as full,
            pytest.raises(OSError, match="No space left"),
        ):
            download_file(
                find_file(connection, zenodo.api_url, "5427549", FILE_NAME, Pauses()), full, connection, Pauses()
            )

        assert part.read_bytes() == ARCHIVE[:50_000]

    def test_a_file_that_takes_a_little_at_a_time_gets_it_all(self, zenodo: ZenodoServer, part: Path) -> None:
        class Reluctant(io.FileIO):
            def write(self, content: Any) -> int:
                return super().write(content[:5000])

        with Connection(zenodo.api_url) as connection, Reluctant(part, "a+") as file:
            download_file(
                find_file(connection, zenodo.api_url, "5427549", FILE_NAME, Pauses()), file, connection, Pauses()
            )

        assert part.read_bytes() == ARCHIVE
        assert len(zenodo.sent) == 1

    def test_a_real_disk_that_others_fill_meanwhile_is_told_and_continued(
        self, zenodo: ZenodoServer, mounted: Any
    ) -> None:
        disk = mounted("size=1m")
        filler = disk / "filler"

        def fill() -> None:
            room_bytes = shutil.disk_usage(disk).free - 100_000
            filler.write_bytes(bytes(room_bytes))

        zenodo.before_body = fill
        with pytest.raises(FetchError, match=r"emoUERJ\.zip\.part: the disk is full .*continues where it stopped"):
            fetch("emouerj", disk, api_url=zenodo.api_url)
        kept_bytes = (disk / f"{FILE_NAME}.part").stat().st_size
        filler.unlink()
        zenodo.before_body = lambda: None
        folder = fetch("emouerj", disk, api_url=zenodo.api_url)

        assert 0 < kept_bytes <= 102_400
        assert zenodo.sent[-1].range == f"bytes={kept_bytes}-"
        assert unpacked(folder) == FLAT

    def test_a_real_disk_that_is_full_while_unpacking_leaves_the_archive_only(
        self, zenodo: ZenodoServer, mounted: Any
    ) -> None:
        """The disk has room for the bytes, but not for so many files."""
        disk = mounted("size=4m,nr_inodes=6")

        with pytest.raises(FetchError, match="emouerj: the disk is full"):
            fetch("emouerj", disk, api_url=zenodo.api_url)

        assert [path.name for path in disk.iterdir()] == [f"{FILE_NAME}.part"]
        assert unpacked(disk) == {f"{FILE_NAME}.part": ARCHIVE}

    def test_a_folder_that_may_not_be_written_is_told(self, zenodo: ZenodoServer, tmp_path: Path, mounted: Any) -> None:
        if os.geteuid() == 0:
            folder = mounted("ro")
        else:
            folder = tmp_path / "locked"
            folder.mkdir(mode=0o500)

        with pytest.raises(FetchError, match=r"can not be written \(.*\); expected a folder that you may write into"):
            fetch("emouerj", folder, api_url=zenodo.api_url)

        assert not zenodo.sent

    @pytest.mark.parametrize("where", ["", "emouerj"])
    def test_a_file_in_the_way_is_told_before_the_download(
        self, where: str, zenodo: ZenodoServer, tmp_path: Path
    ) -> None:
        corpora = tmp_path / "corpora"
        (corpora / where).parent.mkdir(exist_ok=True)
        (corpora / where).write_bytes(b"")

        with pytest.raises(FetchError, match=r"can not be written \((Not a directory|File exists)\)"):
            fetch("emouerj", corpora, api_url=zenodo.api_url)

        assert not zenodo.sent
