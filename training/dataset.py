"""Rows of clips, cached clip by clip: made in parallel once, and again where clip, settings or code have changed."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

import streamer
from streamer.settings import FeatureSettings, SpeechSettings
from streamer.speech.network import BUNDLED_DETECTOR
from training.cache import cache_dir, code_hash, reading, write_whole
from training.corpora.base import Clip, content_hash
from training.experiment import Hearing, Recording, Room
from training.folds import speaker_of
from training.hearing import Rows, heard_rows
from training.pool import over_files
from training.recordings import recorded
from training.rooms import place, read_samples

_HEARD_BY = ("pipeline.py", "settings.py", "mel.py", "features/*.py", "speech/*.py")
"""The files of the runtime that decide about rows ..."""

_PLACED_BY = ("rooms.py", "recordings.py", "hearing.py", "scenes/acoustics.py", "scenes/noises.py")
"""... and those of this package."""


_COMPUTED_BY = ("numpy", "onnxruntime", "scipy", "soundfile", "soxr", "webrtcvad-wheels")


@dataclass(frozen=True)
class Example:
    """What the classifier would be given of one clip."""

    clip: Clip
    rows: Rows
    """Shape ``(num_rows, num_columns)``, not normalised; ``num_rows`` is 0 where nobody was heard."""


def load_examples(
    clips: Sequence[Clip],
    features: FeatureSettings,
    hearing: Hearing,
    *,
    title: str = "rows",
    num_processes: int | None = None,
) -> list[Example]:
    """Return the rows of ``clips`` as the daemon hears them so, from the cache where they were made before.

    Args:
        clips: Whose.
        features: What rows are.
        hearing: How the clips are heard.
        title: Of the progress bar, where rows have to be made.
        num_processes: How many make them; None for one a core.

    Raises:
        CorpusError: A clip can not be read.
        RunError: The cache can not be written, or is damaged.
    """
    hashes = [content_hash(clip.path) for clip in clips]
    context = rows_context(features, hearing)
    # A recording is of a speaker; in a room it does not matter who speaks.
    speakers = ["/".join(speaker_of(clip)) if isinstance(hearing, Recording) else "" for clip in clips]
    paths = [_cached(context, digest, speaker) for digest, speaker in zip(hashes, speakers, strict=True)]
    jobs = [
        (clip.path, digest, path, speaker)
        for clip, digest, path, speaker in zip(clips, hashes, paths, speakers, strict=True)
        if not path.exists()
    ]
    make = partial(_make_rows, features=features, hearing=hearing)
    for _ in over_files(make, jobs, title, num_processes=num_processes):
        pass
    return [Example(clip, _load(path)) for clip, path in zip(clips, paths, strict=True)]


def titled(hearings: Collection[Hearing]) -> Iterator[tuple[Hearing, str]]:
    """Give each of ``hearings`` with the title of its progress bar."""
    for number, hearing in enumerate(hearings, start=1):
        yield hearing, f"rows of recording {number} of {len(hearings)}"


def data_hash(clips: Sequence[Clip]) -> str:
    """Return a SHA-256 over the content and the labels of ``clips``."""
    lines = sorted(f"{content_hash(clip.path)} {clip.corpus} {clip.speaker} {clip.label}" for clip in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _make_rows(job: tuple[Path, str, Path, str], *, features: FeatureSettings, hearing: Hearing) -> None:
    source, digest, target, speaker = job
    samples, seed = read_samples(source), int(digest[:8], 16)
    match hearing:
        case Room():
            heard = place(samples, hearing, seed)
        case Recording():
            heard = recorded(samples, hearing, speaker, seed)
    rows = heard_rows(heard, features, SpeechSettings())
    write_whole(target, partial(np.save, arr=rows))


def _load(path: Path) -> Rows:
    with reading(path) as file:
        return np.asarray(np.load(file), np.float32)


def rows_code() -> str:
    """Return a hash of the code, and of the detector, that decide about rows."""
    runtime, here = Path(streamer.__file__).parent, Path(__file__).parent
    sources = sorted(path for pattern in _HEARD_BY for path in runtime.glob(pattern))
    return code_hash([*sources, *(here / name for name in _PLACED_BY)]) + content_hash(BUNDLED_DETECTOR)


def rows_context(features: FeatureSettings, hearing: Hearing) -> str:
    """Return all that rows follow from, beside the clip."""
    libraries = {name: version(name) for name in _COMPUTED_BY}
    how = {type(hearing).__name__: asdict(hearing)}
    description = [asdict(features), asdict(SpeechSettings()), how, rows_code(), libraries]
    return json.dumps(description, sort_keys=True)


def _cached(context: str, digest: str, speaker: str) -> Path:
    key = hashlib.sha256(f"{context} {digest} {speaker}".encode()).hexdigest()[:32]
    return cache_dir() / "rows" / key[:2] / f"{key}.npy"
