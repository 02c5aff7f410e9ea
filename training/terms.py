"""What a model file says about the data behind it, and on which terms its weights may be used."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.corpora.base import Corpus
from training.errors import CorpusError
from training.protocols import Clips

_PUBLIC_DOMAIN = "CC0-1.0"
_CREDIT_ONLY = "CC-BY-4.0"
_NOT_SETTLED = "LicenseRef-"


def describe_data(corpora: Sequence[Corpus], sides: Mapping[str, Clips]) -> list[dict[str, Any]]:
    """Return one object a corpus: what it is, its terms, and who of it is on which of ``sides``."""
    described = []
    for corpus in corpora:
        own = {side: [clip for clip in clips if clip.corpus == corpus.name] for side, clips in sides.items()}
        described.append(
            {
                "corpus": corpus.title,
                "language": corpus.language,
                "description": corpus.description,
                "remarks": corpus.remarks([clip for clips in own.values() for clip in clips]),
                "licence": corpus.licence,
                "attribution": corpus.attribution,
                "clips": {side: len(clips) for side, clips in own.items()},
                "speakers": {side: sorted({clip.speaker for clip in clips}) for side, clips in own.items()},
            }
        )
    return described


def licence_of(corpora: Sequence[Corpus]) -> dict[str, str]:
    """Return the licence of weights trained on ``corpora``: ``spdx``, ``attribution`` and, where it is open, ``note``.

    CC0 asks for nothing and CC BY for the credit that is given anyway, so that one other licence among the corpora
    decides. Terms that are not settled hold beside it, whatever they are.

    Raises:
        CorpusError: The corpora come under several licences that ask for more than credit.
    """
    licences = {corpus.licence for corpus in corpora}
    open_terms = {licence for licence in licences if licence.startswith(_NOT_SETTLED)}
    demanding = licences - open_terms - {_PUBLIC_DOMAIN, _CREDIT_ONLY}
    if len(demanding) > 1:
        raise CorpusError(f"no licence for weights trained on data under {', '.join(sorted(demanding))}")
    credit = licences & {_CREDIT_ONLY}
    spdx = " AND ".join(sorted((demanding or credit) | open_terms)) or _PUBLIC_DOMAIN
    licence = {"spdx": spdx, "attribution": "; ".join(corpus.attribution for corpus in corpora)}
    if open_terms:
        titles = ", ".join(corpus.title for corpus in corpora if corpus.licence in open_terms)
        licence["note"] = f"The terms of {titles} are not settled: find them out before you pass these weights on."
    return licence
