"""Descriptor 2 is silent while anybody is inside, and heard again behind the last."""

import os
import threading

import pytest

from streamer.stderr import silenced_stderr


def test_nothing_is_heard_from_inside(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with silenced_stderr():
        os.write(2, b"inside ")
    os.write(2, b"after")

    assert capfd.readouterr().err == "before after"


def test_an_error_inside_leaves_it_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="wrong"), silenced_stderr():
        raise ValueError("wrong")
    os.write(2, b"after")

    assert capfd.readouterr().err == "after"


def test_the_first_to_leave_does_not_speak_for_the_last(capfd: pytest.CaptureFixture[str]) -> None:
    inside, may_leave = threading.Event(), threading.Event()

    def wait_inside() -> None:
        with silenced_stderr():
            inside.set()
            may_leave.wait(10)

    thread = threading.Thread(target=wait_inside)
    thread.start()
    assert inside.wait(10)
    with silenced_stderr():
        os.write(2, b"both ")
    os.write(2, b"one ")
    may_leave.set()
    thread.join()
    os.write(2, b"nobody")

    assert capfd.readouterr().err == "nobody"
