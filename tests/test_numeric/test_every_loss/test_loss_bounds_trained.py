"""No loss leaves its bounds in real networks on real images, before training and after it."""

from itertools import combinations

import pytest
import torch
from torch import Tensor
from twins.arriving import OTHERS, SHIFT_INVARIANT, gain

from numeric import Network, loss_bounds, reachable
from validate.data.datasets import load
from validate.networks.build import build
from validate.training.train import Schedule, Training

EPOCHS = 4
SAMPLES = 24


def trained(name: str, epochs: int) -> tuple[Network, Tensor]:
    """A narrow network whose BatchNorm statistics are those of its training images."""
    digits = load("digits").first(512, SAMPLES)
    network = build(name, width=8)
    training = Training(network, digits.train, Schedule(epochs=max(epochs, 1)), 0)
    for epoch in range(1, epochs + 1):
        assert training.run_epoch(epoch)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        network.train()(digits.train.images)
    return network.eval().double().requires_grad_(False), digits.test.images.double()


def measured(network: Network, x: Tensor) -> dict[str, list[Tensor]]:
    """∂L/∂h_k of every loss, by plain autograd."""
    values = [network.stem(x).requires_grad_()]
    for _, segment in network.chain():
        values.append(segment(values[-1]))
    z = network.head(values[-1])
    return {
        name: [
            each.flatten(1) for each in torch.autograd.grad(loss(z), values, retain_graph=True)
        ]
        for name, loss in {**SHIFT_INVARIANT, **OTHERS}.items()
    }  # fmt: skip


def checked(name: str, epochs: int) -> tuple[int, int, dict[str, tuple[float, float]]]:
    """How many gains were compared with their bounds, how many of them left these, and the median
    of upper/γ and γ/lower of the blocks by class of losses.
    """
    network, x = trained(name, epochs)
    found, signals = reachable(network, x, basis="all"), measured(network, x)
    checks = violations = 0
    tight: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for i, j in combinations(range(len(network.segments) + 1), 2):
        made = {cls: loss_bounds(found, i, j, cls) for cls in ("all", "shift_invariant", "labels")}
        for loss, signal in signals.items():
            of = gain(signal, i, j)
            for cls, each in made.items():
                if (cls == "shift_invariant" and loss in OTHERS) or (
                    cls == "labels" and loss != "cross-entropy"
                ):
                    continue
                live = of.isfinite() & (each.floor == 0)
                wrong = (of > each.upper * (1 + 1e-7)) | (of < each.lower * (1 - 1e-7))
                checks += int(live.sum())
                violations += int((wrong & live).sum())
                if j == i + 1 and loss == "cross-entropy":
                    tight.setdefault(cls, []).append((each.upper / of, of / each.lower))
    medians = {
        cls: tuple(float(torch.cat(ends).nanmedian()) for ends in zip(*pairs, strict=True))
        for cls, pairs in tight.items()
    }
    return checks, violations, medians


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [0, EPOCHS])
@pytest.mark.parametrize("name", ["plain-14", "residual-14", "se_residual-14", "dense-16"])
def test_no_loss_leaves_its_bounds_and_they_say_something(name, epochs):
    checks, violations, medians = checked(name, epochs)
    assert checks >= 25_000
    assert violations == 0
    upper, lower = medians["shift_invariant"]
    assert 1 <= upper <= 1.5
    assert 1 <= lower <= 3
    upper, lower = medians["labels"]
    assert 1 <= upper <= 1.2
    assert 1 <= lower <= 1.3


def test_a_small_network_before_training():
    checks, violations, _ = checked("residual-8", 0)
    assert checks >= 10_000
    assert violations == 0
