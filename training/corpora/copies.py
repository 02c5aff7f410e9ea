"""One recording under several names: harmless copies are left out, contradictions are refused."""

from collections.abc import Sequence

from training.corpora.base import Clip, Complaint, Found, content_hash
from training.errors import CorpusError


def without_copies(found: Found) -> Found:
    """Return what was found less the files that equal an earlier one byte for byte.

    Where such files differ in corpus, speaker or label, nobody knows which is right: there is a complaint about each.
    """
    by_content: dict[str, list[Clip]] = {}
    complaints = list(found.complaints)
    for clip in found.clips:
        try:
            by_content.setdefault(content_hash(clip.path), []).append(clip)
        except CorpusError as error:
            complaints.append(Complaint(clip.path, str(error).removeprefix(f"{clip.path}: ")))
    firsts = {same[0] for same in by_content.values()}
    contradictions = [complaint for same in by_content.values() for complaint in _contradictions(same)]
    refused = {complaint.path for complaint in (*complaints, *contradictions)}
    usable = [clip for clip in found.clips if clip.path not in refused]
    return Found(
        tuple(clip for clip in usable if clip in firsts),
        (*complaints, *contradictions),
        (*found.copies, *(clip for clip in usable if clip not in firsts)),
    )


def _contradictions(same: Sequence[Clip]) -> list[Complaint]:
    complaints = []
    for clip in same:
        other = next((other for other in same if _claim(other) != _claim(clip)), None)
        if other is not None:
            who = f"{other.label} by speaker {other.speaker} of {other.corpus}"
            complaints.append(Complaint(clip.path, f"the same recording, byte for byte, as {other.path}, there {who}"))
    return complaints


def _claim(clip: Clip) -> tuple[str, str, str]:
    return clip.corpus, clip.speaker, clip.label
