"""Every claim: its verdict, that the verdict follows the evidence, and its counterexample."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from test_validate.audited import SOURCES, gathered, judged, rejudged
from test_validate.small_study import drawn_study

from derivations.algebra.blocks import BLOCKS, BRANCH, Block
from derivations.algebra.terms import Add, Linear
from derivations.errors import InputError, ViolationError
from derivations.theorems.equations import equations
from validate.audit.adjudicate import CLAIMS, as_json, audit_document
from validate.audit.evidence import Counterexample, Proof, Sources
from validate.audit.paper import Published, paper
from validate.networks.costs import Parameters

VERDICTS = {
    "confirmed": ("C1", "C2", "C3", "C4", "C6", "C7", "C11", "C16", "C17", "C18", "C21"),
    "conditional": ("C8", "C9", "C12", "C13", "C14", "C19", "C22"),
    "refuted": ("C5", "C10", "C15", "C20", "C23"),
    "untestable": ("C24", "C25"),
}
EXPECTED = {claim: verdict for verdict, claims in VERDICTS.items() for claim in claims}


def test_there_are_25_claims_in_order():
    assert list(CLAIMS) == [f"C{number}" for number in range(1, 26)]


@pytest.mark.parametrize("claim", CLAIMS)
def test_verdict(claim):
    found = judged(claim)
    assert found.verdict == EXPECTED[claim], found.summary
    assert found.summary
    assert found.reading
    assert (found.counterexample is not None) == (found.verdict in ("refuted", "conditional"))


def unproved(proof: Proof) -> Proof:
    return replace(proof, failed=proof.passed, passed=())


def proved(proof: Proof) -> Proof:
    return replace(proof, passed=("one way", "another"), failed=(), derived=True)


def each_unproved(proofs: Mapping[str, Proof]) -> dict[str, Proof]:
    return {name: unproved(proof) for name, proof in proofs.items()}


def no_equality(e: Any) -> Any:
    return replace(e, proofs=each_unproved(e.proofs))


def no_law(e: Any) -> Any:
    return replace(e, scalar=each_unproved(e.scalar))


def wrong_by_autograd(e: Any) -> Any:
    """The equation neither proved, nor what autograd finds."""
    seen = tuple(2 * each for each in e.instance.autograd)
    return replace(no_equality(e), instance=replace(e.instance, autograd=seen))


BROKEN = Counterexample("a statement", {"Q": "−1"}, "1", "−1")


def scaled(numbers: Mapping[str, Any], prefix: str, factor: int) -> dict[str, Any]:
    return {
        name: value * factor if name.startswith(prefix) else value
        for name, value in numbers.items()
    }


def studied(claim: str) -> Callable[[Any], Any]:
    study = drawn_study(rho=-0.95, gain=-1.0, gate=2.0)
    return lambda _: CLAIMS[claim].gather(Sources(study=study))


PERTURBATIONS: dict[str, list[tuple[Callable[[Any], Any], str]]] = {
    "C1": [(no_equality, "undecided"), (wrong_by_autograd, "refuted")],
    "C2": [
        (no_equality, "undecided"),
        (lambda e: replace(no_equality(e), broken=BROKEN), "refuted"),
    ],
    "C3": [
        (
            lambda e: replace(
                e, proofs={**e.proofs, "operator": replace(e.proofs["operator"], derived=False)}
            ),
            "conditional",
        ),
        (wrong_by_autograd, "refuted"),
    ],
    "C4": [
        (
            lambda e: replace(e, proofs={**e.proofs, "operator": unproved(e.proofs["operator"])}),
            "conditional",
        ),
        (lambda e: replace(no_equality(e), broken=BROKEN, nothing=BROKEN), "refuted"),
        (lambda e: replace(no_equality(e), broken=BROKEN), "undecided"),
        (lambda e: replace(e, plain=each_unproved(e.plain)), "conditional"),
    ],
    "C5": [(lambda e: replace(e, of_the_block=None, after_relu=None), "undecided")],
    "C6": [(no_equality, "undecided"), (wrong_by_autograd, "refuted")],
    "C7": [(no_equality, "undecided"), (wrong_by_autograd, "refuted")],
    "C8": [
        (lambda e: replace(e, shrinking=None, beyond=e.literal["scalar"]), "confirmed"),
        (lambda e: replace(e, literal=each_unproved(e.literal)), "undecided"),
    ],
    "C9": [(lambda e: replace(e, better=None), "undecided")],
    "C10": [
        (lambda e: replace(e, conflict=None, repeated=None, once=proved(e.once)), "confirmed"),
        (lambda e: replace(e, conflict=None, repeated=None), "undecided"),
    ],
    "C11": [
        (no_equality, "conditional"),
        (lambda e: replace(no_equality(e), of_states=each_unproved(e.of_states)), "undecided"),
        (wrong_by_autograd, "conditional"),
        (
            lambda e: replace(
                wrong_by_autograd(e),
                of_states=each_unproved(e.of_states),
                instance_of_states=replace(e.instance_of_states, autograd=(0.0, 0.0)),
            ),
            "refuted",
        ),
    ],
    "C12": [(no_law, "undecided")],
    "C13": [(no_law, "undecided")],
    "C14": [
        (lambda e: replace(no_law(e), diagonal=unproved(e.diagonal)), "undecided"),
    ],
    "C15": [
        (lambda e: replace(e, dense=replace(e.dense, lower=1.5, upper=2.0)), "conditional"),
        (
            lambda e: replace(
                e, squares=tuple(replace(each, dense=each.l**2) for each in e.squares)
            ),
            "conditional",
        ),
        (lambda e: replace(e, dense=replace(e.dense, derived=False)), "undecided"),
    ],
    "C16": [
        (lambda e: replace(e, resnet_parameters=e.resnet_parameters + 1), "refuted"),
        (lambda e: replace(e, stated_gain=Decimal("3.4")), "refuted"),
    ],
    "C17": [
        (
            lambda e: replace(e, rows=(replace(e.rows[0], se_top5=e.rows[0].top5), *e.rows[1:])),
            "refuted",
        )
    ],
    "C18": [(lambda e: replace(e, stated_gain=Decimal("1.52")), "refuted")],
    "C19": [(lambda e: replace(e, printed=scaled(e.printed, "resnet50", 2)), "refuted")],
    "C20": [
        (
            lambda e: replace(
                e, counted={**e.counted, "se_resnet50": Parameters(21_400_000, 0, 0, 0)}
            ),
            "confirmed",
        )
    ],
    "C21": [
        (
            lambda e: replace(e, errors={name: pair[::-1] for name, pair in e.errors.items()}),
            "refuted",
        )
    ],
    "C22": [
        (
            lambda e: replace(e, multiply_adds=scaled(e.multiply_adds, "densenet", 100)),
            "confirmed",
        )
    ],
    "C23": [
        (lambda e: replace(e, deviation=Decimal("0.05")), "conditional"),
        (lambda e: replace(e, images=10**9), "conditional"),
        (lambda e: replace(e, deviation=Decimal("0.02"), images=10**9), "confirmed"),
    ],
    "C24": [(studied("C24"), "confirmed")],
    "C25": [(studied("C25"), "confirmed")],
}


def test_every_claim_is_perturbed():
    assert list(PERTURBATIONS) == list(CLAIMS)


@pytest.mark.parametrize(
    ("claim", "perturbed", "verdict"),
    [
        pytest.param(claim, *each, id=f"{claim}-{number}")
        for claim, all_of_it in PERTURBATIONS.items()
        for number, each in enumerate(all_of_it)
    ],
)
def test_the_verdict_follows_the_evidence(claim, perturbed, verdict):
    """Away from what it is, and to what the changed evidence says."""
    changed = judged(claim, perturbed(gathered(claim)))
    assert changed.verdict == verdict != judged(claim).verdict
    if verdict == "refuted":
        assert changed.counterexample


PAPER = paper()
FIRST, *OTHERS = PAPER.table2
INPUT_GATE_BLOCK = BLOCKS["input_gate"]
ROTATED = Block(
    "rotated",
    "",
    "residual",
    Add(BRANCH, Linear("Q")),
    {"F": ("n", "n"), "Q": ("n", "n")},
)


def printing(**changed: Any) -> Sources:
    return Sources(paper=replace(PAPER, **changed))


def same_errors(dense: str, residual: str) -> tuple[Published, ...]:
    return tuple(
        replace(each, errors={**each.errors, dense: each.errors[residual]}) for each in PAPER.errors
    )


WORLDS: dict[str, tuple[Sources, str]] = {
    "C4": (Sources(residual=ROTATED), "refuted"),
    "C8": (Sources(gated=INPUT_GATE_BLOCK), "confirmed"),
    "C16": (printing(gain1=Decimal("3.6")), "refuted"),
    "C17": (printing(table2=(replace(FIRST, se_top1=Decimal("25.00")), *OTHERS)), "refuted"),
    "C18": (printing(gain2=Decimal("1.50")), "refuted"),
    "C19": (printing(table2=(replace(FIRST, gflops=Decimal("7.72")), *OTHERS)), "refuted"),
    "C20": (
        printing(table_a1={**PAPER.table_a1, "se_resnet50": Decimal("26.1")}),
        "confirmed",
    ),
    "C21": (printing(errors=same_errors("densenet201", "resnet50")), "refuted"),
    "C23": (
        printing(deviation=Decimal("0.02"), images=10**9),
        "confirmed",
    ),
    "C24": (Sources(study=drawn_study(rho=0.95, gain=1.0, gate=-2.0)), "refuted"),
    "C25": (Sources(study=drawn_study(rho=0.95, gain=1.0, gate=-2.0)), "refuted"),
}


@pytest.mark.parametrize("claim", WORLDS)
def test_the_evidence_follows_its_sources(claim):
    sources, verdict = WORLDS[claim]
    found = rejudged(claim, sources)
    assert found.verdict == verdict != judged(claim).verdict


EQUATIONS = {
    "C1": ("eq1", "chain_rule", "undecided"),
    "C3": ("eq2", "chain_rule", "undecided"),
    "C7": ("eq3", "chain_rule", "undecided"),
    "C11": ("eq5", "chain_rule", "conditional"),
    "C12": ("eq6", "norm", "undecided"),
    "C13": ("eq6", "bound_with_", "undecided"),
}


@pytest.mark.parametrize("claim", EQUATIONS)
def test_another_equation_is_not_proved(claim, monkeypatch):
    """Each as if the paper had printed twice the right side."""
    identifier, name, verdict = EQUATIONS[claim]

    def twice(after: Any) -> Any:
        if isinstance(after, sp.Tuple):
            return sp.Tuple(*(2 * each for each in after))
        return 2 * after

    def misprinted() -> list[Any]:
        found = []
        for equation in equations():
            claims = tuple(
                replace(each, step=replace(each.step, after=twice(each.step.after)))
                if equation.id == identifier and each.name.startswith(name)
                else each
                for each in equation.claims
            )
            found.append(replace(equation, claims=claims))
        return found

    monkeypatch.setattr("validate.audit.evidence.equations", misprinted)
    assert rejudged(claim, Sources()).verdict == verdict


@pytest.mark.parametrize("claim", CLAIMS)
def test_evidence_can_be_checked_by_hand(claim):
    """It holds numbers, or a formula: that something was proved is no evidence alone."""
    found = judged(claim)
    if claim in ("C24", "C25"):  # without records
        assert "gradbound validate" in found.condition
        return
    text = found.summary + str(found.counterexample or "")
    assert re.search(r"\d", text) or re.search(r"at most .*σ_max", text)


@pytest.mark.parametrize("claim", ["C5", "C8", "C9", "C12", "C13", "C14", "C15"])
def test_counterexamples_are_evaluated_twice(claim):
    assert judged(claim).counterexample["autograd"]


@pytest.mark.parametrize("claim", ["C5", "C8", "C9", "C12", "C15"])
def test_a_counterexample_that_autograd_denies_is_refused(claim, monkeypatch):
    for module in (
        "c05_lost_gradients",
        "c09_gated_against_residual",
        "c12_dense_gradients",
        "c15_dense_against_residual",
    ):
        monkeypatch.setattr(f"validate.audit.claims.{module}.gradient", lambda *_: [0.123, 0.123])
    monkeypatch.setattr("validate.audit.gated_number.gradient", lambda *_: [0.123, 0.123])
    with pytest.raises(ViolationError, match="autograd gives"):
        CLAIMS[claim].gather(SOURCES)


def test_numbers_become_json():
    assert as_json({"a": Decimal("3.51"), "b": math.inf, "c": (1, True, None, "x")}) == {
        "a": 3.51,
        "b": None,
        "c": [1, True, None, "x"],
    }
    with pytest.raises(TypeError, match="Fraction"):
        as_json(Fraction(1, 2))


def test_records_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"manifest\.json"):
        audit_document(str(tmp_path))
