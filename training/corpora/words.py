"""What people call emotions and genders, and what that is here: data for corpora that describe themselves."""

from collections.abc import Mapping

from training.corpora.base import Gender

LABEL_WORDS: Mapping[str, str | None] = {
    "anger": "anger",
    "angry": "anger",
    "happiness": "happiness",
    "happy": "happiness",
    "joy": "happiness",
    "joyful": "happiness",
    "neutral": "neutral",
    "neutrality": "neutral",
    "calm": "neutral",
    "sadness": "sadness",
    "sad": "sadness",
    "boredom": None,
    "bored": None,
    "disgust": None,
    "disgusted": None,
    "fear": None,
    "fearful": None,
    "surprise": None,
    "surprised": None,
    "raiva": "anger",
    "felicidade": "happiness",
    "alegria": "happiness",
    "feliz": "happiness",
    "neutro": "neutral",
    "calma": "neutral",
    "calmo": "neutral",
    "tristeza": "sadness",
    "triste": "sadness",
    "medo": None,
    "nojo": None,
    "surpresa": None,
}
"""Words in lower case to labels; None for an emotion that is not used."""

GENDER_WORDS: Mapping[str, Gender] = {
    "woman": "woman",
    "female": "woman",
    "f": "woman",
    "w": "woman",
    "man": "man",
    "male": "man",
    "m": "man",
    "unknown": "unknown",
    "": "unknown",
}
