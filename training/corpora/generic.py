"""Any other corpus: a folder a label and speaker, or a list; what it is called and means may stand in a file beside."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.corpora.base import LABELS, Clip, Complaint, Corpus, Found
from training.corpora.listing import CSV_FILE, Entry, list_csv, list_folders
from training.corpora.words import LABEL_WORDS
from training.errors import CorpusError

DESCRIPTION_FILE = "corpus.toml"
_TAKEN = ("mean", "pooled", "mean_uar_of_corpora", "nll", "nll_uncalibrated")  # beside corpora in evaluation.json
_SPDX = re.compile(r"[A-Za-z0-9.-]+\+?")


@dataclass(frozen=True, kw_only=True)
class GenericCorpus(Corpus):
    """``CORPORA_DIR/NAME/LABEL/SPEAKER/*.wav`` or ``*.flac``, or whatever ``CORPORA_DIR/NAME/clips.csv`` lists."""

    labels: Mapping[str, str | None]
    """Words in lower case to ``LABELS``; None for an emotion that is not used."""

    def scan(self, corpora_dir: Path) -> Found:
        """Return the clips that the list, or else the folders name; see :meth:`training.corpora.base.Corpus.scan`."""
        folder = corpora_dir / self.name
        listed = list(list_csv(folder / CSV_FILE) if (folder / CSV_FILE).exists() else list_folders(folder))
        entries = [entry for entry in listed if isinstance(entry, Entry)]
        self._require_known(folder, {entry.word for entry in entries})
        _require_one_name_each(folder, {entry.speaker for entry in entries})
        clips = [
            Clip(entry.path, label, entry.speaker, self.name, entry.gender)
            for entry in entries
            if (label := self.labels[_key(entry.word)])
        ]
        return Found(tuple(clips), tuple(part for part in listed if isinstance(part, Complaint)))

    def _require_known(self, folder: Path, words: Iterable[str]) -> None:
        unknown = sorted(word for word in words if _key(word) not in self.labels)
        if unknown:
            raise CorpusError(
                f"{folder}: unknown labels: {', '.join(unknown)}; say what they are below [labels] in "
                f"{folder / DESCRIPTION_FILE}, each of {', '.join(LABELS)} or empty for not used, as in: "
                f'"{unknown[0]}" = "{LABELS[0]}"'
            )


def _require_one_name_each(folder: Path, speakers: Iterable[str]) -> None:
    """Refuse one person under two names, who could train and be tested."""
    seen: dict[str, str] = {}
    for name in sorted(speakers):
        other = seen.setdefault(_key(name), name)
        if other != name:
            raise CorpusError(f"{folder}: speakers {other} and {name}: one person must have one name, two people two")


def generic_corpus(name: str, corpora_dir: Path) -> GenericCorpus:
    """Return the corpus in the folder ``name``, with what its ``corpus.toml`` says where there is one.

    Raises:
        CorpusError: ``corpus.toml`` is malformed, or the name stands for something else in the results.
    """
    if name in _TAKEN:
        raise CorpusError(f"{corpora_dir / name}: a corpus can not be called {name}, as figures are; rename the folder")
    path = corpora_dir / name / DESCRIPTION_FILE
    told = _read(path)
    labels = _labels(path, told.pop("labels", {}))
    texts = {
        "title": name,
        "language": "unknown language",
        "licence": "LicenseRef-unknown",
        "attribution": f"{name} (its {DESCRIPTION_FILE} credits nobody)",
        "description": f"not described in its {DESCRIPTION_FILE}",
    }
    if unknown := sorted(set(told) - set(texts)):
        raise CorpusError(f"{path}: unknown {', '.join(unknown)}; known are {', '.join(texts)} and [labels]")
    if wrong := sorted(key for key, value in told.items() if not isinstance(value, str) or not value.strip()):
        raise CorpusError(f"{path}: must be text: {', '.join(wrong)}")
    if wrong := sorted(key for key, value in told.items() if not value.isprintable()):
        raise CorpusError(f"{path}: must be one line of printable characters: {', '.join(wrong)}")
    texts |= told
    if not _SPDX.fullmatch(texts["licence"]):
        raise CorpusError(f"{path}: licence must be an SPDX identifier such as CC-BY-4.0, got {texts['licence']}")
    return GenericCorpus(name=name, **texts, labels={**LABEL_WORDS, **labels})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: can not be read as TOML ({error})") from error


def _labels(path: Path, labels: Any) -> dict[str, str | None]:
    if not isinstance(labels, dict):
        raise CorpusError(f"{path}: labels must be a table, [labels], got {labels}")
    wrong = [f'"{word}" = {ours!r}' for word, ours in labels.items() if ours is not False and ours not in (*LABELS, "")]
    if wrong:
        raise CorpusError(f'{path}: labels must be of {", ".join(LABELS)} or "", got {", ".join(wrong)}')
    return {_key(word): ours or None for word, ours in labels.items()}


def _key(word: str) -> str:
    return word.strip().casefold()
