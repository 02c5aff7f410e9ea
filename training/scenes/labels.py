"""Where speech is in a clean recording, by its energy alone."""

import numpy as np
from numpy.typing import NDArray

from training.scenes.acoustics import frame_levels_db

_CORE_DB = 20.0
_EDGE_DB = 35.0
_ABOVE_FLOOR_DB = 8.0
_EDGE_FRAMES = (10, 20)
_BRIDGED_FRAMES = 20
_SHORTEST_FRAMES = 3


def speech_frames(clean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which frames of 10 ms of ``clean``, float64 at 16 kHz, are speech, shape ``(num_frames,)``.

    Speech is what lies within 20 dB of the loud frames, with what is within 35 dB (and 8 dB over the quietest)
    for up to 100 ms before it and 200 ms behind it: a soft consonant, not the breath taken before a sentence. What is
    shorter than 30 ms is a click; holes up to 200 ms (the closure of a plosive, a halt between words) are no pause.
    """
    levels = frame_levels_db(clean)
    loud, floor = np.percentile(levels, 95), np.percentile(levels, 2)
    is_core = levels >= loud - _CORE_DB
    is_edge = levels >= max(loud - _EDGE_DB, min(floor + _ABOVE_FLOOR_DB, loud - _CORE_DB))
    for first, end in runs(is_core):
        if end - first < _SHORTEST_FRAMES:
            is_core[first:end] = False
    is_speech = is_core.copy()
    before, behind = _EDGE_FRAMES
    for first, end in runs(is_core):
        head, tail = is_edge[max(0, first - before) : first], is_edge[end : end + behind]
        is_speech[first - _leading(head[::-1]) : first] = True
        is_speech[end : end + _leading(tail)] = True
    for first, end in runs(~is_speech):
        if first > 0 and end < is_speech.size and end - first <= _BRIDGED_FRAMES:
            is_speech[first:end] = True
    return np.asarray(is_speech)


def _leading(flags: NDArray[np.bool_]) -> int:
    """Return how many of ``flags`` hold before the first that does not."""
    return flags.size if flags.all() else int(np.argmin(flags))


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open ranges over which ``flags`` hold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
