"""Simulated stacks: exact where a formula is known, and the same at every boundary."""

import pytest
import torch

from validate.measure.deep_stacks import (
    BLOCKS,
    Setup,
    dense_squares,
    measure_dense,
    measure_stack,
    ratio,
    stack_squares,
)


@pytest.mark.parametrize("batch", [12, 20])
def test_one_normalised_block_is_exact_at_every_width_and_batch(batch):
    """1 + χ(B − 2)/(B − 3): the two directions that BatchNorm removes, and the mean of 1/s²."""
    ratio = measure_stack("norm_then_linear", Setup(1, 4, batch), draws=1500, seed=16)
    assert abs(ratio.value - 1 - (batch - 2) / (batch - 3)) <= 4 * ratio.error, ratio
    assert ratio.error < 0.03


def test_every_boundary_of_one_simulation_is_the_ratio_measured_on_its_own():
    setup = Setup(3, 4, 8)
    stack, dense = stack_squares("residual", setup, 5, seed=27), dense_squares(setup, 5, seed=27)
    assert stack.shape == dense.shape == (5, 4)
    assert ratio(stack, 0, 3) == measure_stack("residual", setup, 5, seed=27)
    assert ratio(dense, 1, 3) == measure_dense(setup, 5, seed=27, block=1)
    blocks = [ratio(stack, block - 1, block).value for block in (1, 2, 3)]
    assert blocks[0] * blocks[1] * blocks[2] == pytest.approx(ratio(stack, 0, 3).value, rel=1e-12)


def test_blocks_pass_gradcheck():
    """A block with every kind of layer, against finite differences."""
    torch.manual_seed(19)
    block = BLOCKS["pre_activation"](Setup(1, 3, 8)).train()
    x = torch.randn(8, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(block, (x.requires_grad_(),), atol=1e-6)
