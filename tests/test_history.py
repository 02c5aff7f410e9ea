"""The sample history against a plain list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signals import ramp

from streamer.features.history import SampleHistory


@given(capacity=st.integers(1, 40), data=st.data())
def test_gives_the_last_samples_under_their_index(capacity: int, data: st.DataObject) -> None:
    """What it gives is what was pushed, never something overwritten, and it keeps what it promised."""
    history, pushed = SampleHistory(capacity), ramp(0)
    for size in data.draw(st.lists(st.integers(0, capacity), max_size=25)):
        history.push(ramp(pushed.size + size)[pushed.size :])
        pushed = ramp(pushed.size + size)

        for index in range(pushed.size + 1):
            try:
                samples = history.since(index)
            except IndexError:
                assert index < pushed.size - capacity
            else:
                np.testing.assert_array_equal(samples, pushed[index:])


@given(capacity=st.integers(1, 40), size=st.integers(0, 100), index=st.integers(0, 100), count=st.integers(0, 50))
def test_gives_the_samples_before_an_index(capacity: int, size: int, index: int, count: int) -> None:
    """Where the stream had not begun there was silence; what is no longer kept is never guessed."""
    history, pushed = SampleHistory(capacity), ramp(size)
    for first in range(0, size, capacity):
        history.push(pushed[first : first + capacity])

    try:
        samples = history.before(index, count)
    except IndexError:
        assert index > size or index - count < size - capacity
    else:
        assert index <= size
        np.testing.assert_array_equal(samples, np.pad(pushed, (count, 0))[index : index + count])


@pytest.mark.parametrize("index", [-1, 0, 1, 79, 101])
def test_refuses_samples_that_it_does_not_have(index: int) -> None:
    history = SampleHistory(10)
    for start in range(0, 100, 10):
        history.push(ramp(100)[start : start + 10])

    with pytest.raises(IndexError, match=f"samples from {index} asked for"):
        history.since(index)


def test_reset_is_as_good_as_new() -> None:
    history = SampleHistory(10)
    history.push(ramp(10))

    history.reset()
    history.push(ramp(8)[5:])

    np.testing.assert_array_equal(history.since(0), ramp(8)[5:])
    with pytest.raises(IndexError):
        history.since(4)
