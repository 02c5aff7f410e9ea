"""What the daemon knows of a speaker when it judges a clip: which clips it heard before."""

from collections.abc import Mapping, Sequence

import numpy as np

from training.corpora.base import Clip
from training.folds import speaker_of

_SEED = 1

COLD, ONE_EMOTION, ENROLLED, WARM = "cold", "one_emotion_10", "enrolled", "warm"
WARM_AFTER = {"warm_5": 5, "warm_10": 10, "warm_20": 20}
STATES: Mapping[str, str] = {
    COLD: "every clip with a fresh memory: the first words that the daemon hears of somebody",
    **{name: f"after {count} earlier clips of the speaker, of any emotion" for name, count in WARM_AFTER.items()},
    ONE_EMOTION: "after 10 earlier clips of the speaker, all of the emotion of the clip that is judged",
    ENROLLED: "after 30 s of the speaker's neutral speech, known to be neutral, as of `calibrate`",
    WARM: "as the daemon runs: after all earlier utterances of the recording",
}
"""What the daemon may know; the last is of the protocol ``live`` only."""

ENROLMENT_S = 30.0


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


def enrolments(clips: Sequence[Clip], seconds: Sequence[float]) -> list[list[int]]:
    """Return for each clip the indices of the neutral ones with which its speaker is enrolled; none for these.

    At most half of a speaker's neutral clips are, and only so many as hold ``ENROLMENT_S``.

    Args:
        clips: Of any speakers.
        seconds: How much of each clip is heard.
    """
    random = np.random.default_rng(_SEED)
    of_speaker: dict[tuple[str, ...], list[int]] = {}
    for index, clip in enumerate(clips):
        chosen = of_speaker.setdefault(speaker_of(clip), [])
        if clip.label == "neutral":
            chosen.append(index)
    for speaker, indices in of_speaker.items():
        order = [int(index) for index in random.permutation(np.array(indices, np.int64))][: len(indices) // 2]
        ends = np.cumsum([seconds[index] for index in order])
        of_speaker[speaker] = order[: int(np.searchsorted(ends, ENROLMENT_S)) + 1]
    used = {index for indices in of_speaker.values() for index in indices}
    return [[] if index in used else of_speaker[speaker_of(clip)] for index, clip in enumerate(clips)]
