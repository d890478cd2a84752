"""Defines what a verb says of its work as JSON; the frozen dataclasses are the schemas.

Their attributes are the keys. No seconds are among them: the same work gives the same bytes. NaN
never appears.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CheckCount:
    """How many checks of a kind the records hold, how many failed, how many say nothing."""

    kind: str
    name: str
    checks: int
    failed: int
    silent: int
    note: str


@dataclass(frozen=True)
class ValidateDocument:
    """`gradbound.validate/1`. `runs` of `runs_planned` are there, of a study trials; `complete`:
    all of them. `checks`, `failures` and `remarks` are about the runs that are there; `verdicts`
    are those of a study, by claim.
    """

    schema: str
    folder: str
    preset: str
    runs: int
    runs_planned: int
    complete: bool
    checks: tuple[CheckCount, ...] = ()
    failures: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    verdicts: dict[str, str] | None = None


@dataclass(frozen=True)
class DryRunDocument:
    """`gradbound.dry_run/1`: what a validation would take, line by line; nothing was trained."""

    schema: str
    preset: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class FiguresDocument:
    """`gradbound.figures/1`: the files, and what the records lack, by figure or table."""

    schema: str
    results: str
    written: tuple[str, ...]
    left_out: dict[str, str]


@dataclass(frozen=True)
class ReportDocument:
    """`gradbound.report/1`: the page and the folder of its records."""

    schema: str
    results: str
    written: tuple[str, ...]


@dataclass(frozen=True)
class ReproduceDocument:
    """`gradbound.reproduce/1`: the page to open first, every file, how many claims have each
    verdict, and what failed.
    """

    schema: str
    open: str
    written: tuple[str, ...]
    verdicts: dict[str, int]
    failures: tuple[str, ...]


def as_json(document: Any) -> str:
    """A document of this file, or another frozen dataclass with a schema."""
    found = json.dumps(asdict(document), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{found}\n"


def files_below(folder: Path) -> tuple[str, ...]:
    """The files in a folder, in order."""
    return tuple(str(path) for path in sorted(folder.rglob("*")) if path.is_file())
