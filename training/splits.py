"""Who trains, who validates, who tests: fixed before any result was seen.

The rule was: of each gender, in the order of the names, the last speakers test and those before them validate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.corpora.base import Clip
from training.errors import CorpusError


@dataclass(frozen=True)
class Speakers:
    """The speakers of one corpus by what they are used for; nobody is used twice."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a speaker on two sides."""
        everybody = [*self.train, *self.validation, *self.test]
        twice = sorted({speaker for speaker in everybody if everybody.count(speaker) > 1})
        if twice:
            raise CorpusError(f"speakers must be on one side of the split only, got twice: {', '.join(twice)}")

    def side(self, speaker: str) -> str | None:
        """Return ``train``, ``validation`` or ``test``; None for somebody unknown."""
        sides = {"train": self.train, "validation": self.validation, "test": self.test}
        return next((side for side, speakers in sides.items() if speaker in speakers), None)


SPEAKERS: Mapping[str, Speakers] = {
    "nemo": Speakers(
        train=("EB0", "IC0", "KS0", "MP0", "SM0"),
        validation=("KD0", "TP0"),
        test=("MK0", "WR0"),
    ),
    "ravdess": Speakers(
        train=tuple(f"{actor:02d}" for actor in range(1, 15)),
        validation=("15", "16", "17", "18"),
        test=("19", "20", "21", "22", "23", "24"),
    ),
    "emodb": Speakers(
        train=("03", "08", "09", "10", "11", "13"),
        validation=("12", "14"),
        test=("15", "16"),
    ),
}


@dataclass(frozen=True)
class Split:
    """Clips by what they are used for."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


def split_clips(clips: Sequence[Clip], speakers: Mapping[str, Speakers] = SPEAKERS) -> Split:
    """Return ``clips`` by the side that their speaker is on.

    Raises:
        CorpusError: A speaker is on no side, or a side is left without clips.
    """
    sides: dict[str, list[Clip]] = {"train": [], "validation": [], "test": []}
    for clip in clips:
        side = speakers[clip.corpus].side(clip.speaker) if clip.corpus in speakers else None
        if side is None:
            raise CorpusError(f"{clip.path}: speaker {clip.speaker} of {clip.corpus} is not in training/splits.py")
        sides[side].append(clip)
    empty = [side for side, chosen in sides.items() if not chosen]
    if empty:
        raise CorpusError(f"no clip is left for: {', '.join(empty)}")
    return Split(**{side: tuple(chosen) for side, chosen in sides.items()})
