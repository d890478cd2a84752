import torch
from test_validate.watched import Branch, Gated, batch
from torch import nn

from numeric.capture.capture import capture
from validate.inside.inner_steps import inner_steps


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
