"""Keeps the folder of a study: the protocol it is made under, and its sealed records.

A file of records is replaced whole after each of them; one process writes it.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from derivations.errors import InputError
from validate.comparison.initial_bands import BANDS, Band
from validate.records.codec import MAKE_AGAIN, read_jsonl, write_jsonl
from validate.records.storage import (
    is_temporary,
    locked,
    make_folder,
    remove_temporaries,
    write_atomic,
)
from validate.study.initial_rows import InitialRow
from validate.study.protocol import Protocol, read_protocol
from validate.study.sealed import is_intact
from validate.study.trials import Trial, TrialRow, planned

PROTOCOL_FILE = "protocol.toml"
TRIALS_FILE = "trials.jsonl"
INITIAL_FILE = "initial_ratios.jsonl"


@dataclass(frozen=True)
class Study:
    """A study as its folder holds it: `rows` in the order of the plan, `missing` those of the
    trials that are not there yet; `initial`: the ratios of fresh networks.
    """

    folder: Path
    protocol: Protocol
    rows: tuple[TrialRow, ...]
    missing: tuple[Trial, ...]
    initial: tuple[InitialRow, ...] = ()

    @property
    def missing_bands(self) -> tuple[Band, ...]:
        """What is foretold, and not measured yet."""
        there = {(row.network, row.slope) for row in self.initial}
        return tuple(band for band in BANDS if (band.network, band.slope) not in there)

    def of_claim(self, claim: str) -> tuple[TrialRow, ...]:
        return tuple(row for row in self.rows if row.trial.claim == claim)


def is_study(folder: Path) -> bool:
    """Whether the folder holds one, finished or not."""
    return (folder / PROTOCOL_FILE).exists() and (folder / TRIALS_FILE).exists()


def read_study(folder: Path) -> Study:
    """The study in the folder, every record as it was sealed, of a trial that the protocol plans.

    Raises InputError that names what is missing or altered.
    """
    for name in (PROTOCOL_FILE, TRIALS_FILE):
        if not (folder / name).exists():
            raise InputError(
                f"{folder} holds no {name}: run `gradbound validate --preset study --out "
                f"{shlex.quote(str(folder))}`"
            )
    protocol = read_protocol(folder / PROTOCOL_FILE)
    rows = read_jsonl(folder / TRIALS_FILE, TrialRow)
    plan = planned(protocol, rows)
    _check(folder / TRIALS_FILE, protocol, rows, plan)
    found = {row.trial: row for row in rows}
    return Study(
        folder,
        protocol,
        tuple(found[trial] for trial in plan if trial in found),
        tuple(trial for trial in plan if trial not in found),
        tuple(_initial(folder / INITIAL_FILE)),
    )


@contextmanager
def open_study(out: Path, protocol: Protocol) -> Iterator[Callable[[TrialRow | InitialRow], Study]]:
    """Holds the folder for this process, new or made under the same protocol, and gives what adds a
    record to it. Raises InputError for any other folder.
    """
    make_folder(out)
    with locked(out):
        remove_temporaries(out)
        if not (out / PROTOCOL_FILE).exists():
            refuse_others(out)
            write_atomic(out / PROTOCOL_FILE, protocol.text.encode())
        if not (out / TRIALS_FILE).exists():
            write_jsonl(out / TRIALS_FILE, [])
        refuse_another(read_study(out), protocol)
        yield partial(_add, out)


def refuse_others(out: Path) -> None:
    """Raises InputError if a folder that holds no study holds anything."""
    if any(not is_temporary(path) for path in out.iterdir()):
        raise InputError(f"{out} is not empty and holds no {PROTOCOL_FILE}: choose another --out")


def refuse_another(study: Study, protocol: Protocol) -> None:
    """Raises InputError if the study was begun under another protocol."""
    if study.protocol != protocol:
        raise InputError(
            f"{study.folder} was made under another protocol: choose another --out, or carry on "
            "with the version of gradbound that it was begun with"
        )


def _add(out: Path, row: TrialRow | InitialRow) -> Study:
    study = read_study(out)
    if isinstance(row, InitialRow):
        write_jsonl(out / INITIAL_FILE, [*study.initial, row])
    else:
        rows = [*study.rows, row]
        place = {trial: number for number, trial in enumerate(planned(study.protocol, rows))}
        in_order: list[TrialRow] = sorted(rows, key=lambda each: place[each.trial])
        write_jsonl(out / TRIALS_FILE, in_order)
    return read_study(out)


def _initial(path: Path) -> list[InitialRow]:
    rows = read_jsonl(path, InitialRow) if path.exists() else []
    for number, row in enumerate(rows, start=1):
        if not is_intact(row):
            raise InputError(f"{path}:{number} was altered after it was made: {MAKE_AGAIN}")
        if len(row.measured) != len(row.seeds):
            raise InputError(f"{path}:{number} does not hold a ratio per seed: {MAKE_AGAIN}")
    if len({(row.network, row.slope) for row in rows}) < len(rows):
        raise InputError(f"{path} holds a network twice: {MAKE_AGAIN}")
    return sorted(rows, key=lambda row: (row.network.rpartition("-")[0], row.slope))


def _check(path: Path, protocol: Protocol, rows: Sequence[TrialRow], plan: Sequence[Trial]) -> None:
    known, seen = set(plan), set()
    for number, row in enumerate(rows, start=1):
        where = f"{path}:{number}, {row.trial.trial},"
        if not is_intact(row):
            raise InputError(f"{where} was altered after it was made: {MAKE_AGAIN}")
        if row.protocol != protocol.digest:
            raise InputError(f"{where} was made under another protocol: {MAKE_AGAIN}")
        if row.trial not in known:
            raise InputError(f"{where} is no trial of the protocol: {MAKE_AGAIN}")
        if row.trial in seen:
            raise InputError(f"{where} is there twice: {MAKE_AGAIN}")
        seen.add(row.trial)
    for claim in ("C24", "C25"):
        if len({row.data for row in rows if row.trial.claim == claim}) > 1:
            raise InputError(f"{path}: the trials of {claim} saw different images: {MAKE_AGAIN}")
    parameters = {(row.trial.network, row.parameters) for row in rows}
    if len(parameters) > len({network for network, _ in parameters}):
        raise InputError(f"{path}: networks of one name differ in parameters: {MAKE_AGAIN}")
