"""Mutants of the checker: the tests beside it must fail."""

from mutants.mutant import Mutant

CHECKERS = [
    Mutant(
        "induction forgets the base",
        "derivations/checker/induction.py",
        "return _is_zero(base) and _follows",
        "return _follows",
    ),
    Mutant(
        "induction forgets the step",
        "derivations/checker/induction.py",
        "return _is_zero(base) and _follows(at, later, values)",
        "return _is_zero(base)",
    ),
    Mutant(
        "induction divides by zero",
        "derivations/checker/induction.py",
        "or not _is_defined(difference)",
        "",
    ),
    Mutant(
        "a trace does not care for order",
        "derivations/checker/traces.py",
        "return sp.Symbol(repr(min(turns)), real=True)",
        "return sp.Symbol(repr(sorted(min(turns))), real=True)",
    ),
    Mutant(
        "random columns are correlated",
        "derivations/checker/traces.py",
        "        if met[0].name != met[1].name:\n            return sp.Integer(0)\n",
        "",
    ),
    Mutant(
        "a fourth moment is a second one",
        "derivations/checker/traces.py",
        "if len(met) != 2 or",
        "if len(met) < 2 or",
    ),
    Mutant(
        "the rows of an inclusion are those of the whole",
        "derivations/checker/traces.py",
        "letter.embeds.stop - letter.embeds.start if letter.transposed else letter.embeds.total",
        "letter.embeds.total",
    ),
    Mutant(
        "an empty inner sum counts",
        "derivations/checker/concrete_sums.py",
        "rows[(last > first)[:, 0]]",
        "rows[(last >= first - 1)[:, 0]]",
    ),
    Mutant(
        "odd powers are squares",
        "derivations/checker/concrete_sums.py",
        "power % 2 == 0 for _, power, _ in",
        "power > 0 for _, power, _ in",
    ),
    Mutant(
        "a root may be of a negative number",
        "derivations/checker/concrete_sums.py",
        'ordered = step.relation != "->" and (power == 1 or is_nonnegative(larger))',
        'ordered = step.relation != "->"',
    ),
    Mutant(
        "indices count from the end",
        "derivations/checker/drawn_sums.py",
        "np.any(np.less(index, 0)) or ",
        "",
    ),
    Mutant(
        "running totals include one entry more",
        "derivations/checker/drawn_sums.py",
        "totals[_within(last + 1)] - totals[_within(first)]",
        "totals[_within(last + 1)] - totals[_within(first - 1 if np.all(first) else first)]",
    ),
    Mutant(
        "Pascal's rule need not hold to be summed",
        "derivations/checker/binomials.py",
        "return _vanishes(pascal) and doubled == 0",
        "return doubled == 0",
    ),
    Mutant(
        "a summed row starts anywhere",
        "derivations/checker/binomials.py",
        "if (low, high) != (0, LAYERS) or",
        "if high != LAYERS or",
    ),
    Mutant(
        "the doubling is not checked",
        "derivations/checker/binomials.py",
        "return _vanishes(pascal) and doubled == 0 and",
        "return _vanishes(pascal) and",
    ),
    Mutant(
        "columns of a slice are ignored",
        "derivations/checker/matrix_words.py",
        "if step != 1 or expr.colslice != (0, expr.parent.shape[1], 1):",
        "if step != 1:",
    ),
]
