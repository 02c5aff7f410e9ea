"""The peer that has not listened: whatever is more than this was learned from sound."""

import numpy as np

from training.corpora.base import LABELS
from training.figures import label_indices
from training.peers.base import Decisions
from training.protocols import Task


class Majority:
    """Always says the most frequent label of the training clips."""

    name = "majority"
    title = "The most frequent label of the training clips, whatever is said."

    def answers(self, protocol: str) -> bool:
        """Return whether ``protocol`` is one of clips."""
        return protocol != "live"

    def decide(self, task: Task) -> Decisions:
        """Return the same label for every clip in ``task.test``; of equally frequent ones the first."""
        counts = np.bincount(label_indices((*task.train, *task.validation)), minlength=len(LABELS))
        return Decisions(np.full(len(task.test), counts.argmax(), np.int64))
