"""RAVDESS: acted North American English speech (Livingstone and Russo 2018)."""

import re
from collections.abc import Sequence
from pathlib import Path

from training.corpora.base import Clip, Gender, audio_files, unfitting_name

_NAME = re.compile(r"03-01-(?P<emotion>0[1-8])-0[12]-0[12]-0[12]-(?P<actor>[01]\d|2[0-4])")
_LABELS = {"01": "neutral", "02": "neutral", "03": "happiness", "04": "sadness", "05": "anger"}


class Ravdess:
    """24 actors, 2 sentences; ``Actor_NN/03-01-EMOTION-INTENSITY-SENTENCE-REPETITION-ACTOR``."""

    name = "ravdess"
    title = "RAVDESS"
    language = "English"
    licence = "CC-BY-NC-SA-4.0"
    attribution = (
        "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), Steven R. Livingstone and "
        "Frank A. Russo, 2018 (https://doi.org/10.5281/zenodo.1188976), CC BY-NC-SA 4.0"
    )
    description = (
        "acted sentences, speech only; calm counts as neutral; angry, happy, neutral, calm and sad are used, "
        "the other emotions are not; byte-identical copies are dropped"
    )

    def clips(self, corpora_dir: Path) -> list[Clip]:
        """Return the clips in ``ravdess/Actor_NN``; see :meth:`training.corpora.base.Corpus.clips`."""
        paths = audio_files(corpora_dir / self.name)
        return [clip for path in paths if (clip := self._clip(path)) is not None]

    def remarks(self, _clips: Sequence[Clip]) -> list[str]:
        """Return what is peculiar about this copy: nothing."""
        return []

    def _clip(self, path: Path) -> Clip | None:
        match = _NAME.fullmatch(path.stem)
        if match is None or match["actor"] == "00":
            raise unfitting_name(path, "03-01-EMOTION-INTENSITY-SENTENCE-REPETITION-ACTOR (audio only, speech)")
        if match["emotion"] not in _LABELS:
            return None
        gender: Gender = "man" if int(match["actor"]) % 2 else "woman"
        return Clip(path, _LABELS[match["emotion"]], match["actor"], self.name, gender)
