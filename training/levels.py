"""What is measured of a recording before anybody hears it: length and level, cached by content."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from training.cache import cache_dir, code_hash, write_text_whole
from training.corpora.base import content_hash
from training.pool import over_files

_FULL_SCALE = 0.9999
"""From here on a sample counts as at full scale: the last three steps of 16 bit."""


@dataclass(frozen=True)
class Levels:
    """One recording; levels are parts of full scale."""

    rate_hz: int = 0
    num_channels: int = 0
    num_samples: int = 0
    """Of each channel."""
    peak: float = 0.0
    """Of the mean of the channels, which is what training hears, less its constant part."""
    rms: float = 0.0
    """Of the same."""
    clipped: float = 0.0
    """Part of all samples that are at full scale."""
    fault: str = ""
    """Why nothing could be measured; empty where it could."""

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.num_samples / self.rate_hz if self.rate_hz else 0.0


def measure(path: Path) -> Levels:
    """Return what is measured of the file at ``path``; of one that can not be read, why."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        return Levels(fault=f"can not be read as audio ({error.error_string})")
    except UnicodeEncodeError:
        return Levels(fault="can not be read: its name is not UTF-8, rename it")
    except (OSError, RuntimeError) as error:
        return Levels(fault=f"can not be read ({error})")
    num_samples, num_channels = samples.shape
    if not samples.size:
        return Levels(rate_hz, num_channels)
    if not np.isfinite(samples).all():
        return Levels(rate_hz, num_channels, num_samples, fault="holds samples that are no numbers")
    mono = samples.mean(axis=1, dtype=np.float64)
    mono -= mono.mean()
    return Levels(
        rate_hz,
        num_channels,
        num_samples,
        peak=float(np.abs(mono).max()),
        rms=float(np.sqrt(np.mean(np.square(mono)))),
        clipped=float(np.mean(np.abs(samples) >= _FULL_SCALE)),
    )


def load_levels(paths: Sequence[Path], *, num_processes: int | None = None) -> list[Levels]:
    """Return what is measured of the files at ``paths``, from the cache where that was done before.

    Raises:
        CorpusError: A file can not be opened.
    """
    cached = cache_dir() / "levels" / f"{code_hash([Path(__file__)])[:16]}.json"
    known = _load(cached)
    digests = [content_hash(path) for path in paths]
    jobs = {digest: path for digest, path in zip(digests, paths, strict=True) if digest not in known}
    measured = over_files(measure, list(jobs.values()), "levels", num_processes=num_processes)
    known |= dict(zip(jobs, measured, strict=True))
    if jobs:
        text = json.dumps({digest: asdict(levels) for digest, levels in known.items()})
        write_text_whole(cached, text)
    return [known[digest] for digest in digests]


def dbfs(level: float) -> float | None:
    """Return ``level``, a part of full scale, in dB; None of 0."""
    return 20.0 * math.log10(level) if level > 0.0 else None


def _load(path: Path) -> dict[str, Levels]:
    """Return what is in the cache; of a file that is damaged nothing: to measure anew takes seconds."""
    try:
        kept: Mapping[str, Mapping[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        return {digest: Levels(**levels) for digest, levels in kept.items()}  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
