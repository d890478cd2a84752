import pytest
import torch
import torch.nn.functional as F
from test_validate.watched import Branch, Gated, batch
from torch import nn

from numeric.capture.capture import capture
from numeric.capture.segment_signals import segment_values, step_slopes
from validate.inside.inner_steps import RELU_LIKE, inner_steps, passing
from validate.measure.signal_norms import idle_share, shut_share


def test_relus_and_gates_are_found_in_the_block_that_holds_them():
    model = nn.Sequential(
        nn.Linear(8, 16), nn.ReLU(), Branch(16), Gated(16), nn.Linear(16, 4), nn.Sigmoid()
    ).double()
    found = inner_steps(capture(model, (batch()[0],), {}))
    assert [[step.node.module for step in each.relus] for each in found] == [
        ["1"],
        ["2.f.1"],
        [],
        [],
    ]
    assert [len(each.gates) for each in found] == [0, 0, 1, 0]  # the last σ multiplies nothing


def test_a_gate_may_change_its_shape_before_it_multiplies():
    class Squeezed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            opening = torch.sigmoid(x.mean(1))
            return x * opening[:, None] + torch.sigmoid(x)

    found = inner_steps(capture(Squeezed(), (batch()[0],), {}))
    assert sum(len(each.gates) for each in found) == 1


def test_a_relu_right_behind_a_block_is_in_the_next_one():
    model = nn.Sequential(nn.Linear(8, 16), Branch(16), nn.ReLU(), nn.Linear(16, 4)).double()
    found = inner_steps(capture(model, (batch()[0],), {}))
    relus = [[step.node.module for step in each.relus] for each in found]
    assert relus[:3] == [[], ["1.f.1"], ["2"]]


RELUS = {
    "relu": F.relu,
    "relu6": F.relu6,
    "hardswish": F.hardswish,
    "hardtanh": F.hardtanh,
    "hardtanh, its ends": lambda h: F.hardtanh(h, -0.5, 2.0),
    "hardtanh, by name": lambda h: F.hardtanh(h, max_val=0.25),
    "threshold": lambda h: F.threshold(h, 0.75, -1.0),
    "clamp_min": lambda h: torch.clamp_min(h, 0.25),
    "clamp_min, by name": lambda h: torch.clamp_min(h, min=0.0),
}


@pytest.mark.parametrize("name", RELUS)
def test_units_pass_where_they_have_a_slope(name):
    """By the ends of the function against autograd, the ends included, unit by unit."""

    class Model(nn.Module):
        def forward(self, h: torch.Tensor) -> torch.Tensor:
            return RELUS[name](h * 1) * 2

    ends = [-4, -3, -2, -1, -0.5, 0, 0.25, 0.75, 1, 2, 3, 4, 6, 7]
    found = capture(Model(), (torch.tensor([ends, ends]).double(),), {})
    values = segment_values(found, found.segments[0])
    ((relu,),) = [each.relus for each in inner_steps(found)]
    slopes, given = step_slopes(values, relu), values[relu.operands[0]]
    where = passing(relu)
    assert where is not None
    for unit in range(len(ends)):
        one = idle_share(slopes[:, unit : unit + 1])
        assert shut_share(given[:, unit : unit + 1], where) == one, ends[unit]


def test_of_a_relu_whose_end_is_a_tensor_nothing_is_said():
    class Model(nn.Module):
        def forward(self, h: torch.Tensor) -> torch.Tensor:
            return torch.clamp_min(h * 1, h.detach().mean()) * 2

    found = capture(Model(), (torch.randn(3, 4),), {})
    ((relu,),) = [each.relus for each in inner_steps(found)]
    assert passing(relu) is None


def test_each_relu_has_its_test():
    assert {name.partition(",")[0] for name in RELUS} == RELU_LIKE
