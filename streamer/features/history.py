"""The last moments of the stream, kept for the pre-roll."""

import numpy as np
from numpy.typing import NDArray


class SampleHistory:
    """The last samples of a stream under their absolute index."""

    def __init__(self, capacity: int) -> None:
        """Keep at least ``capacity`` samples."""
        self._capacity = capacity
        self._samples = np.zeros(2 * capacity, np.int16)
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next sample has index 0."""
        self._end = 0  # index behind the last sample
        self._filled = 0

    def push(self, samples: NDArray[np.int16]) -> None:
        """Add ``samples``, shape ``(num_samples,)``, at most ``capacity`` of them."""
        if self._filled + samples.size > self._samples.size:
            kept = min(self._filled, self._capacity)
            self._samples[:kept] = self._samples[self._filled - kept : self._filled]
            self._filled = kept
        self._samples[self._filled : self._filled + samples.size] = samples
        self._filled += samples.size
        self._end += samples.size

    def since(self, index: int) -> NDArray[np.int16]:
        """Return a view of the samples from ``index`` on.

        Raises:
            IndexError: They are no longer kept, or not yet there.
        """
        oldest = self._end - self._filled
        if not oldest <= index <= self._end:
            raise IndexError(f"samples from {index} asked for, {oldest} to {self._end} kept")
        return self._samples[index - oldest : self._filled]

    def before(self, index: int, count: int) -> NDArray[np.int16]:
        """Return the last ``count`` samples before ``index``; zeros where the stream had not begun.

        Raises:
            IndexError: They are no longer kept, or not yet there.
        """
        first = max(0, index - count)
        found = self.since(first)[: index - first]
        if index > self._end:
            raise IndexError(f"samples before {index} asked for, those up to {self._end} kept")
        return np.concatenate([np.zeros(count - found.size, np.int16), found])
