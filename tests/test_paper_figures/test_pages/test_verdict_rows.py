"""Every claim leads to what it rests on, and its verdict to a badge."""

from typing import get_args

from derivations.book.derive import derive
from paper_figures.pages.verdict_rows import (
    BADGES,
    DERIVED_IN,
    LONG,
    cut,
    of_equation,
    verdict_rows,
)
from validate.audit.adjudicate import CLAIMS
from validate.audit.audit_document import Audit, ClaimRecord
from validate.audit.verdicts import Verdict


def claim(name: str, verdict: Verdict, **given: object) -> ClaimRecord:
    base = ClaimRecord(name, "Eq. (4)", "it is", "scalar", verdict, "", {"summary": ""}, None)
    return ClaimRecord(**(vars(base) | given))  # type: ignore[arg-type]


def test_what_claims_rest_on_is_derived_in_the_book() -> None:
    document = derive()
    records = Audit("gradbound.audit/2", tuple(claim(each, "confirmed") for each in CLAIMS))
    rows = {row.claim.id: row for row in verdict_rows(records, document, study=True)}
    assert rows.keys() == CLAIMS.keys()
    for name, row in rows.items():
        assert tuple(to for to, _ in row.leads_to) == DERIVED_IN.get(name, ())
    without = verdict_rows(records, document, study=False)
    assert [row.leads_to for row in without if row.claim.id == "C25"] == [()]


def test_every_verdict_has_a_badge() -> None:
    assert BADGES.keys() == set(get_args(Verdict))


def test_a_refuted_claim_turns_on_its_counterexample_another_on_its_condition() -> None:
    world = {"given": {"x": "1"}, "found": "0", "claims": "1", "autograd": {"g": 0.5}}
    audit = Audit(
        "gradbound.audit/2",
        (
            claim("C1", "refuted", counterexample=world, condition="never"),
            claim("C2", "conditional", counterexample=world, condition="w " * LONG),
        ),
    )
    refuted, conditional = verdict_rows(audit, derive(["plain"]), study=False)
    assert refuted.turns_on == refuted.shown == "0 (claimed: 1), for x = 1"
    assert refuted.autograd == "g: 0.5"
    assert not refuted.tested
    assert conditional.cut
    assert len(conditional.shown) <= LONG + 2
    assert conditional.shown.startswith("Holds: w")
    assert conditional.shown.endswith("w …")


def test_what_fails_is_said_first_and_no_clause_is_cut() -> None:
    condition = f"in one; {'a' * LONG}; not in two, where it is less; undecided in three"
    audit = Audit("gradbound.audit/2", (claim("C8", "conditional", condition=condition),))
    (row,) = verdict_rows(audit, derive(["plain"]), study=False)
    assert row.shown == "Fails: in two, where it is less. Open: in three. Holds: in one …"
    assert row.turns_on.startswith(row.shown.removesuffix(" …"))


def test_a_confirmed_claim_says_why_an_undecided_one_its_numbers() -> None:
    effect = "+1 points; p = 0.2"
    audit = Audit(
        "gradbound.audit/2",
        (
            claim("C1", "confirmed", evidence={"summary": "proved by counting; and more"}),
            claim("C24", "undecided", condition=f"nothing is shown; {effect}"),
        ),
    )
    confirmed, undecided = verdict_rows(audit, derive(["plain"]), study=False)
    assert confirmed.shown == "proved by counting"
    assert undecided.shown == effect


def test_a_test_is_no_counterexample_and_says_what_it_is_about() -> None:
    world = {"given": {"study": "96 trials"}, "found": "ρ = 0.5", "claims": "ρ < 0", "autograd": {}}
    audit = Audit("gradbound.audit/2", (claim("C25", "refuted", counterexample=world),))
    scopes = {"C25": "About residual networks."}
    (row,) = verdict_rows(audit, derive(["plain"]), study=False, scopes=scopes)
    assert row.tested
    assert (row.shown, row.scope) == ("ρ = 0.5 (claimed: ρ < 0)", "About residual networks.")


def test_a_cut_falls_between_clauses_outside_parentheses() -> None:
    assert cut("short", 5) == "short"
    assert cut("one clause, and (two, three) more words", 30) == "one clause …"
    assert cut("a clause: of which, (more, and) on", 26) == "a clause: of which …"


def test_an_equation_knows_the_claims_about_it() -> None:
    about, beside = claim("C10", "refuted"), claim("C1", "confirmed", source="x")
    audit = Audit("gradbound.audit/2", (about, beside))
    assert [each.id for each in of_equation(audit, "4")] == ["C10"]
