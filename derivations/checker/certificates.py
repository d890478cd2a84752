"""Verifies the certificates of inequality steps, and identities between quantities.

A certificate is checked as algebra: the difference of the two sides must expand to the stated sum
of products, and every factor must be ≥ 0 by itself, by the definitions of the quantities, or by an
earlier established step.
"""

import sympy as sp

from derivations.algebra.quantities import Cosine, NormRatio, Quantity, facts
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.checker.every_signal import over_every_signal
from derivations.checker.matrix_words import Expansion, Polynomial, Word, multiply, transpose

Case = dict[sp.Symbol, sp.Expr]


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
        # The case is applied twice: the learned value of a square brings its symbol back in.
        if sp.expand(sp.expand(difference.xreplace(case)).subs(self.equal).xreplace(case)) != 0:
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
        return real and (larger in roots or bool(larger.is_nonnegative))

    def _product_is_nonnegative(self, factors: tuple[sp.Expr, ...], case: Case) -> bool:
        """Whether a product is ≥ 0: factors that come in pairs are squares, the others must be ≥ 0
        one by one.
        """
        single = [factor for factor in set(factors) if factors.count(factor) % 2]
        real = all(sp.sympify(factor).is_real for factor in factors)
        return real and all(self._is_nonnegative(sp.sympify(factor), case) for factor in single)

    def _is_nonnegative(self, expr: sp.Expr, case: Case | None = None) -> bool:
        case = case or {}
        if expr.xreplace(case).is_nonnegative or _exceeds_its_absolute_value(expr):
            return True
        return sp.expand(expr) in self.nonnegative


def _exceeds_its_absolute_value(expr: sp.Expr) -> bool:
    """Whether the expression is |a| − a or |a| + a for a real a."""
    return any(
        a.is_real and sp.expand(expr - sp.Abs(a) - sign * a) == 0
        for a in (e.args[0] for e in expr.atoms(sp.Abs))
        for sign in (1, -1)
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
    made of.
    """
    expansion = Expansion(derivation.notation)
    values = {
        quantity.symbol: _in_inner_products(quantity, expansion)
        for quantity in derivation.quantities
    }
    known = {symbol: value for symbol, value in values.items() if value is not None}
    difference = step.before - step.after
    if not difference.free_symbols <= set(known):
        return False
    return sp.cancel(sp.expand(difference.subs(known, simultaneous=True))) == 0


def _number(word: Word) -> sp.Symbol:
    """The symbol of a 1 × 1 product: only a wᵀw is known to be ≥ 0."""
    half = len(word) // 2
    square = len(word) % 2 == 0 and word[:half] == tuple(
        letter.flipped() for letter in reversed(word[half:])
    )
    return sp.Symbol(repr(word), **({"nonnegative": True} if square else {"real": True}))


def _in_inner_products(quantity: Quantity, expansion: Expansion) -> sp.Expr | None:
    def inner(left: Polynomial, right: Polynomial) -> sp.Expr:
        words = expansion.normal(multiply(transpose(left), right), number=True)
        return sp.Add(
            *(sp.Rational(k.numerator, k.denominator) * _number(word) for word, k in words.items())
        )

    match quantity.definition:
        case NormRatio(numerator, denominator):
            top, bottom = expansion.expand(numerator), expansion.expand(denominator)
            return sp.sqrt(inner(top, top)) / sp.sqrt(inner(bottom, bottom))
        case Cosine(first, second):
            a, b = expansion.expand(first), expansion.expand(second)
            return inner(a, b) / (sp.sqrt(inner(a, a)) * sp.sqrt(inner(b, b)))
    return None
