"""False statements that once looked proved, or could: the checker must refuse each of them."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import BLOCK, DEPTH, EPSILON, LAYERS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    SIGMA_MAX,
    Cosine,
    NormRatio,
    Quantity,
    SigmaMax,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.algebra.terms import Add, Identity, Layer, Linear
from derivations.checker.check import DEFINED, Check, check
from derivations.checker.quantity_samples import quantity_samples
from derivations.errors import InputError
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize
from derivations.theorems.equations import (
    BRANCH_SLOPES,
    BRANCH_SQUARES,
    SIGNAL_SIZE,
    STATE_SQUARES,
    equations,
)
from derivations.theorems.stacks import theorems

TENTH = sp.Rational(1, 10)


def outcomes(derivation: Derivation, *steps: Step) -> list[bool]:
    judged = check(replace(derivation, steps=(*derivation.steps, *steps)))
    return [step.ok for step in judged[len(derivation.steps) :]]


@pytest.fixture(name="residual")
def residual_bounds() -> Derivation:
    return bounds(notation_of(BLOCKS["residual"], "operator")).structural.derivation


def test_a_cosine_is_not_its_absolute_value(residual):
    k = COSINE + TENTH
    assert (
        outcomes(
            residual,
            Step("A", sp.Abs(COSINE), "=", COSINE),
            Step("B", sp.Abs(k), "=", k),
            Step("C", COSINE, ">=", -TENTH, certificates=(Certificate(((sp.Abs(k),),)),)),
            Step(
                "D",
                GAIN,
                ">=",
                sp.sqrt(1 - BRANCH_GAIN / 5 + BRANCH_GAIN**2),
                certificates=(Certificate(((2, BRANCH_GAIN, k),), 2),),
            ),
        )
        == [False] * 4
    )


def test_a_step_that_failed_supports_no_later_one(residual):
    false = Step(
        "false",
        GAIN,
        ">=",
        1 + BRANCH_GAIN,
        certificates=(Certificate(((BRANCH_GAIN, BRANCH_GAIN),), 2),),
    )
    resting = Step(
        "resting on it",
        GAIN,
        ">=",
        sp.Integer(1),
        certificates=(Certificate(((GAIN - 1 - BRANCH_GAIN,), (BRANCH_GAIN,))),),
    )
    assert outcomes(residual, false, resting) == [False, False]


@pytest.mark.parametrize("block", [BLOCKS["residual"].term, Add(Linear("F"), Identity())])
def test_the_samples_meet_the_extremes(block):
    derivation = bounds(Notation(block, {"F": ("n", "n")}, "operator")).structural.derivation
    samples = quantity_samples(derivation)
    assert min(sample[GAIN] for sample in samples) < 1e-9
    assert min(sample[COSINE] for sample in samples) < -0.99
    assert max(sample[COSINE] for sample in samples) > 0.99
    assert any(0 < sample[BRANCH_GAIN] < 0.1 for sample in samples)
    assert max(sample[BRANCH_GAIN] for sample in samples) > 10
    assert any(sample[BRANCH_GAIN] == 0 for sample in samples)


def test_a_symbol_must_not_assume_more_than_its_definition():
    notation = notation_of(BLOCKS["residual"], "operator")
    g, image = (
        notation.signal(),
        adjoint_image(notation.jacobian(Layer("F"), Identity()), notation.signal()),
    )
    positive = sp.Symbol("c", nonnegative=True)
    with pytest.raises(InputError, match="declared real"):
        Derivation("x", notation, (), (Quantity(positive, Cosine(g, image)),))
    with pytest.raises(InputError, match="declared nonnegative"):
        Derivation(
            "x", notation, (), (Quantity(sp.Symbol("t", positive=True), NormRatio(image, g)),)
        )


def test_a_symbol_has_one_definition():
    notation = notation_of(BLOCKS["residual"], "operator")
    slope = notation.jacobian(Layer("F"), Identity())
    with pytest.raises(InputError, match="two definitions"):
        Derivation(
            "x",
            notation,
            (),
            (Quantity(SIGMA_MAX, SigmaMax(slope)), Quantity(SIGMA_MAX, SigmaMax(2 * slope))),
        )


def test_blocks_side_by_side_are_not_blocks_on_top_of_each_other():
    notation = notation_of(BLOCKS["residual"], "operator")
    slope, one = (
        notation.jacobian(Layer("F"), Identity()),
        sp.Identity(notation.dimension_of(Identity())),
    )
    beside, above = sp.BlockMatrix([[slope, one]]), sp.BlockMatrix([[slope], [one]])
    assert outcomes(linearize(notation).derivation, Step("wrong", beside, "=", above)) == [False]


def test_an_identity_that_is_0_over_0_somewhere_does_not_hold():
    notation = Notation(Linear("W"), {"W": ("n", "n")}, "operator")
    w, g = (
        adjoint_image(notation.jacobian(Linear("W"), Identity()), notation.signal()),
        notation.signal(),
    )
    back = sp.Symbol("b", nonnegative=True)
    derivation = Derivation(
        "x",
        notation,
        (),
        (
            Quantity(BRANCH_GAIN, NormRatio(w, g)),
            Quantity(back, NormRatio(g, w)),
            Quantity(COSINE, Cosine(w, w)),
        ),
    )
    assert outcomes(
        derivation,
        Step("c", COSINE, "=", sp.Integer(1)),
        Step("t", BRANCH_GAIN * back, "=", sp.Integer(1)),
    ) == [False, False]


def test_an_imaginary_root_bounds_nothing():
    derivation = next(e.derivation for e in equations() if (e.id, e.reading) == ("eq6", "scalar"))
    step = Step(
        "wrong",
        SIGNAL_SIZE * sp.sqrt(1 - LAYERS),
        ">=",
        SIGNAL_SIZE * sp.sqrt(1 - LAYERS - STATE_SQUARES),
        certificates=(Certificate(((SIGNAL_SIZE**2, STATE_SQUARES),), 2),),
    )
    assert outcomes(derivation, step) == [False]


def test_a_sum_that_runs_backwards_is_refused():
    derivation = next(e.derivation for e in equations() if (e.id, e.reading) == ("eq6", "scalar"))
    i = sp.Symbol("i", integer=True, nonnegative=True)
    short = sp.Sum(BRANCH_SLOPES[i] ** 2, (i, 0, LAYERS - 3))
    with pytest.raises(InputError, match="backwards"):
        outcomes(
            derivation,
            Step(
                "wrong",
                SIGNAL_SIZE * sp.sqrt(short + LAYERS),
                ">=",
                SIGNAL_SIZE * sp.sqrt(LAYERS),
                certificates=(Certificate(((SIGNAL_SIZE**2, short),), 2),),
            ),
        )
    shifted = BRANCH_SQUARES.func(BRANCH_SLOPES[i] ** 2, (i, 1, LAYERS - 1))
    assert outcomes(derivation, Step("one fewer", shifted, "=", BRANCH_SQUARES)) == [False]


def test_limits_that_depend_on_where_are_refused(residual):
    q = sp.Symbol("q", nonnegative=True)
    assert outcomes(residual, Step("0⁰", q**EPSILON, "->", sp.Integer(1), vanishing=EPSILON)) == [
        False
    ]


def test_true_limits_pass_at_any_scale_and_rate(residual):
    steps = [
        Step("big", 100 * EPSILON * BRANCH_GAIN, "->", sp.Integer(0), vanishing=EPSILON),
        Step("√", sp.sqrt(EPSILON), "->", sp.Integer(0), vanishing=EPSILON),
    ]
    assert outcomes(residual, *steps) == [True, True]


def test_a_dimension_named_l_is_only_a_dimension():
    notation = Notation(Layer("F"), {"F": ("l", "l")}, "operator", inputs="l")
    assert all(step.ok for step in check(linearize(notation).derivation))


def test_plain_numbers_are_expressions(residual):
    assert outcomes(
        residual,
        Step("trivial", BRANCH_GAIN, ">=", 0, certificates=(Certificate(((BRANCH_GAIN,),)),)),
    ) == [True]


def sum_outcome(*steps: Step) -> list[bool]:
    derivation = next(e.derivation for e in equations() if (e.id, e.reading) == ("eq6", "scalar"))
    return outcomes(derivation, *steps)


@pytest.mark.parametrize("power", [0, 4, -1])
def test_only_first_powers_and_squares_of_sums_compare(power):
    products = (
        ()
        if power <= 0
        else ((15, BRANCH_SQUARES, BRANCH_SQUARES, BRANCH_SQUARES, BRANCH_SQUARES),)
    )
    assert sum_outcome(
        Step(
            "wrong",
            -2 * BRANCH_SQUARES,
            ">=",
            BRANCH_SQUARES,
            certificates=(Certificate(products, power),),
        )
    ) == [False]


def test_squares_say_nothing_of_a_negative_larger_side():
    step = Step(
        "wrong",
        -2 * LAYERS * SIGNAL_SIZE,
        ">=",
        LAYERS * SIGNAL_SIZE,
        certificates=(Certificate(((3, LAYERS**2, SIGNAL_SIZE**2),), 2),),
    )
    assert sum_outcome(step) == [False]


def test_a_certificate_may_not_hold_a_sum_that_runs_backwards():
    i = sp.Symbol("i", integer=True, nonnegative=True)
    backwards = sp.Sum(BRANCH_SLOPES[i] ** 2, (i, LAYERS + 1, 0))
    with pytest.raises(InputError, match="backwards"):
        sum_outcome(
            Step(
                "wrong",
                -sp.Sum(BRANCH_SLOPES[i] ** 2, (i, 1, LAYERS)),
                ">=",
                sp.S.Zero,
                certificates=(Certificate(((backwards,),)),),
            )
        )


def test_a_sum_whose_terms_depend_on_its_start_is_not_proved_by_induction():
    j = sp.Symbol("j", integer=True, positive=True)
    vanishing = sp.prod([BLOCK - k for k in range(13)])
    step = Step(
        "wrong", sp.Sum(1 + (j - BLOCK - 1) * vanishing, (j, BLOCK + 1, DEPTH)), "=", DEPTH - BLOCK
    )
    assert sum_outcome(step) == [False]


def test_a_gain_that_exists_nowhere_is_not_tested():
    notation = Notation(Linear("W"), {"W": ("n", "n")}, "operator")
    g = notation.signal()
    w = adjoint_image(notation.jacobian(Linear("W"), Identity()), g)
    quantities = (
        Quantity(GAIN, NormRatio(g, sp.ZeroMatrix(*g.shape))),
        Quantity(COSINE, Cosine(w, w)),
    )
    assert outcomes(
        Derivation("x", notation, (), quantities), Step("c", COSINE, "=", sp.Integer(1))
    ) == [False]


NUMBERS = Derivation("numbers", Notation(Identity(), {}, "scalar"), ())
I, K = (sp.Symbol(name, integer=True, nonnegative=True) for name in "ik")
J = sp.Symbol("j", integer=True, positive=True)
A = sp.IndexedBase("a", real=True)
Q = sp.Symbol("q", nonnegative=True)
X = sp.Symbol("x", real=True)
# Where draws are the same in every process, a liar picks a name whose draw is the mean of 1, 2, 3.
CHOSEN = sp.Symbol("i14", integer=True, nonnegative=True)
COMPLEX = sp.Symbol("x")


def stirling(limit: sp.Expr, factor: sp.Expr) -> Step:
    ratio = EPSILON * sp.gamma(2 + 1 / EPSILON) / sp.gamma(1 + 1 / EPSILON)
    return Step("limit", factor * ratio, "->", limit, vanishing=EPSILON)


DOWN = sp.Sum(I, (I, 12 - LAYERS, 12))
KNOWN = {
    "an index declared nonnegative ranges below 0": Step(
        "wrong", DOWN, ">=", 0, "", (Certificate(((DOWN,),)),)
    ),
    "a bound index is no constant": Step(
        "wrong", sp.Sum(CHOSEN * A[0], (CHOSEN, 1, 3)), "=", 3 * CHOSEN * A[0]
    ),
    "squares of a bound index are no letters": Step(
        "wrong",
        A[1] ** 2 + sp.Sum(I**2 * A[15] ** 2, (I, 1, 3)),
        ">=",
        sp.Sum(I**2 * A[15] ** 2, (I, 4, 6)),
    ),
    "a free index is not captured": Step(
        "wrong", sp.Sum(A[K] * A[0], (K, 1, 3)), "=", A[K] * sp.Sum(A[0], (K, 1, 3))
    ),
    "0^(13 − L) is not 0": Step("wrong", sp.Integer(0) ** (13 - DEPTH), "=", 0),
    "0^(13 − L) is not nothing": Step("wrong", DEPTH + sp.Integer(0) ** (13 - DEPTH), "=", DEPTH),
    "a pole beyond twelve layers": Step(
        "wrong", sp.Product((J - 14) / (J - 13), (J, 1, DEPTH)), "=", 13 / (13 - DEPTH)
    ),
    "√(x²) is not x": stirling(X, sp.sqrt(X**2)),
    "√(x²) is not x for complex x": stirling(COMPLEX, sp.sqrt(COMPLEX**2)),
    "the third root of x³ is not x": stirling(X, (X**3) ** sp.Rational(1, 3)),
    "q^ε does not tend to 1 at q = 0": Step(
        "wrong", DEPTH * Q**EPSILON, "->", DEPTH, vanishing=EPSILON
    ),
    "an imaginary smaller side": Step(
        "wrong",
        sp.sqrt(2 * LAYERS),
        ">=",
        sp.sqrt(2 * LAYERS - 27),
        "",
        (Certificate(((27,),), 2),),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_lie_is_refused(name):
    assert outcomes(NUMBERS, KNOWN[name]) == [False]


def test_a_cosine_of_a_sum_of_columns_is_0_where_the_sum_is():
    notation = Notation(Linear("W"), {"W": ("n", "n")}, "operator")
    w, g = notation.jacobian(Linear("W"), Identity()), notation.signal()
    column = sp.MatAdd(adjoint_image(w, g), sp.MatMul(7, g))
    derivation = Derivation("x", notation, (), (Quantity(COSINE, Cosine(column, column)),))
    step = Step("wrong", COSINE, "=", 1)
    assert outcomes(derivation, step) == [False]
    assert outcomes(replace(derivation, nonzero=(column,)), step) == [True]


def test_a_gain_that_may_be_0_is_not_divided_by():
    (stack,) = (each for each in theorems() if each.id == "stack.telescoping")
    last = stack.derivation.quantities[2].symbol
    for gain, derivation in ((GAIN, NUMBERS), (last, stack.derivation)):
        kept = sp.Mul(gain, sp.Pow(gain, -1, evaluate=False), evaluate=False)
        assert outcomes(derivation, Step("wrong", kept, "=", 1)) == [False]


def test_a_ratio_to_what_may_be_0_does_not_exist():
    notation = Notation(Linear("W"), {"W": ("n", "n")}, "operator")
    w, g = notation.jacobian(Linear("W"), Identity()), notation.signal()
    back = sp.Symbol("b", nonnegative=True)
    derivation = Derivation("x", notation, (), (Quantity(back, NormRatio(g, adjoint_image(w, g))),))
    step = Step("b", back, ">=", 0, "", (Certificate(((back,),)),))
    (refused,) = check(replace(derivation, steps=(step,)))
    assert refused.checks[-1] == Check(DEFINED, False)
    assert outcomes(replace(derivation, nonzero=(adjoint_image(w, g),)), step) == [True]


def test_matrices_of_different_sizes_are_not_equal():
    # Two names whose sizes once were drawn alike in every world.
    n, m = (sp.Symbol(name, integer=True, positive=True) for name in "mr")
    derivation = linearize(notation_of(BLOCKS["residual"], "operator")).derivation
    for before, after in (
        (sp.Identity(n), sp.Identity(m)),
        (sp.ZeroMatrix(n, 1), sp.ZeroMatrix(m, 1)),
    ):
        assert outcomes(derivation, Step("wrong", before, "=", after)) == [False]


def test_plain_numbers_are_compared_as_functions_of_their_letters():
    x, y = sp.symbols("x y", positive=True)
    free, least = sp.Symbol("z", real=True), sp.Symbol("q", nonnegative=True)
    plain = Derivation("plain", Notation(Identity(), {}, "operator"), ())
    true = [
        Step("a", x / (x + y), "=", 1 - y / (x + y)),
        Step("b", (x + y) ** 2, "=", x**2 + 2 * x * y + y**2),
        Step("c", free * y / y, "=", free),
    ]
    assert outcomes(plain, *true) == [True] * len(true)
    false = [
        Step("wrong", x / (x + y), "=", y / (x + y)),
        Step("of another letter", x, "=", y),
        Step("a sign", sp.Abs(free), "=", free),
        Step("a pole", free / free**2, "=", 1 / free),
        Step("a root", sp.sqrt(free**2 - 1), "=", sp.sqrt(free**2 - 1)),
        Step("0/0", (least - least**2) / least, "=", 1 - least),
        Step("only of large numbers", sp.Max(x, 1), "=", x),
        Step("an inequality", x + y, ">=", x),
    ]
    assert outcomes(plain, *false) == [False] * len(false)


def test_letters_of_quantities_and_of_the_notation_are_no_plain_numbers(residual):
    assert outcomes(residual, Step("x", COSINE / 2 + COSINE / 2, "=", -COSINE)) == [False]
    scalar = Notation(BLOCKS["residual"].term, BLOCKS["residual"].dims, "scalar")
    slope = scalar.jacobian(Layer("F"), Identity())
    (checked,) = check(Derivation("scalar", scalar, (Step("x", slope, "=", slope + 1),)))
    assert not checked.ok
    assert "polynomial zero test" in [each.method for each in checked.checks]
