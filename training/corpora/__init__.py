"""Corpora of emotional speech: each module here that defines ``CORPUS`` is one, and nothing else names it."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path

from training.corpora.base import Clip, Corpus, Found, refusal
from training.corpora.copies import without_copies
from training.corpora.generic import generic_corpus
from training.errors import CorpusError


def discover_corpora() -> tuple[Corpus, ...]:
    """Return the ``CORPUS`` of each module of this package that has one, sorted by name."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return tuple(sorted((module.CORPUS for module in modules if hasattr(module, "CORPUS")), key=lambda c: c.name))


CORPORA = discover_corpora()
"""The known ones, sorted by name."""


def find_corpora(names: Sequence[str] | None, corpora_dir: Path) -> tuple[Corpus, ...]:
    """Return the corpora called ``names``, sorted by name; of None the known ones that are in ``corpora_dir``.

    A name that is not known but a folder in ``corpora_dir`` is a :class:`training.corpora.generic.GenericCorpus`.

    Raises:
        CorpusError: ``corpora_dir`` is no folder, a name is neither, there is none, or a ``corpus.toml`` is malformed.
    """
    if not corpora_dir.is_dir():
        raise CorpusError(f"{corpora_dir}: no such folder")
    known = {corpus.name: corpus for corpus in CORPORA}
    wanted = [name for name in known if (corpora_dir / name).is_dir()] if names is None else sorted(set(names))
    missing = [name for name in wanted if name not in known and not _is_folder(name, corpora_dir)]
    if missing or not wanted:
        own = own_folders(corpora_dir)
        hint = f"; of your own there are {', '.join(own)}: choose with --corpora {own[0]}" if own else ""
        raise CorpusError(
            f"corpora must be of {', '.join(known)} or another folder in {corpora_dir}, "
            f"got {', '.join(missing) or 'none'}{hint}"
        )
    return tuple(known.get(name) or generic_corpus(name, corpora_dir) for name in wanted)


def own_folders(corpora_dir: Path) -> list[str]:
    """Return the folders in ``corpora_dir`` that are no known corpus: used only where they are named."""
    known = {corpus.name for corpus in CORPORA}
    folders = sorted(path.name for path in corpora_dir.iterdir())
    return [name for name in folders if _is_folder(name, corpora_dir) and name not in known]


def find_clips(corpora: Sequence[Corpus], corpora_dir: Path) -> Found:
    """Return the clips of ``corpora`` below ``corpora_dir`` in a fixed order, without byte-identical copies.

    Raises:
        CorpusError: A corpus is missing, or nobody can tell what its labels mean.
    """
    found = [corpus.scan(corpora_dir) for corpus in corpora]
    clips = chain.from_iterable(part.clips for part in found)
    return without_copies(Found(tuple(clips), tuple(chain.from_iterable(part.complaints for part in found))))


def load_clips(corpora: Sequence[Corpus], corpora_dir: Path) -> tuple[Clip, ...]:
    """Return the clips that :func:`find_clips` finds where it has nothing to complain about.

    Raises:
        CorpusError: A corpus is missing, a name does not fit, files are missing, or recordings contradict each other.
    """
    found = find_clips(corpora, corpora_dir)
    if found.complaints:
        raise refusal(found.complaints)
    return found.clips


def _is_folder(name: str, corpora_dir: Path) -> bool:
    is_name = bool(name) and not name.startswith(".") and name == Path(name).name
    return is_name and (corpora_dir / name).is_dir()
