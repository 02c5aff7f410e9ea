"""The rows that a network hears, from the extractors that make their columns."""

import numpy as np
from numpy.typing import NDArray

from streamer.features.mfcc import IncrementalMfcc
from streamer.features.pitch import ROWS_PER_PITCH, IncrementalPitch
from streamer.settings import FeatureSettings


class RowExtractor:
    """Rows of a stream of int16 samples, computed as they come: MFCCs, then pitch where the settings have it."""

    def __init__(self, settings: FeatureSettings) -> None:
        """Prepare the tables."""
        self._mfcc = IncrementalMfcc(settings)
        self._pitch = IncrementalPitch(settings) if settings.pitch else None
        self.num_previous = self._pitch.num_previous if self._pitch else 1
        """How many samples before the first one :meth:`reset` takes."""
        self.rows_per_step = ROWS_PER_PITCH if self._pitch else 1
        """A grid that begins whole steps later has the same rows."""

    def reset(self, previous: NDArray[np.int16]) -> None:
        """Start a new grid here.

        Args:
            previous: The ``num_previous`` samples before the first one to come; zeros at the start of a stream.
        """
        self._mfcc.reset(int(previous[-1]))
        if self._pitch:
            self._pitch.reset(previous)

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the rows that ``samples`` complete, shape ``(num_rows, num_columns)``, float32, oldest first.

        Args:
            samples: Shape ``(num_samples,)``, int16; any length, also 0.

        Raises:
            AudioFormatError: ``samples`` is not one-dimensional int16.
        """
        rows = self._mfcc.push(samples).astype(np.float32, copy=False)
        if not self._pitch:
            return rows
        return np.concatenate([rows, self._pitch.push(samples).astype(np.float32)], axis=1)
