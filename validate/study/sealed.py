"""Seals records: their field `seal`, the last, is the digest of all the others."""

from typing import TypeVar

from validate.records.codec import encode
from validate.records.storage import sha256
from validate.records.versions import Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


def sealed(record: AnyRecord) -> AnyRecord:
    """The same with the digest of all the rest."""
    return record.model_copy(update={"seal": _digest(record)})


def is_intact(record: Record) -> bool:
    """Whether it is as it was sealed."""
    return bool(vars(record)["seal"] == _digest(record))


def _digest(record: Record) -> str:
    return sha256(encode(record.model_copy(update={"seal": ""})))
