"""The command with a witness: keeps the samples that its microphone delivered, and says when it hears.

    python tests/system/recorded_run.py WAV run [OPTIONS]

Everything but the witness is the command itself. What was captured is written to WAV at the end, zeros where samples
were lost.
"""

import sys
from collections.abc import Iterator

import numpy as np
import soundfile

from streamer.__main__ import main
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sinks.lines import tell_people
from streamer.sources.base import AudioBlock, LostSamples, SourceItem
from streamer.sources.lasting import LastingMicrophone

_BLOCKS_BEFORE_HEARING = 25
"""An idle audio server delivers its first blocks in a burst, up to 2 s late."""


def record(path: str) -> None:
    """Make every microphone write what it delivered to ``path`` when its blocks end."""
    blocks = LastingMicrophone.blocks

    def witnessed(microphone: LastingMicrophone) -> Iterator[SourceItem]:
        captured: list[np.ndarray] = []
        num_blocks = 0
        try:
            for item in blocks(microphone):
                match item:
                    case AudioBlock(samples) if samples.size:
                        captured.append(samples)
                        num_blocks += 1
                        if num_blocks == _BLOCKS_BEFORE_HEARING:
                            tell_people("hearing")
                    case LostSamples(num_samples):
                        captured.append(np.zeros(num_samples, np.int16))
                yield item
        finally:
            soundfile.write(path, np.concatenate([np.zeros(0, np.int16), *captured]), SAMPLE_RATE_HZ)

    LastingMicrophone.blocks = witnessed


if __name__ == "__main__":
    record(sys.argv.pop(1))
    main()
