"""The command with a witness: keeps the samples that its microphone delivered, and says when it hears.

    python tests/system/recorded_run.py WAV run [OPTIONS]

Everything but the witness is the command itself. What was captured is written to WAV at the end.
"""

import sys
from collections.abc import Iterator

import numpy as np
import soundfile

from streamer.__main__ import main
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import AudioBlock, LostSamples
from streamer.sources.microphone import Microphone

_BLOCKS_BEFORE_HEARING = 25
"""An idle audio server delivers its first blocks in a burst, up to 2 s late."""


def record(path: str) -> None:
    """Make every microphone write what it delivered to ``path`` when its blocks end."""
    blocks = Microphone.blocks

    def witnessed(microphone: Microphone) -> Iterator[AudioBlock | LostSamples]:
        captured: list[np.ndarray] = []
        try:
            for item in blocks(microphone):
                if isinstance(item, AudioBlock):
                    captured.append(item.samples)
                    if len(captured) == _BLOCKS_BEFORE_HEARING:
                        print("hearing", file=sys.stderr, flush=True)
                yield item
        finally:
            soundfile.write(path, np.concatenate(captured), SAMPLE_RATE_HZ)

    Microphone.blocks = witnessed


if __name__ == "__main__":
    record(sys.argv.pop(1))
    main()
