"""Scenes as the network sees them, and what it should say; cached scene by scene."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import streamer
from streamer.speech.bands import WINDOW_SAMPLES
from streamer.speech.rows import FRAMES_PER_ROW, SpeechRows
from training.cache import cache_dir, code_hash, reading, write_whole
from training.corpora.base import Clip
from training.dataset import data_hash
from training.detector.settings import DetectorSettings
from training.pool import over_files
from training.scenes.acoustics import FRAME_SAMPLES, ROOMS
from training.scenes.noises import BABBLE, NOISES
from training.scenes.scene import Cast, Cell, Scene, make_scene

_CUT_MID_SPEECH = ("emodb",)
"""Clips without a beginning and an end are heard as babble only, where there are others."""

_SNRS_DB = (None, 20.0, 15.0, 10.0, 7.0, 5.0, 2.0, 0.0, -3.0)
_SPEAKING_SHARE = 0.8
_SWITCHED_SHARE = 0.5
_GAIN_DB = (-25.0, 6.0)
_LEVELLED_SHARE = 0.5
_LATEST_BEGINNING_FRAMES = 300
_RUNTIME = ("mel.py", "speech/bands.py", "speech/rows.py", "speech/webrtc.py")
_COMPUTED_BY = ("numpy", "scipy", "soundfile", "soxr", "webrtcvad-wheels")


@dataclass(frozen=True)
class Lesson:
    """What the network sees, and what it should say."""

    rows: NDArray[np.float32]
    """Shape ``(num_rows, NUM_COLUMNS)``."""
    targets: NDArray[np.float32]
    """Which part of each frame is speech, shape ``(num_rows, FRAMES_PER_ROW)``."""
    noise: str


def load_lessons(clips: Sequence[Clip], settings: DetectorSettings) -> list[Lesson]:
    """Return the lessons of which ``clips`` are the voices, from the cache where they were made before.

    Raises:
        CorpusError: A clip can not be read.
        RunError: The cache can not be written, or is damaged.
    """
    context = _context(clips, settings)
    paths = [_cached(context, index) for index in range(settings.num_scenes)]
    jobs = [(index, path) for index, path in enumerate(paths) if not path.exists()]
    for _ in over_files(partial(_make, clips=clips, settings=settings), jobs, "scenes", num_processes=None):
        pass
    return [_load(path) for path in paths]


def talking(clips: Sequence[Clip]) -> list[str]:
    """Return the corpora among those of ``clips`` whose voices are to be found."""
    corpora = sorted({clip.corpus for clip in clips})
    return [corpus for corpus in corpora if corpus not in _CUT_MID_SPEECH] or corpora


def lesson_of(scene: Scene, noise: str) -> Lesson:
    """Return what the daemon's own stages make of ``scene``, whose noise is called ``noise``."""
    rows = SpeechRows()
    rows.push(scene.samples.reshape(-1, WINDOW_SAMPLES))
    seen, _ = rows.take()
    parts = scene.is_speech.reshape(-1, FRAMES_PER_ROW, WINDOW_SAMPLES // FRAME_SAMPLES)
    return Lesson(seen, parts.mean(axis=-1, dtype=np.float32), noise)


def practice_scene(cast: Cast, settings: DetectorSettings, index: int) -> tuple[Scene, str]:
    """Return scene ``index`` to learn from, of any noise, level, room and beginning; and what its noise is called."""
    # Other numbers than the scene itself is made of, or each noise would be heard with the same few voices.
    random = np.random.default_rng([settings.seed, index, 1])
    noise = str(random.choice([*NOISES, BABBLE]))
    snr_db = _SNRS_DB[int(random.integers(len(_SNRS_DB)))]
    has_speech = random.random() < _SPEAKING_SHARE
    is_switched = random.random() < _SWITCHED_SHARE
    cell = Cell(noise, snr_db, ROOMS[int(random.integers(len(ROOMS)))], has_speech, is_switched)
    # A stream may begin within a word, and a microphone be too quiet.
    begin = 2 * int(random.integers(_LATEST_BEGINNING_FRAMES // 2))
    gain_db = 0.0 if random.random() < _LEVELLED_SHARE else random.uniform(*_GAIN_DB)
    scene = make_scene(cell, cast, settings.scene_s + begin / 100, (settings.seed, index))
    heard = scene.samples[begin * FRAME_SAMPLES :] * 10.0 ** (gain_db / 20.0)
    samples = np.clip(np.rint(heard), -32768, 32767).astype(np.int16)
    utterances = tuple((max(0, start - begin), end - begin) for start, end in scene.utterances if end > begin)
    return replace(scene, samples=samples, is_speech=scene.is_speech[begin:], utterances=utterances), noise


def _make(job: tuple[int, Path], *, clips: Sequence[Clip], settings: DetectorSettings) -> None:
    index, path = job
    lesson = lesson_of(*practice_scene(Cast(clips, talking(clips)), settings, index))
    rows = lesson.rows.astype(np.float16)
    write_whole(path, lambda file: np.savez(file, rows=rows, targets=lesson.targets, noise=lesson.noise))


def _load(path: Path) -> Lesson:
    with reading(path) as file, np.load(file) as arrays:
        return Lesson(arrays["rows"].astype(np.float32), arrays["targets"], str(arrays["noise"]))


def _context(clips: Sequence[Clip], settings: DetectorSettings) -> str:
    runtime, laboratory = Path(streamer.__file__).parent, Path(__file__).parent.parent
    scenes = sorted((laboratory / "scenes").glob("*.py"))
    code = code_hash([*(runtime / name for name in _RUNTIME), Path(__file__), laboratory / "rooms.py", *scenes])
    libraries = {name: version(name) for name in _COMPUTED_BY}
    return json.dumps([settings.seed, settings.scene_s, code, libraries, data_hash(clips)])


def _cached(context: str, index: int) -> Path:
    key = hashlib.sha256(f"{context} {index}".encode()).hexdigest()[:32]
    return cache_dir() / "scenes" / key[:2] / f"{key}.npz"
