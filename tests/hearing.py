"""What a source gives, taken as a whole."""

from collections.abc import Iterable

import numpy as np
import pytest
from signals import Samples, silence

from streamer.errors import StreamBrokenError, StreamerError
from streamer.sources.base import AudioBlock, SourceItem

Item = SourceItem


def samples_of(items: Iterable[Item]) -> Samples:
    """Return the samples of all blocks."""
    return np.concatenate([silence(0), *(item.samples for item in items if isinstance(item, AudioBlock))])


def taken_until(error_type: type[StreamerError], items: Iterable[Item]) -> tuple[list[Item], str]:
    """Return what comes before the error, and its message."""
    taken: list[Item] = []
    try:
        for item in items:
            taken.append(item)
    except error_type as error:
        return taken, str(error)
    pytest.fail(f"no {error_type.__name__} came")


def samples_until_broken(items: Iterable[Item]) -> tuple[Samples, str]:
    """Return the samples before the stream breaks, and the complaint."""
    taken, complaint = taken_until(StreamBrokenError, items)
    return samples_of(taken), complaint
