"""What every corpus looks like from outside."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from training.errors import CorpusError

LABELS = ("anger", "happiness", "neutral", "sadness")
"""What the network tells apart, in the order of its outputs."""

Gender = Literal["woman", "man"]

_AUDIO_SUFFIXES = (".wav", ".flac")


@dataclass(frozen=True)
class Clip:
    """One recording of one sentence."""

    path: Path
    label: str
    """One of :data:`LABELS`."""
    speaker: str
    """Unique within the corpus."""
    corpus: str
    gender: Gender


class Corpus(Protocol):
    """Finds the clips of one corpus and knows its terms."""

    name: str
    """Short, as on the command line."""
    title: str
    language: str
    licence: str
    """SPDX identifier."""
    attribution: str
    """Whom to credit, and where it comes from."""
    description: str
    """What the recordings are and what of them is used."""

    def clips(self, corpora_dir: Path) -> list[Clip]:
        """Return the clips below ``corpora_dir`` that carry one of :data:`LABELS`, sorted by path.

        Raises:
            CorpusError: The folder is missing or empty, or a file name does not fit.
        """

    def remarks(self, clips: Sequence[Clip]) -> list[str]:
        """Return what is peculiar about the copy at hand, one sentence each."""


def audio_files(folder: Path) -> list[Path]:
    """Return the WAV and FLAC files below ``folder``, sorted.

    Raises:
        CorpusError: There are none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _AUDIO_SUFFIXES)
    if not files:
        raise CorpusError(f"{folder}: no WAV or FLAC files here")
    return files


def unfitting_name(path: Path, expected: str) -> CorpusError:
    """Return the error for a file whose name is not as the corpus names its files."""
    return CorpusError(f"{path}: the name does not fit; expected {expected}")


def without_copies(clips: Iterable[Clip]) -> list[Clip]:
    """Return ``clips`` less those whose file equals an earlier one byte for byte."""
    seen: set[str] = set()
    kept = []
    for clip in clips:
        digest = content_hash(clip.path)
        if digest not in seen:
            kept.append(clip)
        seen.add(digest)
    return kept


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file at ``path``, in hexadecimal.

    Raises:
        CorpusError: It can not be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"{path}: can not be read ({error.strerror})") from error
