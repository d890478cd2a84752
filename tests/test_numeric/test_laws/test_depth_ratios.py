"""The gain of one block, from a law at two places, against the factor of its recurrence."""

from math import prod

import pytest
import sympy as sp

from derivations.algebra.letters import CHI
from derivations.errors import InputError
from derivations.laws.depth_laws import FIRST_WIDTH, LAYER, depth_laws
from derivations.laws.gaussian_moments import KAPPA
from numeric.laws.depth_ratios import evaluate_block, evaluate_law

LAWS = {law.network: law for law in depth_laws()}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_the_gain_of_a_block_is_the_factor_of_the_recurrence(law, gain):
    depth, first_width = 5, 3.0 if law.network == "dense_unequal" else 1.0
    options = {"gain": gain, "first_width": first_width}
    gains = [evaluate_block(law, depth, block, **options) for block in range(1, depth + 1)]
    values = {CHI: gain, FIRST_WIDTH: first_width, KAPPA: 1 - 1 / sp.pi}
    factors = [float(law.factor.subs({**values, LAYER: block})) for block in range(1, depth + 1)]
    if law.network == "dense_last":
        factors[-1] = gain / depth  # from x_l, where alone there is a signal
    assert gains == pytest.approx(factors, rel=1e-12)
    assert prod(gains) == pytest.approx(evaluate_law(law, depth, **options), rel=1e-12)


def test_a_known_block():
    """1 + χ/ℓ behind ℓ − 1 normalised blocks, whatever follows it."""
    for depth in (3, 40):
        assert evaluate_block(LAWS["norm_then_linear"], depth, 3) == pytest.approx(
            1 + 1 / 3, rel=1e-12
        )


@pytest.mark.parametrize("network", ["residual", "dense"])
@pytest.mark.parametrize(("depth", "block"), [(3, 0), (3, 4), (3, 1.5), (0, 1)])
def test_a_block_that_is_not_there_is_refused(network, depth, block):
    with pytest.raises(InputError):
        evaluate_block(LAWS[network], depth, block)
