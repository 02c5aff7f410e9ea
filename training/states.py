"""What the daemon knows of a speaker when it judges a clip: which clips it heard before."""

from collections.abc import Sequence

import numpy as np

from training.corpora.base import Clip
from training.folds import speaker_of

_SEED = 1


def earlier_clips(clips: Sequence[Clip], num_earlier: int, *, one_emotion: bool = False) -> list[list[int]]:
    """Return for each clip the indices of those that were heard before it, the last one at the end.

    A speaker's clips follow one another in an order from a seed, round and round, so that before each of them are as
    many; fewer only where the speaker has no more.

    Args:
        clips: Of any speakers.
        num_earlier: How many.
        one_emotion: Whether the speaker showed the emotion of the clip before it, too, and no other.
    """
    random = np.random.default_rng(_SEED)
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, clip in enumerate(clips):
        groups.setdefault((*speaker_of(clip), clip.label if one_emotion else ""), []).append(index)
    before: list[list[int]] = [[] for _ in clips]
    for indices in groups.values():
        order = [int(index) for index in random.permutation(indices)]
        count = min(num_earlier, len(order) - 1)
        for position, index in enumerate(order):
            before[index] = [order[(position - back) % len(order)] for back in range(count, 0, -1)]
    return before
