"""Writes what the peers hear, int16 at 16 kHz: ``python -m benchmarks.peers.audio FILE ...``.

A file is called after what it holds: ``speech`` is the demonstration clip (synthetic voices for about 70 % of it),
``silence`` a faint noise; ``speech.raw`` is one clip without header, ``speech-600.wav`` are 600 s of it.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.clip import speech
from streamer.settings import SAMPLE_RATE_HZ

if __name__ == "__main__":
    clip = speech()
    silence = np.random.default_rng(0).integers(-3, 4, clip.size).astype(np.int16)
    for path in map(Path, sys.argv[1:]):
        name, _, seconds = path.stem.partition("-")
        samples = {"speech": clip, "silence": silence}[name]
        if path.suffix == ".raw":
            samples.tofile(path)
        else:
            soundfile.write(path, np.resize(samples, SAMPLE_RATE_HZ * int(seconds)), SAMPLE_RATE_HZ)
    print("written", *sys.argv[1:])
