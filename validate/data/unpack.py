"""Finds and reads the files of data sets, gzipped or not, and no more of them than can be right."""

import gzip
import zlib
from pathlib import Path

from derivations.errors import InputError


def existing(candidates: tuple[Path, ...], otherwise: str) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(otherwise)


def unpacked(path: Path, limit: int) -> bytes:
    """The file, unpacked.

    One that holds more than `limit` bytes is refused before it fills the memory.
    """
    # Its size on disk says nothing: a megabyte can unpack to a gigabyte.
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path} ({error}): get it again") from error
    if len(content) > limit:
        raise InputError(f"{path} holds more than the {limit} bytes expected: get it again")
    return content
