"""Recalibrated statistics: those of the images, the network untouched, no scale left in weights."""

import ast
import copy
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from test_validate.test_measure.test_measure_untouched import fingerprint, process
from torch import Tensor, nn

import validate.measure.batch_statistics
from validate.comparison.compare_network import compare
from validate.comparison.predict import Effort, predict
from validate.measure.batch_statistics import recalibrated, statistics_are_finite
from validate.measure.network_gains import measure, measure_batch
from validate.networks.build import Network, build
from validate.networks.segments import SEResidualBlock

FACTORS = (1 / 8, 3.0, 30.0, 1000.0)


def images(count: int = 48, side: int = 8) -> Tensor:
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(3))


def labels(count: int) -> Tensor:
    return torch.arange(count) % 10


def test_the_statistics_are_the_mean_of_those_of_the_batches():
    """Against means and variances of what reaches the first norm, by hand; the others follow."""
    network = build("plain-8", width=4)
    x = images(10)
    settled = recalibrated(network, x, 4)
    seen = [network.stem[0](part).double() for part in (x[:4], x[4:7], x[7:])]
    mean = torch.stack([part.mean((0, 2, 3)) for part in seen]).mean(0)
    var = torch.stack([part.var((0, 2, 3), correction=1) for part in seen]).mean(0)
    assert torch.allclose(settled.stem[1].running_mean.double(), mean, atol=1e-6)
    assert torch.allclose(settled.stem[1].running_var.double(), var, rtol=1e-5)


@pytest.mark.parametrize("name", ["plain-20", "residual-14", "se_residual-8", "dense-10"])
def test_with_the_statistics_of_one_batch_eval_mode_does_what_train_mode_did(name):
    """But for n/(n − 1) in the variance, which torch stores for the future and does not use now."""
    network, x = build(name, width=4, image_size=16), images(64, 16)
    settled = recalibrated(network, x, 64)
    assert not settled.training
    with torch.no_grad():
        expected = copy.deepcopy(network).train()(x)
        assert (settled(x) - expected).abs().max() < 0.03 * expected.abs().max()
        fresh = copy.deepcopy(network).eval()(x)
    assert (fresh - expected).abs().max() > 0.3 * expected.abs().max()


def test_earlier_statistics_leave_no_trace():
    network = build("residual-8", width=4)
    moved = copy.deepcopy(network)
    for _ in range(3):
        moved(7 * images() + 1)
    first, second = recalibrated(network, images(), 16), recalibrated(moved, images(), 16)
    for part, other in zip(first.modules(), second.modules(), strict=True):
        if isinstance(part, nn.BatchNorm2d):
            assert torch.equal(part.running_mean, other.running_mean)
            assert torch.equal(part.running_var, other.running_var)
            assert part.momentum == other.momentum == 0.1


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_untouched(training):
    network = build("se_residual-8", width=4).train(training)
    network(images())
    before, outside = fingerprint(network), process()
    recalibrated(network, images(), 16)
    measure_batch(network, images(), labels(48))
    assert (fingerprint(network), process()) == (before, outside)


def test_impossible_statistics_are_refused_or_told_of():
    network = build("plain-8", width=2)
    for count, size in ((0, 4), (4, 0)):
        with pytest.raises(ValueError, match=f"{count} images in batches of {size}"):
            recalibrated(network, images(4)[:count], size)
    assert statistics_are_finite(recalibrated(network, images(), 16))
    with torch.no_grad():
        network.stem[0].weight.mul_(1e25)
    assert not statistics_are_finite(recalibrated(network, images(), 16))


def before_norms(network: Network) -> list[nn.Conv2d]:
    """The convolutions whose output a BatchNorm takes, and nobody else."""
    return [
        first
        for part in network.modules()
        if isinstance(part, nn.Sequential)
        for first, second in pairwise(part)
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d)
    ]


def numbers(network: Network) -> dict[str, Tensor]:
    """All that records hold of gradients: gains and ratios, of samples and batch; cosines, bounds.

    The probe is not among the images that the statistics are of.
    """
    x, y = images(60, 12)[-4:], labels(4)
    settled = recalibrated(network, images(48, 12), 16)
    seen, batch = measure(settled, x, y), measure_batch(network, images(32, 12), labels(32))
    gated = any(isinstance(part, SEResidualBlock) for part in network.modules())
    found = {"total": seen.total, "batch": torch.tensor([batch.total, *batch.gains])}
    predictions = predict(settled, seen.activations, seen.signals, Effort(steps=12))
    for index, (gains, each) in enumerate(zip(seen.gains, predictions, strict=True)):
        row = compare(gains, each)
        assert row.identity_failures == 0
        assert not any(bound.violations for bound in row.bounds)
        found[f"gain {index}"] = gains
        found |= {f"{name} {index}": value for name, value in each.numbers.terms.items()
                  if name in ("t", "c")}  # fmt: skip
        # That of a gated block encloses factors of low rank, whose Krylov spaces end where rounding
        # says: its looseness is no number of the network.
        found |= {f"{bound.id} {index}": bound.value for bound in each.numbers.bounds
                  if bound.id != "norms.factors.upper" or not gated}  # fmt: skip
    return found


@pytest.mark.parametrize("name", ["plain-8", "residual-8", "se_residual-8"])
@pytest.mark.parametrize(("epsilon", "allowed"), [(1e-5, 1e-2), (1e-13, 1e-7)])
def test_the_scale_of_weights_before_a_norm_moves_no_number(name, epsilon, allowed):
    """Training does not depend on it either, but for BatchNorm's ε: at 1/8 a variance of 1 is 1/64,
    of which ε = 1e-5 is 6e-4; at 1e-3 it is ten times the variance. That little can still take a
    unit across the kink of its ReLU, which moves a sample's ratio at once: not at this seed. Dense
    networks hand every convolution's output on beside its norm, and have no such layer.
    """
    network = build(name, width=4, image_size=12, seed=2)
    generator = torch.Generator().manual_seed(7)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = epsilon
            nn.init.uniform_(part.weight, 0.5, 1.5, generator=generator)
    unscaled = numbers(network)
    layers = before_norms(network)
    assert len(layers) >= 7
    for layer, factor in zip(layers, FACTORS * 2, strict=False):
        kept = layer.weight.detach().clone()
        with torch.no_grad():
            layer.weight.mul_(factor)
        scaled = numbers(network)
        with torch.no_grad():
            layer.weight.copy_(kept)
        for key, value in scaled.items():
            said = unscaled[key].isfinite()
            assert torch.equal(value.isfinite(), said)
            move = (value - unscaled[key]).abs() / unscaled[key].abs().clamp(min=1.0)
            assert not (move[said] > allowed).any(), (factor, key)


def test_without_recalibration_the_scale_moves_the_ratio_out_of_all_proportion():
    network, (x, y) = build("plain-20", width=4, seed=1), (images(6), labels(6))
    before = measure(network, x, y).total.median()
    with torch.no_grad():
        before_norms(network)[5].weight.mul_(1000)
    assert measure(network, x, y).total.median() > 100 * before


def test_it_imports_torch_and_the_standard_library_alone():
    tree = ast.parse(Path(validate.measure.batch_statistics.__file__).read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"collections", "copy", "math", "typing", "torch"}
