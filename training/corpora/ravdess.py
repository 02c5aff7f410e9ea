"""RAVDESS: acted North American English speech (Livingstone and Russo 2018)."""

from typing import Final

from training.corpora.named import NamedCorpus

CORPUS: Final = NamedCorpus(
    name="ravdess",
    title="RAVDESS",
    language="English",
    licence="CC-BY-NC-SA-4.0",
    attribution=(
        "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), Steven R. Livingstone and "
        "Frank A. Russo, 2018 (https://doi.org/10.5281/zenodo.1188976), CC BY-NC-SA 4.0"
    ),
    description=(
        "acted sentences, speech only; calm counts as neutral; angry, happy, neutral, calm and sad are used, "
        "the other emotions are not; byte-identical copies are dropped"
    ),
    folder="ravdess",
    pattern=r"03-01-(?P<emotion>\d\d)-0[12]-0[12]-0[12]-(?P<speaker>\d\d)",
    expected="03-01-EMOTION-INTENSITY-SENTENCE-REPETITION-ACTOR (audio only, speech)",
    labels={
        "01": "neutral",
        "02": "neutral",  # calm
        "03": "happiness",
        "04": "sadness",
        "05": "anger",
        "06": None,  # fearful
        "07": None,  # disgust
        "08": None,  # surprised
    },
    genders={f"{actor:02d}": "man" if actor % 2 else "woman" for actor in range(1, 25)},
)
