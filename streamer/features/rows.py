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

    def drop_before(self, first_row: int) -> None:
        """Drop the rows before index ``first_row``, which must not lie before the first row kept."""
        kept = self._rows[first_row - self._first_row : self._num_rows].copy()
        self.reset(first_row)
        self.append(kept)

    def until(self, end_row: int) -> NDArray[np.float32]:
        """Return a view of the rows before index ``end_row``, valid until the next change."""
        return self._rows[: end_row - self._first_row]
