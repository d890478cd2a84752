"""Layers in sequence as one map fed back through slopes: closed, it is the Jacobian."""

import math

import torch
from strategies import gaussian
from torch import nn

from numeric.certified.compositions.affine_forms import steps
from numeric.certified.compositions.slope_blocks import blocks, unknown
from numeric.certified.enclosed_tensors import Enclosed


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv1d(2, 3, 3, padding=1), nn.Tanh(), nn.Conv1d(3, 2, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(8, 6), nn.SiLU(), nn.Linear(6, 4),
    ).double().eval()  # fmt: skip


def slopes_written(found, deltas):
    """The product of all layers with D = M + RΔ, column by column."""
    v = Enclosed.exactly(torch.eye(12).double().view(12, 2, 6))
    rest = deltas
    for step in found:
        if step.slopes is None:
            v = Enclosed.exactly(step.here.push(v).mid)
            continue
        places, slopes = unknown(step), step.slopes.mid.flatten().clone()
        slopes[places] += step.slopes.rad.flatten()[places] * rest[: len(places)]
        rest = rest[len(places) :]
        v = Enclosed.exactly(v.mid * slopes.view(1, *v.shape[1:]))
    return v.mid.view(12, -1).mT


def test_fed_back_it_is_the_product_of_the_layers():
    x = gaussian(1, 2, 6, seed=5)
    with torch.no_grad():
        found = steps(network(), x, 0.2, math.inf, x.dtype)
        given = blocks(found, x.shape)
        m, n, k = given.outputs, given.inputs, given.units
        assert (m, n) == (4, 12)
        assert k == sum(len(unknown(step)) for step in found) > 20
        matrix = given.matrix.mid
        f, c, b, a = matrix[:m, :n], matrix[:m, n:], matrix[m:, :n], matrix[m:, n:]
        assert (a.triu() == 0).all()
        assert (given.matrix.rad < 1e-12).all()
        for seed in range(5):
            deltas = gaussian(k, seed=seed).clamp(-1, 1)
            closed = f + c @ torch.linalg.solve(
                torch.eye(k).double() - deltas[:, None] * a, deltas[:, None] * b
            )
            assert torch.allclose(closed, slopes_written(found, deltas), rtol=1e-9, atol=1e-12)


def test_slopes_that_are_known_are_no_units():
    x = gaussian(1, 2, 6, seed=5)
    with torch.no_grad():
        found = steps(network(), x, 0.0, math.inf, x.dtype)
        given = blocks(found, x.shape)
    assert given.units == 0
    jacobian = torch.autograd.functional.jacobian(network(), x).view(4, 12)
    assert ((given.matrix.mid - jacobian).abs() <= given.matrix.rad + 1e-14).all()
