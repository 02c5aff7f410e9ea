"""What a source gives, taken as a whole."""

from collections.abc import Iterable

import numpy as np
import pytest
from signals import Samples, silence

from streamer.errors import StreamBrokenError
from streamer.sources.base import AudioBlock, LostSamples


def samples_of(blocks: Iterable[AudioBlock | LostSamples]) -> Samples:
    """Return the samples of all blocks."""
    return np.concatenate([silence(0), *(block.samples for block in blocks if isinstance(block, AudioBlock))])


def samples_until_broken(blocks: Iterable[AudioBlock | LostSamples]) -> tuple[Samples, str]:
    """Return the samples before the stream breaks, and the complaint."""
    parts = [silence(0)]
    try:
        for block in blocks:
            parts.append(samples_of([block]))
    except StreamBrokenError as error:
        return np.concatenate(parts), str(error)
    pytest.fail("the stream did not break")
