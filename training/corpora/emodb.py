"""EmoDB: acted German speech (Burkhardt and others 2005)."""

from typing import Final

from training.corpora.named import NamedCorpus

CORPUS: Final = NamedCorpus(
    name="emodb",
    title="EmoDB",
    language="German",
    licence="CC0-1.0",
    attribution=(
        "Berlin Database of Emotional Speech (EmoDB), Felix Burkhardt, Astrid Paeschke, Miriam Rolfes, "
        "Walter F. Sendlmeier and Benjamin Weiss, TU Berlin, 2005, CC0 1.0"
    ),
    description="acted sentences; anger, happiness, neutral and sadness are used, the other emotions are not",
    folder="emodb/wav",
    pattern=r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[A-Z])[a-z]",
    expected="two digits of speaker, a or b and two digits of text, W F T N L E or A, take",
    labels={
        "W": "anger",
        "F": "happiness",
        "N": "neutral",
        "T": "sadness",
        "L": None,  # boredom
        "E": None,  # disgust
        "A": None,  # fear
    },
    genders={
        "03": "man",
        "08": "woman",
        "09": "woman",
        "10": "man",
        "11": "man",
        "12": "man",
        "13": "woman",
        "14": "woman",
        "15": "man",
        "16": "woman",
    },
)
