"""Work on every core: each process trains one network with one thread, which wastes less than one after the other."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from tqdm import tqdm

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
    """
    bar = tqdm(total=len(jobs), desc=title, unit="network")
    threads_before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        # Spawned, since TensorFlow does not survive a fork.
        with multiprocessing.get_context("spawn").Pool(min(os.cpu_count() or 1, len(jobs) or 1), _start) as pool:
            for numbered in pool.imap_unordered(partial(_make_numbered, make), enumerate(jobs)):
                bar.update()
                yield numbered
    finally:
        bar.close()
        for name, value in threads_before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def _make_numbered(make: Callable[[Job], Result], job: tuple[int, Job]) -> tuple[int, Result]:
    """Remember which job a result is of: they come as they are done."""
    return job[0], make(job[1])


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides
    load_tensorflow()
