"""What a law is made of: letters of its scalars, and the axioms, each seen in numbers."""

import numpy as np
import pytest
import sympy as sp

from derivations.errors import UnknownNodeError
from derivations.laws.law import OMEGA, Scalar, in_letters
from derivations.laws.law_catalogue import law


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


def test_only_polynomials_are_written_in_letters():
    s, v = sp.Symbol("s"), sp.MatrixSymbol("v", 3, 1)
    scalars = (Scalar(s, "s", sp.MatMul(v.T, v)),)
    assert in_letters(2 * s, scalars) == sp.MatMul(sp.MatMul(2, sp.Identity(1)), sp.MatMul(v.T, v))
    for wrong in (1 / s, sp.sqrt(s), s**3, sp.Symbol("t")):
        with pytest.raises(UnknownNodeError, match="in letters"):
            in_letters(wrong, scalars)


def test_the_noncentrality_is_that_of_the_unscaled_law():
    """λ of scale · χ′²(λ) is ‖μ‖² over the scale: the mean is shift + scale · (dof + λ)."""
    found = law("independent.residual")
    size, length = (scalar.symbol for scalar in found.scalars)
    assert found.scale == OMEGA**2 * size
    assert found.noncentrality == length / (OMEGA**2 * size)
    assert law("independent.plain").noncentrality == 0


def test_a_law_has_the_name_and_the_notation_of_its_theorem():
    found = law("masked")
    assert found.id == found.theorem.id == "masked"
    assert found.notation is found.theorem.derivation.notation
    assert (found.kind, law("gaussian").kind) == ("noncentral", "generalized")
