"""What a model file says about the data behind it."""

from collections.abc import Sequence
from typing import Any

from training.corpora.base import Corpus
from training.errors import CorpusError
from training.splits import Split

_PUBLIC_DOMAIN = "CC0-1.0"


def describe_data(corpora: Sequence[Corpus], split: Split) -> list[dict[str, Any]]:
    """Return one object a corpus: what it is, its terms, and who of it is on which side of the split."""
    described = []
    for corpus in corpora:
        sides = {
            side: [clip for clip in getattr(split, side) if clip.corpus == corpus.name]
            for side in ("train", "validation", "test")
        }
        described.append(
            {
                "corpus": corpus.title,
                "language": corpus.language,
                "description": corpus.description,
                "remarks": corpus.remarks([clip for clips in sides.values() for clip in clips]),
                "licence": corpus.licence,
                "attribution": corpus.attribution,
                "clips": {side: len(clips) for side, clips in sides.items()},
                "speakers": {side: sorted({clip.speaker for clip in clips}) for side, clips in sides.items()},
            }
        )
    return described


def licence_of(corpora: Sequence[Corpus]) -> dict[str, str]:
    """Return the licence of weights trained on ``corpora``, as ``spdx`` and ``attribution``.

    CC0 asks for nothing, so that one other licence among the corpora decides.

    Raises:
        CorpusError: The corpora come under several licences that ask for something.
    """
    demanding = {corpus.licence for corpus in corpora} - {_PUBLIC_DOMAIN}
    if len(demanding) > 1:
        raise CorpusError(f"no licence for weights trained on data under {', '.join(sorted(demanding))}")
    return {
        "spdx": demanding.pop() if demanding else _PUBLIC_DOMAIN,
        "attribution": "; ".join(corpus.attribution for corpus in corpora),
    }
