"""The step inside a block that takes the signal away is named, one leaf or not."""

import pytest
import torch
from torch import Tensor, nn

from numeric import capture
from validate.analysis.analyze import analyze
from validate.inside.inner_causes import InnerCause, inner_cause_of
from validate.inside.inner_steps import inner_steps


def inside(model: nn.Module, x: Tensor) -> InnerCause:
    found = capture(model.double(), (x.double(),), {})
    segment = found.segments[0]
    g = torch.randn(found.value(segment.exit).shape, generator=torch.Generator().manual_seed(1))
    return inner_cause_of(found, segment, inner_steps(found)[0], g.double())


class Leaf(nn.Module):
    """conv → BatchNorm → ReLU, of whose channels some are dead."""

    def __init__(self, dead: int) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU()
        self.bn.bias.data[:dead] = -100

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


def test_dead_channels_of_a_leaf_are_counted():
    torch.manual_seed(0)
    found = inside(Leaf(13), torch.randn(4, 3, 8, 8))
    assert found.shut == (
        "mask: 13 of 16 channels of relu pass no signal on any sample of this batch (dead units)"
    )
    assert found.leaky
    assert not found.keeps_shape
    alive = inside(Leaf(3), torch.randn(4, 3, 8, 8))
    assert alive.shut is None
    assert alive.idle is not None
    assert alive.idle.share == 3 / 16


def test_the_analysis_of_a_model_says_so():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 3, 3), Leaf(13), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2)
    )
    found = analyze(model.eval().double(), torch.randn(4, 3, 12, 12).double())
    (block,) = [each for each in found if "1.relu" in (each.lost_by or "")]
    assert (block.lost_by or "").startswith("mask: 13 of 16 channels of 1.relu pass no signal")
    assert block in found.losing
    assert "leaky" in (block.advice or "")


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(6), nn.LayerNorm(6), nn.GroupNorm(2, 6)])
def test_a_norm_whose_weight_is_zero_is_named(norm):
    nn.init.zeros_(norm.weight)
    found = inside(nn.Sequential(nn.Linear(4, 6), norm, nn.Tanh()).eval(), torch.randn(5, 4))
    assert found.words == "kernel: the weight of 1 is 0"


def test_a_layer_that_the_signal_is_in_the_kernel_of_is_named():
    layer = nn.Linear(4, 4)
    layer.weight.data = torch.zeros(4, 4)
    found = inside(nn.Sequential(layer, nn.Tanh()), torch.randn(3, 4))
    assert found.words == "kernel: the weight of 0 is 0"


def test_a_shut_gate_is_named_by_its_module():
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.gate = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Sigmoid())
            nn.init.constant_(self.gate[0].bias, -6.0)

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.layer(x)) * self.gate(x)

    found = inside(Gated(), 1e-3 * torch.randn(3, 4))
    assert found.gate is not None
    assert (found.shut or "").startswith("gate: gate.1 lets 0.0025 through on average")


def test_steps_that_pass_least_and_most_are_found_with_what_autograd_says():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Tanh()).double().eval()
    model[0].weight.data *= 0.01
    nn.init.constant_(model[1].weight, 5.0)
    x = torch.randn(3, 4).double()
    found = inside(model, x)
    g = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).double()
    values = [x.requires_grad_()]
    for part in model:
        values.append(part(values[-1]))
    signals = torch.autograd.grad(values[-1], values[:3], g)
    assert found.most == ("1", pytest.approx((signals[1].norm() / signals[2].norm()).item()))
    assert found.least == ("0", pytest.approx((signals[0].norm() / signals[1].norm()).item()))


def test_a_relu_without_dead_units_that_stops_this_signal_is_called_a_mask():
    """Each unit passes something on some sample, and nothing of this very signal."""

    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x)

    x = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).double()
    found = capture(Half(), (x,), {})
    g = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double()
    seen = inner_cause_of(found, found.segments[0], inner_steps(found)[0], g)
    assert seen.idle is not None
    assert seen.idle.share == 0
    assert (seen.words or "").startswith("mask: no unit of relu that the signal arrives at")


def test_what_stops_the_signal_is_told_from_a_mask_with_dead_units():
    """Most units are dead, and it is the last layer's weight that lets nothing through."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8))
    model[0].bias.data[:6] = -50
    model[0].bias.data[6:] = 50
    nn.init.zeros_(model[2].weight)
    found = inside(model, torch.randn(3, 4))
    assert (found.shut or "").startswith("mask: 6 of 8 units")
    assert found.words == "kernel: the weight of 2 is 0"


@pytest.mark.parametrize(
    ("model", "n"),
    [
        (nn.AdaptiveAvgPool2d(1), 64),
        (nn.AdaptiveAvgPool2d(2), 16),
        (nn.AvgPool2d(3), 9),  # of 8 rows it drops two
        (nn.AvgPool2d(3, stride=1), 1),  # its windows overlap
        (nn.MaxPool2d(2), 1),
        (nn.AvgPool2d(2, stride=2, padding=1), 1),  # some of it goes to nothing
    ],
)
def test_an_average_leaves_what_it_says_of_every_signal(model, n):
    x = torch.randn(2, 3, 8, 8).double().requires_grad_()
    out = model(x)
    seen = inside(nn.Sequential(nn.Sigmoid(), model), x.detach())
    assert seen.averaged == n
    for _ in range(3 * (n > 1)):
        g = torch.randn_like(out)
        (pulled,) = torch.autograd.grad(out, x, g, retain_graph=True)
        assert (pulled.norm() / g.norm()).item() == pytest.approx(n**-0.5, rel=1e-12)


def test_averages_multiply_and_one_beside_a_path_does_not_count():
    class Beside(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(x) + torch.tanh(x.mean(-1, keepdim=True))

    twice = nn.Sequential(nn.Sigmoid(), nn.AvgPool2d(2), nn.AvgPool2d(2))
    assert inside(twice, torch.randn(2, 3, 8, 8)).averaged == 16
    assert inside(Beside(), torch.randn(2, 3, 8)).averaged == 1
    least = inside(twice, torch.randn(2, 3, 8, 8)).least
    assert least is not None
    assert least[0] == "0"


def test_the_relu_that_every_path_meets_is_seen_with_its_open_share():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    x = torch.randn(9, 4)
    mask = inside(model, x).mask
    assert mask is not None
    assert mask.where == "1"
    assert mask.share == pytest.approx((model[0](x.double()) > 0).double().mean().item())
