"""What every layer doubles, against its recurrence added up number by number."""

import sympy as sp

from derivations.algebra.doubling import doubled
from derivations.algebra.letters import LAYERS


def test_the_counts_solve_their_recurrence():
    counts = [1]
    for _ in range(12):
        counts.append(1 + sum(counts))
    assert [int(doubled(sp.Integer(n))) for n in range(1, 14)] == counts


def test_the_count_is_a_formula_in_any_number_of_layers():
    assert sp.expand(doubled(LAYERS) - 2 ** (LAYERS - 1)) == 0
    assert doubled(LAYERS + 3).subs(LAYERS, 2) == 16
