"""A ZIP archive from elsewhere, unpacked so that it can do no harm."""

import lzma
import shutil
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from tqdm import tqdm

from training.fetch.disk import require_space
from training.fetch.errors import FetchError

MAX_UNPACKED_BYTES = 2 * 1024**3
"""Far more than a corpus of short recordings has; an archive that says more is not unpacked."""

MAX_FILES = 10_000

_BLOCK_BYTES = 4096
"""Files take whole blocks of the disk."""

Members = dict[tuple[str, ...], ZipInfo]
"""The files of an archive by the parts of their paths."""


def unpack_archive(archive: Path, target: Path) -> None:
    """Unpack ``archive`` as the folder ``target``, which is there only when it is complete.

    A single folder that holds everything is left out: ``emoUERJ/w01a01.wav`` becomes ``TARGET/w01a01.wav``.

    Raises:
        FetchError: The archive is broken or encrypted, has a path that leads elsewhere, a link,
            or more in it than it should, or does not fit on the disk.
        OSError: ``target`` is not an empty folder, or can not be written.
    """
    temporary = target.with_name(f".{target.name}.unpacking")  # a corpus of this name would be odd
    shutil.rmtree(temporary, ignore_errors=True)  # of a call that was killed
    try:
        with _archive_errors(archive), ZipFile(archive) as opened:
            members = _without_common_folder(_members(opened))
            need_bytes = sum(-(-info.file_size // _BLOCK_BYTES) * _BLOCK_BYTES for info in members.values())
            require_space(target.parent, need_bytes, f"unpacking {archive.name}")
            temporary.mkdir()
            for parts, info in tqdm(members.items(), "unpacking", unit="file", mininterval=0.5):
                _extract(opened, info, temporary.joinpath(*parts))
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _members(archive: ZipFile) -> Members:
    """Return the files in ``archive``, each of them checked, without those that macOS adds."""
    infos = [info for info in archive.infolist() if not info.filename.startswith("__MACOSX/")]
    parts = [_safe_parts(info) for info in infos]
    members = {part: info for part, info in zip(parts, infos, strict=True) if not info.is_dir()}
    total_bytes = sum(info.file_size for info in members.values())
    if not members or len(infos) > MAX_FILES:
        raise BadZipFile(f"{len(infos)} entries, {len(members)} files; expected 1 to {MAX_FILES}")
    if len(set(parts)) < len(parts):
        raise BadZipFile("two entries have the same path; expected each once")
    if total_bytes > MAX_UNPACKED_BYTES:
        raise BadZipFile(f"{total_bytes / 1e6:.0f} MB unpacked; expected at most {MAX_UNPACKED_BYTES / 1e6:.0f} MB")
    return members


def _safe_parts(info: ZipInfo) -> tuple[str, ...]:
    # Windows knows both kinds of slash and drive letters: what is safe there is safe everywhere.
    path = PureWindowsPath(info.filename)
    if path.anchor or ".." in path.parts or not path.parts:
        raise BadZipFile(f"{info.filename!r} leads out of the folder; expected a path inside")
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was made without file modes
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadZipFile(f"{info.filename!r} is a link or a device; expected files and folders")
    return path.parts


def _without_common_folder(members: Members) -> Members:
    if len({parts[0] for parts in members}) > 1 or any(len(parts) == 1 for parts in members):
        return members
    return {parts[1:]: info for parts, info in members.items()}


def _extract(archive: ZipFile, info: ZipInfo, path: Path) -> None:
    """Write one file; never more than the directory says, since that is where zipfile stops reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, path.open("xb") as copy:
        shutil.copyfileobj(source, copy)
        if copy.tell() != info.file_size:
            raise BadZipFile(
                f"{info.filename!r} has {copy.tell()} bytes; expected {info.file_size} as in its directory"
            )


@contextmanager
def _archive_errors(archive: Path) -> Iterator[None]:
    """Turn what is wrong with the archive, found by zipfile or by the checks above, into one line."""
    try:
        yield
    except (BadZipFile, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise FetchError(f"{archive}: not unpacked: {error}; look into the archive, and delete it") from error
