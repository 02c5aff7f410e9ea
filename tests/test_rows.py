"""The row buffer against a plain list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamer.features.rows import RowBuffer


def numbered(first_row: int, end_row: int) -> NDArray[np.float32]:
    """Return rows that say their own index."""
    return np.repeat(np.arange(first_row, end_row, dtype=np.float32)[:, np.newaxis], 3, axis=1)


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 6)),
    st.tuples(st.just("drop before"), st.integers(-3, 12)),
    st.tuples(st.just("reset"), st.integers(0, 1000)),
)


@given(steps=st.lists(STEPS, max_size=40))
def test_gives_the_rows_under_their_index(steps: list[tuple[str, int]]) -> None:
    """After any history it has exactly the rows that a list would have, and no other."""
    buffer = RowBuffer(240, 3)
    first_row = next_row = 0
    for verb, number in steps:
        match verb:
            case "append":
                buffer.append(numbered(next_row, next_row + number))
                next_row += number
            case "drop before":
                buffer.drop_before(first_row + number)
                first_row = max(first_row, min(first_row + number, next_row))
            case "reset":
                buffer.reset(number)
                first_row = next_row = number

    np.testing.assert_array_equal(buffer.between(first_row, next_row), numbered(first_row, next_row))
    middle = (first_row + next_row) // 2
    np.testing.assert_array_equal(buffer.between(middle, next_row), numbered(middle, next_row))
    np.testing.assert_array_equal(buffer.between(first_row, middle), numbered(first_row, middle))
    with pytest.raises(IndexError):
        buffer.between(first_row - 1, next_row)
    with pytest.raises(IndexError):
        buffer.between(first_row, next_row + 1)


def test_rows_to_come_keep_their_index_when_more_is_dropped_than_there_is() -> None:
    buffer = RowBuffer(10, 3)
    buffer.append(numbered(0, 4))

    buffer.drop_before(7)
    buffer.append(numbered(4, 9))

    np.testing.assert_array_equal(buffer.between(7, 9), numbered(7, 9))


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    buffer = RowBuffer(10, 3)
    buffer.append(numbered(0, 4))

    with pytest.raises(IndexError, match="rows from 3 to 2 asked for, 0 to 4 kept"):
        buffer.between(3, 2)


def test_takes_as_many_rows_as_it_promised() -> None:
    buffer = RowBuffer(10, 3)

    buffer.append(numbered(0, 10))

    np.testing.assert_array_equal(buffer.between(0, 10), numbered(0, 10))


def test_more_rows_than_there_is_room_for_are_refused() -> None:
    buffer = RowBuffer(10, 3)
    buffer.append(numbered(0, 9))

    with pytest.raises(ValueError, match="broadcast"):
        buffer.append(numbered(9, 11))
