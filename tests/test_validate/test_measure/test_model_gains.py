"""Signals inside any model, at places that are pointed out, against gradients asked for."""

from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from derivations.errors import CaptureError, InputError
from validate.analysis.analyze import analyze
from validate.measure.model_gains import coupled, kept_in_turn, measure_model
from validate.watching.assert_flow import assert_flow


@dataclass(frozen=True)
class At:
    call: int
    side: str
    position: int


def x() -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def model() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()


def loss(out: Tensor) -> Tensor:
    return out.square().sum()


PLACES = [At(0, "in", 0), At(1, "out", 0), At(2, "out", 0), At(0, "out", 0)]


def test_signals_are_the_gradients_of_values() -> None:
    net, seen = model(), {}
    found = measure_model(net, (x(),), {}, PLACES, loss, look=seen.__setitem__)
    given = x().requires_grad_()
    one = net[0](given)
    other = torch.tanh(one)
    out = net[2](other)
    expected = torch.autograd.grad(loss(out), [given, one, other, out])
    assert list(seen) == [3, 2, 1, 0]
    for index, signal in enumerate(expected):
        assert torch.allclose(seen[index], signal)
        assert torch.allclose(found.norms[index], signal.norm(dim=1))
    ratio = expected[0].norm(dim=1) / expected[1].norm(dim=1)
    assert torch.allclose(found.gains[0], ratio)
    assert torch.allclose(found.total, expected[0].norm(dim=1) / expected[3].norm(dim=1))
    assert found.loss == pytest.approx(loss(out).item())


def test_joined_samples_have_one_norm() -> None:
    seen = {}
    found = measure_model(
        model(), (x(),), {}, PLACES, loss, per_sample=False, look=seen.__setitem__
    )
    assert found.norms[1].shape == (1,)
    assert torch.allclose(found.norms[1], seen[1].norm())


def test_parameters_are_measured_and_left_alone() -> None:
    net = model()
    found = measure_model(net, (x(),), {}, PLACES, loss)
    assert all(weight.grad is None for weight in net.parameters())
    loss(net(x())).backward()
    for name, weight in net.named_parameters():
        assert found.parameters[name] == pytest.approx(
            (weight.grad.norm().item(), weight.norm().item())
        )


def test_a_place_that_no_gradient_passes_has_none() -> None:
    found = measure_model(lambda h: (h * 2).detach() + h, (x(),), {}, PLACES[:2], loss)
    assert found.norms[1] is None
    assert found.gains == (None,)
    assert found.norms[0] is not None


def test_changes_in_place_are_seen_at_their_time() -> None:
    def run(h: Tensor) -> Tensor:
        return (h * 1.0).mul_(2).mul_(3)

    places = [At(1, "out", 0), At(2, "out", 0), At(3, "out", 0)]
    found = measure_model(run, (x(),), {}, places, lambda out: out.sum())
    norms = [norm[0].item() for norm in found.norms]
    assert norms == pytest.approx([12.0, 6.0, 2.0])


@pytest.mark.parametrize("held", [False, True])
def test_reentrant_checkpoints_are_measured(held: bool) -> None:
    net = model()
    if held:
        loss(net(x())).backward()
    kept = [weight.grad for weight in net.parameters()]
    values = [None if grad is None else grad.clone() for grad in kept]

    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, h: Tensor) -> Tensor:
            return checkpoint(self.net, h, use_reentrant=True) * 1.0

    found = measure_model(Checkpointed(), (x(),), {}, PLACES[:1], loss)
    plain = measure_model(net, (x(),), {}, PLACES[:1], loss)
    assert torch.allclose(found.norms[0], plain.norms[0])
    for name, sizes in plain.parameters.items():
        assert found.parameters[f"net.{name}"] == pytest.approx(sizes)
    for weight, grad, value in zip(net.parameters(), kept, values, strict=True):
        assert weight.grad is grad
        assert grad is None or torch.equal(grad, value)


def test_small_and_large_signals_are_neither_lost_nor_endless() -> None:
    for size in (1e-200, 1e200):
        weights = torch.full((3, 4), size, dtype=torch.float64)
        found = measure_model(torch.negative, (x(),), {}, PLACES[:1], partial(weighed, weights))
        assert torch.allclose(found.norms[0] / size, torch.full((3,), 2.0, dtype=torch.float64))


def weighed(weights: Tensor, out: Tensor) -> Tensor:
    return (out * weights).sum()


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda h: h, "one finite number"),
        (lambda h: h.sum() / 0, "one finite number"),
        (lambda h: torch.ones(()), "depends on the input"),
    ],
)
def test_what_is_no_loss_is_refused(run: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure_model(model(), (x(),), {}, PLACES, run)


def test_nothing_to_derive_for_is_refused() -> None:
    weight = nn.Parameter(torch.ones(3))
    with pytest.raises(ValueError, match="pass a module that holds its parameters"):
        measure_model(lambda t: weight[t], (torch.tensor([0]),), {}, [], lambda out: out.sum())


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 20, 33])
def test_each_sample_is_once_kept_without_another(batch: int) -> None:
    kept = kept_in_turn(batch)
    without = (kept[:, :, None] & ~kept[:, None, :]).any(0)
    assert bool((without | torch.eye(batch, dtype=torch.bool)).all())
    assert len(kept) == {1: 0, 2: 2, 3: 3, 8: 5, 20: 6, 33: 7}[batch]


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 0), (3, 2), (2, 4), (4, 0)])
def test_a_single_pair_of_samples_that_meet_is_found(one: int, other: int) -> None:
    def meeting(x: Tensor) -> Tensor:
        y = x.tanh()
        y[one] += x[other]
        return y

    x = torch.randn(5, 3).double()
    assert coupled(meeting, (x,), {}, meeting(x))
    assert not coupled(torch.tanh, (x,), {}, x.tanh())


def test_another_run_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not do again .*: another value"):
        measure_model(model(), (x(),), {}, [At(1, "out", 1)], loss)
    with pytest.raises(ValueError, match=r"not do again .*: 1 values are never made"):
        measure_model(model(), (x(),), {}, [At(9, "out", 0)], loss)


class Overwritten(nn.Module):
    """exp needs its result for the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).exp().add_(1)


def test_a_model_whose_backward_pass_fails_is_refused_by_name():
    broken, given = Overwritten(), torch.ones(2, 4)
    with pytest.raises(ValueError, match="own backward pass fails: one of the variables"):
        measure_model(broken, (given,), {}, [], lambda out: out.sum())
    with pytest.raises(InputError, match="own backward pass fails"):
        assert_flow(broken, given, min_gain=0.1)
    with pytest.raises(InputError, match="own backward pass fails"):
        analyze(broken, given)


def test_a_model_may_differentiate_while_it_runs():
    class Energy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            (slope,) = torch.autograd.grad(self.layer(x).tanh().sum(), x, create_graph=True)
            return x - slope

    for given in ({}, {"y": torch.tensor([0, 1])}):
        with pytest.raises(CaptureError):
            analyze(nn.Sequential(nn.Linear(4, 4), Energy()), torch.ones(2, 4), **given)
