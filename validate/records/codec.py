"""Encodes records as JSON, one per line, and decodes them.

Files are replaced whole; what cannot be decoded raises InputError with one line that names the file
and the line.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from derivations.errors import InputError
from validate.records.storage import read_bytes, write_atomic
from validate.records.versions import Versioned

DIGITS = 4
"""Significant digits of the stored values of bounds and terms: as many as figures can use, and few
enough to keep the records small."""

MAKE_AGAIN = "delete the results folder and make it again, by the command that made it"

AnyRecord = TypeVar("AnyRecord", bound=BaseModel)
AnyDocument = TypeVar("AnyDocument")


def encode(record: BaseModel) -> bytes:
    """One line of JSON; floats as the shortest text that reads back to the same bits."""
    return record.model_dump_json(by_alias=True).encode() + b"\n"


def write_json(path: Path, record: BaseModel) -> None:
    """Replaces the file by one record."""
    write_atomic(path, encode(record))


def write_jsonl(path: Path, rows: Sequence[BaseModel]) -> None:
    """Replaces the file by one record per line."""
    write_atomic(path, b"".join(map(encode, rows)))


def read_json(path: Path, model: type[AnyRecord]) -> AnyRecord:
    """The one record in the file; raises InputError."""
    return decode(read_bytes(path), model, str(path))


def read_jsonl(path: Path, model: type[AnyRecord]) -> list[AnyRecord]:
    """The records in the file, one per line; raises InputError."""
    return [
        decode(line, model, f"{path}:{number}")
        for number, line in enumerate(read_bytes(path).splitlines(), start=1)
    ]


def decode(data: bytes, model: type[AnyRecord], source: str) -> AnyRecord:
    """The record that `data` states, its schema stated with it.

    Raises InputError that names `source`.
    """
    try:
        record = model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        words = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise InputError(f"{source} is no valid record ({words}): {MAKE_AGAIN}") from error
    # The model has a default for it, so a line without one would pass.
    if "schema_" not in record.model_fields_set:
        raise InputError(f"{source} states no schema: {MAKE_AGAIN}")
    if isinstance(record, Versioned) and (name := record.foreign()):
        lacks = "states" if name in record.model_fields_set else "lacks"
        raise InputError(f"{source} {lacks} {name}, unlike its schema: {MAKE_AGAIN}")
    return record


def document_of(kind: type[AnyDocument], text: str | bytes, schema: str) -> AnyDocument:
    """The document of this kind that the JSON states; raises InputError that says where not."""
    try:
        found: AnyDocument = TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"no {schema} document: {place}: {first['msg']}") from error
    return found
