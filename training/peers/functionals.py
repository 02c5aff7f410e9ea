"""openSMILE functionals of whole clips, cached one file a clip; the only module that imports opensmile.

openSMILE comes under the audEERING Research License Agreement (its package says MIT in a classifier; the licence text
beside it decides): free for private, academic and other non-commercial use and for research that is published, while
a product needs a licence from audEERING, also for models made with it. This project only measures with it: no file
of it and nothing made with it is shipped, and the extra ``compare`` that installs it is needed for nothing else.
"""

import hashlib
import inspect
import json
import warnings
from collections.abc import Sequence
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ
from training.cache import cache_dir, reading, write_whole
from training.corpora.base import Clip, content_hash
from training.errors import CorpusError, RunError
from training.pool import over_files
from training.rooms import read_samples

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016"]
"""88 and 6373 columns; openSMILE's own names, which carry the version of the set."""

Row = NDArray[np.float32]

_LARGEST = 1.0 - 2.0**-15


class FunctionalStore:
    """Gives the functionals of clips: from memory, from the cache, or made anew in parallel."""

    def __init__(self, feature_set: FeatureSet, num_processes: int | None = None) -> None:
        """Give functionals of ``feature_set``, made in ``num_processes``, all processors by default."""
        self.feature_set = feature_set
        self._num_processes = num_processes
        self._rows: dict[Path, Row] = {}

    @property
    def version(self) -> str:
        """Tell one way of making functionals from another: by openSMILE's version, the rate and the code."""
        return functionals_dir(self.feature_set).name

    def functionals(self, clips: Sequence[Clip]) -> Row:
        """Return one row a clip, shape ``(num_clips, num_functionals)``, float32.

        Raises:
            CorpusError: A clip can not be read, or is too short.
            RunError: opensmile is not installed.
        """
        unknown = [clip.path for clip in clips if clip.path not in self._rows]
        if unknown:
            self._rows |= dict(zip(unknown, self._cached(unknown), strict=True))
        return np.stack([self._rows[clip.path] for clip in clips])

    def _cached(self, paths: Sequence[Path]) -> list[Row]:
        folder = functionals_dir(self.feature_set)
        kept = [folder / f"{content_hash(path)}.npy" for path in paths]
        jobs = [(path, file) for path, file in zip(paths, kept, strict=True) if not file.exists()]
        make = partial(_make, feature_set=self.feature_set)
        # Never in this process: where TensorFlow is loaded, openSMILE 2.6 spoils the memory and aborts.
        for _ in over_files(make, jobs, self.feature_set, num_processes=self._num_processes, is_apart=True):
            pass
        return [_load(file) for file in kept]


def functionals_dir(feature_set: FeatureSet) -> Path:
    """Return where functionals are kept; another folder for other code, versions or sample rates.

    Raises:
        RunError: opensmile is not installed.
    """
    opensmile = _opensmile()
    code = [inspect.getsource(function) for function in (read_samples, extract)]
    key = [feature_set, opensmile.__version__, SAMPLE_RATE_HZ, version("soxr"), code]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    return cache_dir() / "functionals" / f"{feature_set}-{opensmile.__version__}-{digest}"


def extract(path: Path, feature_set: FeatureSet) -> Row:
    """Return the functionals of the whole clip at ``path``, at 16 kHz, shape ``(num_functionals,)``, float32.

    Raises:
        CorpusError: It can not be read, or is too short.
        RunError: opensmile is not installed.
    """
    # openSMILE casts to 16 bit without a look: a sample of 1.0, as resampling may give, would become -1.0.
    samples = np.clip(read_samples(path), -1.0, _LARGEST).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a clip that is too short comes with a warning and NaN
        row = np.ravel(_smile(feature_set)(samples, SAMPLE_RATE_HZ)) if samples.size else np.array([np.nan])
    if not np.isfinite(row).all():
        raise CorpusError(f"{path}: openSMILE finds no {feature_set} in {samples.size} samples; leave the clip out")
    return np.asarray(row, np.float32)


def _make(job: tuple[Path, Path], feature_set: FeatureSet) -> None:
    path, kept = job
    write_whole(kept, partial(np.save, arr=extract(path, feature_set)))


def _load(path: Path) -> Row:
    with reading(path) as file:
        return np.asarray(np.load(file), np.float32)


@cache  # it takes half a second to make, and is used for every clip
def _smile(feature_set: FeatureSet) -> Any:
    opensmile = _opensmile()
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)


def _opensmile() -> Any:
    try:
        import opensmile
    except ImportError as error:
        raise RunError("opensmile is not installed, which compare needs: pip install -e '.[compare]'") from error
    return opensmile
