"""What feeds every peer: blocks of raw audio, flat out or when a microphone would have delivered them.

    python -m benchmarks.peers.scripts.NAME AUDIO SECONDS [ARGUMENT ...] [--realtime]

AUDIO is int16 at 16 kHz, mono, without header; it is repeated for SECONDS. The first line on stdout says that the peer
is ready, the last one what it found. Nothing heavy is imported here: it would be counted as the peer's.
"""

import sys
import time
from collections.abc import Iterator

SAMPLE_RATE_HZ = 16_000
_SAMPLE_BYTES = 2


def arguments() -> list[str]:
    """Return what the command line holds for the peer itself."""
    return [word for word in sys.argv[3:] if word != "--realtime"]


def blocks(block_samples: int) -> Iterator[bytes]:
    """Say that the peer is ready, then yield the audio in whole blocks of ``block_samples``."""
    with open(sys.argv[1], "rb") as file:  # noqa: PTH123  # pathlib takes longer to import than numpy's loop runs
        audio = file.read()
    num_blocks = round(float(sys.argv[2]) * SAMPLE_RATE_HZ) // block_samples
    size = _SAMPLE_BYTES * block_samples
    starts = range(0, len(audio) - size + 1, size)  # what is left behind the last whole block is not heard
    is_live = "--realtime" in sys.argv
    print("ready", flush=True)
    first_s = time.monotonic()
    for index in range(num_blocks):
        if is_live:
            # By the start, not by the block before: what was late does not add up.
            heard_s = first_s + (index + 1) * block_samples / SAMPLE_RATE_HZ
            time.sleep(max(0.0, heard_s - time.monotonic()))
        start = starts[index % len(starts)]
        yield audio[start : start + size]
