"""Gives the crash tests processes that start in milliseconds, and what they do until killed."""

import io
import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from unittest import mock

import torch

from validate.records.codec import write_json, write_jsonl
from validate.records.folder import claimed, register
from validate.records.schema import EpochRow, RunConfig
from validate.records.storage import write_atomic
from validate.training import checkpoints

CONFIG_HASH, ROWS = "c" * 64, "e" * 64
PART = 2**16
"""Bytes that one write of `save_and_die` takes."""

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["test_validate.crashes", "validate.training.sweep"])


def start(function: Callable[..., object], *arguments: object) -> BaseProcess:
    """The call in a process of its own, forked from one that has everything imported and no
    threads.
    """
    process = _SERVER.Process(target=function, args=arguments)
    process.start()
    return process


def kill_after(process: BaseProcess, seconds: float) -> bool:
    """SIGKILL after so many seconds; False if the process ended before, by itself and well."""
    process.join(seconds)
    process.kill()
    return died(process)


def died(process: BaseProcess) -> bool:
    """Waits for its end: True by SIGKILL, False by itself, without error."""
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def state(number: int) -> dict[str, torch.Tensor]:
    """One of many states of one network: 200 KB."""
    return {"weight": torch.full((50_000,), float(number)), "count": torch.tensor(number)}


def save(path: Path, number: int) -> None:
    """Stores the state of this number, as that of the epoch of this number."""
    checkpoints.save(path, state(number), config_hash=CONFIG_HASH, epoch=number, rows=ROWS)


def event() -> Event:
    """What a process of `start` can set, and others wait for."""
    return _SERVER.Event()


def save_for_ever(path: Path, saved: Event) -> None:
    """Nothing but saves, so that a kill falls into one; `saved` is set after the first. Ends with
    the tests, however these end.
    """
    server = os.getppid()
    for number in itertools.takewhile(lambda _: os.getppid() == server, itertools.count(1)):
        save(path, number)
        saved.set()


def save_and_die(path: Path, number: int, moment: int) -> None:
    """One save in a process that kills itself before the `moment`-th call to the file system.

    A write takes a PART at most.
    """
    calls = itertools.count()

    def deadly(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*arguments: object) -> object:
            if next(calls) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments)

        return wrapped

    class InParts(io.FileIO):
        def write(self, data: bytes) -> int:
            for begin in range(0, len(data), PART):
                deadly(super().write)(data[begin : begin + PART])
            return len(data)

    with (
        mock.patch.multiple(Path, open=deadly(InParts), replace=deadly(Path.replace)),
        mock.patch.multiple(
            os, open=deadly(os.open), fsync=deadly(os.fsync), close=deadly(os.close)
        ),
    ):
        save(path, number)


def fill(out: Path, configs: list[RunConfig]) -> None:
    """One run after another with a record each, as a sweep leaves them."""
    for config in configs:
        with claimed(out, config.run) as folder:
            write_json(folder / "config.json", config)
            nothing = {"train_loss": None, "train_error": None, "test_error": None, "total": None}
            write_jsonl(
                folder / "epochs.jsonl",
                [EpochRow(run=config.run, epoch=0, status="diverged", **nothing)],
            )
            write_jsonl(folder / "blocks.jsonl", [])
            write_atomic(folder / "checkpoint.safetensors", config.run.encode())
        register(out, config.run)


def timed(function: Callable[..., object], *arguments: object) -> float:
    """Seconds that the call takes in a process like those that are killed."""
    start(int).join()  # the first start takes the server's imports too
    begin = time.monotonic()
    process = start(function, *arguments)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begin
