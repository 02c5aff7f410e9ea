"""Work on every core, in processes that end with the one that started them."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
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

    Each process trains one network with one thread, which wastes less than one network after the other.

    Args:
        make: A function of a module that can be imported.
        jobs: What it takes.
        title: Of the progress bar.

    Raises:
        RunError: A process was killed; what was finished is kept.
    """
    num_processes = min(os.cpu_count() or 1, len(jobs) or 1)
    spawn = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with _one_thread_each(), ProcessPoolExecutor(num_processes, spawn, _start_training) as executor:
        indices = {executor.submit(make, job): index for index, job in enumerate(jobs)}
        try:
            for future in tqdm(as_completed(indices), title, len(jobs), unit="network"):
                yield indices[future], future.result()
        except BrokenProcessPool as error:
            raise RunError(_KILLED.format("trains")) from error
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def over_files(
    make: Callable[[Job], Result], jobs: Sequence[Job], title: str, *, num_processes: int | None, is_apart: bool = False
) -> Iterator[Result]:
    """Give the results of ``jobs``, which take milliseconds each, in their order, with a progress bar.

    Args:
        make: A function of a module that can be imported.
        jobs: What it takes.
        title: Of the progress bar.
        num_processes: None for one a core.
        is_apart: Whether even a few are never done in this process.

    Raises:
        RunError: A process was killed; what was finished is kept.
    """
    num_processes = num_processes or os.cpu_count() or 1
    bar = partial(tqdm, desc=title, total=len(jobs), unit="clip", mininterval=1, disable=not jobs)
    if not jobs or (not is_apart and (num_processes == 1 or len(jobs) < _FEW)):
        yield from bar(map(make, jobs))
        return
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(num_processes, spawn, start_process) as executor:
            yield from bar(executor.map(make, jobs, chunksize=8))
    except BrokenProcessPool as error:
        raise RunError(_KILLED.format("makes " + title)) from error


_KILLED = "a process that {} was killed (no memory left?); the same command goes on"
_FEW = 100  # to start processes would take longer


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


def _start_training() -> None:
    start_process()
    load_tensorflow()


def start_process() -> None:
    """Prepare a process of many: the first decides about Ctrl-C, and when it is gone nobody works on for nobody."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    first = multiprocessing.parent_process()
    if first:
        first.join()
        os._exit(1)
