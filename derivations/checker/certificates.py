"""Verifies the certificates of inequality steps, and identities between quantities.

A certificate is checked as algebra: the difference of the two sides must expand to the stated sum
of products, and every factor must be ≥ 0 by itself, by the definitions of the quantities, or by an
earlier established step.
"""

from fractions import Fraction
from functools import lru_cache
from itertools import compress, product

import sympy as sp

from derivations.algebra.notation import Free, Notation, Signal
from derivations.algebra.quantities import (
    GAIN,
    Cosine,
    NormRatio,
    Quantity,
    facts,
    parts_of_definition,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.checker.every_signal import over_every_signal
from derivations.checker.matrix_words import (
    Expansion,
    Polynomial,
    SumsAsLetters,
    Word,
    add,
    block_rows,
    multiply,
    scale,
    transpose,
)
from derivations.exact.normal_forms import vanishes
from derivations.exact.signs import signs_of

Frozen = frozenset[tuple[Word, Fraction]]
"""A polynomial that can be compared."""

Case = dict[sp.Symbol, sp.Expr]


def frozen(polynomial: Polynomial) -> Frozen:
    return frozenset(polynomial.items())


class Prover:
    """Collects what a derivation has established about its quantities: expressions ≥ 0 and values
    of squares.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.expansion = derivation, Expansion(derivation.notation)
        self.nonnegative = set(
            map(sp.expand, facts(derivation.quantities, derivation.notation.meanings))
        )
        self.equal: dict[sp.Expr, sp.Expr] = {}

    def proves(self, step: Step) -> bool:
        """Whether the certificates of an inequality hold, given what was learned before."""
        larger, smaller = _sides(step)
        return (
            self._certified(step.certificates, larger, smaller)
            if step.certificates
            else self._collected(larger, smaller)
        )

    def learn(self, step: Step) -> None:
        """Lets later steps use this one."""
        if step.relation == "=":
            self.equal[step.before] = step.after
        elif step.relation in (">=", "<="):
            larger, smaller = _sides(step)
            # From larger ≥ |a| follow larger ≥ a and larger ≥ −a.
            parts = (
                (smaller.args[0], -smaller.args[0]) if isinstance(smaller, sp.Abs) else (smaller,)
            )
            self.nonnegative |= {sp.expand(larger - part) for part in parts}
            self.nonnegative |= over_every_signal(step, self.derivation, self.expansion)

    def _collected(self, larger: sp.Expr, smaller: sp.Expr) -> bool:
        """Whether `smaller` is a maximum of lower bounds that are all established, or a multiple ≥
        0 of one.
        """
        maxima = [factor for factor in sp.Mul.make_args(smaller) if isinstance(factor, sp.Max)]
        if len(maxima) != 1:
            return False
        factor = smaller / maxima[0]
        return bool(factor.is_nonnegative) and all(
            self._is_nonnegative(larger - factor * bound) for bound in maxima[0].args
        )

    def _certified(
        self, certificates: tuple[Certificate, ...], larger: sp.Expr, smaller: sp.Expr
    ) -> bool:
        cases = [
            certificate.assuming for certificate in certificates if certificate.assuming is not None
        ]
        covered = (len(certificates) == 1 and not cases) or (
            len(certificates) == len(cases) == 2 and sp.expand(cases[0] + cases[1]) == 0
        )
        return covered and all(
            self._holds(certificate, larger, smaller) for certificate in certificates
        )

    def _holds(self, certificate: Certificate, larger: sp.Expr, smaller: sp.Expr) -> bool:
        if certificate.power not in (1, 2) or (
            certificate.power == 2 and not self._squares_compare(larger, smaller)
        ):
            return False
        case = _substitution(certificate.assuming)
        power = certificate.power
        difference = (
            larger**power
            - smaller**power
            - sp.Add(*(sp.Mul(*factors) for factors in certificate.products))
        )
        equal = {left: right.xreplace(case) for left, right in self.equal.items()}
        if not vanishes(difference.xreplace(case), relations=equal):
            return False
        return all(self._product_is_nonnegative(factors, case) for factors in certificate.products)

    def _squares_compare(self, larger: sp.Expr, smaller: sp.Expr) -> bool:
        """Whether larger² ≥ smaller² would give larger ≥ smaller: no root is of a negative number,
        and the larger side is ≥ 0.
        """
        roots = [
            side for side in (larger, smaller) if isinstance(side, sp.Pow) and side.exp == sp.S.Half
        ]
        real = all(self._is_nonnegative(root.base) for root in roots)
        return real and (larger in roots or _nonnegative_alone(larger))

    def _product_is_nonnegative(self, factors: tuple[sp.Expr, ...], case: Case) -> bool:
        """Whether a product is ≥ 0: factors that come in pairs are squares, the others must be ≥ 0
        one by one.
        """
        single = [factor for factor in set(factors) if factors.count(factor) % 2]
        real = all(sp.sympify(factor).is_real for factor in factors)
        return real and all(self._is_nonnegative(sp.sympify(factor), case) for factor in single)

    def _is_nonnegative(self, expr: sp.Expr, case: Case | None = None) -> bool:
        case = case or {}
        seen = sp.sympify(expr).xreplace(case)
        if _nonnegative_alone(seen) or _exceeds_its_absolute_value(expr):
            return True
        if _is_beside_an_extreme(expr):
            return True
        return sp.expand(expr) in self.nonnegative


@lru_cache(maxsize=4096)
def _nonnegative_alone(expr: sp.Expr) -> bool:
    """Whether an expression is ≥ 0 by itself, whatever else was established."""
    return signs_of([expr]).nonnegative(expr)


def _exceeds_its_absolute_value(expr: sp.Expr) -> bool:
    """Whether the expression is |a| − a or |a| + a for a real a."""
    return any(
        a.is_real and sp.expand(expr - sp.Abs(a) - sign * a) == 0
        for a in (e.args[0] for e in expr.atoms(sp.Abs))
        for sign in (1, -1)
    )


def _is_beside_an_extreme(expr: sp.Expr) -> bool:
    """Whether the expression is a − min(a, …) or max(a, …) − a."""
    return any(
        sp.expand(expr - sign * (a - extreme)) == 0
        for kind, sign in ((sp.Min, 1), (sp.Max, -1))
        for extreme in expr.atoms(kind)
        for a in extreme.args
    )


def _sides(step: Step) -> tuple[sp.Expr, sp.Expr]:
    return (step.before, step.after) if step.relation == ">=" else (step.after, step.before)


def _substitution(assuming: sp.Expr | None) -> Case:
    """Makes a case visible to SymPy's assumptions: c ≥ 0 replaces c by a nonnegative symbol, −c ≥ 0
    by minus one.
    """
    if assuming is None:
        return {}
    (symbol,) = assuming.free_symbols
    sign = assuming.coeff(symbol)
    if sp.expand(assuming - sign * symbol) != 0 or sign not in (1, -1):
        raise ValueError(f"a case is a symbol or its negative, not {assuming}")
    return {symbol: sign * sp.Dummy("p", nonnegative=True)}


def gram_equal(step: Step, derivation: Derivation) -> bool:
    """Whether both sides agree once every quantity is written in inner products of the words it is
    made of: where the columns of a cosine are not 0, and where they are, the cosine being 0.
    """
    met = (step.before - step.after).free_symbols
    quantities = [quantity for quantity in derivation.quantities if quantity.symbol in met]
    if met - {quantity.symbol for quantity in quantities}:
        return False
    notation = derivation.notation
    columns = [part for each in quantities for part in parts_of_definition(each.definition)]
    # As a rule what is equal is so before sums within products are multiplied out.
    return any(
        _gram_equal(step, derivation, quantities, expansion)
        for expansion in (
            SumsAsLetters(notation, columns),
            Expansion(notation),
        )
    )


def _gram_equal(
    step: Step, derivation: Derivation, quantities: list[Quantity], expansion: Expansion
) -> bool:
    nonzero = nonzero_columns(derivation, expansion)
    open_columns = {
        frozen(expansion.expand(column)): column
        for quantity in quantities
        if isinstance(quantity.definition, Cosine)
        for column in (quantity.definition.first, quantity.definition.second)
    }
    zeros = [column for key, column in open_columns.items() if key not in nonzero]
    return all(
        _agree(step, quantities, expansion, list(compress(zeros, case)))
        for case in product((False, True), repeat=len(zeros))
    )


def _agree(
    step: Step, quantities: list[Quantity], expansion: Expansion, zeros: list[sp.Expr]
) -> bool:
    """Whether both sides agree where these columns are 0, and no others of a cosine."""
    gone: list[tuple[Word, Polynomial]] = []
    for column in zeros:
        polynomial = _without(expansion.expand(column), gone)
        if polynomial:
            word = max(polynomial, key=lambda each: (len(each), each))
            k = polynomial.pop(word)
            gone.append((word, scale(polynomial, -1 / k)))
    values = {}
    for quantity in quantities:
        value = _in_inner_products(quantity, expansion, gone)
        if value is None:
            return False
        values[quantity.symbol] = value
    # A ratio to a column that is 0 here is a world outside the domain; one to 0 itself has none.
    if sp.zoo in values.values():
        return bool(zeros)
    return vanishes((step.before - step.after).subs(values, simultaneous=True))


def _without(polynomial: Polynomial, gone: list[tuple[Word, Polynomial]]) -> Polynomial:
    """The polynomial of a column after A w = A r for every word w that is r where a column is 0."""
    for word, rest in gone:
        parts = []
        for each, k in polynomial.items():
            if each[len(each) - len(word) :] == word:
                parts.append(multiply({each[: len(each) - len(word)]: k}, rest))
            else:
                parts.append({each: k})
        polynomial = add(*parts)
    return polynomial


def squares_of_lengths(quantities: tuple[Quantity, ...]) -> frozenset[sp.Expr]:
    """What is ≥ 0 because a cosine is in [−1, 1], and with it k = min(c, 0); their roots exist.

    1 + k, 1 − k², and 1 + 2kt + t² = (t + k)² + 1 − k².
    """
    cosines = [q.symbol for q in quantities if isinstance(q.definition, Cosine)]
    ratios = [q.symbol for q in quantities if isinstance(q.definition, NormRatio)]
    within = [k for c in cosines for k in (c, sp.Min(c, 0))]
    lengths = [1 + 2 * k * t + t**2 for k in within for t in ratios]
    return frozenset(
        map(sp.expand, [*(1 + k for k in within), *(1 - k**2 for k in within), *lengths])
    )


def nonzero_columns(derivation: Derivation, expansion: Expansion) -> set[Frozen]:
    """The columns that are not 0 in the domain of a derivation: its signals and free columns, what
    has one of them for a slice, what its gain is relative to, and what it names.
    """
    named = [*derivation.nonzero]
    for quantity in derivation.quantities:
        match quantity:
            case Quantity(symbol, NormRatio(_, base)) if symbol == GAIN:
                named.append(base)
            case Quantity(_, NormRatio(_, base)) if _is_given(base, derivation.notation):
                named.append(base)
            case Quantity(_, Cosine(first, second)):
                named += [c for c in (first, second) if _is_given(c, derivation.notation)]
    return {frozen(expansion.expand(column)) for column in named}


def _is_given(column: sp.Expr, notation: Notation) -> bool:
    if isinstance(column, sp.BlockMatrix):
        return any(_is_given(row, notation) for row in block_rows(column))
    return isinstance(notation.meanings.get(column), (Signal, Free))


def _number(word: Word) -> sp.Symbol:
    """The symbol of a 1 × 1 product: only a wᵀw is known to be ≥ 0."""
    half = len(word) // 2
    square = len(word) % 2 == 0 and word[:half] == tuple(
        letter.flipped() for letter in reversed(word[half:])
    )
    return sp.Symbol(repr(word), **({"nonnegative": True} if square else {"real": True}))


def _in_inner_products(
    quantity: Quantity, expansion: Expansion, gone: list[tuple[Word, Polynomial]]
) -> sp.Expr | None:
    """The quantity where the columns that are `gone` are 0; complex infinity for a ratio to 0."""

    def column(expr: sp.Expr) -> Polynomial:
        return _without(expansion.expand(expr), gone)

    def inner(left: Polynomial, right: Polynomial) -> sp.Expr:
        # A product may end, or begin, with a column that is 0 though neither side does.
        product = _without(multiply(transpose(left), right), gone)
        product = transpose(_without(transpose(product), gone))
        words = expansion.normal(product, number=True)
        return sp.Add(
            *(sp.Rational(k.numerator, k.denominator) * _number(word) for word, k in words.items())
        )

    match quantity.definition:
        case NormRatio(numerator, denominator):
            top, bottom = column(numerator), column(denominator)
            below = inner(bottom, bottom)
            return sp.sqrt(inner(top, top)) / sp.sqrt(below) if below != 0 else sp.zoo
        case Cosine(first, second):
            a, b = column(first), column(second)
            lengths = inner(a, a) * inner(b, b)
            return (
                inner(a, b) / (sp.sqrt(inner(a, a)) * sp.sqrt(inner(b, b)))
                if lengths != 0
                else sp.S.Zero
            )
    return None
