"""Segments have names that a user finds in the model, and no two the same."""

import torch
from torch import Tensor, nn

from numeric.capture.capture import capture


class Twice(nn.Module):
    """Two sums and an activation in one module, as a transformer's layer has."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x + torch.tanh(self.first(x)))
        return torch.relu(x + torch.tanh(self.second(x)))


class Dense(nn.Module):
    """Each layer concatenates all that came before: the state is made by the next layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Growing(4 + 2 * index) for index in range(3))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features, 1)


class Growing(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2)

    def forward(self, features: list[Tensor]) -> Tensor:
        return torch.tanh(self.linear(torch.cat(features, 1)))


def names(model: nn.Module) -> list[str]:
    return [each.name for each in capture(model, (torch.randn(2, 4),), {}).segments]


def test_what_a_module_does_twice_is_told_apart():
    model = nn.Sequential(Twice(), nn.Linear(4, 2))
    assert names(model) == ["0", "0:relu", "0+1", "1"]


def test_a_state_is_named_for_the_layer_that_grew_it():
    found = capture(Dense(), (torch.randn(2, 4),), {})
    assert [each.kind for each in found.segments] == ["dense"] * 3
    assert [each.name for each in found.segments] == ["layers.0", "layers.1", "layers.2"]


def test_a_stretch_is_named_for_its_layer():
    model = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3), nn.Tanh()).eval()
    assert names(model) == ["2"]
