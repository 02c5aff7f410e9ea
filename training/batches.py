"""Batches of rows of unequal length: padded on the right, with a mask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.features.normalise import GlobalNormaliser
from streamer.settings import FeatureSettings
from training.corpora.base import LABELS
from training.dataset import Example
from training.experiment import LearningSettings
from training.figures import label_indices
from training.hearing import Rows
from training.networks.statistics import voicing

_LENGTH_STEP_ROWS = 64  # lengths are rounded up to this: fewer shapes, fewer compilations


@dataclass(frozen=True)
class Batch:
    """Clips side by side."""

    inputs: list[NDArray[np.float32]]
    """What the model takes, the clips along the first axis."""
    targets: list[NDArray[np.float32]]
    """One for each output: labels one-hot, shape ``(batch, num_labels)``, and what else the model gives."""
    weights: NDArray[np.float32] | None = None
    """Shape ``(batch,)``; None where all count the same."""


def normaliser_of(examples: Sequence[Example], features: FeatureSettings) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each coefficient over all rows of ``examples``.

    Of pitch only the mean is taken, over voiced rows; harmonicity is left as it is, since thresholds rest on it.
    """
    rows = np.concatenate([example.rows for example in examples]).astype(np.float64)
    mean, deviation = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-3)
    if features.pitch:
        mean[-2], deviation[-2] = np.average(rows[:, -2], weights=voicing(rows[:, -1]) + 1e-6), 1.0
        mean[-1], deviation[-1] = 0.0, 1.0
    return mean.tolist(), deviation.tolist()


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
    """Gives the training examples epoch by epoch, each time in another order."""

    def __init__(
        self, examples: Sequence[Example], normaliser: GlobalNormaliser, learning: LearningSettings, seed: int
    ) -> None:
        """Take ``examples``, each of which an epoch holds once or more."""
        self._rows = [normaliser.normalise(example.rows) for example in examples]
        self._batch_size = learning.batch_size
        self._batches_a_pass = -(-len(examples) // learning.batch_size)
        self._num_passes = -(-learning.min_batches // self._batches_a_pass)
        self._seed = seed
        self._weights, self._targets = balanced_weights(examples, learning.balance), one_hot(examples)

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""
        return self._num_passes * self._batches_a_pass

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of epoch number ``epoch``, the same whatever came before it."""
        random = np.random.default_rng([self._seed, epoch])
        for _ in range(self._num_passes):
            order = random.permutation(len(self._rows))
            for first in range(0, len(order), self._batch_size):
                chosen = order[first : first + self._batch_size]
                rows, is_valid = padded([self._rows[index] for index in chosen])
                yield Batch([rows, is_valid], [self._targets[chosen]], self._weights[chosen])
