"""Reads what `analyze` and `watch` left in a folder, each file checked before anything is drawn.

Whatever else lies there as JSON is refused by name: no record is silently left out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from derivations.algebra.term_text import read_term
from derivations.errors import InputError
from validate.analysis.analysis_document import SCHEMA as ANALYSIS
from validate.analysis.analysis_document import Analysis, BlockAnalysis
from validate.records.schema import MANIFEST_FILE
from validate.records.storage import WaysOut, read_bytes
from validate.watching.watch_document import SCHEMA as WATCH
from validate.watching.watch_document import WatchDocument

_MAKE = "write it anew with `gradbound analyze --format json` or Watch.save, or move it away"
_WAYS_OUT = WaysOut(_MAKE, _MAKE, _MAKE)


@dataclass(frozen=True)
class ModelRecords:
    """Analyses and watches by the names of their files."""

    analyses: dict[str, Analysis] = field(default_factory=dict)
    watches: dict[str, WatchDocument] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.analyses or self.watches)


def read_model_records(folder: Path) -> ModelRecords:
    """The records of models in the folder itself; none where there is no such file or no folder.

    Raises InputError that names the file where one is no such record.
    """
    records = ModelRecords()
    for path in sorted(folder.glob("*.json")):
        if path.name == MANIFEST_FILE:
            continue
        for name, found in _documents(path):
            kept: dict[str, Analysis] | dict[str, WatchDocument] = (
                records.analyses if isinstance(found, Analysis) else records.watches
            )
            if name in kept:
                raise InputError(f"{path} has two records called {name!r}: rename the file")
            kept[name] = found  # type: ignore[assignment]
    return records


def _documents(path: Path) -> Iterator[tuple[str, Analysis | WatchDocument]]:
    """The documents in a file: one, or those of several targets in a list."""
    data = read_bytes(path, ways_out=_WAYS_OUT)
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {_MAKE}") from error
    if not isinstance(plain, list):
        yield path.stem, _document(path, plain, data)
        return
    if not plain:
        raise InputError(f"{path} holds no record: {_MAKE}")
    for number, each in enumerate(plain, start=1):
        yield f"{path.stem}-{number}", _document(path, each, json.dumps(each).encode())


def _document(path: Path, plain: object, data: bytes) -> Analysis | WatchDocument:
    schema = plain.get("schema") if isinstance(plain, dict) else None
    if schema not in (ANALYSIS, WATCH):
        raise InputError(
            f"{path} is no record of a model, for its schema is {schema!r}, not {ANALYSIS} or "
            f"{WATCH}: {_MAKE}"
        )
    try:
        if schema == WATCH:
            return WatchDocument.of(data)
        found = Analysis.of(data)
        _judge(found)
    except InputError as error:
        raise InputError(f"{path}: {error}: {_MAKE}") from error
    return found


def _judge(found: Analysis) -> None:
    """Raises InputError for numbers that no analysis gives, and a block that cannot be drawn."""
    if [block.index for block in found.blocks] != list(range(len(found.blocks))):
        raise InputError("its blocks are not numbered from 0")
    for block in found.blocks:
        read_term(block.structure)
        if not _possible(block):
            raise InputError(f"block {block.name}: its gains are no median between two ends")


def _possible(block: BlockAnalysis) -> bool:
    gain = block.gain
    return gain is None or 0 <= gain.min <= gain.median <= gain.max
