"""NEMO: acted Polish speech (Christop 2024)."""

import re
from collections.abc import Sequence
from pathlib import Path

from training.corpora.base import LABELS, Clip, Gender, audio_files, unfitting_name

_NAME = re.compile(r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_\d+")
_UNUSED = ("fear", "surprise")

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


class Nemo:
    """Nine actors, 90 sentences; ``samples/SPEAKER_emotion_sentence``."""

    name = "nemo"
    title = "nEMO"
    language = "Polish"
    licence = "CC-BY-NC-SA-4.0"
    attribution = (
        "nEMO: Dataset of Emotional Speech in Polish, Iwona Christop, Adam Mickiewicz University, 2024 "
        "(https://github.com/amu-cai/nEMO), CC BY-NC-SA 4.0"
    )
    description = "acted sentences; anger, happiness, neutral and sadness are used, fear and surprise are not"

    def clips(self, corpora_dir: Path) -> list[Clip]:
        """Return the clips in ``nemo/samples``; see :meth:`training.corpora.base.Corpus.clips`."""
        paths = audio_files(corpora_dir / self.name / "samples")
        return [clip for path in paths if (clip := self._clip(path)) is not None]

    def remarks(self, _clips: Sequence[Clip]) -> list[str]:
        """Return what is peculiar about this copy: nothing."""
        return []

    def _clip(self, path: Path) -> Clip | None:
        match = _NAME.fullmatch(path.stem)
        if match is None or match["speaker"] not in _GENDERS:
            raise unfitting_name(path, f"SPEAKER_emotion_sentence with a speaker of {', '.join(_GENDERS)}")
        if match["emotion"] in _UNUSED:
            return None
        if match["emotion"] not in LABELS:
            raise unfitting_name(path, f"an emotion of {', '.join((*LABELS, *_UNUSED))}")
        return Clip(path, match["emotion"], match["speaker"], self.name, _GENDERS[match["speaker"]])
