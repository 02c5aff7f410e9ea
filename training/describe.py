"""What the corpora hold, before anything is trained on it: a table for people, an object for programs."""

import json
import statistics
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from training.cache import write_text_whole
from training.corpora.base import LABELS, Clip, Corpus
from training.health import find_checked_clips
from training.levels import Levels, dbfs, load_levels

DESCRIPTION_FILE = "description.json"


def describe(
    corpora: Sequence[Corpus], corpora_dir: Path, *, skip_bad: bool = False, out: Path | None = None
) -> dict[str, Any]:
    """Print a table a corpus; return the same as an object for JSON and write it to ``out``/description.json.

    ``corpora`` in it holds an object a corpus, by its short name. ``counts`` is corpus to label to gender to clips,
    ``speakers`` is corpus to speaker to label to clips, ``left_out`` lists ``path`` and ``reason``.

    Args:
        corpora: What to describe.
        corpora_dir: Holds a folder for each corpus.
        skip_bad: Whether to go on where files can not be used.
        out: A folder, made where it is not there.

    Raises:
        CorpusError: A corpus is missing, or a file can not be used and ``skip_bad`` is false.
        RunError: ``out`` can not be written.
    """
    found = find_checked_clips(corpora, corpora_dir, skip_bad=skip_bad)
    described: dict[str, Any] = {"corpora": {}, "counts": {}, "speakers": {}}
    for corpus in corpora:
        clips = [clip for clip in found.clips if clip.corpus == corpus.name]
        copies = [clip.path.name for clip in found.copies if clip.corpus == corpus.name]
        described["corpora"][corpus.name] = _about(corpus, clips, copies)
        described["counts"][corpus.name] = {
            label: dict(Counter(clip.gender for clip in clips if clip.label == label)) for label in LABELS
        }
        described["speakers"][corpus.name] = _by_speaker(clips)
    described["left_out"] = [{"path": str(c.path), "reason": c.reason} for c in found.complaints]
    print("\n\n".join("\n".join(_table(name, described)) for name in described["corpora"]))
    if out is not None:
        _write(out / DESCRIPTION_FILE, described)
    return described


def _about(corpus: Corpus, clips: Sequence[Clip], copies: Sequence[str]) -> dict[str, Any]:
    measured = load_levels([clip.path for clip in clips])
    return {
        "title": corpus.title,
        "language": corpus.language,
        "licence": corpus.licence,
        "description": corpus.description,
        "remarks": corpus.remarks(clips),
        "clips": len(clips),
        "genders": _genders(clips),
        "duration_s": {
            **_spread((levels.duration_s for levels in measured), 3),
            "total": round(sum(levels.duration_s for levels in measured), 1),
        },
        "rms_dbfs": _spread((dbfs(levels.rms) for levels in measured), 1),
        "peak_dbfs": _spread((dbfs(levels.peak) for levels in measured), 1),
        "clipped": _clipped(measured),
        "copies": sorted(copies),
        "rates_hz": _counted(levels.rate_hz for levels in measured),
        "channels": _counted(levels.num_channels for levels in measured),
    }


def _genders(clips: Iterable[Clip]) -> dict[str, Any]:
    speakers = {clip.speaker: clip.gender for clip in clips}
    return dict(sorted(Counter(speakers.values()).items()))


def _by_speaker(clips: Sequence[Clip]) -> dict[str, Any]:
    counts = Counter((clip.speaker, clip.label) for clip in clips)
    return {
        speaker: {
            "gender": next(clip.gender for clip in clips if clip.speaker == speaker),
            **{label: counts[speaker, label] for label in LABELS},
        }
        for speaker in sorted({clip.speaker for clip in clips})
    }


def _spread(values: Iterable[float | None], digits: int) -> dict[str, float]:
    known = [value for value in values if value is not None]
    if not known:
        return {}
    spread = {"min": min(known), "median": statistics.median(known), "max": max(known)}
    return {name: round(value, digits) + 0.0 for name, value in spread.items()}  # + 0.0: no "-0.0"


def _clipped(measured: Sequence[Levels]) -> dict[str, Any]:
    parts = [levels.clipped for levels in measured]
    return {"clips": sum(part > 0 for part in parts), "largest_part": round(max(parts, default=0.0), 6)}


def _counted(values: Iterable[int]) -> dict[str, int]:
    return {str(value): number for value, number in sorted(Counter(values).items())}


def _table(name: str, described: dict[str, Any]) -> Iterator[str]:
    """Yield the lines about one corpus."""
    about, speakers = described["corpora"][name], described["speakers"][name]
    people = f"{about['clips']} clips of {len(speakers)} speakers"
    yield f"{about['title']} ({name}): {about['language']}, {people}, {about['licence']}"
    for sentence in (about["description"], *about["remarks"]):
        yield from textwrap.wrap(sentence, 110, initial_indent="  ", subsequent_indent="  ")
    yield ""
    width = max(map(len, (*speakers, "speaker")))
    line = partial(_line, width)
    yield line("speaker", "gender", *LABELS, "all")
    for speaker, counts in speakers.items():
        yield line(speaker, counts["gender"], *_with_sum([counts[label] for label in LABELS]))
    by_label = described["counts"][name]
    for gender, number in about["genders"].items():
        yield line(f"all {number}", gender, *_with_sum([by_label[label].get(gender, 0) for label in LABELS]))
    yield line("all", "", *_with_sum([sum(by_label[label].values()) for label in LABELS]))
    yield ""
    yield from _measured(about)


def _with_sum(numbers: Sequence[int]) -> list[int]:
    return [*numbers, sum(numbers)]


def _line(width: int, speaker: str, gender: str, *cells: object) -> str:
    return f"  {speaker:{width}}  {gender:7}  " + "  ".join(f"{cell!s:>9}" for cell in cells)


def _measured(about: dict[str, Any]) -> Iterator[str]:
    total_min = about["duration_s"]["total"] / 60
    yield f"  length   {_range(about['duration_s'], 's', 2)}, {total_min:.1f} min in all"
    yield f"  RMS      {_range(about['rms_dbfs'], 'dBFS', 1)}"
    yield f"  peak     {_range(about['peak_dbfs'], 'dBFS', 1)}"
    clipped = about["clipped"]
    yield f"  clipping clips that reach full scale: {clipped['clips']}, at most {clipped['largest_part']:.3%} of a clip"
    yield f"  copies   {', '.join(about['copies']) or 'none'}"
    yield f"  rate     {_listed(about['rates_hz'], 'Hz')}"
    yield f"  channels {_listed(about['channels'], '')}"


def _range(spread: dict[str, float], unit: str, digits: int) -> str:
    if not spread:
        return "none"
    low, median, high = (f"{spread[name]:.{digits}f}" for name in ("min", "median", "max"))
    return f"{low} to {high} {unit}, median {median}"


def _listed(counts: dict[str, int], unit: str) -> str:
    return ", ".join(f"{f'{value} {unit}'.strip()} ({number} clips)" for value, number in counts.items())


def _write(path: Path, described: dict[str, Any]) -> None:
    write_text_whole(path, json.dumps(described, indent=1) + "\n")
