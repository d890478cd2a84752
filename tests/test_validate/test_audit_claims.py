"""Every claim: its verdict, and that the verdict follows the evidence, and the evidence its source."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from test_validate.audited import SOURCES, gathered, judged, rejudged
from test_validate.drawn_results import as_claimed, drawn, flow

from derivations.errors import InputError, ViolationError
from validate.audit import evidence as evidence_module
from validate.audit.adjudicate import CLAIMS
from validate.audit.evidence import Counterexample, Proof, Sources, decide
from validate.audit.paper import Paper, paper, printed
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


def test_counterexamples_are_the_smallest():
    given = {
        claim: judged(claim).counterexample["given"]
        for claim in ("C5", "C8", "C9", "C10", "C12", "C13", "C14", "C15")
    }
    assert given["C5"] == {"∂F/∂x": "−1", "∂L/∂H": "1"}
    assert gathered("C5").after_relu.given == {"F": "0", "x": "−1", "∂L/∂ReLU(H)": "1"}
    assert given["C8"] == {
        "F(1)": "1",
        "w_1": "1",
        "w_2": "1",
        "b_2": "−1",
        "s": "1/2",
        "x": "1",
        "∂L/∂H": "1",
    }
    assert given["C9"]["∂F/∂x"] == "1"
    assert given["C10"] == {"l": "3"}
    assert given["C12"] == {"l": "1", "∂F_l/∂x": "0", "∂L/∂H": "(1, 1)"}
    assert given["C13"]["l"] == given["C14"]["l"] == "2"
    assert gathered("C9").better.given["∂F/∂x"] == "−1"
    assert gathered("C15").better.given == {
        "∂F/∂x": "−1",
        "∂L/∂H (dense)": "(0, 1)",
        "∂L/∂H (residual)": "1",
    }
    assert given["C15"] == {"∂F/∂x": "0", "∂L/∂H (dense)": "(1, 1)", "∂L/∂H (residual)": "1"}


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


def test_equation_4_read_literally():
    """Against the closed forms 3·2^(l−2) − 1 and (3l − 2)·2^(l−3)."""
    copies, literal = gathered("C10").copies, gathered("C14").literal
    assert copies == tuple(3 * 2 ** (l - 2) - 1 for l in range(2, 13))
    assert literal == tuple((3 * l - 2) * 2**l // 8 for l in range(2, 13))


def test_no_instance_reaches_the_lower_bound_with_l():
    """σ_max² = 1 + ‖a‖² is less than ‖a‖² + l for l ≥ 2, so none can."""
    assert gathered("C13").satisfied == 0
    assert gathered("C13").tried == 7**3 * (7**2 - 1)


def test_the_dense_step_at_random_weights_is_as_its_second_moment_says():
    """E‖Jᵀg‖² = ν²(N + ‖J_F‖_F²): per ‖g‖² half that of the residual block, N = m and E tr J_F = 0."""
    mean = gathered("C15").mean
    assert mean.first == pytest.approx(mean.second / 2, abs=6 * mean.standard_error)


def test_means_within_noise_decide_nothing():
    mean = gathered("C9").mean
    assert mean.greater is False
    assert replace(mean, standard_error=abs(mean.difference)).greater is None


def test_nothing_is_both_proved_and_broken():
    proof = gathered("C1").proofs["scalar"]
    with pytest.raises(ViolationError, match="is proved, and there is a counterexample"):
        decide(proof, Counterexample("s", {}, "a", "b"))


def test_a_proof_needs_two_ways_and_a_sound_derivation():
    proof = gathered("C1").proofs["scalar"]
    assert proof.proved
    assert not replace(proof, passed=proof.passed[:1]).proved
    assert not replace(proof, derived=False).proved


def test_a_statement_that_no_derivation_makes_is_refused():
    with pytest.raises(InputError, match="eq1, scalar reading, states no 'nope'"):
        SOURCES.proof("eq1", "scalar", "nope")


def test_bounds_that_fail_their_checks_give_no_limit(monkeypatch):
    real = evidence_module.check
    monkeypatch.setattr(
        evidence_module,
        "check",
        lambda derivation: [replace(step, checks=()) for step in real(derivation)],
    )
    assert rejudged("C2", Sources()).verdict == "untestable"


def test_a_block_whose_bounds_have_no_limit_is_left_open(monkeypatch):
    """Neither side is known, nor is it where a bound speaks of another norm."""
    real = evidence_module.bounds

    def without_limits(notation):
        found = real(notation)
        first, *others = found.bounds
        elsewhere = [replace(each, base=2 * each.base) for each in others]
        changed = (replace(first, limit=first.quantities[0].symbol), *elsewhere)
        return SimpleNamespace(**{**vars(found), "bounds": changed})

    monkeypatch.setattr(evidence_module, "bounds", without_limits)
    remains = Sources().remains("residual")
    assert (remains.lower, remains.upper) == (0.0, float("inf"))
    assert rejudged("C4", Sources()).verdict == "conditional"  # the scalar reading alone is left


def test_tables_are_parsed_whole():
    found: Paper = paper()
    assert [(row.layers, row.plain, row.resnet) for row in found.table1] == [
        (18, Decimal("27.94"), Decimal("27.88")),
        (34, Decimal("28.54"), Decimal("25.03")),
    ]
    assert [row.layers for row in found.table2] == [50, 101, 152]
    assert sum(value for row in found.table2 for value in (row.top1, row.se_top1)) == Decimal(
        "137.63"
    )
    assert sum(value for row in found.table2 for value in (row.gflops, row.se_gflops)) == Decimal(
        "45.53"
    )
    assert dict(found.table_a1) == {
        "vgg19": Decimal("38.9"),
        "resnet50": Decimal("23.6"),
        "se_resnet50": Decimal("21.4"),
        "densenet121": Decimal(7),
    }
    assert sum(row.millions for row in found.small) == Decimal("39.14")
    assert {(row.network, row.width) for row in found.small if row.network.startswith("dense")} == {
        ("dense-40", 12), ("dense-100", 12), ("dense-100", 24)
    }  # fmt: skip


def test_networks_have_their_printed_names():
    assert [printed(name) for name in paper().table_a1] == [
        "VGG-19",
        "ResNet-50",
        "SE-ResNet-50",
        "DenseNet-121",
    ]
