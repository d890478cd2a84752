"""Tests the measurement against brute-force Jacobians, and that it leaves the network alone."""

import ast
import copy
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import validate.measure.network_gains
from validate.measure.network_gains import gains, is_faint, measure, measure_batch, norm_ratio
from validate.networks.build import Network, build
from validate.networks.segments import Activation


def batch(size: int = 3, side: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(size, 1, side, side, generator=generator), torch.randint(
        10, (size,), generator=generator
    )


@pytest.mark.parametrize("name", ["residual-8", "se_residual-8", "dense-7"])
def test_gains_agree_with_explicit_jacobians(name):
    """Sample by sample, g_{k−1} = J_kᵀ g_k with J_k from torch.autograd.functional, starting at the
    analytic ∂L/∂logits.
    """
    network = build(name, width=2, image_size=4).train()
    x, y = batch(2, side=4)
    seen = measure(network, x, y)
    twin = copy.deepcopy(network).double().eval()
    for sample in range(2):
        h = twin.stem(x[sample : sample + 1].double())
        jacobians = []
        for _, segment in twin.chain():
            jacobians.append(torch.autograd.functional.jacobian(segment, h))
            h = segment(h).detach()
        logits = twin.head(h)
        at_logits = logits.softmax(1) - functional.one_hot(y[sample : sample + 1], 10)
        g = torch.autograd.functional.vjp(twin.head, h, at_logits)[1].flatten()
        end = g.norm()
        for k in reversed(range(len(jacobians))):
            before = jacobians[k].reshape(g.numel(), -1).T @ g
            assert torch.allclose(seen.signals[k][sample].flatten(), before, rtol=1e-10, atol=1e-14)
            assert seen.gains[k][sample].item() == pytest.approx(
                (before.norm() / g.norm()).item(), rel=1e-10
            )
            g = before
        assert seen.total[sample].item() == pytest.approx((g.norm() / end).item(), rel=1e-10)


def test_signals_agree_with_finite_differences():
    network = build("residual-8", width=2, image_size=4)
    x, y = batch(2, side=4)
    seen = measure(network, x, y)
    twin = copy.deepcopy(network).double().eval()
    direction = torch.randn(
        seen.activations[0].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(8)
    )

    def loss(step: float) -> float:
        h = seen.activations[0] + step * direction
        for _, segment in twin.chain():
            h = segment(h)
        return functional.cross_entropy(twin.head(h), y, reduction="sum").item()

    slope = (loss(1e-6) - loss(-1e-6)) / 2e-6
    assert slope == pytest.approx((seen.signals[0] * direction).sum().item(), rel=1e-6)


@pytest.mark.parametrize("name", ["plain-8", "residual-8", "se_residual-8", "dense-7"])
def test_light_gains_agree_with_those_of_the_copy_in_double_precision(name):
    network = build(name, width=4).eval()
    x, y = batch(3)
    seen = measure(network, x, y)
    light = gains(network, x, y)
    assert len(light) == len(seen.gains)
    for single, double in zip(light, seen.gains, strict=True):
        assert torch.allclose(single.double(), double, rtol=1e-4)
    for single, double in zip(gains(network.double(), x.double(), y), seen.gains, strict=True):
        assert torch.allclose(single, double, rtol=1e-12)


def test_light_gains_leave_the_network_untouched():
    network = build("se_residual-8", width=4).eval()
    network.stem[0].weight.requires_grad_(False)
    state = copy.deepcopy(network.state_dict())
    flags = [parameter.requires_grad for parameter in network.parameters()]
    with torch.no_grad():
        gains(network, *batch())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert [parameter.requires_grad for parameter in network.parameters()] == flags
    assert all(parameter.grad is None for parameter in network.parameters())


def test_light_gains_refuse_what_would_be_changed_or_is_not_finite():
    network = build("residual-8", width=2)
    x, y = batch()
    with pytest.raises(ValueError, match="training mode"):
        gains(network, x, y)
    with pytest.raises(ValueError, match="not finite"):
        gains(network.eval(), x * torch.nan, y)
    with pytest.raises(ValueError, match="labels"):
        gains(network, x[:0], y[:0])


def test_samples_do_not_see_each_other():
    network = build("dense-7", width=2)
    x, y = batch(3)
    together, alone = measure(network, x, y), measure(network, x[1:2], y[1:2])
    for all_gains, gain in zip(together.gains, alone.gains, strict=True):
        assert all_gains[1].item() == pytest.approx(gain.item(), rel=1e-12)


def test_the_network_is_left_untouched():
    network = build("se_residual-8", width=4).train()
    network.stem.eval()
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    handle = network.head.register_full_backward_hook(lambda *_: None)
    network.stem[0].weight.requires_grad_(False)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    modes = {name: module.training for name, module in network.named_modules()}
    x, y = batch()
    original = x.clone().requires_grad_()
    measure(network, original, y)
    assert original.grad is None
    assert torch.equal(original, x)
    assert all(
        torch.equal(value, state[name]) and value.dtype == state[name].dtype
        for name, value in network.state_dict().items()
    )
    assert modes == {name: module.training for name, module in network.named_modules()}
    assert all(
        torch.equal(parameter.grad, torch.ones_like(parameter))
        for parameter in network.parameters()
    )
    assert [parameter.requires_grad for parameter in network.parameters()].count(False) == 1
    assert len(network.head._backward_hooks) == 1
    handle.remove()


def test_a_vanished_signal_gives_nan_and_a_killed_one_zero():
    """The head kills sample 0's signal; the ReLU segment kills what is left of sample 1's."""

    class Head(nn.Module):
        def forward(self, h):
            return h.flatten(1) * torch.tensor([[0.0], [1.0], [1.0]], dtype=h.dtype)

    network = Network(nn.Identity(), {"first": Activation(), "second": Activation()}, Head())
    x = torch.ones(3, 10, 1, 1)
    x[1] = -1
    seen = measure(network, x, torch.tensor([1, 1, 1]))
    assert seen.gains[1].isnan().tolist() == [True, False, False]
    assert seen.gains[1][1:].tolist() == [0.0, 1.0]
    assert seen.gains[0].isnan().tolist() == [True, True, False]
    assert seen.total.isnan().tolist() == [True, False, False]
    assert seen.total[1:].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norm_ratios_neither_under_nor_overflow(scale):
    v = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64) * scale
    w = torch.tensor([[0.0, 10.0], [1.0, 0.0]], dtype=torch.float64) * scale
    assert norm_ratio(v, w).tolist() == pytest.approx([0.5, 0.0], rel=1e-15)
    assert norm_ratio(w, v).isnan().tolist() == [False, True]


@pytest.mark.parametrize("name", ["plain-8", "residual-8", "se_residual-8", "dense-7"])
def test_a_batch_is_measured_as_a_step_of_training_sees_it(name):
    """Against hooks on the network itself, in float32 and train mode, its loss the mean."""
    network, (x, y) = build(name, width=4), batch(16)
    seen = measure_batch(network, x, y)
    twin = copy.deepcopy(network).train()
    h = twin.stem(x).detach().requires_grad_()
    states = [h]
    for _, segment in twin.chain():
        states.append(segment(states[-1]))
    signals = torch.autograd.grad(functional.cross_entropy(twin.head(states[-1]), y), states)
    norms = [signal.norm().item() for signal in signals]
    assert seen.total == pytest.approx(norms[0] / norms[-1], rel=1e-3)
    expected = [before / after for before, after in pairwise(norms)]
    assert seen.gains == pytest.approx(expected, rel=1e-3)
    assert math.prod(seen.gains) == pytest.approx(seen.total, rel=1e-12)


def test_samples_of_a_batch_are_coupled_and_its_ratio_is_no_mean():
    network, (x, y) = build("plain-20", width=4), batch(16)
    whole, half = measure_batch(network, x, y), measure_batch(network, x[:8], y[:8])
    assert whole.total != pytest.approx(half.total, rel=1e-2)
    alone = measure(network, x, y).total
    assert not alone.min() <= whole.total <= alone.max()  # running statistics: another network


def test_a_batch_whose_signal_is_lost_has_no_ratio():
    class Silent(nn.Module):
        def forward(self, h):
            return 0 * h.flatten(1)

    network = Network(nn.Identity(), {"first": Activation()}, Silent())
    seen = measure_batch(network, torch.ones(3, 10, 1, 1), torch.tensor([1, 1, 1]))
    assert math.isnan(seen.total)
    assert math.isnan(seen.gains[0])
    with pytest.raises(ValueError, match="labels"):
        measure_batch(network, torch.ones(3, 10, 1, 1), torch.tensor([1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_signals_are_faint_between_zero_and_tiny_over_the_square_of_epsilon(dtype):
    info = torch.finfo(dtype)
    edge = info.tiny / info.eps**2
    signal = torch.tensor([0.0, info.tiny * info.eps, edge / 2, edge, 1.0], dtype=dtype)
    assert is_faint(signal[:, None]).tolist() == [False, True, True, False, False]
    assert not is_faint(torch.tensor([[edge / 4, -edge]], dtype=dtype)).any()


def test_impossible_measurements_are_refused():
    network = build("plain-8", width=2)
    x, y = batch()
    with pytest.raises(ValueError, match="x holds 3 and y 2 samples"):
        measure(network, x, y[:2])
    with pytest.raises(ValueError, match="at least one"):
        measure(network, x[:0], y[:0])
    with pytest.raises(ValueError, match="not finite"):
        measure(network, x * torch.nan, y)


def test_it_imports_torch_and_the_standard_library_alone():
    tree = ast.parse(Path(validate.measure.network_gains.__file__).read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} == {
        "copy",
        "collections",
        "dataclasses",
        "itertools",
        "typing",
        "torch",
    }
