"""Labels, cones, sizes and many classes: judged, broken, and held against explicit matrices."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import Free
from derivations.algebra.quantities import GAIN
from derivations.algebra.steps import Certificate
from derivations.book.proof_chain import missing
from derivations.book.results import axioms
from derivations.checker.check import check
from derivations.rules.bound_types import BoundingTheorem
from derivations.theorems import (
    every_loss,
    every_loss_batches,
    every_loss_labels,
    every_loss_parameters,
)
from derivations.theorems import every_loss_pencil as pencil
from derivations.theorems.every_loss_labels import OF_LABEL, S_LEMMA, theorems
from derivations.worlds.attaining_worlds import examples
from derivations.worlds.printed_worlds import attains

THEOREMS = named(theorems())
BOUNDING = [name for name, each in THEOREMS.items() if isinstance(each, BoundingTheorem)]


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


def test_the_bounds_have_their_names():
    ids = [bound.id for name in BOUNDING for bound in THEOREMS[name].bounds]
    assert ids == [
        f"every_loss.{name}.{side}"
        for name in ("labels", "label", "angle")
        for side in ("lower", "upper")
    ]


@pytest.mark.parametrize("name", BOUNDING)
def test_bounds_are_said_by_steps_and_attained(name):
    theorem = THEOREMS[name]
    assert missing(theorem.proved, check(theorem.derivation)) == []
    found = examples(theorem.derivation, [bound.expr for bound in theorem.bounds])
    for bound, example in zip(theorem.bounds, found, strict=True):
        assert example is not None, bound.id
        assert attains(theorem.derivation, bound.expr, example), bound.id
        (other,) = set(theorem.bounds) - {bound}
        one_number = name == "every_loss.label"
        assert attains(theorem.derivation, other.expr, example) == one_number, bound.id


def test_the_world_of_the_angle_lies_in_its_cone():
    theorem = THEOREMS["every_loss.angle"]
    letters = {
        str(k): v
        for k, v in examples(theorem.derivation, [theorem.bounds[1].expr])[0].letters.items()
    }
    for cone in ("S", "T"):
        assert (letters["b"].T * letters[cone] * letters["b"])[0] == 0
        assert not letters[cone].is_zero_matrix


def test_the_s_lemma_is_cited():
    assert S_LEMMA[0] in [axiom.id for axiom in axioms()]
    assert S_LEMMA[0] in THEOREMS["every_loss.cone"].statement
    assert S_LEMMA[0] in THEOREMS["every_loss.angle"].source


def test_letters_of_the_bounds_for_every_loss_have_one_meaning():
    """Q is a basis of signals and S a cone in it; sums, ends and other letters have other names."""
    modules = (pencil, every_loss, every_loss_labels, every_loss_batches, every_loss_parameters)
    owners: dict[str, set[str]] = {}
    for theorem in (theorem for module in modules for theorem in module.theorems()):
        made = theorem.derivation
        names = {each.name for each in made.notation.meanings.values() if isinstance(each, Free)}
        names |= {str(each.symbol) for each in made.quantities}
        names |= {str(each) for step in made.steps for each in step.before.free_symbols}
        for name in names:
            owners.setdefault(name, set()).add(theorem.id)
    assert owners["S"] == owners["T"] == {"every_loss.angle"}
    assert {"A", "s"}.isdisjoint(owners)
    assert owners["Q"].isdisjoint({"every_loss.cone", "every_loss.fewer"})


_R = step_of(THEOREMS["every_loss.sizes"], "‖r‖²")
SQUARE = step_of(THEOREMS["every_loss.angle"], "γ² = bᵀ(M − T)b + bᵀTb over ‖b‖²")
BROKEN = {
    "p_k without its factor": (
        "every_loss.softmax",
        "p_k = (1 − p_y) r_k for k ≠ y",
        {"after": sp.Symbol("E_k", positive=True) / sp.Symbol("E", positive=True)},
    ),
    "p_y − 1 has another sign": (
        "every_loss.softmax",
        "p_y − 1",
        {"after": -step_of(THEOREMS["every_loss.softmax"], "p_y − 1").after},
    ),
    "greatest and least are exchanged": (
        "every_loss.labels",
        "least of all labels",
        {
            "after": sp.Max(*OF_LABEL),
            "certificates": (Certificate(((OF_LABEL[0] - sp.Max(*OF_LABEL),),)),),
        },
    ),
    "another label is below the least": (
        "every_loss.labels",
        "greatest of all labels",
        {
            "after": OF_LABEL[1],
            "certificates": (Certificate(((OF_LABEL[1] - OF_LABEL[0],),)),),
        },
    ),
    "‖r‖² forgets its mean": (
        "every_loss.sizes",
        "‖r‖²",
        {"after": _R.after - 1 / LAYERS},
    ),
    "‖r − e_y‖² of one class more": (
        "every_loss.sizes",
        "‖r − e_y‖² ≥ K/(K − 1)",
        {"after": (LAYERS + 2) / LAYERS},
    ),
    "a cone that is turned": (
        "every_loss.cone",
        "aᵀXa, X = DDᵀ − A_xA_xᵀ − Z",
        {
            "after": -step_of(THEOREMS["every_loss.cone"], "aᵀXa, X = DDᵀ − A_xA_xᵀ − Z").after,
        },
    ),
    "the cone's part has another sign": (
        "every_loss.angle",
        "γ² = bᵀ(M − T)b + bᵀTb over ‖b‖²",
        {"after": SQUARE.after - 2 * SQUARE.after.args[0]},
    ),
    "the head is left out": (
        "every_loss.many_classes",
        "d passes",
        {"after": 2 * step_of(THEOREMS["every_loss.many_classes"], "d passes").after},
    ),
    "an attained value bounds": (
        "every_loss.many_classes",
        "nor below",
        {"relation": "<="},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def test_weak_duality_needs_what_lies_outside_the_cone():
    """Without it the bound is false there, and no certificate proves it; worlds in which a signal
    lies so far outside are too few for every draw to show one.
    """
    theorem = THEOREMS["every_loss.angle"]
    step = next(
        each
        for each in theorem.derivation.steps
        if each.before == GAIN**2 and each.relation == "<="
    )
    inside = sp.Symbol("Lambda_S", real=True)
    assert inside in step.after.free_symbols
    broken = replace(step, after=inside)
    before = theorem.derivation.steps[: theorem.derivation.steps.index(step)]
    checked = check(replace(theorem.derivation, steps=(*before, broken)))[-1]
    assert (checked.checks[0].method, checked.checks[0].ok) == ("certificate", False)


def softmax(z: np.ndarray) -> np.ndarray:
    grown = np.exp(z - z.max())
    return grown / grown.sum()


@pytest.mark.parametrize("seed", range(20))
def test_directions_and_sizes_of_hard_labels(seed):
    draw = np.random.default_rng(seed)
    count, m = int(draw.integers(2, 7)), 8
    z, columns = 3 * draw.standard_normal(count), draw.standard_normal((m, count))
    label = int(draw.integers(count))
    p = softmax(z)
    a = p - np.eye(count)[label]
    r = np.insert(softmax(np.delete(z, label)), label, 0.0)
    direction = r - np.eye(count)[label]
    assert a == pytest.approx((1 - p[label]) * direction)
    assert count / (count - 1) - 1e-12 <= direction @ direction <= 2 + 1e-12
    across = np.linalg.svd(np.ones((1, count)))[2][1:].T
    ends = np.linalg.svd(columns @ across, compute_uv=False)
    level = -np.log(p[label])
    size = np.linalg.norm(columns @ a)
    lost = 1 - np.exp(-level)
    assert lost * np.sqrt(count / (count - 1)) * ends[-1] <= size * (1 + 1e-9)
    assert size <= lost * np.sqrt(2) * ends[0] * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_cone_is_bounded_by_its_dual_and_only_on_the_whole_space(seed):
    """The least τ over s is a bound, nearly attained; on ℝᴷ/ker G_out it would be none."""
    draw = np.random.default_rng(seed)
    count, m, n = 3, 4, 4
    to_h, to_x = draw.standard_normal((count, m)), draw.standard_normal((count, n))
    outer, inner = to_h @ to_h.T, to_x @ to_x.T
    a_0, theta = draw.standard_normal(count), 0.3
    cone = np.outer(a_0, a_0) - np.cos(theta) ** 2 * (a_0 @ a_0) * np.eye(count)
    white = np.linalg.inv(np.linalg.cholesky(outer))

    def most(s: float) -> float:
        return float(np.linalg.eigvalsh(white @ (inner + s * cone) @ white.T)[-1])

    bound = min(most(s) for s in np.geomspace(1e-4, 1e5, 3000))
    best = 0.0
    across = np.linalg.svd(a_0[None])[2][1:]
    for turn in np.linspace(0, 2 * np.pi, 721):
        side = np.cos(turn) * across[0] + np.sin(turn) * across[1]
        for angle in np.linspace(0, theta, 40):
            a = np.cos(angle) * a_0 / np.linalg.norm(a_0) + np.sin(angle) * side
            assert a @ cone @ a >= -1e-9
            best = max(best, float(a @ inner @ a / (a @ outer @ a)))
    assert best <= bound * (1 + 1e-9)
    assert bound <= best * 1.02
