"""What is kept between runs, outside the work tree: whole files only, named by what they follow from."""

import ast
import contextlib
import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from training.errors import RunError


def cache_dir() -> Path:
    """Return where it is kept: ``EMOTION_CACHE``, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("EMOTION_CACHE") or Path(base) / "emotion-streamer")


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Let ``write`` fill a file that is at ``path`` once it is complete: a process that is killed leaves none.

    Raises:
        RunError: It can not be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                write(file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{path}: can not be written ({error.strerror or error})") from error


def write_text_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all.

    Raises:
        RunError: It can not be written.
    """
    write_whole(path, lambda file: file.write(text.encode()))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Give the file at ``path`` to read; make one line of whatever goes wrong while it is read and understood.

    Raises:
        RunError: It is damaged, as after a power cut.
    """
    try:
        with path.open("rb") as file:
            yield file
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: damaged ({error}); delete it, and it is made anew") from error


def code_hash(sources: Iterable[Path]) -> str:
    """Return a SHA-256 over what the Python files do: comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for path in sources:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                node.body = [part for part in node.body if not _is_text(part)]
        digest.update(f"{path.name} {ast.dump(tree)}".encode())
    return digest.hexdigest()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
