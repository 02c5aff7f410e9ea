"""EmoDB: acted German speech (Burkhardt and others 2005)."""

import re
from collections.abc import Sequence
from pathlib import Path

import soundfile

from training.corpora.base import Clip, Gender, audio_files, unfitting_name

_NAME = re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]")
_LABELS = {"W": "anger", "F": "happiness", "N": "neutral", "T": "sadness"}
_GENDERS: dict[str, Gender] = {
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
}


class EmoDb:
    """Ten actors, 10 sentences; ``wav/`` with two digits of speaker, three of text, emotion, take."""

    name = "emodb"
    title = "EmoDB"
    language = "German"
    licence = "CC0-1.0"
    attribution = (
        "Berlin Database of Emotional Speech (EmoDB), Felix Burkhardt, Astrid Paeschke, Miriam Rolfes, "
        "Walter F. Sendlmeier and Benjamin Weiss, TU Berlin, 2005, CC0 1.0"
    )
    description = "acted sentences; anger, happiness, neutral and sadness are used, the other emotions are not"

    def clips(self, corpora_dir: Path) -> list[Clip]:
        """Return the clips in ``emodb/wav``; see :meth:`training.corpora.base.Corpus.clips`."""
        paths = audio_files(corpora_dir / self.name / "wav")
        return [clip for path in paths if (clip := self._clip(path)) is not None]

    def remarks(self, clips: Sequence[Clip]) -> list[str]:
        """Say so where every file was cut or padded to one length: figures then compare with nobody's."""
        durations_s = {soundfile.info(clip.path).duration for clip in clips}
        if len(clips) < 2 or len(durations_s) > 1:
            return []
        return [
            f"This copy is not the released corpus: every file was cut or padded with zeros to exactly "
            f"{durations_s.pop():.2f} s, many in the middle of speech; the figures do not compare with published ones."
        ]

    def _clip(self, path: Path) -> Clip | None:
        match = _NAME.fullmatch(path.stem)
        if match is None or match["speaker"] not in _GENDERS:
            raise unfitting_name(path, "two digits of speaker, a or b and two digits of text, W F T N L E or A, take")
        if match["emotion"] not in _LABELS:
            return None
        return Clip(path, _LABELS[match["emotion"]], match["speaker"], self.name, _GENDERS[match["speaker"]])
