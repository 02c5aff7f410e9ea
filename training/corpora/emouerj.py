"""emoUERJ: acted Brazilian Portuguese speech (Bastos Germano and others 2021)."""

from typing import Final

from training.corpora.named import NamedCorpus

CORPUS: Final = NamedCorpus(
    name="emouerj",
    title="emoUERJ",
    language="Brazilian Portuguese",
    licence="LicenseRef-emoUERJ",
    attribution=(
        "emoUERJ: an emotional speech database in Portuguese, Rodrigo Gregory Bastos Germano, Michel Pompeu Tcheou, "
        "Felipe da Rocha Henriques and Sergio Pinto Gomes Junior, UERJ, 2021 "
        "(https://doi.org/10.5281/zenodo.5427549, whose terms are there)"
    ),
    description=(
        "acted sentences; its licence is CC BY 4.0 in one list and ODbL in another: check Zenodo record 5427549 before "
        "weights made from it are passed on"
    ),
    folder="emouerj",
    pattern=r"(?P<speaker>[mw]\d\d)(?P<emotion>[a-z])\d\d",
    expected="m or w, actor 01 to 04, emotion h a s or n, two digits of take, such as w04a11",
    labels={"a": "anger", "h": "happiness", "n": "neutral", "s": "sadness"},
    genders={
        "m01": "man",
        "m02": "man",
        "m03": "man",
        "m04": "man",
        "w01": "woman",
        "w02": "woman",
        "w03": "woman",
        "w04": "woman",
    },
    counts={
        "m01": (12, 11, 14, 13),
        "m02": (10, 10, 12, 9),
        "m03": (10, 10, 10, 10),
        "m04": (10, 10, 10, 19),
        "w01": (10, 10, 12, 10),
        "w02": (15, 16, 11, 10),
        "w03": (11, 12, 13, 11),
        "w04": (16, 12, 10, 18),
    },
)
