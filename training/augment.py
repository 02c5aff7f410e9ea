"""Rows as they might have been: other levels, microphones and lengths, without going back to the audio."""

import math

import numpy as np

from training.experiment import Augmentation
from training.hearing import Rows


def augmented(rows: Rows, augmentation: Augmentation, random: np.random.Generator) -> Rows:
    """Return normalised ``rows``, shape ``(num_rows, num_columns)``, tilted and cropped."""
    rows = rows[random.integers(0, augmentation.head_rows + 1) :] if len(rows) > augmentation.fewest_rows else rows
    wanted = int(len(rows) * random.uniform(augmentation.shortest_part, 1.0))
    kept = min(len(rows), max(wanted, augmentation.fewest_rows), augmentation.most_rows)
    first = int(random.integers(0, len(rows) - kept + 1))
    offset = augmentation.tilt * random.standard_normal(rows.shape[1])
    return np.asarray(rows[first : first + kept] + offset, np.float32)


def random_gain(augmentation: Augmentation, random: np.random.Generator) -> float:
    """Return what a random gain adds to coefficient 0, which is the log of the energy."""
    return float(random.normal(0.0, augmentation.gain_db)) * math.log(10.0) / 10.0
