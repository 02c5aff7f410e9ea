"""Rows of clips, cached: made in parallel once, and again where clips, settings or code have changed."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

import streamer
from streamer.settings import MfccSettings, SpeechSettings
from training.corpora.base import Clip, content_hash
from training.hearing import Rows, heard_rows
from training.rooms import Room, place, read_samples

_HEARD_BY = ("pipeline.py", "settings.py", "features/*.py", "speech/*.py")
"""The files of the runtime that decide about rows ..."""

_PLACED_BY = ("rooms.py", "hearing.py")
"""... and those of this package."""


@dataclass(frozen=True)
class Example:
    """What the classifier would be given of one clip."""

    clip: Clip
    rows: Rows
    """Shape ``(num_rows, num_cepstra)``, not normalised; ``num_rows`` is 0 where nobody was heard."""


def load_examples(
    clips: Sequence[Clip],
    features: MfccSettings,
    speech: SpeechSettings,
    room: Room,
    *,
    num_processes: int | None = None,
) -> list[Example]:
    """Return the rows of ``clips`` as heard in ``room``, from the cache where they were made before.

    Raises:
        CorpusError: A clip can not be read.
    """
    hashes = [content_hash(clip.path) for clip in clips]
    path = cache_dir() / f"{_cache_key(hashes, features, speech, room)}.npz"
    if not path.exists():
        make = partial(_clip_rows, features=features, speech=speech, room=room)
        jobs = [(clip.path, int(digest[:8], 16)) for clip, digest in zip(clips, hashes, strict=True)]
        _save(path, list(tqdm(_map(make, jobs, num_processes), "rows", len(jobs), unit="clip", mininterval=1)))
    with np.load(path) as cached:
        parts = np.split(cached["rows"], np.cumsum(cached["lengths"])[:-1])
    return [Example(clip, rows) for clip, rows in zip(clips, parts, strict=True)]


def cache_dir() -> Path:
    """Return where rows are kept: ``EMOTION_CACHE``, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("EMOTION_CACHE") or Path(base) / "emotion-streamer")


def data_hash(clips: Sequence[Clip]) -> str:
    """Return a SHA-256 over the content and the labels of ``clips``."""
    lines = sorted(f"{content_hash(clip.path)} {clip.corpus} {clip.speaker} {clip.label}" for clip in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _clip_rows(job: tuple[Path, int], *, features: MfccSettings, speech: SpeechSettings, room: Room) -> Rows:
    path, clip_seed = job
    return heard_rows(place(read_samples(path), room, clip_seed), features, speech)


def _map(make: partial[Rows], jobs: list[tuple[Path, int]], num_processes: int | None) -> Iterator[Rows]:
    num_processes = num_processes or os.cpu_count() or 1
    if num_processes == 1 or len(jobs) < 100:
        yield from map(make, jobs)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_processes, spawn) as executor:
        yield from executor.map(make, jobs, chunksize=8)


def _cache_key(hashes: Sequence[str], features: MfccSettings, speech: SpeechSettings, room: Room) -> str:
    runtime, here = Path(streamer.__file__).parent, Path(__file__).parent
    sources = sorted(path for pattern in _HEARD_BY for path in runtime.glob(pattern))
    code = [content_hash(path) for path in (*sources, *(here / name for name in _PLACED_BY))]
    description = [asdict(features), asdict(speech), asdict(room), code, list(hashes)]
    return hashlib.sha256(json.dumps(description).encode()).hexdigest()[:32]


def _save(path: Path, parts: Sequence[Rows]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp.npz")
    np.savez(temporary, rows=np.concatenate(parts), lengths=[len(rows) for rows in parts])
    temporary.replace(path)
