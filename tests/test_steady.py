"""Partial labels do not flicker."""

import pytest

from streamer.emotion.steady import SteadyLabel


@pytest.mark.parametrize(
    ("came", "told"),
    [
        ("a", "a"),
        ("aaa", "aaa"),
        ("ab", "aa"),
        ("abb", "aab"),
        ("aba", "aaa"),
        ("ababab", "aaaaaa"),
        ("abca", "aaaa"),
        ("abcc", "aaac"),
        ("aabbaa", "aaabba"),
    ],
)
def test_a_label_is_told_when_it_came_twice(came: str, told: str) -> None:
    steady = SteadyLabel()

    assert "".join(steady.push(label) for label in came) == told

    steady.reset()
    assert steady.push("z") == "z"
