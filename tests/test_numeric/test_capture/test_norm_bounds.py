"""A norm's bound at a point is never below its Jacobian's norm, and reached by it."""

import pytest
import torch
from torch import Tensor, nn

from derivations.algebra.quantities import GAIN
from derivations.checker.check import check
from derivations.theorems.normalization import theorem_of_scale
from numeric.capture.capture import capture
from numeric.capture.norm_bounds import norm_bound, scale_bound, with_norm_bound
from numeric.capture.segment_numbers import segment_numbers


def jacobian_norms(model: nn.Module, x: Tensor) -> Tensor:
    found = []
    for row in x:
        whole = torch.autograd.functional.jacobian(lambda v: model(v[None])[0], row)
        found.append(torch.linalg.matrix_norm(whole.reshape(row.numel(), row.numel()), 2))
    return torch.stack(found)


def norms() -> dict[str, nn.Module]:
    return {
        "layer": nn.LayerNorm(6),
        "layer of two axes": nn.LayerNorm((4, 6), eps=0.3),
        "plain layer": nn.LayerNorm(6, elementwise_affine=False),
        "rms": nn.RMSNorm(6),
        "rms with eps": nn.RMSNorm(6, eps=0.2),
        "group": nn.GroupNorm(2, 4),
        "plain group": nn.GroupNorm(2, 4, affine=False),
        "instance": nn.InstanceNorm1d(4, affine=True),
        "plain instance": nn.InstanceNorm1d(4),
        "instance that keeps statistics": nn.InstanceNorm1d(
            4, affine=True, track_running_stats=True
        ),
    }


@pytest.mark.parametrize("name", norms())
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_the_bound_holds_and_is_near(name, scale):
    torch.manual_seed(0)
    model = norms()[name].double()
    for each in model.parameters():
        nn.init.normal_(each)
    x = scale * torch.randn(3, 4, 6).double()
    captured = capture(model, (x,), {})
    bound = norm_bound(captured, captured.segments[0])
    assert bound is not None
    exact = jacobian_norms(model, x)
    assert (bound >= exact * (1 - 1e-12)).all()
    assert (bound <= 1.7 * exact).all()


def test_it_is_reached_where_two_large_weights_are_free_of_what_is_taken_away():
    model = nn.LayerNorm(6, elementwise_affine=False).double()
    x = torch.randn(3, 6, generator=torch.Generator().manual_seed(0)).double()
    captured = capture(model, (x,), {})
    bound = norm_bound(captured, captured.segments[0])
    assert bound is not None
    torch.testing.assert_close(bound, jacobian_norms(model, x), rtol=1e-12, atol=0)


class Around(nn.Module):
    def __init__(self, norm: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.layer = norm, layer

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(self.norm(x).transpose(1, 2))
        return found


def test_moving_entries_changes_nothing_and_a_layer_does():
    x = torch.randn(3, 4, 6).double()
    for layer, known in ((nn.Identity(), True), (nn.Tanh(), False)):
        captured = capture(Around(nn.LayerNorm(6), layer).double(), (x,), {})
        assert (norm_bound(captured, captured.segments[0]) is not None) == known


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.InstanceNorm1d(4, affine=True)])
def test_a_part_has_its_own_weights(norm):
    """The part of the least deviation is not that of the largest weight."""
    x = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0)).double()
    x[:, 2:] *= 1e-4
    nn.init.zeros_(norm.double().weight[2:])
    captured = capture(norm, (x,), {})
    bound = norm_bound(captured, captured.segments[0])
    exact = jacobian_norms(norm, x)
    assert bound is not None
    assert (bound >= exact * (1 - 1e-12)).all()
    assert (bound <= 1.1 * exact).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_rms_norm_without_an_epsilon_has_that_of_its_type(dtype):
    eps = torch.finfo(dtype).eps
    x = 0.1 * eps**0.5 * torch.randn(3, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    norm = nn.RMSNorm(6).to(dtype)
    captured = capture(norm, (x,), {})
    bound = norm_bound(captured, captured.segments[0])
    assert bound is not None
    exact = jacobian_norms(norm, x).double()
    assert (bound >= exact * (1 - 10 * eps)).all()
    assert (bound <= exact * (1 + 10 * eps)).all()


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm1d(6), nn.Tanh(), nn.InstanceNorm1d(6, track_running_stats=True)]
)
def test_another_map_has_no_such_bound(norm):
    captured = capture(norm.double().eval(), (torch.randn(3, 6, 4).double(),), {})
    assert norm_bound(captured, captured.segments[0]) is None


def test_the_bound_is_one_of_the_block_for_every_signal():
    model, x = nn.LayerNorm(6).double(), torch.randn(3, 6).double()
    captured = capture(model, (x,), {})
    g = torch.randn(3, 6).double()
    g[1] = 0
    for joined in (False, True):
        numbers = segment_numbers(captured, captured.segments[0], g, joined=joined)
        scale = norm_bound(captured, captured.segments[0])
        assert scale is not None
        found = with_norm_bound(numbers, scale, joined)
        (bound,) = [each for each in found.numbers.bounds if each.id == scale_bound().id]
        assert found.holds_for[bound.id] == "every backward signal"
        assert bound.value.shape == found.numbers.gain.shape
        assert torch.equal(bound.value.isnan(), ~found.numbers.live)
        kept = found.numbers.live
        assert (bound.value[kept] >= found.numbers.gain[kept]).all()


def test_what_is_printed_is_what_the_theorem_proves():
    bound, theorem = scale_bound(), theorem_of_scale()
    assert (bound.id, bound.side, bound.certainty) == ("norm.scale.upper", "upper", "exact")
    (step,) = [each for each in check(theorem.derivation) if each.step == theorem.result]
    assert step.ok
    assert (step.step.before, step.step.relation, step.step.after) == (GAIN, "<=", bound.expr)
