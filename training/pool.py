"""Work on every core: each process trains one network with one thread, which wastes less than one after the other."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tqdm import tqdm

from training.errors import RunError
from training.quiet import load_tensorflow

Job = TypeVar("Job")
Result = TypeVar("Result")


def is_worker() -> bool:
    """Return whether this process is one of many, which draw no bars."""
    return multiprocessing.parent_process() is not None


def in_processes(make: Callable[[Job], Result], jobs: Sequence[Job], title: str) -> Iterator[tuple[int, Result]]:
    """Give the index and the result of each of ``jobs`` as it is done; Ctrl-C ends all of them.

    Args:
        make: A function of a module that can be imported.
        jobs: What it takes.
        title: Of the progress bar.

    Raises:
        RunError: A process was killed; what was finished is kept.
    """
    num_processes = min(os.cpu_count() or 1, len(jobs) or 1)
    spawn = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with _one_thread_each(), ProcessPoolExecutor(num_processes, spawn, _start) as executor:
        indices = {executor.submit(make, job): index for index, job in enumerate(jobs)}
        try:
            for future in tqdm(as_completed(indices), title, len(jobs), unit="network"):
                yield indices[future], future.result()
        except BrokenProcessPool as error:
            raise RunError("a process that trains was killed (no memory left?); the same command goes on") from error
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start meanwhile compute with one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides
    load_tensorflow()
