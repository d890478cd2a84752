"""Analyses leave a user's model as it was, to the bit, and give the same bits each time."""

import hashlib

import pytest
import torch
from strategies import gaussian
from torch import nn

from derivations.algebra.blocks import block
from numeric import (
    JacobianOperator,
    certify,
    evaluate,
    sigma_max,
    singular_extremes,
    symmetric_extremes,
)

TERM = block("residual").term
X, G = gaussian(2, 3, 5, 5, seed=1), gaussian(2, 3, 5, 5, seed=2)


@pytest.fixture
def model() -> nn.Module:
    """A user's model in the middle of its life: trained statistics, gradients, frozen weights,
    mixed modes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = nn.Sequential(
            nn.Conv2d(3, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Conv2d(3, 3, 1),
            nn.Identity(),
        ).double()
        made(X).sum().backward()
    made.eval()
    made[4].train()
    made[0].weight.requires_grad_(False)
    return made


def fingerprint(model: nn.Module) -> str:
    """Everything that a user could find changed."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    for name, module in model.named_modules():
        hooks = (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
        )
        digest.update(
            f"{name} {module.training} {list(map(len, hooks))} {sorted(vars(module))}".encode()
        )
    for name, weight in model.named_parameters():
        gradient = b"none" if weight.grad is None else weight.grad.numpy().tobytes()
        digest.update(
            f"{name} {weight.requires_grad} {weight.dtype} {weight.data_ptr()}".encode() + gradient
        )
    return digest.hexdigest()


def analyse(model: nn.Module) -> list[torch.Tensor]:
    """All that `numeric` says of a block with this branch."""
    found = evaluate(TERM, {"F": model}, X, G, steps=6)
    certified = certify(TERM, {"F": model}, X, G)
    operator = JacobianOperator(model, X)
    ends = [
        sigma_max(operator, steps=6),
        *singular_extremes(operator, steps=6),
        *symmetric_extremes(operator, steps=6),
    ]
    bounding = [bound.value for bound in (*found.bounds, *certified.bounds)]
    return [
        found.pullback,
        found.gain,
        *bounding,
        certified.low,
        certified.high,
        *(part for end in ends for part in (end.low, end.high)),
    ]


def test_a_hundred_analyses_leave_a_model_bit_identical(model):
    before, state = fingerprint(model), torch.random.get_rng_state()
    for _ in range(100):
        analyse(model)
    assert fingerprint(model) == before
    assert torch.equal(torch.random.get_rng_state(), state)


def test_ten_analyses_give_the_same_bits(model):
    first = analyse(model)
    for _ in range(9):
        assert all(
            torch.equal(one, other) for one, other in zip(analyse(model), first, strict=True)
        )


def test_the_fingerprint_sees_a_change(model):
    before = fingerprint(model)
    model[1].running_mean[0] += 1e-16
    model[1].running_var[0] = torch.nextafter(
        model[1].running_var[0], torch.tensor(torch.inf, dtype=torch.float64)
    )
    assert fingerprint(model) != before
