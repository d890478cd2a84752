import math
from itertools import pairwise

import pytest
import torch
from test_validate.watched import batch, residual
from torch import nn
from torch.nn.functional import cross_entropy

from derivations.errors import InputError, ViolationError
from validate.analysis.analyze import analyze
from validate.watching.assert_flow import assert_flow


def expected(model, x, y):
    values = [x.clone().requires_grad_()]
    for module in model:
        values.append(module(values[-1]))
    found = torch.autograd.grad(cross_entropy(values[-1], y), values)
    return [(a.norm() / b.norm()).item() for a, b in pairwise(found)]


def test_gains_are_those_of_autograd_the_first_block_included():
    model, (x, y) = residual(inplace=True), batch()
    found = assert_flow(model, x, min_gain=1e-3, y=y)
    assert list(found) == list("01234")
    assert list(found.values()) == pytest.approx(expected(model, x, y), rel=1e-12)
    same = assert_flow(model, {"input": x}, min_gain=0, loss=lambda out: cross_entropy(out, y))
    assert same == pytest.approx(found, rel=1e-12)


def test_the_first_block_below_is_named_with_its_gain_and_the_reason():
    model, (x, y) = residual(), batch()
    with torch.no_grad():
        model[4].weight.mul_(1e-4)
    with pytest.raises(
        ViolationError, match=r"^4 \(linear\): gain \S+e-05 is below 0\.1: contraction: without a"
    ):
        assert_flow(model, x, min_gain=0.1, y=y)
    with pytest.raises(ViolationError, match=r"^0 \(linear\): gain 0\.\d+ is below 0\.9"):
        assert_flow(model, x, min_gain=0.9, y=y)


def test_a_gain_above_is_named():
    model, (x, y) = residual(), batch()
    with pytest.raises(
        ViolationError, match=r"^1 \(residual\): gain \S+ is above 0\.5: its branch sends"
    ):
        assert_flow(model, x, min_gain=0.0, max_gain=0.5, y=y)


def test_a_signal_that_is_lost_is_no_gain():
    model, (x, y) = residual(), batch()
    with torch.no_grad():
        model[4].weight.zero_()
    with pytest.raises(ViolationError, match=r"^0 \(linear\) has no gain: .* exactly zero"):
        assert_flow(model, x, min_gain=0.0, y=y)


def test_a_signal_that_is_no_number_is_named():
    class Root(nn.Module):
        def forward(self, x):
            return x.abs().sqrt()

    model = nn.Sequential(nn.Linear(3, 3), Root(), nn.Linear(3, 2)).double()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.zero_()
    with pytest.raises(ViolationError, match="infinite or NaN"):
        assert_flow(model, torch.ones(2, 3, dtype=torch.float64), min_gain=0.0)


def test_the_model_its_gradients_and_the_random_numbers_stay():
    model, (x, y) = nn.Sequential(residual(), nn.Dropout(0.5), nn.BatchNorm1d(4)).double(), batch()
    cross_entropy(model(x), y).backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [(p.grad, p.grad.clone()) for p in model.parameters()]
    state = torch.get_rng_state()
    assert_flow(model, x, min_gain=0.0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for p, (held, value) in zip(model.parameters(), gradients, strict=True):
        assert p.grad is held
        assert torch.equal(held, value)
    assert model.training
    assert x.grad is None


def test_the_signal_is_drawn_from_the_seed():
    model, (x, _) = residual(), batch()
    first, again, other = (assert_flow(model, x, min_gain=0.0, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_mode_is_that_of_the_model():
    model, (x, y) = nn.Sequential(*residual(), nn.Dropout(0.5)).double(), batch()
    torch.manual_seed(0)
    trained = assert_flow(model, x, min_gain=0.0, y=y)
    assert assert_flow(model.eval(), x, min_gain=0.0, y=y) != trained
    assert not model.training


def test_what_cannot_be_asked_is_refused():
    model, (x, y) = residual(), batch()
    for wrong in ({"min_gain": -1}, {"min_gain": float("nan")}, {"min_gain": 1, "max_gain": 0.5}):
        with pytest.raises(InputError, match="min_gain"):
            assert_flow(model, x, **wrong)
    with pytest.raises(InputError, match="either the labels"):
        assert_flow(model, x, min_gain=0.1, y=y, loss=lambda out: out.sum())
    with pytest.raises(InputError, match="no input"):
        assert_flow(model, min_gain=0.1)
    with pytest.raises(InputError, match="one finite number"):
        assert_flow(model, x, min_gain=0.1, loss=lambda out: out)


def test_the_block_that_stops_the_signal_is_named_and_not_the_first_without_one():
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    nn.init.constant_(model[2].bias, -50.0)
    with pytest.raises(ViolationError, match=r"^2 "):
        assert_flow(model, torch.randn(3, 4), min_gain=1e-6)


@pytest.mark.parametrize("behind", [nn.Tanh(), nn.ReLU()])
def test_a_zero_weight_is_named_as_in_an_analysis(behind):
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(8, 16), behind, nn.Linear(16, 3)), torch.randn(4, 8)
    nn.init.zeros_(model[2].weight)
    with pytest.raises(ViolationError, match=r": kernel: the weight of 2 is 0$") as error:
        assert_flow(model, x, min_gain=1e-3)
    (said,) = [each.lost_by for each in analyze(model, x) if each.gain is not None]
    assert str(error.value).endswith(str(said))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_does_not_run_by_itself_has_a_cause_too(dtype):
    model, (x, _) = residual(dtype), batch(dtype)
    with torch.no_grad():
        model[4].weight.mul_(1e-4)
    with pytest.raises(ViolationError, match=r"^4 .*: (contraction|it has no skip)"):
        assert_flow(model, x, min_gain=0.1)


def test_blocks_that_cannot_be_seen_are_not_passed_over():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x):
            x = self.first(x).tanh()
            return self.one(x), self.other(x)

    with pytest.raises(InputError, match="not every block can be held to a gain"):
        assert_flow(Two(), torch.randn(3, 4), min_gain=1e-6)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.one, self.other = residual(), nn.Linear(4, 3), nn.Linear(4, 2)
        self.double()

    def forward(self, x):
        h = self.trunk(x)
        return self.one(h), self.other(h)


def test_of_several_results_the_one_that_the_loss_uses_is_held():
    model, (x, _) = TwoHeads(), batch()
    found = assert_flow(model, x, min_gain=0, loss=lambda out: out[0].square().sum())
    assert list(found) == [*(f"trunk.{k}" for k in range(5)), "one"]
    with pytest.raises(InputError, match=r"2 tensors of the result; pass a loss that uses one"):
        assert_flow(model, x, min_gain=0)


def test_a_compiled_model_is_held_as_it_was_written():
    model, (x, y) = residual(), batch()
    compiled = torch.compile(model, backend="eager")
    assert assert_flow(compiled, x, min_gain=0, y=y) == assert_flow(model, x, min_gain=0, y=y)


def test_a_chain_whose_blocks_all_pass_may_still_pass_too_little():
    model, (x, y) = residual(), batch()
    gains = assert_flow(model, x, min_gain=0, y=y)
    total = math.prod(gains.values())
    assert assert_flow(model, x, min_gain=0, min_total=0.99 * total, y=y) == gains
    with pytest.raises(ViolationError, match=r"^the whole chain: .* below \S+: 5 blocks of "):
        assert_flow(model, x, min_gain=0, min_total=1.01 * total, y=y)
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="min_total"):
            assert_flow(model, x, min_gain=0, min_total=wrong, y=y)
