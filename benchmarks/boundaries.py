"""Draws where clips are taken for speech, to be checked by eye: spectrogram, and what is speech in white.

    python -m benchmarks.boundaries CORPORA_DIR --out FILE.png [--seed N]

The clips are drawn by chance from those that the boundary figures of ``benchmarks.segmentation`` rest on.
"""

import argparse
from pathlib import Path

import numpy as np

from streamer.settings import SAMPLE_RATE_HZ
from training.corpora import find_corpora, load_clips
from training.detector.lessons import talking
from training.pictures.style import new_figure
from training.rooms import read_samples
from training.scenes.labels import runs, speech_frames

_NUM_COLUMNS, _NUM_ROWS = 4, 6


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    clips = load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir)
    spoken = [clip for clip in clips if clip.corpus in talking(clips)]
    random = np.random.default_rng(options.seed)
    figure = new_figure(5.0 * _NUM_COLUMNS, 2.0 * _NUM_ROWS)
    for panel in figure.subplots(_NUM_ROWS, _NUM_COLUMNS).flat:
        clip = spoken[int(random.integers(len(spoken)))]
        samples = read_samples(clip.path)
        panel.specgram(
            samples + 1e-6 * random.standard_normal(samples.size), NFFT=320, Fs=SAMPLE_RATE_HZ, noverlap=160, vmin=-130
        )
        for start, end in runs(speech_frames(samples)):
            panel.plot([start / 100, end / 100], [7800, 7800], color="white", linewidth=4)
            for edge in (start, end):
                panel.axvline(edge / 100, color="white", linewidth=0.8)
        panel.set_title(f"{clip.corpus} {clip.path.stem}", fontsize=7)
        panel.tick_params(labelsize=6)
    figure.tight_layout()
    figure.savefig(options.out, dpi=80)


if __name__ == "__main__":
    main()
