"""The ends of a spectrum as one Krylov run knows them: residuals, and limits of the floats."""

from dataclasses import FrozenInstanceError

import pytest
import torch
from strategies import DTYPES, gaussian
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric.operators.composed_operators import DiagonalOperator
from numeric.operators.spectra import (
    sigma_max,
    singular_extremes,
    symmetric_extremes,
)


def test_the_ritz_residual_bounds_the_distance_to_the_spectrum():
    matrices = gaussian(4, 40, 40, seed=0)
    symmetric = (matrices + matrices.mT) / 2
    for enclosure, ritz in zip(
        symmetric_extremes(MatrixOperator(matrices), steps=6), ("high", "low"), strict=True
    ):
        distance = (
            (torch.linalg.eigvalsh(symmetric) - getattr(enclosure, ritz)[:, None]).abs().amin(1)
        )
        assert (distance <= enclosure.residual + 1e-9).all()
        assert (enclosure.residual > 0).all()
    greatest = sigma_max(MatrixOperator(matrices), steps=6)
    assert (
        (torch.linalg.svdvals(matrices) - greatest.low[:, None]).abs().amin(1)
        <= greatest.residual + 1e-9
    ).all()


def test_the_residual_vanishes_at_the_end_that_has_converged():
    values = torch.cat(
        [torch.linspace(0.1, 0.5, 99, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]
    )
    operator = DiagonalOperator(values.expand(2, -1))
    for least, greatest in (
        singular_extremes(operator, steps=14),
        symmetric_extremes(operator, steps=14),
    ):
        assert (greatest.residual < 1e-5).all()
        assert (least.residual > 1e-4).all()


def test_an_enclosure_is_frozen():
    enclosure = sigma_max(MatrixOperator(gaussian(4, 2, 2, seed=0)))
    with pytest.raises(FrozenInstanceError):
        enclosure.delta = 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_enclosures_hold_where_products_are_subnormal(dtype):
    """There rounding is no longer relative: 1e-42 has ten bits in float32."""
    matrices = (gaussian(3, 12, 12, seed=0) * torch.finfo(dtype).tiny * 1e-4).to(dtype)
    operator, scale = MatrixOperator(matrices), torch.finfo(dtype).tiny
    truth = torch.linalg.svdvals(matrices.double() / scale) * scale
    for steps in (6, 12):
        least, greatest = singular_extremes(operator, steps=steps)
        assert ((least.low <= truth[:, -1]) & (truth[:, -1] <= least.high)).all()
        assert ((greatest.low <= truth[:, 0]) & (truth[:, 0] <= greatest.high)).all()


def test_an_end_beyond_the_range_of_float64_is_refused():
    operator = MatrixOperator(gaussian(1, 12, 12, seed=0) * 1e307)
    for enclose in (sigma_max, symmetric_extremes):
        with pytest.raises(InputError, match="beyond the range"):
            enclose(operator, steps=3)
