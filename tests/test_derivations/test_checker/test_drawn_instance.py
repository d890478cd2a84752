"""Explicit worlds: their Jacobians against differences, and what a draw asks of them."""

from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given
from sympy import QQ
from term_strategies import DrawnTerm, drawn_terms

from derivations.algebra.notation import Notation
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Add, Chain, Concat, Identity, Layer, Linear, Pointwise, Term
from derivations.checker.check import check
from derivations.checker.drawn_instance import Draw, Instance, constant, drawn_instance
from derivations.errors import UnknownNodeError


def test_orthonormal_letters_are_orthonormal_and_nothing_more():
    notation = Notation(Identity(), {}, "operator")
    r, s = sp.symbols("r s", integer=True, positive=True)
    v, b = notation.free("V", r + s, r, unit=True), notation.free("B", r + s, r + s)
    outcomes = [
        Step("columns", sp.MatMul(v.T, v), "=", sp.Identity(r)),
        Step("rows", sp.MatMul(v, v.T), "=", sp.Identity(r + s)),
        Step("not next to each other", sp.MatMul(v.T, b, v), "=", sp.MatMul(v.T, v, v.T, b, v)),
        Step("others", sp.MatMul(b.T, b), "=", sp.Identity(r + s)),
    ]
    judged = check(Derivation("unit", notation, tuple(outcomes)))
    assert [{outcome.ok for outcome in step.checks} for step in judged] == [
        {True},
        {False},
        {True},
        {False},
    ]
    for seed in range(5):
        drawn = Instance(notation, Draw(seed)).evaluate(v).to_Matrix()
        assert drawn.T * drawn == sp.eye(drawn.shape[1])
        assert drawn != sp.eye(*drawn.shape)


def values(instance: Instance, term: Term, at: list) -> list:
    return [entry.value for entry in instance.value(term, list(map(constant, at)))]


@given(drawn_terms(depth=2))
def test_a_jacobian_is_the_limit_of_difference_quotients(drawn: DrawnTerm):
    """In exact arithmetic: the error of (f(x + h e_j) − f(x))/h is a polynomial in h without a
    constant term, so that it halves with h.
    """
    notation = Notation(drawn.term, drawn.dims, "operator", inputs=drawn.inputs)
    instance = Instance(notation, Draw(3))
    x = [row[0] for row in instance.x.to_list()]
    jacobian = instance.jacobian(drawn.term, x).to_list()
    assert len(jacobian) == drawn.outputs
    before = values(instance, drawn.term, x)
    for j in range(drawn.inputs):
        errors = []
        for h in (QQ(1, 2**60), QQ(1, 2**61)):
            moved = [entry + (h if i == j else 0) for i, entry in enumerate(x)]
            after = values(instance, drawn.term, moved)
            quotients = [(b - a) / h for a, b in zip(before, after, strict=True)]
            errors.append([q - row[j] for q, row in zip(quotients, jacobian, strict=True)])
        for larger, smaller in zip(*errors, strict=True):
            assert abs(smaller) <= abs(larger) * QQ(3, 4)


def residual(draw: Draw) -> tuple[Instance, sp.Expr, sp.Expr]:
    """A drawn residual block, the Jacobian of its branch and its backward signal."""
    notation = Notation(Add(Layer("F"), Identity()), {"F": ("n", "n")}, "operator")
    return Instance(notation, draw), notation.jacobian(Layer("F"), Identity()), notation.signal()


def test_a_seed_repeats_its_world_and_another_does_not():
    first, again, other = (
        instance.evaluate(slope) for instance, slope, _ in map(residual, map(Draw, (1, 1, 2)))
    )
    assert first.to_list() == again.to_list() != other.to_list()


def test_identities_are_multiples_of_the_identity():
    instance, slope, _ = residual(Draw(scale=Fraction(-5, 2), identities=True, sizes=(3,)))
    assert instance.evaluate(slope).to_Matrix() == -sp.Rational(5, 2) * sp.eye(3)


def test_the_affine_maps_of_a_draw():
    """Scaled with the layers, of the unit scale, or constant: then with Jacobian 0."""
    notation = Notation(Linear("W"), {"W": ("n", "n")}, "operator")
    w = notation.jacobian(Linear("W"), Identity())
    found = {
        affine: Instance(
            notation, Draw(scale=Fraction(3), identities=True, affine=affine, sizes=(2,))
        )
        for affine in ("scaled", "unit", "constant")
    }
    slopes = {affine: each.evaluate(w).to_Matrix() for affine, each in found.items()}
    assert slopes == {"scaled": 3 * sp.eye(2), "unit": sp.eye(2), "constant": sp.zeros(2)}
    assert found["constant"].numbers(Linear("W")) == [1, 1]


def test_aligned_signals_of_one_size_are_equal():
    term = Concat(Layer("F"), Identity())
    notation = Notation(term, {"F": ("n", "n")}, "operator")
    instance = Instance(notation, Draw(aligned=True))
    top, bottom = (instance.evaluate(notation.signal((index,))) for index in (0, 1))
    assert top.to_list() == bottom.to_list()


def test_known_slopes_stay_within_their_ends():
    relu = Pointwise("relu")
    notation = Notation(relu, {}, "operator")
    slope = notation.jacobian(relu, Identity())
    met = {
        entry
        for seed in range(20)
        for entry in Instance(notation, Draw(seed)).evaluate(slope).to_Matrix().diagonal()
    }
    assert met == {0, sp.Rational(1, 2), 1}
    for seed in range(5):
        steep = Instance(notation, Draw(seed, steep=True)).evaluate(slope).to_Matrix()
        assert steep == sp.eye(steep.shape[0])


def test_the_whole_signal_is_made_of_its_slices():
    term = Concat(Layer("F"), Identity())
    notation = Notation(term, {"F": ("k", "n")}, "operator")
    instance = Instance(notation, Draw(1))
    slices = [instance.evaluate(notation.signal((index,))) for index in (0, 1)]
    assert instance.signal(term).to_list() == slices[0].vstack(slices[1]).to_list()
    pulled = instance.jacobian(term, [row[0] for row in instance.x.to_list()]).transpose()
    gradient = instance.evaluate(notation.gradient())
    assert gradient.to_list() == (pulled * instance.signal(term)).to_list()


def test_a_jacobian_depends_on_where_its_map_is_met():
    for map_ in (Layer("F"), Pointwise("phi")):
        notation = Notation(Chain(map_, map_), {"F": (2, 2)}, "operator", inputs=2)
        once = notation.jacobian(map_, Identity())
        again = notation.jacobian(map_, map_)
        for seed in range(5):
            instance = Instance(notation, Draw(seed))
            assert instance.evaluate(once).to_list() != instance.evaluate(again).to_list()


def test_numbers_stay_small_along_a_long_chain():
    """The digits of polynomials would double from layer to layer."""
    links = [part for i in range(12) for part in (Layer(f"F_{i}"), Pointwise(f"phi_{i}"))]
    notation = Notation(Chain(*links), {f"F_{i}": (2, 2) for i in range(12)}, "operator", inputs=2)
    for seed in range(3):
        instance = Instance(notation, Draw(seed))
        for number in instance.numbers(Chain(*links)):
            assert abs(number) < 10
            assert len(str(number)) < 100


def test_a_draw_is_shared_within_a_notation():
    notation = Notation(Layer("F"), {"F": ("n", "n")}, "operator")
    other = Notation(Layer("F"), {"F": ("n", "n")}, "operator")
    assert drawn_instance(notation, Draw(1)) is drawn_instance(notation, Draw(1))
    assert drawn_instance(notation, Draw(1)) is not drawn_instance(other, Draw(1))


def test_what_has_no_value_is_refused():
    notation = Notation(Layer("F"), {"F": ("n", "n")}, "operator")
    instance = Instance(notation, Draw())
    a = notation.free("A", "n", "n")
    with pytest.raises(UnknownNodeError, match="cannot evaluate Determinant"):
        instance.evaluate(sp.Determinant(a))
    with pytest.raises(UnknownNodeError, match="only positive integers"):
        instance.evaluate(sp.MatPow(a, -1))

    class Mystery(Term):
        pass

    with pytest.raises(UnknownNodeError, match="no explicit function for Mystery"):
        instance.value(Mystery(), [])
