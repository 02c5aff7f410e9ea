"""Which fold a speaker is in: ``folds.csv`` for the corpora that are known, a rule for all others.

The rule made the file, too: in each corpus the women by name, then the men, are dealt to the folds in turn,
so that every fold has of both. Nobody looked at a result before.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from training.corpora.base import Clip
from training.errors import CorpusError

NUM_FOLDS = 5
FOLD_FILE = Path(__file__).parent / "folds.csv"

Speaker = tuple[str, str]
"""Corpus and name: names are unique within a corpus only."""


def speaker_of(clip: Clip) -> Speaker:
    """Return who speaks in ``clip``."""
    return clip.corpus, clip.speaker


def folds_of(clips: Iterable[Clip]) -> Mapping[Speaker, int]:
    """Return the fold, 0 to ``NUM_FOLDS - 1``, of every speaker in ``clips``.

    Raises:
        CorpusError: A corpus has fewer than three speakers: one each is needed to train, to choose and to test.
    """
    written = _written_folds()
    by_corpus: dict[str, dict[str, Clip]] = {}
    for clip in clips:
        by_corpus.setdefault(clip.corpus, {}).setdefault(clip.speaker, clip)
    folds: dict[Speaker, int] = {}
    for corpus, speakers in by_corpus.items():
        if len(speakers) < 3:
            raise CorpusError(
                f"{corpus}: at least three speakers are needed to train, to choose and to test, got {len(speakers)}"
            )
        dealt = {name for name, _ in written if name == corpus}
        known = {(corpus, speaker): written.get((corpus, speaker)) for speaker in speakers}
        if dealt and None in known.values():
            missing = sorted(speaker for (_, speaker), fold in known.items() if fold is None)
            raise CorpusError(f"{corpus}: speakers {', '.join(missing)} are not in {FOLD_FILE.name}")
        folds |= {speaker: fold for speaker, fold in known.items() if fold is not None} or deal(speakers.values())
    return folds


def deal(clips: Iterable[Clip]) -> dict[Speaker, int]:
    """Return the folds that the rule gives the speakers of one corpus."""
    order = sorted({(clip.gender != "woman", clip.gender == "man", speaker_of(clip)) for clip in clips})
    return {speaker: index % NUM_FOLDS for index, (_, _, speaker) in enumerate(order)}


def _written_folds() -> dict[Speaker, int]:
    with FOLD_FILE.open(encoding="utf-8", newline="") as lines:
        return {(row["corpus"], row["speaker"]): int(row["fold"]) for row in csv.DictReader(lines)}
