"""The first block that gives every sample the same is found, by running the model alone."""

import pytest
import torch
from torch import Tensor, nn

from numeric import capture
from validate.analysis.analyze import analyze
from validate.analysis.constant_blocks import first_constant


def chain(bias: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5), nn.Tanh()]
    model = nn.Sequential(*layers).double()
    nn.init.constant_(model[2].bias, bias)
    return model


def x(batch: int = 3) -> Tensor:
    return torch.randn(batch, 5, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_layer_whose_units_are_all_off_is_found_with_its_reason(batch):
    found = capture(chain(-100.0), (x(batch),), {})
    names = [each.name for each in found.segments]
    place, why = first_constant(found)
    assert names[place] == "2"
    assert why.endswith("mask: all 5 units of 3 pass no signal on any sample of this batch (dead "
                        "units)")  # fmt: skip
    assert why.startswith(
        "it gives zeros alone" if batch == 1 else f"it gives the same for all {batch}"
    )


def test_a_saturated_layer_is_found_where_its_values_do_not_differ():
    model = chain()
    nn.init.constant_(model[4].bias, 100.0)
    place, why = first_constant(capture(model, (x(),), {}))
    assert place == 2
    assert "nothing behind it depends on the input" in why
    assert model(x()).unique(dim=0).shape[0] == 1


def test_what_depends_on_the_input_is_none():
    assert first_constant(capture(chain(), (x(),), {})) is None
    assert first_constant(capture(chain(), (x(1),), {})) is None


def test_equal_samples_say_nothing():
    assert first_constant(capture(chain(-100.0), (x(1).expand(3, 5).clone(),), {})) is None


def test_a_skip_past_a_dead_branch_carries_the_input_on():
    class Past(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dead = chain(-100.0)

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x + self.dead(x))

    assert first_constant(capture(Past(), (x(),), {})) is None


def test_it_is_in_the_analysis_of_a_model_whose_gradient_dies_later():
    class Late(nn.Module):
        """Its constant is made before a block with a skip, and the signal dies behind that."""

        def __init__(self) -> None:
            super().__init__()
            self.early, self.inner, self.out = chain(-100.0)[:4], nn.Linear(5, 5), nn.Linear(5, 5)
            nn.init.constant_(self.out.bias, -100.0)

        def forward(self, x: Tensor) -> Tensor:
            x = self.early(x)
            x = x + torch.tanh(self.inner(x))
            return torch.relu(self.out(x))

    found = analyze(Late().double(), x())
    assert found.origin is not None
    assert (found.origin.name, found.origin.gain) == ("early.2", None)
    assert (found.origin.lost_by or "").startswith("it gives the same for all 3 samples")
    assert found.origin not in found.unreached
    assert [block.constant for block in found].count(True) == 1


def test_some_equal_samples_do_not_make_a_constant():
    given = x(3)
    given[1] = given[0]
    assert first_constant(capture(chain(), (given,), {})) is None
    assert first_constant(capture(chain(-100.0), (given,), {})) is not None
