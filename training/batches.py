"""Batches of rows of unequal length: padded on the right, with a mask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.features.normalise import GlobalNormaliser
from training.augment import augmented, random_gain
from training.corpora.base import LABELS
from training.dataset import Example
from training.experiment import Augmentation, LearningSettings
from training.figures import label_indices
from training.hearing import Rows

_LENGTH_STEP_ROWS = 64  # lengths are rounded up to this: fewer shapes, fewer compilations


@dataclass(frozen=True)
class Batch:
    """Clips side by side."""

    rows: Rows
    """Shape ``(batch, time, num_columns)``, zero behind each clip."""
    is_valid: NDArray[np.float32]
    """Shape ``(batch, time)``, 1 for rows and 0 for padding."""
    targets: NDArray[np.float32]
    """Shape ``(batch, num_labels)``, one-hot."""
    weights: NDArray[np.float32]
    """Shape ``(batch,)``."""


def normaliser_of(examples: Sequence[Example]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each coefficient over all rows of ``examples``."""
    rows = np.concatenate([example.rows for example in examples]).astype(np.float64)
    return rows.mean(axis=0).tolist(), np.maximum(rows.std(axis=0), 1e-3).tolist()


def balanced_weights(examples: Sequence[Example], power: float) -> NDArray[np.float32]:
    """Return a weight an example, 1 on average, so that rare corpora and labels count as well.

    Args:
        examples: What is trained on.
        power: 0 weighs all examples the same; 1 makes each label of each corpus weigh the same.
    """
    groups = [(example.clip.corpus, example.clip.label) for example in examples]
    sizes = {group: groups.count(group) for group in set(groups)}
    weights = np.array([sizes[group] ** -power for group in groups])
    return np.asarray(weights / weights.mean(), np.float32)


def one_hot(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return the labels of ``examples``, shape ``(num_examples, num_labels)``."""
    return np.eye(len(LABELS), dtype=np.float32)[label_indices([example.clip for example in examples])]


def padded(parts: Sequence[Rows]) -> tuple[Rows, NDArray[np.float32]]:
    """Return ``parts``, each ``(num_rows, num_columns)``, as one array, and what of it is valid."""
    longest = max(len(part) for part in parts)
    length = -(-longest // _LENGTH_STEP_ROWS) * _LENGTH_STEP_ROWS
    rows = np.zeros((len(parts), length, parts[0].shape[1]), np.float32)
    is_valid = np.zeros((len(parts), length), np.float32)
    for index, part in enumerate(parts):
        rows[index, : len(part)] = part
        is_valid[index, : len(part)] = 1.0
    return rows, is_valid


class Shuffler:
    """Gives the training examples epoch by epoch, each time in another order and otherwise changed."""

    def __init__(
        self,
        examples: Sequence[Sequence[Example]],
        normaliser: GlobalNormaliser,
        augmentation: Augmentation,
        learning: LearningSettings,
        seed: int,
    ) -> None:
        """Take ``examples``: for each clip the ways in which it was heard, of which an epoch draws one."""
        self._examples, self.normaliser, self._augmentation = examples, normaliser, augmentation
        self._batch_size = learning.batch_size
        self._batches_a_pass = -(-len(examples) // learning.batch_size)
        self._num_passes = -(-learning.min_batches // self._batches_a_pass)
        self._seed = seed
        first = [ways[0] for ways in examples]
        self._weights, self._targets = balanced_weights(first, learning.balance), one_hot(first)

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""
        return self._num_passes * self._batches_a_pass

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of epoch number ``epoch``, the same whatever came before it."""
        random = np.random.default_rng([self._seed, epoch])
        for _ in range(self._num_passes):
            order = random.permutation(len(self._examples))
            for first in range(0, len(order), self._batch_size):
                chosen = order[first : first + self._batch_size]
                rows, is_valid = padded([self._changed(int(index), random) for index in chosen])
                yield Batch(rows, is_valid, self._targets[chosen], self._weights[chosen])

    def _changed(self, index: int, random: np.random.Generator) -> Rows:
        ways = self._examples[index]
        rows = ways[int(random.integers(len(ways)))].rows.copy()
        rows[:, 0] += random_gain(self._augmentation, random)
        return augmented(self.normaliser.normalise(rows), self._augmentation, random)
