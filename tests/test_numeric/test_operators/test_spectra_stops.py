"""When samples stop, and that stopping changes nothing but the width."""

import pytest
import torch
from strategies import gaussian
from twins import dense_twin
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric.operators.composed_operators import IdentityOperator, Sum
from numeric.operators.spectra import (
    sigma_max,
    sigma_min_adjoint,
    singular_extremes,
    symmetric_extremes,
)

METHODS = {
    "sigma_max": lambda operator, **options: (sigma_max(operator, **options),),
    "sigma_min_adjoint": lambda operator, **options: (sigma_min_adjoint(operator, **options),),
    "singular_extremes": singular_extremes,
    "symmetric_extremes": symmetric_extremes,
}


def mixed(batch: int = 4) -> MatrixOperator:
    """One sample whose ends stand out, others that are harder."""
    matrices = gaussian(batch, 60, 60, seed=1)
    matrices[0] += (
        100 * torch.eye(60, dtype=torch.float64)[:, :1] @ torch.eye(60, dtype=torch.float64)[:1]
    )
    return MatrixOperator(matrices)


@pytest.mark.parametrize("method", METHODS)
def test_samples_stop_when_they_are_narrow_enough(method):
    operator, rtol = mixed(), 1e-2
    found = METHODS[method](operator, steps=60, rtol=rtol)
    size = torch.stack([torch.maximum(end.low.abs(), end.high.abs()) for end in found]).amax(0)
    if method == "sigma_min_adjoint":
        size = sigma_max(operator, steps=60).high
    for end in found:
        assert (end.high - end.low <= rtol * size * (1 + 1e-9)).all()
        assert (end.steps <= 60).all()
    assert len(set(found[0].steps.tolist())) > 1
    truth = {
        "sigma_max": (dense_twin.sigma_max,),
        "sigma_min_adjoint": (dense_twin.sigma_min_adjoint,),
    }
    for end, true in zip(found, truth.get(method, ()), strict=False):
        assert (end.low <= true(operator.matrices)).all()
        assert (true(operator.matrices) <= end.high).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_stops_as_it_would_alone(method):
    """The answer that is frozen is that of its own step, not of its companions' last."""
    operator = mixed()
    together = METHODS[method](operator, steps=60, rtol=1e-2)
    for i in range(operator.batch):
        count = int(together[0].steps[i])
        unhurried = METHODS[method](operator, steps=count)
        for end, other in zip(together, unhurried, strict=True):
            assert end.steps[i] == count
            assert end.low[i].item() == pytest.approx(other.low[i].item(), rel=1e-12, abs=1e-12)
            assert end.high[i].item() == pytest.approx(other.high[i].item(), rel=1e-12)


def test_products_stop_when_every_sample_has():
    class Counting(MatrixOperator):
        count = 0

        def _push(self, v):
            Counting.count += 1
            return super()._push(v)

    operator = Counting(mixed(1).matrices)
    found = sigma_max(operator, steps=60, rtol=1e-2)
    assert Counting.count == found.steps.max() < 20


def test_the_cap_ends_what_does_not_narrow():
    found = sigma_max(mixed(), steps=5, rtol=1e-9)
    assert (found.steps == 5).all()
    assert torch.equal(found.high, sigma_max(mixed(), steps=5).high)


@pytest.mark.parametrize("rtol", [0.0, 1.0, -1e-3, float("nan"), "small"])
def test_meaningless_widths_are_refused(rtol):
    with pytest.raises(InputError, match="rtol"):
        sigma_max(mixed(), rtol=rtol)


@pytest.mark.parametrize("size", [1e-8, 0.1])
def test_the_identity_beside_a_branch_that_nearly_cancels_it(size):
    """σ_min(I + J_F) with J_F = −I + a little: the skip alone guarantees nothing."""
    branch = size * gaussian(2, 8, 8, seed=3) - torch.eye(8, dtype=torch.float64)
    operator = Sum(IdentityOperator((8,), 2, torch.float64), MatrixOperator(branch))
    found, truth = (
        sigma_min_adjoint(operator),
        dense_twin.sigma_min_adjoint(branch + torch.eye(8, dtype=torch.float64)),
    )
    assert (found.low <= truth).all()
    assert (truth <= found.high).all()
    assert (found.high - found.low <= 1e-10).all()
