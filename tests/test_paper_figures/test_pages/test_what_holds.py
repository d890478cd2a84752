"""What holds instead is taken from proved formulas, for claims alone that do not hold."""

from dataclasses import replace

from test_paper_figures.test_pages.test_limits import BLOCK, BOUND
from test_paper_figures.test_pages.test_verdict_rows import claim

from derivations.book.derive import derive
from paper_figures.pages.what_holds import often_silent, what_holds
from validate.audit.audit_document import Audit
from validate.audit.verdicts import Verdict
from validate.records.schema import BlockRow, BoundRow


def audit(verdict: Verdict) -> Audit:
    names = ("C5", "C8", "C9", "C10", "C12", "C13", "C14", "C15")
    return Audit("gradbound.audit/2", tuple(claim(name, verdict) for name in names))


def test_formulas_are_those_of_the_book_and_lead_to_it() -> None:
    document = derive()
    found = what_holds(document, audit("refuted"))
    assert [each.claims[0] for each in found] == ["C5", "C8", "C10", "C12", "C15"]
    known = {bound.latex for block in document.blocks for bound in block.bounds}
    known |= {claim.latex for equation in document.equations for claim in equation.claims}
    known |= {equation.derived_latex for equation in document.equations}
    assert {latex for each in found for latex in each.latex} <= known
    places = {each.id for each in document.equations} | {each.block for each in document.blocks}
    places |= {f"{each.block}-{bound.id}" for each in document.blocks for bound in each.bounds}
    assert {each.to for each in found} <= places


def test_a_claim_that_holds_is_not_replaced() -> None:
    assert what_holds(derive(), audit("confirmed")) == []


def test_what_the_document_lacks_is_left_out() -> None:
    document = replace(derive(["plain"]), theorems=())
    assert [each.claims for each in what_holds(document, audit("refuted"))] == [("C15",)]


def test_how_often_a_lower_bound_says_nothing_is_counted() -> None:
    name = "residual.uniform.lower"
    bound = BoundRow(**vars(BOUND) | {"id": name, "value": (0.0, 0.0, 0.25, None)})
    row = BlockRow(**vars(BLOCK) | {"bounds": (bound, BOUND)})
    assert "it is 0 in 2 of 3 checks" in often_silent([row], name)
    assert often_silent([row], "none") == ""
    found = what_holds(derive(), audit("refuted"), [row])
    assert [bool(each.seen) for each in found] == [True, False, False, False, False]
