"""A corpus that the tests make themselves, under names that a real one has."""

from pathlib import Path

import numpy as np
import soundfile
from signals import speech

from streamer.settings import SAMPLE_RATE_HZ

SPEAKERS = ("03", "08", "12", "14", "15", "16")
"""Two of EmoDB's speakers for each side of the split."""

_PEAKS = {"W": 20_000.0, "F": 12_000.0, "N": 6_000.0, "T": 2_000.0}


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


def speech_rows(num_rows: int, num_cepstra: int, seed: int = 0) -> np.ndarray:
    """Return normalised rows, shape ``(num_rows, num_cepstra)``, float32."""
    return np.random.default_rng(seed).standard_normal((num_rows, num_cepstra)).astype(np.float32)
