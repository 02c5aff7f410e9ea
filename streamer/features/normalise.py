"""Normalisation of feature rows before the network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class GlobalNormaliser:
    """Subtract the training set's mean of each coefficient and divide by its standard deviation."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take the statistics, one number a coefficient."""
        self._mean = np.asarray(mean, np.float32)
        self._scale = (1.0 / np.asarray(std, np.float64)).astype(np.float32)

    def normalise(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``rows``, shape ``(num_rows, num_columns)``, float32, normalised."""
        return (rows - self._mean) * self._scale
