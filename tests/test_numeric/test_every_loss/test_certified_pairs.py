"""Certified gains of a block over a span of signals: never violated, and as tight as floats."""

import math

import pytest
import torch
from cases import layers
from flint import arb
from strategies import gaussian
from torch import nn
from twins.ball_twin import drawn_case, exact_gain

from derivations.algebra.blocks import block
from derivations.errors import InputError, UnknownNodeError
from numeric import certify, realize
from numeric.every_loss.certified_pairs import certified_pair
from numeric.every_loss.loss_bounds import bounds
from numeric.every_loss.reachable import reachable
from validate.networks.build import build

BLOCKS = ("plain", "residual", "se_residual", "dense")


@pytest.mark.parametrize("name", BLOCKS)
def test_no_signal_of_the_span_leaves_in_exact_arithmetic(name):
    """Against the twin in 128-bit balls, at combinations of the columns that are stored exactly."""
    for seed in range(6):
        case = drawn_case(name, 5, seed)
        columns = gaussian(1, case.g.numel(), 3, seed=seed).mul(2**20).round() * 2.0**-20
        found = certified_pair(block(name).term, case.leaves, case.x, columns)
        assert 0 < found.lower.item() < found.upper.item() < math.inf
        for draw in range(5):
            c = gaussian(3, seed=draw).mul(64).round() / 64
            g = (columns[0] @ c).reshape(case.g.shape)
            gain = exact_gain(type(case)(case.block, case.leaves, case.x, g))
            assert arb(found.lower.item()) <= gain.lower()
            assert arb(found.upper.item()) >= gain.upper()


@pytest.mark.parametrize("name", BLOCKS)
def test_ends_are_those_of_the_pencil_to_nine_digits(name):
    leaves = layers()
    term = block(name).term
    x = gaussian(2, 4, 3, 3, seed=0)
    out = realize(term, leaves)(x)
    columns = gaussian(2, out[0].numel(), 4, seed=1)
    found = certified_pair(term, leaves, x, columns)
    for sample in range(2):
        pulled = torch.stack(
            [
                torch.autograd.grad(
                    realize(term, leaves)(h := x.clone().requires_grad_()), h,
                    columns[:, :, k].reshape(out.shape),
                )[0][sample].flatten()
                for k in range(4)
            ], 1,
        )  # fmt: skip
        r = torch.linalg.qr(columns[sample], mode="r").R
        values = torch.linalg.svdvals(pulled @ torch.linalg.inv(r))
        assert found.upper[sample].item() == pytest.approx(values[0].item(), rel=1e-9)
        assert found.lower[sample].item() == pytest.approx(values[-1].item(), rel=1e-9)
        assert found.upper[sample] >= values[0] * (1 - 1e-13)
        assert found.lower[sample] <= values[-1] * (1 + 1e-13)


def test_one_column_is_certifys_gain():
    leaves, x = layers(), gaussian(2, 4, 3, 3, seed=0)
    g = gaussian(2, 4, 3, 3, seed=1)
    one = certify("residual", leaves, x, g)
    found = certified_pair("residual", leaves, x, g.flatten(1)[:, :, None])
    assert (found.lower <= one.low * (1 + 1e-12)).all()
    assert (found.upper >= one.high * (1 - 1e-12)).all()
    assert torch.allclose(found.upper, found.lower, rtol=1e-9)


@pytest.mark.parametrize("name", ["plain-8", "residual-8", "se_residual-8", "dense-10"])
def test_networks_are_certified_block_by_block(name):
    network, x = build(name).eval().double(), gaussian(2, 1, 8, 8, seed=0)
    found = reachable(network, x)
    h, certified = network.stem(x), 0
    for k, (_, segment) in enumerate(network.chain()):
        leaves = dict(segment.leaves)
        if "P" in leaves:
            out = segment(h)
            leaves["P"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            leaves["B"] = nn.Sequential(
                nn.Unflatten(1, (out.shape[1], 1, 1)), nn.Upsample(segment.size)
            )
        if any(type(each).__name__ == "Shortcut" for each in leaves.values()):
            h = segment(h)
            continue
        pair = certified_pair(segment.term, leaves, h, found.at(k + 1))
        numbers = bounds(found, k, k + 1)
        assert (pair.lower <= numbers.lower * (1 + 1e-12)).all()
        assert (pair.upper >= numbers.upper * (1 - 1e-12)).all()
        assert torch.allclose(pair.upper, numbers.upper, rtol=1e-7)
        assert torch.allclose(pair.lower, numbers.lower, rtol=1e-6)
        h, certified = segment(h), certified + 1
    assert certified >= 3
    assert pair.certainty == "certified"


def test_columns_are_not_rounded_to_the_inputs_precision():
    """In float32 this pair of columns would be one, and a kernel."""
    x = gaussian(1, 5, seed=0).float()
    leaves = {"F": nn.Linear(5, 5)}
    columns = gaussian(1, 5, 1, seed=1).expand(1, 5, 2).clone()
    columns[0, 0, 1] += 1e-9
    found = certified_pair("plain", leaves, x, columns)
    assert found.upper.item() < math.inf
    assert certified_pair("plain", leaves, x, columns.float()).upper.item() == math.inf


def test_columns_with_a_kernel_are_bounded_by_nothing():
    leaves, x = layers(), gaussian(1, 4, 3, 3, seed=0)
    columns = gaussian(1, 36, 3, seed=1)
    columns[:, :, 2] = columns[:, :, 1]
    found = certified_pair("residual", leaves, x, columns)
    assert found.upper.item() == math.inf
    assert found.lower.item() == 0


def test_what_does_not_fit_is_refused():
    leaves, x = layers(), gaussian(1, 4, 3, 3, seed=0)
    with pytest.raises(InputError, match="columns of 35 entries"):
        certified_pair("residual", leaves, x, gaussian(1, 35, 3, seed=0))
    with pytest.raises(InputError, match="give"):
        certified_pair("residual", leaves, x, gaussian(2, 36, 3, seed=0))
    with pytest.raises(UnknownNodeError):
        certified_pair("residual", {"F": nn.Softmax(1)}, x, gaussian(1, 36, 3, seed=0))
