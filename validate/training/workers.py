"""Spreads independent tasks over processes that never outlive the one that started them.

However this process ends, kill -9 included, its workers end at once: two sweeps never write to one
folder.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from derivations.errors import InputError
from derivations.parent_watch import end_after
from validate.training.budget import OutOfTimeError

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    left: float | None = None,
) -> Iterator[Result]:
    """The results as they come in, in no particular order; tasks are started in the order given.

    Function, tasks and results travel between processes. An exception of the function is raised
    here; raises InputError if a worker dies, and OutOfTimeError after the seconds that are `left`,
    when the workers are ended amid their tasks.
    """
    context = get_context("spawn")  # fork would copy torch's threads in an unknown state
    lifeline, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        processes, mp_context=context, initializer=_follow, initargs=(lifeline,)
    )
    try:
        # Submitting starts the processes, which inherit how signals are handled at this moment.
        with _deaf_to_interrupts():
            futures = [pool.submit(function, task) for task in tasks]
        completed = as_completed(futures, timeout=None if left is None else max(left, 0))
        while (future := _next(completed)) is not None:
            yield future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process died (out of memory?): give the command again, `gradbound validate` "
            "with --resume"
        ) from error
    finally:
        # First: it ends workers that are amid a task, for which shutdown would wait.
        ours.close()
        pool.shutdown(cancel_futures=True)
        lifeline.close()


def _next(completed: Iterator[Future[Result]]) -> Future[Result] | None:
    try:
        return next(completed, None)
    except TimeoutError as error:  # of the wait, and of no task
        raise OutOfTimeError from error


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started here inherit that Ctrl-C is ignored: this process alone answers it, and its
    workers end with it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _follow(lifeline: Connection) -> None:
    """Ends this worker as soon as the other end of the lifeline is closed, and not by SIGTERM: if a
    whole group of processes is asked to end, the one that started it answers.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_after(lambda: wait([lifeline]))
