"""Gets a corpus from where it is published: ``python -m training fetch``."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from training.errors import CorpusError
from training.fetch.connection import Connection
from training.fetch.disk import disk_errors
from training.fetch.download import download_file, partial_file
from training.fetch.unpack import unpack_archive
from training.fetch.zenodo import ZENODO_API, find_file


@dataclass(frozen=True)
class Archive:
    """A ZIP archive in a record of Zenodo."""

    record_id: str
    file_name: str


ARCHIVES = {"emouerj": Archive("5427549", "emoUERJ.zip")}
"""What can be fetched, by the name of the corpus."""

ELSEWHERE = {
    "nemo": "clone https://github.com/amu-cai/nEMO and put its samples/ into CORPORA_DIR/nemo/",
    "ravdess": "take Audio_Speech_Actors_01-24.zip from https://zenodo.org/records/1188976 and put its Actor_01/ to "
    "Actor_24/ into CORPORA_DIR/ravdess/",
    "emodb": "take download.zip from http://emodb.bilderbar.info/download/ and put its wav/ into CORPORA_DIR/emodb/",
}
"""How to get the others by hand."""


def zenodo_api() -> str:
    """Return the address of the API: ``EMOTION_ZENODO_API`` (a mirror, a rehearsal), else Zenodo's own."""
    return os.environ.get("EMOTION_ZENODO_API") or ZENODO_API


def fetch(
    name: str, corpora_dir: Path, *, api_url: str = ZENODO_API, pause: Callable[[float], object] = time.sleep
) -> Path:
    """Return the folder of the corpus ``name`` in ``corpora_dir``, downloaded and unpacked if it is not there.

    What was downloaded stays as ``FILE.part`` in ``corpora_dir`` until all is done: the next call continues.

    Args:
        name: One of :data:`ARCHIVES`.
        corpora_dir: Holds a folder per corpus; made if it is not there.
        api_url: Where Zenodo's API is. Only https is spoken, unless this is a plain http address.
        pause: Waits for so many seconds before another try.

    Raises:
        CorpusError: It can not be fetched by this command.
        FetchError: The network, the server, the disk or the archive does not do what it should.
    """
    archive = _find_archive(name)
    target = corpora_dir / name
    with disk_errors(target):
        if target.exists() and any(target.iterdir()):
            tqdm.write(f"{target}: is there already; to fetch it again, delete it first", file=sys.stderr)
            return target
        corpora_dir.mkdir(parents=True, exist_ok=True)
    part_path = corpora_dir / f"{archive.file_name}.part"
    with Connection(api_url) as connection:
        file = find_file(connection, api_url, archive.record_id, archive.file_name, pause)
        with disk_errors(part_path), partial_file(part_path) as part:
            download_file(file, part, connection, pause)
            with disk_errors(target):
                unpack_archive(part_path, target)
            part.truncate(0)
    return target


def _find_archive(name: str) -> Archive:
    if name in ELSEWHERE:
        raise CorpusError(f"{name} can not be fetched by this command: {ELSEWHERE[name]}")
    if name not in ARCHIVES:
        raise CorpusError(f"no corpus {name!r} is known; expected {', '.join((*ARCHIVES, *ELSEWHERE))}")
    return ARCHIVES[name]
