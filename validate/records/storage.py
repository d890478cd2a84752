"""Stores files: each is written whole or not at all, and survives a kill or a power cut.

Every failure of the file system is an `InputError` that names the path.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from derivations.errors import InputError

_TEMPORARY = ".gradbound-tmp"
_LARGEST = 2**30
"""Bytes of the largest file that is read whole: no record comes near."""


def make_folder(path: Path) -> None:
    """Makes `path` and its parents; raises InputError where that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {path} ({error.strerror}): choose another --out"
        ) from error


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces `path` by a file with this content: readers see the old one or the new one, never a
    part.

    Raises InputError if the folder cannot be written.
    """
    if not path.name:
        raise InputError("an empty path names no file: choose another --out")
    # In the same folder, since a rename is atomic within one file system only.
    temporary = path.with_name(f"{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            # Before the rename: else a power cut can leave an empty file under the new name.
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {path} ({error.strerror}): free the space or choose another --out"
        ) from error


@contextmanager
def locked(folder: Path, *, shared: bool = False, patience: float = 0.0) -> Iterator[None]:
    """Holds the folder for this process alone, or with others that hold it `shared`.

    The lock ends with the process, however that ends. Raises InputError if another process still
    holds it after `patience` seconds, or if the file system has no locks for folders.
    """
    # Not by filelock: its locks are files of their own in the folder, whose content is compared
    # byte by byte; those that can be shared need an SQLite file, or outlive a killed process.
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InputError(
            f"cannot open the folder {folder} ({error.strerror}): choose another --out"
        ) from error
    try:
        _lock(descriptor, folder, shared, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, shared: bool, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(
                descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
            )
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise InputError(
                    f"another process is writing to {folder}: wait for it, or choose another --out"
                ) from error
            # flock can wait without end or not at all, but not for so many seconds.
            time.sleep(0.01)
        except OSError as error:  # NFS, for one
            raise InputError(
                f"cannot lock the folder {folder} ({error.strerror}): choose an --out on "
                "another file system"
            ) from error


@dataclass(frozen=True)
class WaysOut:
    """What a reader is told to do with a file that is not there or unreadable, no regular file (a
    pipe never ends), or too large.
    """

    unreadable: str
    irregular: str
    large: str


_OF_RECORDS = WaysOut(
    "make it readable, or its results folder again, by the command that made it",
    "delete the results folder and make it again, by the command that made it",
    "delete the results folder and make it again, by the command that made it",
)


def read_bytes(path: Path, largest: int = _LARGEST, ways_out: WaysOut = _OF_RECORDS) -> bytes:
    """The content of `path`, at most `largest` bytes; raises InputError with one of `ways_out`."""
    try:
        # Asked before it is opened: opening a pipe for reading blocks until somebody writes.
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no regular file: {ways_out.irregular}")
        if path.stat().st_size > largest:
            raise InputError(f"{path} is larger than {largest} bytes: {ways_out.large}")
        with path.open("rb") as file:
            content = file.read(largest + 1)  # it may have grown since it was asked
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): {ways_out.unreadable}") from error
    if len(content) > largest:
        raise InputError(f"{path} is larger than {largest} bytes: {ways_out.large}")
    return content


def sha256(data: bytes) -> str:
    """The SHA-256 digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def is_temporary(path: Path) -> bool:
    """Whether `path` is what an interrupted `write_atomic` leaves behind."""
    return path.name.endswith(_TEMPORARY)


def remove_temporaries(folder: Path) -> None:
    """Removes whatever interrupted writes left in `folder` itself, which the caller must hold."""
    for path in folder.glob(f"*{_TEMPORARY}"):
        path.unlink(missing_ok=True)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether `path` lies below `folder` once links are followed.

    A link that leads to itself lies nowhere.
    """
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop: the one or the other, by the version of Python
        return False


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself durable: fsync of the file alone does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
