"""Rows of what is no speech, as the network is given them where a detector takes it for speech."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.features.extractor import RowExtractor
from streamer.settings import SAMPLE_RATE_HZ, FeatureSettings
from training.cache import cache_dir, code_hash, reading, write_whole
from training.dataset import rows_context
from training.experiment import QUIET
from training.hearing import Rows
from training.scenes.acoustics import active_level_db
from training.scenes.machines import machine_sound
from training.scenes.noises import NOISES, Signal

_KINDS = [*NOISES.values(), *[machine_sound] * len(NOISES)]
_MADE_BY = ("noises.py", "scenes/machines.py")
_SECONDS = (0.8, 6.0)
_LEVEL_DBFS = (-55.0, -12.0)


def noise_rows(features: FeatureSettings, count: int) -> list[Rows]:
    """Return the rows of ``count`` noises of all kinds, from the cache where they were made before."""
    code = code_hash([Path(__file__).parent / name for name in _MADE_BY])
    key = hashlib.sha256(f"noises {count} {rows_context(features, QUIET)} {code}".encode()).hexdigest()[:32]
    path = cache_dir() / "noises" / f"{key}.npz"
    if not path.exists():
        made = [_rows(number, features) for number in range(count)]
        write_whole(path, partial(_save, made))
    with reading(path) as file, np.load(file) as arrays:
        return [np.asarray(arrays[name], np.float32) for name in arrays.files]


def _rows(number: int, features: FeatureSettings) -> Rows:
    random = np.random.default_rng([7, number])
    noise = _KINDS[number % len(_KINDS)](int(random.uniform(*_SECONDS) * SAMPLE_RATE_HZ), random)
    return RowExtractor(features).push(at_level(noise, random.uniform(*_LEVEL_DBFS)))


def at_level(noise: Signal, level_dbfs: float) -> NDArray[np.int16]:
    """Return ``noise`` as it is recorded where its active level is ``level_dbfs``; what is louder than all is cut."""
    gain_db = level_dbfs - active_level_db(noise)
    samples = np.rint(32768.0 * noise * 10.0 ** (gain_db / 20.0))
    return np.asarray(np.clip(samples, -32768, 32767), np.int16)


def _save(made: list[Rows], file: Any) -> None:
    np.savez(file, *made)
