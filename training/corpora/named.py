"""Corpora whose file names say who speaks how: all that differs between them is data."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.corpora.base import LABELS, Clip, Complaint, Corpus, Found, Gender, audio_files


@dataclass(frozen=True, kw_only=True)
class NamedCorpus(Corpus):
    """A corpus described by the pattern of its names and by tables."""

    folder: str
    """Below CORPORA_DIR; the files may be anywhere below it."""
    pattern: str
    """What a name without its suffix is, in full; with the groups ``speaker`` and ``emotion``."""
    expected: str
    """The same in words, for people."""
    labels: Mapping[str, str | None]
    """Emotion, as in the names, to one of ``LABELS``; None for an emotion that is not used."""
    genders: Mapping[str, Gender]
    """Of every speaker there is."""
    counts: Mapping[str, Sequence[int]] | None = None
    """Speaker to the number of files of each of ``LABELS``, where a copy must be complete."""

    def scan(self, corpora_dir: Path) -> Found:
        """Return the clips in ``folder``; see :meth:`training.corpora.base.Corpus.scan`."""
        folder = corpora_dir / self.folder
        clips: list[Clip] = []
        complaints: list[Complaint] = []
        for path in audio_files(folder):
            match = re.fullmatch(self.pattern, path.stem)
            if not match or match["speaker"] not in self.genders or match["emotion"] not in self.labels:
                complaints.append(Complaint(path, f"the name does not fit; expected {self.expected}"))
            elif label := self.labels[match["emotion"]]:
                clips.append(Clip(path, label, match["speaker"], self.name, self.genders[match["speaker"]]))
        return Found(tuple(clips), (*complaints, *self._miscounted(folder, clips)))

    def _miscounted(self, folder: Path, clips: Sequence[Clip]) -> list[Complaint]:
        if self.counts is None:
            return []
        found = Counter((clip.speaker, clip.label) for clip in clips)
        expected = {
            (speaker, label): number
            for speaker, numbers in self.counts.items()
            for label, number in zip(LABELS, numbers, strict=True)
        }
        differ = [
            f"{speaker} {label} {found[speaker, label]} instead of {number}"
            for (speaker, label), number in expected.items()
            if found[speaker, label] != number
        ]
        if not differ:
            return []
        total = f"{len(clips)} files with a label instead of {sum(expected.values())}"
        return [Complaint(folder, f"not the whole corpus as released: {total}: {', '.join(differ)}")]
