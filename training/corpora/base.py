"""What every corpus looks like from outside."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import soundfile

from training.errors import CorpusError

LABELS = ("anger", "happiness", "neutral", "sadness")
"""What the network tells apart, in the order of its outputs."""

Gender = Literal["woman", "man", "unknown"]
"""Only serves to balance who trains and who tests."""

_AUDIO_SUFFIXES = (".wav", ".flac")
_NUM_SHOWN = 10


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


@dataclass(frozen=True)
class Complaint:
    """Why a file, or what is listed in a file, can not be used."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Found:
    """The clips that can be used, and what can not."""

    clips: tuple[Clip, ...]
    complaints: tuple[Complaint, ...] = ()
    copies: tuple[Clip, ...] = ()
    """Left out of ``clips``: byte-identical to one of them and of the same speaker and label."""


@dataclass(frozen=True, kw_only=True)
class Corpus(ABC):
    """Finds the clips of one corpus and knows its terms."""

    name: str
    """Short, as on the command line."""
    title: str
    language: str
    licence: str
    """SPDX identifier; ``LicenseRef-...`` where the terms are not settled."""
    attribution: str
    """Whom to credit, and where it comes from."""
    description: str
    """What the recordings are and what of them is used."""

    @abstractmethod
    def scan(self, corpora_dir: Path) -> Found:
        """Return the clips below ``corpora_dir`` that carry one of :data:`LABELS`, in an order that is always the same.

        Raises:
            CorpusError: The folder is missing or empty, or nobody can tell what its labels mean.
        """

    def remarks(self, clips: Sequence[Clip]) -> list[str]:
        """Return what is peculiar about the copy at hand, one sentence each."""
        durations_s = {soundfile.info(clip.path).duration for clip in clips}
        if len(clips) < 2 or len(durations_s) > 1:
            return []
        return [
            "This copy is not as it was recorded: every file was cut or padded with zeros to exactly "
            f"{durations_s.pop():.2f} s, perhaps in the middle of speech; the figures do not compare with published "
            "ones."
        ]


def audio_files(folder: Path) -> list[Path]:
    """Return the WAV and FLAC files below ``folder``, sorted; hidden ones and those that macOS adds do not count.

    Raises:
        CorpusError: There are none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _AUDIO_SUFFIXES and not path.is_dir())
    files = [path for path in files if not _is_hidden(path.relative_to(folder))]
    if not files:
        raise CorpusError(f"{folder}: no WAV or FLAC files here")
    return files


def refusal(complaints: Iterable[Complaint]) -> CorpusError:
    """Return one error for all ``complaints``: each reason once, with the files that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for complaint in complaints:
        by_reason.setdefault(complaint.reason, []).append(str(complaint.path))
    return CorpusError(_some([_told(reason, paths) for reason, paths in by_reason.items()], "; "))


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file at ``path``, in hexadecimal.

    Raises:
        CorpusError: It can not be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"{path}: can not be read ({error.strerror})") from error


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _told(reason: str, paths: Sequence[str]) -> str:
    if len(paths) == 1:
        return f"{paths[0]}: {reason}"
    return f"{len(paths)} files: {reason}: {_some(paths, ', ')}"


def _some(texts: Sequence[str], separator: str) -> str:
    more = len(texts) - _NUM_SHOWN
    return separator.join(texts[:_NUM_SHOWN]) + (f"{separator}and {more} more" if more > 0 else "")
