"""Work in several processes: results as they come, and an end for everybody."""

import multiprocessing
import os
import signal

import pytest

from training.errors import CorpusError, RunError
from training.pool import in_processes, is_worker


def threads(_job: int) -> str | None:
    return os.environ.get("TF_NUM_INTRAOP_THREADS")


def killed(job: int) -> int:
    if job == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def wrong(job: int) -> int:
    raise CorpusError(f"job {job} is wrong")


def fate(job: int) -> tuple[int, bool]:
    return job * job, is_worker()


def all_ended() -> bool:
    """Return whether no child is left; another thread reaps them, so that one look may come too early."""
    for _ in range(100):
        for process in multiprocessing.active_children():
            process.join(0.1)
    return not multiprocessing.active_children()


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes that do not load TensorFlow, which these tests have no use for."""
    monkeypatch.setattr("training.pool._start", int)


def test_every_result_comes_with_the_number_of_its_job() -> None:
    results = dict(in_processes(fate, [3, 5, 7], "x"))

    assert results == {0: (9, True), 1: (25, True), 2: (49, True)}
    assert not is_worker()


def test_each_process_computes_with_one_thread_and_this_one_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)

    assert dict(in_processes(threads, [0], "x")) == {0: "1"}
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


def test_an_error_of_a_job_is_the_error() -> None:
    with pytest.raises(CorpusError, match="job 4 is wrong"):
        list(in_processes(wrong, [4], "x"))


def test_a_process_that_is_killed_ends_with_one_line_instead_of_waiting_for_it() -> None:
    with pytest.raises(RunError, match="a process that trains was killed"):
        list(in_processes(killed, [1, 2], "x"))


def test_nobody_is_left_when_the_first_process_is_interrupted() -> None:
    results = in_processes(fate, range(20), "x")
    next(results)

    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt())

    assert all_ended()
