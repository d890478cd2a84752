"""Arranges the audit as rows of a page: each verdict, what it turns on, and what it leads to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from markupsafe import Markup

from derivations.book.document import Document
from paper_figures.pages.data_links import csv_link
from paper_figures.tables.table import Column, Table
from paper_figures.tables.writers import render
from validate.audit.audit_document import Audit, ClaimRecord
from validate.audit.verdicts import MARKS, Verdict

DERIVED_IN: Mapping[str, tuple[str, ...]] = {
    "C1": ("eq1", "plain"),
    "C2": ("eq1", "plain"),
    "C3": ("eq2", "residual"),
    "C4": ("eq2", "residual", "plain"),
    "C5": ("eq2", "residual", "post_activation"),
    "C6": ("eq3", "se_residual"),
    "C7": ("eq3", "se_residual"),
    "C8": ("eq3", "se_residual", "se.gate_slope"),
    "C9": ("eq3", "se_residual", "se.factorization"),
    "C10": ("eq4", "eq4.norm", "eq4.dropped"),
    "C11": ("eq5", "dense"),
    "C12": ("eq6", "eq6.ceiling"),
    "C13": ("eq6", "eq6.never", "eq6.lost"),
    "C14": ("eq6", "eq6.root_mean_square", "dense"),
    "C15": ("eq6", "dense", "residual"),
    "C24": ("study",),
    "C25": ("study",),
}
"""Equations, blocks, theorems and sections whose derivations a verdict rests on. The others are
about printed numbers: their evidence is arithmetic."""
BADGES: Mapping[Verdict, str] = {
    "confirmed": "holds",
    "conditional": "partly",
    "refuted": "fails",
    "undecided": "open",
    "untestable": "open",
}
LONG = 190
"""Characters of what a verdict turns on that the table shows; the rest is in its details."""
SHORT = 78
"""The same of why a claim is confirmed."""
NO_SCOPES: Mapping[str, str] = MappingProxyType({})
_KINDS = {"not ": "Fails", "undecided ": "Open", "": "Holds"}
"""How the parts of a condition begin, and what is said before them; failures come first."""


@dataclass(frozen=True)
class VerdictRow:
    """A claim on the page. `turns_on`: the counterexample of a refuted claim, the condition of
    another, what fails first, the evidence of a confirmed one; `shown`: what the table shows of it.
    `scope`: what the evidence is about; `tested`: whether that is a test rather than a case.
    `leads_to`: addresses on the page, each with its words.
    """

    claim: ClaimRecord
    mark: str
    badge: str
    turns_on: str
    shown: str
    counterexample: str
    autograd: str
    scope: str
    tested: bool
    leads_to: tuple[tuple[str, str], ...]

    @property
    def cut(self) -> bool:
        """Whether the table shows a part of it only."""
        return self.shown.endswith("…")


def verdict_rows(
    audit: Audit, document: Document, *, study: bool, scopes: Mapping[str, str] = NO_SCOPES
) -> list[VerdictRow]:
    """The claims, in the order of the paper; `study`: whether the page shows one; `scopes`: by
    claim, what its evidence is about.
    """
    there = dict(_places(document))
    if study:
        there["study"] = "the study"
    return [_row(claim, there, scopes.get(claim.id, "")) for claim in audit.claims]


def _row(claim: ClaimRecord, there: Mapping[str, str], scope: str) -> VerdictRow:
    found = claim.counterexample or {}
    given, seen = found.get("given"), found.get("autograd")
    tested = "study" in (given or {})  # type: ignore[operator]
    world = ", ".join(f"{name} = {value}" for name, value in (given or {}).items())  # type: ignore[union-attr]
    where = "" if tested else f", for {world}"
    counterexample = f"{found['found']} (claimed: {found['claims']}){where}" if found else ""
    turns_on, shown = _because(claim, counterexample)
    return VerdictRow(
        claim,
        MARKS[claim.verdict],
        BADGES[claim.verdict],
        turns_on,
        shown,
        counterexample,
        "; ".join(f"{name}: {_number(value)}" for name, value in (seen or {}).items()),  # type: ignore[union-attr]
        scope,
        tested,
        tuple((each, there[each]) for each in DERIVED_IN.get(claim.id, ()) if each in there),
    )


def _because(claim: ClaimRecord, counterexample: str) -> tuple[str, str]:
    """What a verdict turns on, in full and as the table shows it."""
    if claim.verdict == "refuted":
        return counterexample, cut(counterexample, LONG)
    if claim.verdict == "confirmed":
        reason = claim.summary.partition("; ")[0]
        return reason, cut(reason, SHORT)
    if claim.verdict == "undecided":  # the numbers of a test stand behind its outcome
        outcome, _, effect = claim.condition.partition("; ")
        return claim.condition, cut(effect or outcome, LONG)
    found = _parts(claim.condition)
    full = " ".join(f"{kind}: {'; '.join(parts)}." for kind, parts in found.items())
    return full, " ".join(f"{kind}: {_fitting(parts, kind)}" for kind, parts in found.items())


def _parts(condition: str) -> dict[str, list[str]]:
    """The parts of a condition by whether they hold, what fails first."""
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS.values()}
    for part in filter(None, condition.split("; ")):
        start = next(each for each in _KINDS if part.startswith(each))
        found[_KINDS[start]].append(part.removeprefix(start))
    return {kind: parts for kind, parts in found.items() if parts}


def _fitting(parts: Sequence[str], kind: str) -> str:
    """As many whole parts as there is room for, the first in any case; an ellipsis for others."""
    room = LONG if kind == "Fails" else SHORT
    shown = cut(parts[0], room)
    for part in parts[1:]:
        if shown.endswith("…") or len(shown) + len(part) > room:
            return f"{shown.rstrip(' …')} …"
        shown += f"; {part}"
    return shown if shown.endswith("…") else f"{shown}."


def cut(text: str, room: int) -> str:
    """The text, or so many whole clauses as there is room for, and an ellipsis."""
    if len(text) <= room:
        return text
    head = text[:room]
    clauses = [head[: found.start()] for found in re.finditer(r"[,;:] ", head)]
    whole = next((each for each in reversed(clauses) if each.count("(") == each.count(")")), "")
    shown = whole if len(whole) >= room / 3 else head.rpartition(" ")[0]
    return f"{shown.rstrip(',;: ')} …"


def verdict_csv(audit: Audit) -> Markup:
    """A link to the verdicts as CSV."""
    columns = ("claim", "source", "the paper says", "verdict", "condition")
    rows = tuple(
        (each.id, each.source, each.claim, str(each.verdict), each.condition)
        for each in audit.claims
    )
    table = Table("verdicts", tuple(map(Column, columns)), rows)
    return csv_link("verdicts", render(table, "csv"), "the verdicts")


def _number(value: object) -> str:
    return f"{value:.6g}".replace("-", "−") if isinstance(value, float) else str(value)


def _places(document: Document) -> Iterator[tuple[str, str]]:
    """What there is a derivation of, by its address on the page."""
    yield from ((each.id, f"Eq. ({each.number})") for each in document.equations)
    yield from ((each.block, each.title) for each in document.blocks)
    yield from ((each.id, each.title) for each in document.theorems)


def of_equation(audit: Audit, number: str) -> list[ClaimRecord]:
    """The claims that rest on an equation of the paper."""
    return [claim for claim in audit.claims if f"eq{number}" in DERIVED_IN.get(claim.id, ())]


def against_equation(audit: Audit, number: str) -> list[ClaimRecord]:
    """Those of them to which there is a counterexample."""
    return [claim for claim in of_equation(audit, number) if claim.counterexample]
