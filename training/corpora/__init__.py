"""Corpora of emotional speech: one module each, all behind :class:`~training.corpora.base.Corpus`."""

from collections.abc import Sequence
from pathlib import Path

from training.corpora.base import Clip, Corpus, without_copies
from training.corpora.emodb import EmoDb
from training.corpora.nemo import Nemo
from training.corpora.ravdess import Ravdess
from training.errors import CorpusError

CORPORA: tuple[Corpus, ...] = (Nemo(), Ravdess(), EmoDb())


def find_corpora(names: Sequence[str]) -> tuple[Corpus, ...]:
    """Return the corpora called ``names``, in the order of :data:`CORPORA`.

    Raises:
        CorpusError: A name is unknown, or there is none.
    """
    known = [corpus.name for corpus in CORPORA]
    unknown = sorted(set(names) - set(known))
    if unknown or not names:
        raise CorpusError(f"corpora must be of {', '.join(known)}, got {', '.join(unknown) or 'none'}")
    return tuple(corpus for corpus in CORPORA if corpus.name in names)


def load_clips(corpora: Sequence[Corpus], corpora_dir: Path) -> tuple[Clip, ...]:
    """Return the clips of ``corpora`` below ``corpora_dir`` in a fixed order, without byte-identical copies.

    Raises:
        CorpusError: A corpus is missing, or a file name does not fit.
    """
    return tuple(clip for corpus in corpora for clip in without_copies(corpus.clips(corpora_dir)))
