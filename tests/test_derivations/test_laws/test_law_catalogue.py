"""Laws: every step of every proof passes, wrong formulas do not, and what is proved is what is
evaluated."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from derivations.checker.check import check
from derivations.errors import InputError, UnknownNodeError
from derivations.laws import dense_weight, shared_weight
from derivations.laws.dense_weight import ALONG, INACTIVE_SQUARE, RESPONSE
from derivations.laws.law import AXIOMS, GeneralizedLaw, NoncentralLaw, Scalar, in_letters
from derivations.laws.law_catalogue import law, laws

LAWS = {law.id: law for law in laws()}


@pytest.mark.parametrize("name", LAWS)
def test_every_step_of_every_law_passes_two_checks(name):
    checked = check(LAWS[name].theorem.derivation)
    assert checked
    for step in checked:
        assert step.ok, (step.step.rule, step.checks)
        assert len(step.checks) >= 2


def test_the_laws_of_the_theory_are_there():
    assert set(LAWS) == {
        "independent.plain",
        "independent.residual",
        "independent.dense",
        "masked",
        "conditional",
        "conditional.two_layer",
        "conditional.se",
        "gaussian",
        "pointwise",
        "convolution",
        "convolution.masked",
        "conditional.batch",
        "conditional.shared",
    }
    assert law("masked") is LAWS["masked"]
    with pytest.raises(InputError, match="unknown law 'mask'"):
        law("mask")


@pytest.mark.parametrize("name", LAWS)
def test_a_law_says_what_it_rests_on(name):
    found = LAWS[name]
    theorem = found.theorem
    assert theorem.certainty == "law"
    assert theorem.result in theorem.derivation.steps
    assert theorem.statement
    assert theorem.conditions
    assert theorem.source
    assert found.axioms
    assert set(found.axioms) <= set(AXIOMS)
    assert set(found.rests_on) <= set(LAWS) - {name}


def test_every_axiom_is_used_and_has_a_source():
    assert {axiom for found in laws() for axiom in found.axioms} == set(AXIOMS)
    assert len({axiom.id for axiom in AXIOMS}) == len(AXIOMS)
    assert all(axiom.statement and axiom.source for axiom in AXIOMS)


def test_the_degrees_of_freedom_come_from_the_shapes_of_the_proof():
    a, n = sp.symbols("a n", integer=True, positive=True)
    assert {
        name: found.dof for name, found in LAWS.items() if isinstance(found, NoncentralLaw)
    } == {
        "independent.plain": n,
        "independent.residual": n,
        "independent.dense": n,
        "masked": a,
        "conditional": a - 1,
        "conditional.two_layer": n - 1,
        "conditional.se": a - 1,
    }


def test_the_proved_formula_is_the_evaluated_one():
    """The last step of the proof is the shift, written in letters, and the square that is left."""
    found = LAWS["conditional"]
    letters = dense_weight._Letters(found.notation)
    proved = found.theorem.result.after
    shift = in_letters(found.shift, found.scalars).xreplace(letters.turned)
    assert shift in proved.args or set(shift.args) < set(proved.args)
    mean = next(
        step
        for step in found.theorem.derivation.steps
        if step.rule == "square of the mean across φ̂"
    )
    assert mean.after == in_letters(found.square, found.scalars).xreplace(letters.turned)


MUTANTS = {
    "no response of u": ("SHIFT", ALONG**2 + INACTIVE_SQUARE),
    "wrong sign": ("SHIFT", (ALONG - RESPONSE) ** 2 + INACTIVE_SQUARE),
    "no inactive coordinates": ("SHIFT", (ALONG + RESPONSE) ** 2),
    "no component along φ": ("SHIFT", INACTIVE_SQUARE),
    "mean not reduced": ("ACROSS_SQUARE", sp.Symbol("va2", nonnegative=True)),
    "mean reduced twice": ("ACROSS_SQUARE", sp.Symbol("va2", nonnegative=True) - 2 * ALONG**2),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_formula_breaks_the_proof(name, monkeypatch):
    monkeypatch.setattr(dense_weight, *MUTANTS[name])
    checked = check(dense_weight._conditional().theorem.derivation)
    failed = [step.step.rule for step in checked if not step.ok]
    assert len(failed) == 1, failed
    assert not any(outcome.ok for step in checked if not step.ok for outcome in step.checks)


@pytest.mark.parametrize(
    "build", [shared_weight._batch, shared_weight._shared], ids=["batch", "shared"]
)
@pytest.mark.parametrize(
    "complement",
    [
        lambda v: sp.Identity(v.shape[0]),
        lambda v: sp.MatAdd(sp.Identity(v.shape[0]), sp.MatMul(v, v.T)),
        lambda v: sp.MatAdd(sp.Identity(v.shape[0]), sp.MatMul(-2, v, v.T)),
    ],
    ids=["nothing", "plus", "reflection"],
)
def test_a_wrong_projector_breaks_the_proof(build, complement, monkeypatch):
    monkeypatch.setattr(shared_weight, "_complement", complement)
    failed = [step for step in check(build().theorem.derivation) if not step.ok]
    assert len(failed) >= 2


def test_a_gate_that_reads_x_is_outside_the_law_of_the_gated_block():
    """Its pullback has a term that is not Wᵀh: the step that would put it there fails."""
    found = LAWS["conditional.se"]
    derivation = found.theorem.derivation
    step = derivation.steps[0]
    wrong = replace(step, after=sp.MatAdd(step.after, derivation.notation.signal()))
    assert not check(replace(derivation, steps=(wrong,)))[0].ok


def test_generalized_laws_have_letters_of_matching_shapes():
    for found in LAWS.values():
        if isinstance(found, GeneralizedLaw):
            assert found.response.shape == found.base.shape
            assert found.factor.shape[0] == found.base.shape[0]


def test_only_polynomials_are_written_in_letters():
    s, v = sp.Symbol("s"), sp.MatrixSymbol("v", 3, 1)
    scalars = (Scalar(s, "s", sp.MatMul(v.T, v)),)
    assert in_letters(2 * s, scalars) == sp.MatMul(sp.MatMul(2, sp.Identity(1)), sp.MatMul(v.T, v))
    for wrong in (1 / s, sp.sqrt(s), s**3, sp.Symbol("t")):
        with pytest.raises(UnknownNodeError, match="in letters"):
            in_letters(wrong, scalars)


def test_axiom_linear_image():
    """Cov(A Wᵀh) = ω²‖h‖² AAᵀ, exactly: A Wᵀh = (hᵀ ⊗ A) vec(Wᵀ)."""
    rng = np.random.default_rng(11)
    h, a = rng.standard_normal(3), rng.standard_normal((4, 5))
    linear = np.kron(h[None], a)
    assert np.allclose(linear @ linear.T, h @ h * a @ a.T)
    w = rng.standard_normal((3, 5))
    assert np.allclose(linear @ w.reshape(-1), a @ w.T @ h)


def test_axioms_uncorrelated_and_freezing():
    """In the plane, N(0, I): given y, the law of x² is that without y, here by its mean in four
    quartiles of y.
    """
    rng = np.random.default_rng(12)
    x, y = rng.standard_normal((2, 400_000))
    rotated = np.array([x + y, x - y])  # uncorrelated, jointly Gaussian
    quartile = np.searchsorted(np.quantile(rotated[1], [0.25, 0.5, 0.75]), rotated[1])
    means = [(rotated[0][quartile == i] ** 2).mean() for i in range(4)]
    assert np.allclose(means, 2, atol=5 * np.sqrt(8 / 100_000))


def test_axiom_noncentral_depends_on_the_length_of_the_mean_alone():
    rng = np.random.default_rng(13)
    means = np.array([[2.0, 0, 0], [2 / np.sqrt(3)] * 3, [0, 1.2, -1.6]])
    draws = ((means[:, None] + rng.standard_normal((3, 200_000, 3))) ** 2).sum(2)
    assert np.allclose(draws.mean(1), 7, atol=5 * np.sqrt(22 / 200_000))
    assert np.allclose(draws.var(1), 22, rtol=0.03)


def test_axioms_of_linear_algebra():
    rng = np.random.default_rng(14)
    for rows, columns in ((5, 3), (3, 5), (4, 1)):
        a = rng.standard_normal((rows, columns))
        q, s, z = np.linalg.svd(a, full_matrices=False)
        assert np.allclose(q * s @ z, a)
        assert np.allclose(q.T @ q, np.eye(len(s)))
        basis, _ = np.linalg.qr(np.column_stack([a[:, 0], np.eye(rows)]))
        assert np.allclose(basis.T @ basis, np.eye(rows))
        assert np.allclose(np.abs(basis[:, 0]), np.abs(a[:, 0] / np.linalg.norm(a[:, 0])))
