"""How near spectra come to the dense twin on real blocks, and how often probable bounds fail."""

import pytest
import torch
from torch import Tensor, nn
from twins import dense_twin

from numeric.operators.composed_operators import DiagonalOperator, IdentityOperator, Sum
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.ritz_ends import Enclosure
from numeric.operators.spectra import (
    sigma_max,
    sigma_min_adjoint,
    singular_extremes,
    symmetric_extremes,
)


def relative_error(found: Enclosure, truth: Tensor, scale: Tensor) -> float:
    return (
        (((found.low + found.high) / 2 - truth).abs() / torch.where(scale > 0, scale, 1))
        .max()
        .item()
    )


def drawn_block(seed: int, largest: int) -> tuple[nn.Module, Tensor]:
    """A real block in double precision and eval mode: strided, dilated, grouped convolutions,
    normalization, pooling, dense layers.
    """
    generator = torch.Generator().manual_seed(seed)
    channels = 2 * int(torch.randint(1, 5, (), generator=generator))
    side = int(torch.randint(2, int((largest / channels) ** 0.5) + 1, (), generator=generator))
    parts = [
        nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        ),
        nn.Sequential(nn.Conv2d(channels, channels, 3, padding=2, dilation=2, groups=2), nn.Tanh()),
        nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(2 * channels, channels, 1),
        ),
        nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, ceil_mode=True),
        ),
        nn.Sequential(
            nn.Flatten(), nn.Linear(channels * side**2, channels * side**2), nn.Sigmoid()
        ),
    ]
    block = parts[seed % len(parts)].double().eval()
    with torch.no_grad():
        for weight in block.parameters():
            weight.copy_(
                torch.randn(weight.shape, generator=generator, dtype=torch.float64)
                / weight[0].numel() ** 0.5
            )
    return block, torch.randn(2, channels, side, side, generator=generator, dtype=torch.float64)


def disagreement(seed: int, largest: int) -> float:
    """The worst relative error of all spectra of a drawn block against the dense twin, after full
    runs.
    """
    block, x = drawn_block(seed, largest)
    operator, jacobian = JacobianOperator(block, x), dense_twin.jacobian(block, x)
    scale = dense_twin.sigma_max(jacobian)
    full = min(operator.in_dim, operator.out_dim)
    least, greatest = singular_extremes(operator, steps=full)
    errors = [
        relative_error(greatest, scale, scale),
        relative_error(least, dense_twin.sigma_min_adjoint(jacobian), scale),
    ]
    if operator.in_shape == operator.out_shape:
        for end, truth in zip(
            symmetric_extremes(operator, steps=full),
            dense_twin.symmetric_extremes(jacobian),
            strict=True,
        ):
            errors.append(relative_error(end, truth, scale))
        shifted = Sum(IdentityOperator(operator.in_shape, 2, torch.float64), operator)
        sum_of_both = jacobian + torch.eye(operator.in_dim, dtype=torch.float64)
        errors.append(
            relative_error(
                sigma_min_adjoint(shifted, steps=full),
                dense_twin.sigma_min_adjoint(sum_of_both),
                1 + scale,
            )
        )
    return max(errors)


def test_spectra_of_five_hundred_blocks_agree_with_the_dense_twin():
    """To 1e-8 relative to σ_max: relative to themselves, least values are as ill-conditioned as J
    is.
    """
    assert max(disagreement(seed, largest=32) for seed in range(500)) <= 1e-8


@pytest.mark.slow
def test_spectra_of_large_blocks_agree_with_the_dense_twin():
    assert max(disagreement(seed, largest=512) for seed in range(60)) <= 1e-8


# For a random start: one value above many that are equal, or spread, and after how many steps that
# shows.
HARD = {
    "one above equals": (torch.cat([torch.ones(1), torch.zeros(99)]), 1),
    "one above others": (torch.cat([torch.ones(1), torch.linspace(0.9, 0, 99)]), 10),
}


@pytest.mark.parametrize("name", HARD)
def test_ten_thousand_bounds_fail_at_most_as_often_as_delta_and_not_wildly_less(name):
    """Allowed: three standard deviations of a binomial count. Fewer failures than δ / 5 would be
    wildly conservative; 2 to 3 % are seen.
    """
    (values, steps), delta, draws = HARD[name], 0.05, 10_000
    diagonal = values.double().expand(draws, -1)
    above = sigma_max(DiagonalOperator(diagonal), steps=steps, delta=delta, seed=1).high < 1 - 1e-9
    below = (
        symmetric_extremes(DiagonalOperator(-diagonal), steps=steps, delta=delta, seed=2)[0].low
        > -1 + 1e-9
    )
    for failures in (int(above.sum()), int(below.sum())):
        assert (
            delta * draws / 5
            <= failures
            <= delta * draws + 3 * (draws * delta * (1 - delta)) ** 0.5
        )
