"""Files that nobody should train on: they are listed, and left out only where that was asked for."""

import sys
from collections.abc import Sequence
from pathlib import Path

from training.corpora import find_clips
from training.corpora.base import Clip, Complaint, Corpus, Found
from training.errors import CorpusError
from training.levels import Levels, dbfs, load_levels

SILENT_DBFS = -60.0
"""A lower peak is silence: the faintest clip of nEMO, RAVDESS and EmoDB peaks at -47."""

CLIPPED_PART = 0.01
"""More samples at full scale are clipping: a clip of those corpora has 0.0001 at most, and half of them would have
more if they had been recorded 6 dB too loud."""


def check_clips(clips: Sequence[Clip], *, num_processes: int | None = None) -> list[Complaint]:
    """Return a complaint for each of ``clips`` that is unreadable, empty, silent or clipped.

    Raises:
        CorpusError: A file can not be opened.
    """
    measured = load_levels([clip.path for clip in clips], num_processes=num_processes)
    reasons = [(clip.path, _fault(levels)) for clip, levels in zip(clips, measured, strict=True)]
    return [Complaint(path, reason) for path, reason in reasons if reason]


def find_checked_clips(corpora: Sequence[Corpus], corpora_dir: Path, *, skip_bad: bool) -> Found:
    """Return what :func:`training.corpora.find_clips` finds, less the clips that :func:`check_clips` complains about.

    All complaints are listed on stderr, one a line.

    Args:
        corpora: What to look for.
        corpora_dir: Holds a folder for each corpus.
        skip_bad: Whether to go on with what is left.

    Raises:
        CorpusError: A corpus is missing, there is a complaint and ``skip_bad`` is false, or a corpus has no clip left.
    """
    found = find_clips(corpora, corpora_dir)
    sick = check_clips(found.clips)
    complaints = (*found.complaints, *sick)
    for complaint in complaints:
        print(f"{complaint.path}: {complaint.reason}", file=sys.stderr)
    if complaints and not skip_bad:
        raise CorpusError(
            f"{len(complaints)} of the files or lists in {corpora_dir} can not be used, see above: put them right, or "
            "--skip-bad leaves them out"
        )
    sick_paths = {complaint.path for complaint in sick}
    clips = tuple(clip for clip in found.clips if clip.path not in sick_paths)
    if complaints:
        print(f"--skip-bad: {len(complaints)} complaints, {len(clips)} clips are left", file=sys.stderr)
    heard = {clip.corpus for clip in clips}
    for corpus in corpora:
        if corpus.name not in heard:
            raise CorpusError(f"{corpora_dir / corpus.name}: no clip is left that can be used; leave the corpus out")
    return Found(clips, complaints, found.copies)


def load_checked_clips(corpora: Sequence[Corpus], corpora_dir: Path, *, skip_bad: bool) -> tuple[Clip, ...]:
    """Return the clips of :func:`find_checked_clips`, which lists and raises what is wrong."""
    return find_checked_clips(corpora, corpora_dir, skip_bad=skip_bad).clips


def _fault(levels: Levels) -> str:
    if levels.fault:
        return levels.fault
    if not levels.num_samples:
        return "empty: it holds no samples"
    peak_dbfs = dbfs(levels.peak)
    if peak_dbfs is None or peak_dbfs < SILENT_DBFS:
        told = "all its samples are the same" if peak_dbfs is None else f"its peak is {peak_dbfs:.0f} dBFS"
        return f"silent: {told}, at least {SILENT_DBFS:.0f} are expected"
    if levels.clipped > CLIPPED_PART:
        return f"clipped: {levels.clipped:.1%} of its samples are at full scale, at most {CLIPPED_PART:.0%} may be"
    return ""
