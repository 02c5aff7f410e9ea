"""What a corpus without a loader of its own says about its files, by folders or by a list; labels not yet judged."""

import csv
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.corpora.base import Complaint, Gender, audio_files
from training.corpora.words import GENDER_WORDS
from training.errors import CorpusError

CSV_FILE = "clips.csv"
_COLUMNS = ("path", "label", "speaker")


@dataclass(frozen=True)
class Entry:
    """A file, and what is said about it."""

    path: Path
    word: str
    """The emotion, in the corpus' own words."""
    speaker: str
    gender: Gender


def list_folders(folder: Path) -> Iterator[Entry | Complaint]:
    """Yield the files of ``LABEL/SPEAKER/`` below ``folder``, and a complaint for each file that is elsewhere.

    Raises:
        CorpusError: There are no files.
    """
    for path in audio_files(folder):
        parts = path.relative_to(folder).parts
        if len(parts) < 3:
            reason = (
                "not in LABEL/SPEAKER/, so that its speaker is unknown, and who speaks decides what may be tested on "
                f"whom; move it into a folder for its speaker, or list it with its speaker in {CSV_FILE}"
            )
            yield Complaint(path, reason)
        else:
            yield Entry(path, parts[0], _name(parts[1]), "unknown")


def list_csv(path: Path) -> Iterator[Entry | Complaint]:
    """Yield the lines of ``path``: ``path,label,speaker[,gender]``, paths from its folder on or absolute.

    A complaint, with the number of its line, comes in the place of a line that can not be used.

    Raises:
        CorpusError: It is no such list.
    """
    seen: dict[Path, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            _require_columns(path, rows.fieldnames or [])
            for row in rows:
                yield _entry(path, rows.line_num, row, seen)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: can not be read as a list in UTF-8, separated by commas ({error})") from error
    if not seen:
        raise CorpusError(f"{path}: lists no file that is there")


def _require_columns(path: Path, names: Collection[str]) -> None:
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise CorpusError(
            f"{path}: the first line must name the columns path,label,speaker and may name gender; "
            f"missing: {', '.join(missing)}"
        )


def _entry(path: Path, line: int, row: Mapping[str | None, str | None], seen: dict[Path, int]) -> Entry | Complaint:
    fault, fields = None, {name: (value or "").strip() for name, value in row.items() if name is not None}
    audio = path.parent / fields["path"]
    gender = GENDER_WORDS.get(fields.get("gender", "").casefold())
    empty = [name for name in _COLUMNS if not fields[name]]
    if None in row or None in row.values():
        fault = f"expected {len(fields)} fields"
    elif empty:
        fault = f"no {', '.join(empty)}"
    elif gender is None:
        fault = f"gender must be woman, man or empty, got {fields['gender']}"
    elif not audio.is_file():
        fault = f"no such file: {audio}"
    elif (first := seen.setdefault(audio.resolve(), line)) != line:
        fault = f"the file of line {first} again: {audio}"
    if fault or gender is None:
        return Complaint(path, f"line {line}: {fault}")
    return Entry(audio, fields["label"], _name(fields["speaker"]), gender)


def _name(written: str) -> str:
    """Return one form of what looks the same: some archives hold letters and their accents apart."""
    return unicodedata.normalize("NFC", written)
