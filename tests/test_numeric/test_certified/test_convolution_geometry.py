"""Convolutions changed after they were built: what is read off them is what torch does."""

import random

import pytest
import torch
from strategies import gaussian
from torch import nn
from twins.ball_norms import is_above
from twins.layer_twins import by_frequency

from derivations.errors import InputError
from numeric.certified.convolution_geometry import each_axis, geometry
from numeric.certified.layer_lipschitz import lipschitz_upper

# Torch warns of uneven padding, which is among what is tried.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

KINDS = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}


def dyadic(*shape: int, seed: int) -> torch.Tensor:
    """Gaussian entries with few bits, so that sums of some are exact."""
    return (64 * gaussian(*shape, seed=seed)).round() / 64


def changed(seed: int, transposed: bool = False) -> tuple[nn.Module, tuple[int, ...]]:
    """A convolution whose every attribute was another when it was built, and a shape for it."""
    draw = random.Random(seed)
    axes, groups = draw.choice((1, 2)), draw.choice((1, 2))
    kind = (TRANSPOSED if transposed else KINDS)[axes]
    mode = "zeros" if transposed else draw.choice(("zeros", "circular", "reflect", "replicate"))
    built = {"padding": draw.randint(0, 2), "dilation": draw.randint(1, 2), "padding_mode": mode}
    layer = kind(2 * groups, 2, draw.randint(1, 3), groups=1, bias=False, **built).double()
    rows = (2 * groups, 1) if transposed else (2, 2)
    layer.weight.data = dyadic(*rows, *layer.weight.shape[2:], seed=seed)
    layer.groups = groups
    layer.stride = draw.choice((1, 2, (2,) * axes, [1]))
    layer.dilation = draw.choice((1, 2, (3,) * axes))
    if not transposed:
        layer.padding_mode = draw.choice(("zeros", "circular", "reflect", "replicate", mode))
    layer.padding = draw.choice((0, 1, 2, (1,) * axes, (4,) * axes, "valid"))
    if transposed:
        layer.padding = draw.choice(((0,) * axes, (1,) * axes))
        layer.output_padding = (draw.choice((0, 1)),) * axes
    elif layer.stride in (1, (1,), [1]) and draw.random() < 0.3:
        layer.padding = "same"
    # What a layer was built for is read by nobody.
    layer.in_channels = layer.out_channels = 77
    if not transposed:
        layer.kernel_size = (9,) * axes
    return layer, (2 * groups, *(draw.randint(3, 6) for _ in range(axes)))


def matrix(layer: nn.Module, shape: tuple[int, ...]) -> torch.Tensor | None:
    """The layer, column by column; None where torch does not take its attributes."""
    size = torch.Size(shape).numel()
    try:
        with torch.no_grad():
            return layer(torch.eye(size, dtype=torch.float64).view(size, *shape)).flatten(1).mT
    except (RuntimeError, ValueError, TypeError, AssertionError):
        return None


def violations(seeds: range, transposed: bool) -> tuple[list[int], int]:
    """Seeds whose bound is too low, without slack, and how many were bounded."""
    wrong, bounded = [], 0
    for seed in seeds:
        layer, shape = changed(seed, transposed)
        truth = matrix(layer, shape)
        if truth is None or not truth.numel():
            with pytest.raises(InputError):
                lipschitz_upper(layer, shape)
            continue
        bounded += 1
        bounds = lipschitz_upper(layer, shape), by_frequency(layer, shape)
        if not all(is_above(bound, truth) for bound in bounds):
            wrong.append(seed)
    return wrong, bounded


@pytest.mark.parametrize("transposed", [False, True])
def test_bounds_of_changed_convolutions_hold_without_slack(transposed):
    wrong, bounded = violations(range(120), transposed)
    assert wrong == []
    assert bounded >= 40


@pytest.mark.slow
@pytest.mark.parametrize("transposed", [False, True])
def test_bounds_of_two_thousand_changed_convolutions_hold_without_slack(transposed):
    assert violations(range(1000, 2000), transposed)[0] == []


def test_the_padding_is_the_one_that_torch_pads_with():
    """Read as it was built, the bound was 0.743276 for a norm of 0.746624."""
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 64, 3, padding=1, bias=False).double()
    layer.dilation = layer.padding = (4, 4)
    norm = torch.linalg.matrix_norm(matrix(layer, (64, 5, 5)), 2)
    assert norm == pytest.approx(0.746624, abs=1e-6)
    assert lipschitz_upper(layer, (64, 5, 5)) >= norm


def test_a_convolution_is_applied_and_transposed_as_its_geometry_says():
    for seed in range(60):
        for transposed in (False, True):
            layer, shape = changed(seed, transposed)
            if (truth := matrix(layer, shape)) is None or not truth.numel():
                continue
            at, x = geometry(layer), dyadic(3, *shape, seed=1)
            with torch.no_grad():
                value = layer(x)
            image = value.shape[2:]
            weight = layer.weight.detach()
            found = at.transposed(x, weight, image) if transposed else at.applied(x, weight)
            assert torch.equal(found, value), seed


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_uneven_padding_of_the_same_size_goes_behind(mode):
    layer = nn.Conv2d(1, 1, (4, 1), padding="same", padding_mode=mode)
    assert (geometry(layer).before, geometry(layer).after) == ((1, 0), (2, 0))


def test_how_often_padding_repeats_an_entry_is_counted():
    layer = nn.Conv1d(1, 1, 3, padding=3, padding_mode="replicate")
    assert geometry(layer).copies((1, 5)) == 4


@pytest.mark.parametrize(("value", "expected"), [(2, (2, 2)), ((3,), (3, 3)), ([1, 2], (1, 2))])
def test_one_number_stands_for_all_axes(value, expected):
    assert each_axis(value, 2, "stride") == expected


@pytest.mark.parametrize("value", [(1, 2, 3), "valid", 1.5, None, (1.0, 2.0)])
def test_attributes_that_torch_does_not_take_are_refused(value):
    with pytest.raises(InputError, match="one integer per axis"):
        each_axis(value, 2, "stride")


def test_a_weight_of_other_axes_is_refused():
    layer = nn.Conv1d(1, 1, 3)
    layer.weight = nn.Parameter(torch.ones(1, 1, 3, 3))
    with pytest.raises(InputError, match=r"\(out, in, \*kernel\)"):
        geometry(layer)
