"""The flow of one input: what carries gradients, what is constant, what hides a dependence."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from derivations.errors import CaptureError
from numeric.capture.flow import Flow, flows
from numeric.capture.region import Region
from numeric.recording.operations import name_of
from numeric.recording.record import record


def x(seed: int = 1) -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flow(model: Callable[..., Any], *inputs: Tensor) -> Flow:
    (found,) = flows(record(model, inputs or (x(),), {}))
    return found


def names(model: Callable[..., Any]) -> list[str]:
    return [name_of(step.node) for step in flow(model).steps]


def test_constants_and_dead_ends_are_no_steps() -> None:
    def run(h: Tensor) -> Tensor:
        torch.cos(h)
        return torch.sin(h) * torch.tanh(torch.ones(4)) * torch.tanh(h.detach())

    assert names(run) == ["sin", "mul", "mul"]


def test_no_grad_ends_the_flow() -> None:
    def run(h: Tensor) -> Tensor:
        with torch.no_grad():
            held = torch.cos(h)
        return torch.sin(h) + held

    assert names(run) == ["sin", "add"]


def test_complex_values_carry_gradients() -> None:
    assert names(lambda h: torch.fft.ifft(torch.fft.fft(h)).real)[0] == "_fft_r2c"


def test_a_hidden_dependence_is_not_affine() -> None:
    def affine(model: Callable[..., Any]) -> bool:
        return flow(model).steps[-1].traits.affine

    assert not affine(lambda h: h * (h > 0))
    assert not affine(lambda h: h * h.detach())
    assert affine(lambda h: h * (x(2) > 0))
    assert affine(lambda h: h + h.detach().sin())
    assert affine(lambda h: h * torch.ones_like(h))


def test_other_inputs_are_constants() -> None:
    one, other = flows(record(lambda a, b: a * b, (x(), x(2)), {}))
    assert (one.source, other.source) == one.recording.inputs
    assert one.steps[0].traits.affine
    assert one.steps[0].operands == (0,)
    assert other.steps[0].operands == (1,)
    assert "several inputs: follows tensor 2 of the inputs, the others held fixed" in other.remarks


def test_tokens_start_at_what_they_look_up() -> None:
    embed = nn.Embedding(5, 4).double()
    found = flow(lambda t: torch.tanh(embed(t)) * (t > 1)[:, None], torch.tensor([1, 2, 0]))
    assert found.recording.values[found.source].shape == (3, 4)
    assert [name_of(step.node) for step in found.steps] == ["tanh", "mul"]
    assert found.steps[-1].traits.affine  # the mask depends on tokens, not on their embedding
    assert found.remarks == ("tokens carry no gradient: everything starts at the embedding",)


def test_nothing_to_follow_is_refused() -> None:
    for model in (lambda h: h.detach(), lambda h: (h > 0).double(), lambda h: torch.ones(3)):
        with pytest.raises(CaptureError, match="does not depend on the input in a differentiable"):
            flow(model)


@pytest.mark.parametrize("norm", [F.batch_norm, F.instance_norm])
def test_replays_leave_statistics_alone(norm: Callable[..., Tensor]) -> None:
    mean, var = torch.zeros(4).double(), torch.ones(4).double()
    given = x().reshape(1, 4, 3)

    def run(h: Tensor) -> Tensor:
        return norm(h, mean, var, None, None, True, momentum=0.5)

    found = flow(run, given)
    kept = mean.clone()
    replayed = Region(found.steps, found.source, found.sinks[0], found.recording.values)(given)
    assert torch.equal(mean, kept)
    assert not torch.equal(mean, torch.zeros(4).double())
    assert torch.allclose(replayed, run(given))


def test_fitting_values_are_real_and_have_the_batch() -> None:
    def run(h: Tensor) -> tuple[Tensor, ...]:
        y = torch.sin(h)
        return y, y.T, y.sum(1), torch.fft.fft(y), y[:, :2]

    found = flow(run)
    fits = [found.fits(sink, found.source) for sink in found.sinks]
    assert fits == [True, False, False, False, True]
