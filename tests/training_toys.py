"""Corpora that the tests make themselves, under names that real ones have."""

import zipfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from signals import Samples, speech

from streamer.settings import SAMPLE_RATE_HZ
from training.experiment import EXPERIMENTS

SPEAKERS = ("03", "08", "12", "14", "15", "16")
"""Two of EmoDB's speakers for each side of the split."""

_PEAKS = {"W": 20_000.0, "F": 12_000.0, "N": 6_000.0, "T": 2_000.0}

EMOUERJ_RATE_HZ = 44_100
EMOUERJ_COUNTS = {
    "m01": {"a": 12, "h": 11, "n": 14, "s": 13},
    "m02": {"a": 10, "h": 10, "n": 12, "s": 9},
    "m03": {"a": 10, "h": 10, "n": 10, "s": 10},
    "m04": {"a": 10, "h": 10, "n": 10, "s": 19},
    "w01": {"a": 10, "h": 10, "n": 12, "s": 10},
    "w02": {"a": 15, "h": 16, "n": 11, "s": 10},
    "w03": {"a": 11, "h": 12, "n": 13, "s": 11},
    "w04": {"a": 16, "h": 12, "n": 10, "s": 18},
}
"""Files by speaker and emotion: those of the real emoUERJ."""

_VOICES = {"a": (24_000.0, -0.6, 110), "h": (14_000.0, -0.2, 120), "n": (8_000.0, 0.2, 100), "s": (3_000.0, 0.6, 90)}
"""Peak, what of the sample before is added (bright below 0, dull above), speed in per cent."""


def make_toy_emodb(corpora_dir: Path, speakers: tuple[str, ...] = SPEAKERS) -> Path:
    """Write clips of 0.8 to 1 s, one a speaker and emotion; the emotions differ in loudness. Return ``corpora_dir``."""
    folder = corpora_dir / "emodb" / "wav"
    folder.mkdir(parents=True)
    for speaker_index, speaker in enumerate(speakers):
        for emotion_index, (letter, peak) in enumerate(_PEAKS.items()):
            seed = 10 * speaker_index + emotion_index
            samples = speech(SAMPLE_RATE_HZ * (80 + seed % 20) // 100, seed=seed, peak=peak)
            soundfile.write(folder / f"{speaker}a01{letter}a.wav", samples, SAMPLE_RATE_HZ)
    return corpora_dir


def make_toy_emouerj(corpora_dir: Path, *, seconds: float = 1.0) -> Path:
    """Write all 377 files of emoUERJ into ``emouerj/emoUERJ``, generated; return ``corpora_dir``.

    The emotions differ in loudness, brightness and speed. A file is ``seconds`` long or up to a fifth shorter.
    """
    folder = corpora_dir / "emouerj" / "emoUERJ"
    folder.mkdir(parents=True)
    for speaker_index, (speaker, counts) in enumerate(EMOUERJ_COUNTS.items()):
        for emotion, num_takes in counts.items():
            voice = _voice(speaker_index, emotion, seconds)
            for take in range(1, num_takes + 1):
                samples = _take(voice, seed=100 * speaker_index + take)
                soundfile.write(folder / f"{speaker}{emotion}{take:02d}.wav", samples, EMOUERJ_RATE_HZ)
    return corpora_dir


def make_zip(folder: Path, archive: Path) -> Path:
    """Pack all files below ``folder``, as they are named from there, and return ``archive``.

    Of ``emouerj`` as :func:`make_toy_emouerj` writes it, this is the real archive's shape: one inner ``emoUERJ/``.
    """
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, path.relative_to(folder))
    return archive


def speech_rows(num_rows: int, num_cepstra: int, seed: int = 0) -> np.ndarray:
    """Return normalised rows, shape ``(num_rows, num_cepstra)``, float32."""
    return np.random.default_rng(seed).standard_normal((num_rows, num_cepstra)).astype(np.float32)


def _voice(speaker_index: int, emotion: str, seconds: float) -> np.ndarray:
    """Return how a speaker sounds in an emotion, at emoUERJ's rate, shape ``(num_samples,)``, float64 of 16 bit."""
    peak, tilt, speed_percent = _VOICES[emotion]
    spoken = speech(round(seconds * SAMPLE_RATE_HZ * speed_percent / 100), seed=speaker_index).astype(np.float64)
    spoken[1:] += tilt * spoken[:-1]
    heard = soxr.resample(spoken, SAMPLE_RATE_HZ * speed_percent, EMOUERJ_RATE_HZ * 100)
    return heard * (peak / max(1.0, np.abs(heard).max(initial=0.0)))


def _take(voice: np.ndarray, seed: int) -> Samples:
    """Return ``voice`` begun elsewhere, a little louder or fainter, shorter, and with noise of its own."""
    random = np.random.default_rng(seed)
    begun = np.roll(voice, random.integers(max(1, voice.size)))[: voice.size * random.integers(80, 101) // 100]
    heard = random.uniform(0.8, 1.2) * begun + random.normal(0.0, 10.0, begun.size)
    return np.clip(np.rint(heard), -32768, 32767).astype(np.int16)


def small_experiment(folder: Path, name: str = "streaming", **more: str) -> Path:
    """Write an experiment with a network, and for a corpus, of a toy's size."""
    text = (EXPERIMENTS / f"{name}.toml").read_text(encoding="utf-8")
    smaller = {"num_epochs = 40": "num_epochs = 2", "num_epochs = 25": "num_epochs = 2", **more}
    smaller |= {"min_batches = 100": "min_batches = 2", "batch_size = 256": "batch_size = 32"}
    smaller |= {"num_recordings = 10": "num_recordings = 1", "[128, 64]": "[8]", "size = 16": "size = 3"}
    smaller |= {"num_parts = 4": "num_parts = 2", "num_noises = 1000": "num_noises = 4"}
    for old, new in smaller.items():
        text = text.replace(old, new)
    path = folder / f"small-{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path
