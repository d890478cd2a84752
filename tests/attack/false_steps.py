"""Draws steps that are false by construction, family by family, and true ones like them.

A family is a function of a source of chance. It gives a derivation to which the step is added, the
step, and whether it is true.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import BLOCK, CHI, DEPTH, EPSILON, LAYERS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    Cosine,
    NormRatio,
    Quantity,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.algebra.terms import Identity, Linear
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize

Case = tuple[Derivation, Step, bool]
Family = Callable[[random.Random], Case]

I, K = (sp.Symbol(name, integer=True, nonnegative=True) for name in "ik")
J = sp.Symbol("j", integer=True, positive=True)
A, B, X = (sp.IndexedBase(name, real=True) for name in "abx")
R = sp.IndexedBase("n", positive=True)
P = sp.Symbol("p", positive=True)
Q = sp.Symbol("q", nonnegative=True)
Y, Z = sp.symbols("y z", real=True)
NUMBERS = Derivation("numbers", Notation(Identity(), {}, "scalar"), ())


def rational(chance: random.Random) -> sp.Rational:
    """A number > 0, not 1."""
    top, bottom = chance.randint(1, 60), chance.randint(1, 12)
    return sp.Rational(top + (top == bottom), bottom)


def identity(chance: random.Random) -> tuple[sp.Expr, sp.Expr, sp.Symbol]:
    """Both sides of an equality for every number of layers, the number, and numbers in it."""
    c, d, m, n = rational(chance), rational(chance), chance.randint(1, 9), LAYERS
    deep = chance.choice((LAYERS, DEPTH))
    squares = sp.Sum(A[I] ** 2, (I, 0, n - 1))
    return chance.choice(
        [
            (sp.Sum(c * J + d, (J, 1, deep)), c * deep * (deep + 1) / 2 + d * deep, deep),
            (sp.Sum(c * (m + 1) ** K, (K, 0, n)), c * ((m + 1) ** (n + 1) - 1) / m, n),
            (sp.Product((J + m + 1) / (J + m), (J, 1, deep)), (deep + m + 1) / (m + 1), deep),
            (
                sp.Product(1 + CHI / (J + m - 1), (J, 1, deep)),
                sp.gamma(deep + CHI + m) * sp.gamma(m) / (sp.gamma(CHI + m) * sp.gamma(deep + m)),
                deep,
            ),
            (sp.Product(c + CHI, (J, 1, deep)), (c + CHI) ** deep, deep),
            (c * P ** (deep + m), c * P**m * P**deep, deep),
            (c * sp.gamma(CHI + deep + 1), c * (CHI + deep) * sp.gamma(CHI + deep), deep),
            (sp.Sum(c * (A[K - 1] - A[K]), (K, 1, n)), c * A[0] - c * A[n], n),
            (sp.Sum(c * A[I] + d, (I, 0, n - 1)), c * sp.Sum(A[I], (I, 0, n - 1)) + d * n, n),
            (
                sp.Sum((A[I] + c) ** 2, (I, 0, n - 1)),
                squares + 2 * c * sp.Sum(A[I], (I, 0, n - 1)) + c**2 * n,
                n,
            ),
            (sp.Product(R[K - 1] / R[K], (K, 1, n)), R[0] / R[n], n),
            (
                sp.Sum(c * A[I], (I, 0, n + m)),
                c * sp.Sum(A[I], (I, 0, n + m - 1)) + c * A[n + m],
                n,
            ),
            (
                c * sp.Sum(d + sp.Sum(B[J, I], (J, I + 1, n)), (I, 0, n - 1)),
                c * d * n + c * sp.Sum(B[J, I], (J, I + 1, n), (I, 0, n - 1)),
                n,
            ),
        ]
    )


def judged(before: sp.Expr, after: sp.Expr, true: bool = False) -> Case:
    return NUMBERS, Step("drawn", before, "=", after), true


def true_identity(chance: random.Random) -> Case:
    before, after, _ = identity(chance)
    return judged(before, after, true=True)


def wrong_constant(chance: random.Random) -> Case:
    before, after, _ = identity(chance)
    c = rational(chance)
    return judged(before, chance.choice((after + c, after - c, c * after)))


def wrong_sign(chance: random.Random) -> Case:
    before, after, _ = identity(chance)
    return judged(before, -after)


def wrong_end(chance: random.Random) -> Case:
    """A sum of positive summands with one more or less, a product of factors > 1."""
    before, after, n = identity(chance)
    return judged(before, after.subs(n, n + chance.choice((1, 2))))


def right_for_a_while(chance: random.Random) -> Case:
    """True up to some number of layers, false beyond."""
    before, after, n = identity(chance)
    zero = rational(chance) * sp.prod([n - m for m in range(1, chance.randint(2, 40))])
    return judged(before, chance.choice((after + zero, after * (1 + zero))))


def swapped_symbol(chance: random.Random) -> Case:
    """Another letter in one summand."""
    c, m = rational(chance), chance.randint(1, 30)
    whole = sp.Sum(c * A[I], (I, 0, LAYERS + m))
    other = chance.choice((X[I], A[I + 1], A[0], A[I] ** 2, Y, sp.Integer(1)))
    return judged(whole, c * sp.Sum(other, (I, 0, LAYERS + m)))


def below_zero(chance: random.Random) -> Case:
    """An index declared nonnegative that ranges below 0."""
    m, power = chance.randint(1, 40), chance.choice((1, 3, 5))
    total = sp.Sum(rational(chance) * I**power, (I, m - LAYERS, m))
    factor = chance.choice((total, total + rational(chance)))
    return NUMBERS, Step("drawn", factor, ">=", 0, "", (Certificate(((factor,),)),)), False


def bound_index(chance: random.Random) -> Case:
    """A bound index taken for a constant, or a free one for it."""
    m, at, c = chance.randint(2, 9), chance.randint(0, 30), rational(chance)
    low = chance.randint(0, 3)
    run = (K, low, low + m)
    if chance.random() < 0.4:
        later = sp.Sum(K**2 * A[at] ** 2, (K, low + m + 1, low + 2 * m))
        first = A[(at + 1) % 7 + 40] ** 2 + sp.Sum(K**2 * A[at] ** 2, (K, low, low + m - 1))
        return NUMBERS, Step("drawn", first, ">=", later), False
    return judged(
        *chance.choice(
            [
                (sp.Sum(c * K * A[at], run), c * (m + 1) * K * A[at]),
                (sp.Sum(A[K] * B[K], run), A[K] * sp.Sum(B[K], run)),
                (sp.Sum(c * K * A[at], run), sp.Sum(c * low * A[at], run)),
                (sp.Sum(c * K, (K, 1, LAYERS)), c * K * LAYERS),
                (sp.Sum(K * A[at], (K, low, LAYERS + low)), K * A[at] * (LAYERS + 1)),
            ]
        )
    )


def zero_over_zero(chance: random.Random) -> Case:
    """An identity of ratios that are 0/0 where a column is 0; γ·(1/γ) where γ is 0."""
    notation = Notation(Linear("W"), {"W": ("n", "n")}, "operator")
    w, g = notation.jacobian(Linear("W"), Identity()), notation.signal()
    shifted = sp.MatAdd(
        sp.MatMul(chance.randint(1, 9), adjoint_image(w, g)),
        sp.MatMul(chance.choice((-1, 1)) * chance.randint(2, 9), g),
    )
    column = chance.choice((adjoint_image(w, g), shifted))
    back = sp.Symbol("b", nonnegative=True)
    derivation = Derivation(
        "drawn",
        notation,
        (),
        (
            Quantity(BRANCH_GAIN, NormRatio(column, g)),
            Quantity(back, NormRatio(g, column)),
            Quantity(COSINE, Cosine(column, column)),
        ),
    )
    kept = sp.Mul(BRANCH_GAIN, sp.Pow(BRANCH_GAIN, -1, evaluate=False), evaluate=False)
    c = rational(chance)
    before, after = chance.choice(
        [(c * COSINE, c), (COSINE**2, 1), (c * BRANCH_GAIN * back, c), (kept, 1)]
    )
    return derivation, Step("drawn", before, "=", after), False


def power_of_zero(chance: random.Random) -> Case:
    """0^{m−L} taken for 0, or for 1."""
    n, m, c = chance.choice((LAYERS, DEPTH)), chance.randint(2, 60), rational(chance)
    power = sp.Integer(0) ** (m - n)
    return judged(
        *chance.choice(
            [(n + power, n), (c + n * power, c), (c * n + power, c * n + 1), (power, sp.S.Zero)]
        )
    )


def pole(chance: random.Random) -> Case:
    """A factor or a summand that is a division by 0 for some number of layers."""
    n, m = chance.choice((LAYERS, DEPTH)), chance.randint(1, 80)
    before, after = chance.choice(
        [
            (sp.Product((J - m - 1) / (J - m), (J, 1, n)), sp.Integer(m) / (m - n)),
            (n + 1 / (n - m), n + 1 / (n - m)),
            (sp.Sum(1 / (J - m) - 1 / (J - m), (J, 1, n)) + n, n),
            ((n - m) * sp.Pow(n - m, -1, evaluate=False) + n, n + 1),
            (sp.gamma(n - m) * (n - m), sp.gamma(n - m + 1)),
            (sp.Product(1 + 1 / (J - m - 1), (J, 1, n)), (n - m) / sp.Integer(-m)),
        ]
    )
    # Undefined on both sides for some L, so never a statement about all of them.
    return judged(before, after + (0 if before.has(sp.Pow) or before.has(sp.gamma) else n))


def branch_cut(chance: random.Random) -> Case:
    """√(x²) taken for x, |x| for x, log of what may be negative."""
    c, m = rational(chance), chance.randint(1, 5)
    even = sp.sqrt(Y**2) if chance.random() < 0.5 else (Y**4) ** sp.Rational(1, 4)
    ratio = EPSILON * sp.gamma(m + 1 + 1 / EPSILON) / sp.gamma(m + 1 / EPSILON)
    before, after = chance.choice(
        [
            (c * even * ratio, c * Y),
            (c * even + EPSILON * DEPTH, c * Y),
            (c * even * DEPTH + EPSILON, c * Y * DEPTH),
            (-c * ratio, c),
            (c * sp.sqrt(Y**2 + EPSILON**2), c * Y),
        ]
    )
    return NUMBERS, Step("drawn", before, "->", after, "", (), EPSILON), False


def discontinuity(chance: random.Random) -> Case:
    """A limit that is another one where a letter is 0."""
    c, n = rational(chance), chance.choice((DEPTH, LAYERS, sp.Integer(1)))
    before, after = chance.choice(
        [
            (c * n * Q**EPSILON, c * n),
            (c * n * Q / (Q + EPSILON), c * n),
            (n + Q ** (c * EPSILON), n + 1),
            (c * n * sp.Abs(Y) / (sp.Abs(Y) + EPSILON), c * n),
            (n * sp.sqrt(Q) / sp.sqrt(Q + EPSILON), n),
            (n * Q**2 / (Q**2 + c * EPSILON), n),
        ]
    )
    return NUMBERS, Step("drawn", before, "->", after, "", (), EPSILON), False


def imaginary_root(chance: random.Random) -> Case:
    """A root of what is negative for few layers, on either side."""
    a, b, c = chance.randint(1, 9), chance.randint(0, 9), chance.randint(10, 99)
    larger, smaller = sp.sqrt(a * LAYERS + b), sp.sqrt(a * LAYERS - c)
    steps = [
        Step("drawn", larger, ">=", smaller, "", (Certificate(((b + c,),), 2),)),
        Step("drawn", smaller, "<=", larger, "", (Certificate(((b + c,),), 2),)),
        Step("drawn", smaller, ">=", -larger, "", (Certificate(((smaller,), (larger,))),)),
        Step("drawn", smaller**2 + LAYERS * smaller / smaller, "=", (a + 1) * LAYERS - c),
        Step("drawn", sp.sqrt(Y), ">=", 0, "", (Certificate(((sp.sqrt(Y),),)),)),
    ]
    chosen = chance.choice((*steps[:3], steps[4]))
    return NUMBERS, chosen, False


@lru_cache(maxsize=8)
def bounding(name: str) -> Derivation:
    return bounds(notation_of(BLOCKS[name], "operator")).structural.derivation


def inequality(chance: random.Random) -> tuple[Derivation, Step]:
    """A proved inequality about the gain of a block, and what was proved before it."""
    derivation = bounding(chance.choice(("residual", "dense", "projection", "pre_activation")))
    indices = [
        i
        for i, step in enumerate(derivation.steps)
        if step.relation in (">=", "<=") and step.certificates and step.before == GAIN
    ]
    chosen = chance.choice(indices)
    return replace(derivation, steps=derivation.steps[:chosen]), derivation.steps[chosen]


def true_inequality(chance: random.Random) -> Case:
    derivation, step = inequality(chance)
    return derivation, step, True


def wrong_bound(chance: random.Random) -> Case:
    """A sharp bound made sharper, its certificate patched with what it then lacks."""
    derivation, step = inequality(chance)
    c = rational(chance)
    after = step.after + (c if step.relation == ">=" else -c)
    larger, smaller = (step.before, after) if step.relation == ">=" else (after, step.before)
    patches: list[tuple[Certificate, ...]] = [
        step.certificates,
        (Certificate(((larger - smaller,),)),),
        (Certificate(((larger, larger), (-smaller, smaller)), 2),),
        tuple(replace(each, power=4) for each in step.certificates),
        (Certificate(((sp.Abs(larger - smaller),),)),),
        (Certificate((), 1, COSINE), Certificate((), 1, COSINE)),
        (Certificate((*step.certificates[0].products, (-c,))),),
    ]
    return derivation, replace(step, after=after, certificates=chance.choice(patches)), False


def missing_condition(chance: random.Random) -> Case:
    """True where c ≥ 0, or where t ≥ 1, and stated for all."""
    derivation = bounding("residual")
    derivation = replace(derivation, steps=derivation.steps[:-1])
    k = rational(chance)
    step = chance.choice(
        [
            Step(
                "drawn",
                k * GAIN,
                ">=",
                k,
                "",
                (Certificate(((k**2 * 2, COSINE, BRANCH_GAIN), (k * BRANCH_GAIN,) * 2), 2),),
            ),
            Step("drawn", k * COSINE, ">=", 0, "", (Certificate((), 1, COSINE),)),
            Step("drawn", BRANCH_GAIN, ">=", k, "", (Certificate(((BRANCH_GAIN - k,),)),)),
            Step(
                "drawn",
                k * BRANCH_GAIN**2,
                ">=",
                k * BRANCH_GAIN,
                "",
                (Certificate(((k, BRANCH_GAIN, BRANCH_GAIN - 1),)),),
            ),
        ]
    )
    return derivation, step, False


@lru_cache(maxsize=64)
def linear(name: str, reading: str) -> Derivation:
    return linearize(notation_of(BLOCKS[name], reading)).derivation


def pullback(chance: random.Random) -> tuple[Derivation, Step]:
    names = ("residual", "se_residual", "projection", "post_activation", "highway")
    derivation = linear(chance.choice([n for n in names if n in BLOCKS]), "operator")
    return replace(derivation, steps=()), derivation.steps[-1]


def true_matrices(chance: random.Random) -> Case:
    derivation, step = pullback(chance)
    c = rational(chance)
    return derivation, replace(step, before=c * step.before, after=c * step.after), True


def wrong_matrices(chance: random.Random) -> Case:
    """A gradient with a factor, a sign, an order or a letter that is wrong."""
    derivation, step = pullback(chance)
    c, terms = rational(chance), list(sp.MatAdd.make_args(step.after))
    at = chance.randrange(len(terms))
    term = terms[at]
    changes = [c * term, -term, (1 + c) * term]
    factors = list(term.args) if isinstance(term, sp.MatMul) else []
    if factors:
        transposed = chance.randrange(len(factors) - 1) if len(factors) > 1 else 0
        factor = factors[transposed]
        if isinstance(factor, sp.MatrixExpr) and factor.shape[0] == factor.shape[1]:
            changed = [*factors]
            changed[transposed] = 2 * factor
            changes.append(sp.MatMul(*changed))
    terms[at] = chance.choice(changes)
    after = sp.MatAdd(*terms) if len(terms) > 1 else terms[0]
    return derivation, replace(step, after=after), False


def wrong_shape(chance: random.Random) -> Case:
    """Equal for some sizes only."""
    n, m = (sp.Symbol(name, integer=True, positive=True) for name in "nm")
    derivation = linear("residual", "operator")
    other = chance.choice((m, n + 1, 2 * n, sp.Integer(chance.randint(1, 9))))
    before, after = chance.choice(
        [
            (sp.Identity(n), sp.Identity(other)),
            (sp.ZeroMatrix(n, 1), sp.ZeroMatrix(other, 1)),
            (sp.ZeroMatrix(n, n), sp.ZeroMatrix(n, other)),
            (sp.Trace(sp.Identity(n)), sp.Trace(sp.Identity(other))),
        ]
    )
    return replace(derivation, steps=()), Step("drawn", before, "=", after), False


def limit(chance: random.Random) -> tuple[sp.Expr, sp.Expr]:
    c, d, m = rational(chance), rational(chance), chance.randint(1, 5)
    return chance.choice(
        [
            (c + d * EPSILON**m * Y, c),
            (sp.sqrt(c**2 + d * EPSILON * P), c),
            (sp.Max(c, c - EPSILON * P, EPSILON * Y - d), c),
            (c * (1 + EPSILON) ** DEPTH / EPSILON - c / EPSILON, c * DEPTH),
            (((c + d * EPSILON) ** 2 - c**2) / EPSILON, 2 * c * d),
            (EPSILON * sp.gamma(m + 1 + 1 / EPSILON) / sp.gamma(m + 1 / EPSILON) * c, c),
            (
                EPSILON**CHI * sp.gamma(1 / EPSILON + CHI + m) / sp.gamma(1 / EPSILON + m),
                sp.Integer(1),
            ),
            (
                P * sp.sqrt(c * LAYERS + sp.Sum((EPSILON * A[I]) ** 2, (I, 0, LAYERS - 1))),
                P * sp.sqrt(c * LAYERS),
            ),
            (sp.Abs(EPSILON * Y - c), c),
        ]
    )


def true_limit(chance: random.Random) -> Case:
    before, after = limit(chance)
    return NUMBERS, Step("drawn", before, "->", after, "", (), EPSILON), True


def wrong_limit(chance: random.Random) -> Case:
    before, after = limit(chance)
    c = rational(chance)
    claimed = chance.choice((after + c, -after, c * after, after * (1 + sp.Rational(1, 10**9))))
    return NUMBERS, Step("drawn", before, "->", claimed, "", (), EPSILON), False


def trace(chance: random.Random) -> tuple[Derivation, sp.Expr, sp.Expr]:
    notation = Notation(Identity(), {}, "operator")
    a, b, u = notation.free("A", "n", "n"), notation.free("B", "n", "n"), notation.free("u", "n")
    c = rational(chance)
    n = a.shape[0]
    before, after = chance.choice(
        [
            (c * sp.Trace(a * b), c * sp.Trace(b * a)),
            (sp.Trace(sp.Identity(n) + c * a), n + c * sp.Trace(a)),
            (c * sp.Trace(a.T * b), c * sp.Trace(b.T * a)),
            (sp.Trace(u * u.T * a), sp.Trace(u.T * a * u)),
            (sp.Trace(a * b * a.T), sp.Trace(a.T * a * b)),
        ]
    )
    return Derivation("traces", notation, ()), before, after


def true_trace(chance: random.Random) -> Case:
    derivation, before, after = trace(chance)
    return derivation, Step("drawn", before, "=", after), True


def wrong_trace(chance: random.Random) -> Case:
    derivation, before, after = trace(chance)
    c = rational(chance)
    wrong = chance.choice((c * after, after + c, -after, before + after, after / after * c))
    return derivation, Step("drawn", before, "=", wrong), False


def binomial(chance: random.Random) -> tuple[sp.Expr, sp.Expr]:
    c, n, m = rational(chance), LAYERS, chance.randint(0, 6)
    high = n + m
    return chance.choice(
        [
            (
                c * sp.binomial(high + 1, K),
                c * sp.binomial(high, K) + c * sp.binomial(high, K - 1),
            ),
            (c * K * sp.binomial(high, K), c * high * sp.binomial(high - 1, K - 1)),
            (c * (high - K) * sp.binomial(high, K), c * high * sp.binomial(high - 1, K)),
            (sp.Sum(sp.binomial(n, K), (K, 0, n)), 2**n),
        ]
    )


def true_binomial(chance: random.Random) -> Case:
    return judged(*binomial(chance), true=True)


def wrong_binomial(chance: random.Random) -> Case:
    before, after = binomial(chance)
    c, m = rational(chance), chance.randint(12, 40)
    hidden = c * sp.prod([LAYERS - k for k in range(1, m)])
    divided = (sp.binomial(LAYERS, K), LAYERS * sp.binomial(LAYERS - 1, K - 1) / K)
    alternating = ((-1) ** K * sp.binomial(LAYERS, K), sp.binomial(LAYERS, K))
    return judged(
        *chance.choice(
            [
                (before, c * after),
                (before, after + c),
                (before, -after),
                (before, after + hidden),
                divided,
                alternating,
            ]
        )
    )


def written_out(chance: random.Random) -> tuple[sp.Expr, sp.Expr, tuple[int, int]]:
    low, length = chance.randint(0, 5), chance.randint(2, 40)
    cut = low + chance.randint(0, length - 2)
    high, c = low + length, chance.randint(1, 9)
    whole = sp.Sum(c * A[I] ** 2, (I, low, high))
    parts = sp.Sum(c * A[I] ** 2, (I, low, cut)) + c * sp.Sum(A[I] ** 2, (I, cut + 1, high))
    return whole, parts, (low, high)


def true_written_out(chance: random.Random) -> Case:
    whole, parts, (low, high) = written_out(chance)
    if chance.random() < 0.5:
        return judged(whole, parts, true=True)
    smaller = sp.Sum(A[I] ** 2, (I, low + 1, high))
    return NUMBERS, Step("drawn", whole, ">=", smaller), True


def wrong_written_out(chance: random.Random) -> Case:
    whole, parts, (low, high) = written_out(chance)
    c = chance.randint(1, 9)
    return chance.choice(
        [
            judged(whole, parts + c),
            judged(whole, -parts),
            judged(whole, parts + c * A[chance.randint(low, high)] ** 2),
            judged(whole, parts.xreplace({A: B})),
            (NUMBERS, Step("drawn", whole, ">=", parts + A[high + c] ** 2), False),
            (NUMBERS, Step("drawn", whole, ">=", whole + A[low] * A[low + 1]), False),
            (NUMBERS, Step("drawn", whole + A[low] ** 3, ">=", whole), False),
            (NUMBERS, Step("drawn", -whole, ">=", sp.Integer(-c)), False),
        ]
    )


def wrong_depths(chance: random.Random) -> Case:
    """A product from block i on, with the wrong start, and one that runs beyond the stack."""
    m = chance.randint(0, 3)
    c = rational(chance)
    from_block = sp.Product(1 + c / J, (J, BLOCK + 1, LAYERS))
    ratio = (
        sp.gamma(LAYERS + 1 + c)
        * sp.gamma(BLOCK + 1)
        / (sp.gamma(LAYERS + 1) * sp.gamma(BLOCK + 1 + c))
    )
    return judged(
        *chance.choice(
            [
                (from_block, ratio.subs(BLOCK, BLOCK + m + 1)),
                (from_block, ratio * (1 + sp.prod([BLOCK - k for k in range(m + 1)]))),
                (sp.Product(1 + c / J, (J, BLOCK + 3, LAYERS)), ratio.subs(BLOCK, BLOCK + 2)),
                (sp.Sum(J, (J, LAYERS, 12 + m)), sp.Sum(J, (J, LAYERS, 12 + m)) + 1),
            ]
        )
    )


FALSE: tuple[Family, ...] = (
    wrong_constant,
    wrong_sign,
    wrong_end,
    right_for_a_while,
    swapped_symbol,
    below_zero,
    bound_index,
    zero_over_zero,
    power_of_zero,
    pole,
    branch_cut,
    discontinuity,
    imaginary_root,
    wrong_bound,
    missing_condition,
    wrong_matrices,
    wrong_shape,
    wrong_limit,
    wrong_trace,
    wrong_binomial,
    wrong_written_out,
    wrong_depths,
)
TRUE: tuple[Family, ...] = (
    true_identity,
    true_inequality,
    true_matrices,
    true_limit,
    true_trace,
    true_binomial,
    true_written_out,
)


def drawn(family: Family, seed: str, count: int) -> Iterator[Case]:
    """Cases of a family, the same for the same seed."""
    chance = random.Random(f"{seed} {family.__name__}")
    for _ in range(count):
        yield family(chance)
