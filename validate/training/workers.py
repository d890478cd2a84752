"""Spreads independent tasks over processes that never outlive the one that started them.

However this process ends, kill -9 included, its workers end at once: two sweeps never write to one
folder.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.queues import SimpleQueue
from typing import TypeVar

from derivations.errors import InputError
from derivations.parent_watch import end_after
from validate.training.budget import OutOfTimeError

_LISTEN = 0.25
"""Seconds between two looks at what workers say."""
_hearers: list[Callable[[str], None]] = []
"""Of a worker, the way to whoever started it."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    left: float | None = None,
    hear: Callable[[str], None] = lambda word: None,
) -> Iterator[Result]:
    """The results as they come in, in no particular order; tasks are started in the order given.

    Function, tasks and results travel between processes, and so does each word that the function
    gives to `tell_parent`: `hear` hears it here, those of a task before its result. An exception of
    the function is raised here; raises InputError if a worker dies, and OutOfTimeError after the
    seconds that are `left`, when the workers are ended amid their tasks.
    """
    context = get_context("spawn")  # fork would copy torch's threads in an unknown state
    lifeline, ours = context.Pipe(duplex=False)
    words: SimpleQueue[str] = context.SimpleQueue()
    pool = ProcessPoolExecutor(
        processes, mp_context=context, initializer=_follow, initargs=(lifeline, words)
    )
    try:
        # Submitting starts the processes, which inherit how signals are handled at this moment.
        with _deaf_to_interrupts():
            futures = [pool.submit(function, task) for task in tasks]
        for future in _completed(futures, words, left, hear):
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


def _completed(
    futures: Sequence[Future[Result]],
    words: "SimpleQueue[str]",
    left: float | None,
    hear: Callable[[str], None],
) -> Iterator[Future[Result]]:
    """The futures as they end. In between it listens, in this thread: no other may raise here."""
    pending, end = set(futures), math.inf if left is None else time.monotonic() + left
    while pending:
        until = min(_LISTEN, max(end - time.monotonic(), 0))
        done, pending = wait_for(pending, until, FIRST_COMPLETED)
        while not words.empty():
            hear(words.get())
        yield from done
        if pending and time.monotonic() >= end:
            raise OutOfTimeError


def tell_parent(word: str) -> None:
    """Passes a word to whoever spread this task; elsewhere nobody hears it."""
    for hear in _hearers:
        hear(word)


@contextmanager
def told_here(hear: Callable[[str], None]) -> Iterator[None]:
    """What `tell_parent` is given is heard in this process, which does the tasks itself."""
    _hearers.append(hear)
    try:
        yield
    finally:
        _hearers.remove(hear)


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


def _follow(lifeline: Connection, words: "SimpleQueue[str]") -> None:
    """Ends this worker as soon as the other end of the lifeline is closed, and not by SIGTERM: if a
    whole group of processes is asked to end, the one that started it answers.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_after(lambda: wait([lifeline]))
    _hearers.append(words.put)
