"""What the tables say of operations holds of the operations: affine, entrywise, bounded."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from numeric.capture.flow import flows
from numeric.capture.region import Region
from numeric.recording.operations import OPAQUE, Traits, copied, joined, name_of, strided
from numeric.recording.record import record

W = torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*(shape or (3, 4)), generator=generator, dtype=torch.float64)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "add": lambda h: h + 1,
    "add constant": lambda h: W[:3] + h,
    "sub": lambda h: 2 - h,
    "mul": lambda h: h * W[:3],
    "square": lambda h: h * h,
    "div": lambda h: h / 2,
    "reciprocal": lambda h: 2 / (h * h + 1),
    "mm": lambda h: h @ W,
    "mm left": lambda h: W[:3, :3] @ h,
    "gram": lambda h: h @ h.T,
    "linear": lambda h: F.linear(h, W),
    "addmm": lambda h: torch.addmm(h, W[:3], W),
    "where": lambda h: torch.where(W[:3] > 0, h, 2 * h),
    "where value": lambda h: torch.where(h > 0, h, 2 * h),
    "mask": lambda h: h * (h > 0),
    "masked": lambda h: h.masked_fill(W[:3] > 0, 0.0),
    "relu": torch.relu,
    "maximum": lambda h: torch.maximum(h, W[:3]),
    "clamp": lambda h: h.clamp(-0.5, 0.5),
    "clamp below": lambda h: h.clamp(min=-0.5),
    "sigmoid": torch.sigmoid,
    "softmax": lambda h: torch.softmax(h, 1),
    "sin": torch.sin,
    "hardsigmoid": F.hardsigmoid,
    "relu6": F.relu6,
    "silu": F.silu,
    "exp": torch.exp,
    "mean": lambda h: h.mean(1, keepdim=True),
    "cumsum": lambda h: h.cumsum(1),
    "flip": lambda h: h.flip(1),
    "transpose": lambda h: h.T,
    "reshape": lambda h: h.reshape(2, 6),
    "slice": lambda h: h[:, 1:3],
    "index": lambda h: h[:, torch.tensor([3, 0])],
    "roll": lambda h: h.roll(1, 1),
    "pad": lambda h: F.pad(h, (1, 1)),
    "sort": lambda h: h.sort(1).values,
    "norm": lambda h: F.layer_norm(h, (4,)),
    "batch norm": lambda h: F.batch_norm(h, W[0], W[1].abs(), W[2], W[3]),
    "batch norm in training": lambda h: F.batch_norm(h, None, None, training=True),
    "lerp": lambda h: torch.lerp(h, W[:3], 0.3),
    "addcmul": lambda h: torch.addcmul(h, h, W[:3]),
    "addcmul square": lambda h: torch.addcmul(h, h, h),
    "cat": lambda h: torch.cat([h, 2 * h], 1),
    "stack": lambda h: torch.stack([h, h], 1),
    "cast": lambda h: h.float(),
    "prelu": lambda h: F.prelu(h, W[0, :1]),
    "lerp by value": lambda h: torch.lerp(h, W[:3], torch.sigmoid(h)),
    "detached": lambda h: h * h.detach(),
    "shifted": lambda h: h + h.sin().detach(),
}
NOT_AFFINE = {
    "square", "reciprocal", "gram", "where value", "mask", "relu", "maximum", "clamp",
    "clamp below", "sigmoid", "softmax", "sin", "hardsigmoid", "relu6", "silu", "exp", "sort",
    "norm", "batch norm in training", "addcmul square", "prelu", "lerp by value", "detached",
}  # fmt: skip


def region(name: str) -> Region:
    (flow, *_) = flows(record(FUNCTIONS[name], (x(),), {}))
    return Region(flow.steps, flow.source, flow.sinks[0], flow.recording.values)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_affine_maps_are_told_from_others(name: str) -> None:
    """No map whose slope depends on its input is called affine, and those that we know are."""
    assert region(name).traits.affine == (name not in NOT_AFFINE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_said_holds_of_the_function(name: str) -> None:
    function, said = FUNCTIONS[name], region(name).traits
    slope = torch.autograd.functional.jacobian(function, x()).flatten(-2)
    other = torch.autograd.functional.jacobian(function, x() * -0.7 + 0.1).flatten(-2)
    if said.affine:
        assert torch.allclose(slope, other)
    if said.entrywise and function(x()).shape == x().shape:
        square = slope.flatten(0, -2)
        assert torch.equal(square, square.diag().diag())
    if said.isometry:
        square = slope.flatten(0, -2)
        assert torch.allclose(square @ square.T, torch.eye(12, dtype=square.dtype))


@pytest.mark.parametrize("name", ["sigmoid", "softmax", "sin", "hardsigmoid", "clamp", "relu6"])
def test_bounded_operations_are_bounded(name: str) -> None:
    (flow, *_) = flows(record(FUNCTIONS[name], (x(),), {}))
    assert any(step.traits.bounded for step in flow.steps)
    assert FUNCTIONS[name](1e6 * x()).abs().max() <= 6


@pytest.mark.parametrize("name", ["clamp below", "relu", "exp", "silu", "maximum", "mean"])
def test_others_are_not(name: str) -> None:
    (flow, *_) = flows(record(FUNCTIONS[name], (x(),), {}))
    assert not any(step.traits.bounded for step in flow.steps)


def test_an_unknown_operation_is_opaque() -> None:
    (flow, *_) = flows(record(torch.special.bessel_j0, (x(),), {}))  # has no derivative, even
    assert flow.steps[0].traits == OPAQUE == Traits()


def test_joined_traits_are_those_that_all_have() -> None:
    one, other = Traits(affine=True, entrywise=True, tag="a"), Traits(affine=True, weighted=True)
    assert joined([one, other]) == Traits(affine=True, weighted=True, tag="a")
    assert joined([one, one]) == one


def test_names_are_the_same_for_views_and_their_copies() -> None:
    def named(function: Callable[[Tensor], Tensor]) -> str:
        return name_of(record(function, (x(),), {}).nodes[0])

    assert named(lambda h: h[1:]) == named(lambda h: torch.slice_copy(h, 0, 1)) == "slice"
    assert named(lambda h: h.float()) == "_to_copy"
    assert named(lambda h: F.linear(h, W)) == "linear"


def test_a_copy_into_a_tensor_has_its_type_and_shape() -> None:
    made = copied(x(1, 4).requires_grad_(), (3, 4), torch.float32)
    assert made.shape == (3, 4)
    assert made.dtype == torch.float32
    assert made.requires_grad


def test_strides_are_those_of_the_recording() -> None:
    seen = x().T  # lies in memory as (3, 4) does
    size, stride = (2, 3), (1, 2)
    expected = torch.as_strided(seen, size, stride)
    assert torch.equal(strided(seen.contiguous(), size, stride, seen.stride()), expected)
