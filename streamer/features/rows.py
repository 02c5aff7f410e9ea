"""The feature rows of the utterance in hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class RowBuffer:
    """Rows under the index they have on the stream's grid, in memory that is allocated once."""

    def __init__(self, capacity: int, num_columns: int) -> None:
        """Make room for ``capacity`` rows."""
        self._rows = np.empty((capacity, num_columns), np.float32)
        self.reset(0)

    def reset(self, first_row: int) -> None:
        """Drop everything; the next row has index ``first_row``."""
        self._first_row, self._num_rows = first_row, 0

    def append(self, rows: NDArray[np.floating[Any]]) -> None:
        """Add ``rows``, shape ``(num_rows, num_columns)``; the caller keeps to the capacity."""
        self._rows[self._num_rows : self._num_rows + len(rows)] = rows
        self._num_rows += len(rows)

    def drop_before(self, row: int) -> None:
        """Drop the rows before index ``row``; those to come keep their index."""
        num_dropped = min(max(0, row - self._first_row), self._num_rows)
        kept = self._rows[num_dropped : self._num_rows].copy()
        self.reset(self._first_row + num_dropped)
        self.append(kept)

    def between(self, first_row: int, end_row: int) -> NDArray[np.float32]:
        """Return a view of the rows from index ``first_row`` up to ``end_row`` (not included).

        It is valid until the next change.

        Raises:
            IndexError: They are no longer kept, or not yet there.
        """
        end = self._first_row + self._num_rows
        if not self._first_row <= first_row <= end_row <= end:
            raise IndexError(f"rows from {first_row} to {end_row} asked for, {self._first_row} to {end} kept")
        return self._rows[first_row - self._first_row : end_row - self._first_row]
