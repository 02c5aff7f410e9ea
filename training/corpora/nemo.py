"""nEMO: acted Polish speech (Christop 2024)."""

from typing import Final

from training.corpora.base import Gender
from training.corpora.named import NamedCorpus

_LABELS = {
    "anger": "anger",
    "happiness": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "fear": None,
    "surprise": None,
}

# The file names do not tell: taken from the median pitch of each speaker's neutral sentences
# (178 to 203 Hz for the women, 94 to 142 Hz for the men). It only serves to balance the split.
_GENDERS: dict[str, Gender] = {
    "EB0": "woman",
    "IC0": "woman",
    "KD0": "woman",
    "KS0": "man",
    "MK0": "woman",
    "MP0": "man",
    "SM0": "man",
    "TP0": "man",
    "WR0": "man",
}

CORPUS: Final = NamedCorpus(
    name="nemo",
    title="nEMO",
    language="Polish",
    licence="CC-BY-NC-SA-4.0",
    attribution=(
        "nEMO: Dataset of Emotional Speech in Polish, Iwona Christop, Adam Mickiewicz University, 2024 "
        "(https://github.com/amu-cai/nEMO), CC BY-NC-SA 4.0"
    ),
    description="acted sentences; anger, happiness, neutral and sadness are used, fear and surprise are not",
    folder="nemo/samples",
    pattern=r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_\d+",
    expected=f"SPEAKER_emotion_sentence with a speaker of {', '.join(_GENDERS)} and an emotion of {', '.join(_LABELS)}",
    labels=_LABELS,
    genders=_GENDERS,
)
