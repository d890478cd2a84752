"""Arranges the audit as rows of a page: each verdict, what it turns on, and what it leads to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from derivations.book.document import Document
from paper_figures.pages.data_links import csv_link
from paper_figures.pages.data_tables import numbers
from paper_figures.tables.table import Column, Table
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
LONG = 165
"""Characters of what a verdict turns on that the table shows; the rest is in its details."""


@dataclass(frozen=True)
class VerdictRow:
    """A claim on the page. `turns_on`: the counterexample of a refuted claim, the condition of
    another; `leads_to`: addresses on the page, each with its words.
    """

    claim: ClaimRecord
    mark: str
    badge: str
    turns_on: str
    counterexample: str
    autograd: str
    leads_to: tuple[tuple[str, str], ...]

    @property
    def cut(self) -> bool:
        """Whether the table shows a part of it only."""
        return len(self.turns_on) > LONG

    @property
    def shown(self) -> str:
        """What the table shows of it."""
        if not self.cut:
            return self.turns_on
        return self.turns_on[:LONG].rpartition(" ")[0].rstrip(",;") + " …"


def verdict_rows(audit: Audit, document: Document, *, study: bool) -> list[VerdictRow]:
    """The claims, in the order of the paper; `study`: whether the page shows one."""
    there = dict(_places(document))
    if study:
        there["study"] = "the study"
    return [_row(claim, there) for claim in audit.claims]


def _row(claim: ClaimRecord, there: Mapping[str, str]) -> VerdictRow:
    found = claim.counterexample or {}
    given, seen = found.get("given"), found.get("autograd")
    world = ", ".join(f"{name} = {value}" for name, value in (given or {}).items())  # type: ignore[union-attr]
    counterexample = f"{found['found']} (claimed: {found['claims']}), for {world}" if found else ""
    refuted = claim.verdict == "refuted"
    return VerdictRow(
        claim,
        MARKS[claim.verdict],
        BADGES[claim.verdict],
        counterexample if refuted else claim.condition,
        counterexample,
        "; ".join(f"{name}: {_number(value)}" for name, value in (seen or {}).items()),  # type: ignore[union-attr]
        tuple((each, there[each]) for each in DERIVED_IN.get(claim.id, ()) if each in there),
    )


def verdict_csv(audit: Audit) -> Markup:
    """A link to the verdicts as CSV."""
    columns = ("claim", "source", "the paper says", "verdict", "condition")
    rows = tuple(
        (each.id, each.source, each.claim, str(each.verdict), each.condition)
        for each in audit.claims
    )
    table = Table("verdicts", tuple(map(Column, columns)), rows)
    return csv_link("verdicts", numbers(table), "the verdicts")


def _number(value: object) -> str:
    return f"{value:.6g}".replace("-", "−") if isinstance(value, float) else str(value)


def _places(document: Document) -> Iterator[tuple[str, str]]:
    """What there is a derivation of, by its address on the page."""
    yield from ((each.id, f"Eq. ({each.number})") for each in document.equations)
    yield from ((each.block, each.title) for each in document.blocks)
    yield from ((each.id, each.title) for each in document.theorems)


def of_equation(audit: Audit, number: str) -> list[ClaimRecord]:
    """The claims that are about an equation of the paper."""
    return [
        claim
        for claim in audit.claims
        if f"Eq. ({number})" in claim.source and not claim.source.startswith("sections")
    ]
