"""Work in several processes: results as they come, and an end for everybody."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training.errors import CorpusError, RunError
from training.pool import in_processes, is_worker, over_files, start_process


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
    """Return whether no child is left; another thread reaps them and has to come to its turn for that to be seen."""
    deadline_s = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return not multiprocessing.active_children()


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes that do not load TensorFlow, which these tests have no use for."""
    monkeypatch.setattr("training.pool._start_training", start_process)


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


def square(job: int) -> int:
    return job * job


@pytest.mark.parametrize(("count", "is_apart"), [(0, False), (3, False), (3, True), (150, False)])
def test_files_are_worked_on_in_their_order(count: int, is_apart: bool) -> None:
    jobs = list(range(count))

    assert list(over_files(square, jobs, "x", num_processes=2, is_apart=is_apart)) == [job * job for job in jobs]


def test_a_process_killed_over_a_file_is_one_line() -> None:
    with pytest.raises(RunError, match="a process that makes rows was killed"):
        list(over_files(killed, [1, 1, 1], "rows", num_processes=2, is_apart=True))


def sleep(job: int) -> None:
    Path(f"worker-{os.getpid()}").touch()
    time.sleep(60)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nobody_works_on_when_the_first_process_is_gone(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "first.py"
    script.write_text(
        "import test_training_pool as t\n"
        "if __name__ == '__main__':\n    list(t.over_files(t.sleep, [1, 2], 'x', num_processes=2, is_apart=True))\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    first = subprocess.Popen([sys.executable, script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    assert eventually(lambda: len(workers(tmp_path)) == 1)  # both jobs are of one chunk

    first.send_signal(number)
    first.wait()

    assert eventually(lambda: not any(is_running(worker) for worker in workers(tmp_path)))


def workers(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("worker-")) for path in folder.glob("worker-*")]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()
