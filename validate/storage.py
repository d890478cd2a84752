"""Stores files: each is written whole or not at all, and survives a kill or a power cut.

Every failure of the file system is an `InputError` that names the path.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from derivations.errors import InputError

_TEMPORARY = ".gradbound-tmp"


def make_folder(path: Path) -> None:
    """Makes `path` and its parents; raises InputError where that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path} ({error.strerror}): choose another --out") from error


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces `path` by a file with this content: readers see the old one or the new one, never a part.

    Raises InputError if the folder cannot be written.
    """
    if not path.name:
        raise InputError("an empty path names no file: choose another --out")
    temporary = path.with_name(f"{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise InputError(f"cannot write {path} ({error.strerror}): free the space or choose another --out") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for this process alone; raises InputError if another one does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(f"another process is writing to {folder}: wait for it, or choose another --out") from error
    finally:
        os.close(descriptor)


def read_bytes(path: Path) -> bytes:
    """The content of `path`; raises InputError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): run `gradbound validate` to make it") from error


def sha256(data: bytes) -> str:
    """The SHA-256 digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def is_temporary(path: Path) -> bool:
    """Whether `path` is what an interrupted `write_atomic` leaves behind."""
    return path.name.endswith(_TEMPORARY)


def remove_temporaries(folder: Path) -> None:
    """Removes whatever interrupted writes left below `folder`."""
    for path in folder.rglob(f"*{_TEMPORARY}"):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself durable: fsync of the file alone does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
