"""Every claim: its verdict, that the verdict follows the evidence, and its counterexample."""

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from test_validate.audited import SOURCES, gathered, judged
from test_validate.drawn_results import as_claimed, drawn, flow

from derivations.errors import InputError, ViolationError
from validate.audit.adjudicate import CLAIMS, as_json, audit_document
from validate.audit.evidence import Proof, Sources
from validate.networks.costs import Parameters

VERDICTS = {
    "confirmed": ("C1", "C2", "C3", "C4", "C6", "C7", "C11", "C16", "C17", "C18", "C21"),
    "conditional": ("C12", "C13", "C14", "C15", "C19", "C22"),
    "refuted": ("C5", "C8", "C9", "C10", "C20", "C23"),
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


def without(broken: dict[str, Any]) -> dict[str, None]:
    return dict.fromkeys(broken)


def no_equality(e: Any) -> Any:
    return replace(e, proofs={reading: unproved(proof) for reading, proof in e.proofs.items()})


def gain(e: Any, value: float) -> Any:
    return replace(e, operator=replace(e.operator, lower=value, upper=value))


def scaled(numbers: dict[str, Any], prefix: str, factor: int) -> dict[str, Any]:
    return {
        name: value * factor if name.startswith(prefix) else value
        for name, value in numbers.items()
    }


PERTURBATIONS: dict[str, Callable[[Any], Any]] = {
    "C1": no_equality,
    "C2": lambda e: gain(e, 0.5),
    "C3": lambda e: replace(
        e, proofs={**e.proofs, "operator": replace(e.proofs["operator"], derived=False)}
    ),
    "C4": lambda e: gain(e, 0.0),
    "C5": lambda e: replace(e, of_the_block=None, after_relu=None),
    "C6": no_equality,
    "C7": no_equality,
    "C8": lambda e: replace(e, term_remains=e.only_signal_remains, counterexample=None),
    "C9": lambda e: replace(e, mean=replace(e.mean, difference=-e.mean.difference)),
    "C10": lambda e: replace(e, conflict=None, repeated=None),
    "C11": lambda e: replace(e, proofs={**e.proofs, "scalar": unproved(e.proofs["scalar"])}),
    "C12": lambda e: replace(e, scalar={name: unproved(proof) for name, proof in e.scalar.items()}),
    "C13": lambda e: replace(e, scalar={name: unproved(proof) for name, proof in e.scalar.items()}),
    "C14": lambda e: gain(
        replace(e, scalar={name: unproved(proof) for name, proof in e.scalar.items()}), 0.5
    ),
    "C15": lambda e: replace(e, root_law=unproved(e.root_law)),
    "C16": lambda e: replace(e, resnet_parameters=e.resnet_parameters + 1),
    "C17": lambda e: replace(e, rows=(replace(e.rows[0], se_top5=e.rows[0].top5), *e.rows[1:])),
    "C18": lambda e: replace(e, stated_gain=Decimal("1.52")),
    "C19": lambda e: replace(e, printed=scaled(dict(e.printed), "resnet50", 2)),
    "C20": lambda e: replace(
        e, counted={**e.counted, "se_resnet50": Parameters(21_400_000, 0, 0, 0)}
    ),
    "C21": lambda e: replace(e, errors={source: pair[::-1] for source, pair in e.errors.items()}),
    "C22": lambda e: replace(e, multiply_adds=scaled(dict(e.multiply_adds), "densenet", 100)),
    "C23": lambda e: replace(e, deviation=Decimal("0.05")),
    "C24": lambda e: CLAIMS["C24"].gather(Sources(results=drawn(as_claimed, flow))),
    "C25": lambda e: CLAIMS["C25"].gather(Sources(results=drawn(as_claimed, flow))),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_verdict_follows_the_evidence(claim):
    changed = judged(claim, PERTURBATIONS[claim](gathered(claim)))
    assert changed.verdict != judged(claim).verdict


@pytest.mark.parametrize("claim", ["C5", "C8", "C9", "C12", "C13", "C14", "C15"])
def test_counterexamples_are_evaluated_twice(claim):
    assert judged(claim).counterexample["autograd"]


@pytest.mark.parametrize("claim", ["C5", "C8", "C9", "C12", "C15"])
def test_a_counterexample_that_autograd_denies_is_refused(claim, monkeypatch):
    for module in (
        "c01_equations",
        "c08_gated_blocks",
        "c12_dense_gradients",
        "c15_dense_against_residual",
    ):
        monkeypatch.setattr(f"validate.audit.claims.{module}.gradient", lambda *_: [0.123, 0.123])
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
