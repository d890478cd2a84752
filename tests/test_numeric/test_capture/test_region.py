"""Parts of a recording run again: regions, shares and moved axes, with their adjoints."""

import torch
import torch.nn.functional as F
from torch import Tensor

from numeric.capture.flow import Flow, flows
from numeric.capture.region import MovedAxis, Region, Share
from numeric.recording.record import record


def x(seed: int = 1) -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flow(model: object) -> Flow:
    (found,) = flows(record(model, (x(),), {}))  # type: ignore[arg-type]
    return found


def region(found: Flow, **options: object) -> Region:
    return Region(found.steps, found.source, found.sinks[0], found.recording.values, **options)


def test_a_region_is_the_function_also_at_another_point() -> None:
    weight = torch.randn(5, 4).double()

    def run(h: Tensor) -> Tensor:
        one, other = torch.tanh(F.linear(h, weight)).split([2, 3], 1)
        return torch.cat([other, one * 2], 1).softmax(1)

    again = region(flow(run))
    for seed in (1, 2):
        assert torch.allclose(again(x(seed)), run(x(seed)))
    assert again.functions == ("linear", "tanh", "split", "split", "mul", "cat", "softmax")
    assert again.modules == ("",)


def test_what_depends_on_the_recorded_input_otherwise_is_kept() -> None:
    again = region(flow(lambda h: h * (h > 0)))
    assert torch.equal(again(x(2)), x(2) * (x(1) > 0))


def test_random_numbers_are_those_of_the_recording_and_no_others_are_used_up() -> None:
    found = flow(lambda h: F.scaled_dot_product_attention(h[None], h[None], h[None], dropout_p=0.5))
    again, state = region(found), torch.get_rng_state()
    first = again(x())
    torch.rand(3)
    second = again(x())
    assert torch.equal(first, found.recording.values[found.sinks[0]])
    assert torch.equal(first, second)
    torch.set_rng_state(state)
    expected = torch.rand(1)
    torch.set_rng_state(state)
    again(x())
    assert torch.equal(torch.rand(1), expected)


def test_a_broadcast_result_is_no_longer_entrywise() -> None:
    found = flow(lambda h: torch.tanh(h[:, :1]))
    wide = region(found, shape=(3, 4))
    assert wide(x()).shape == (3, 4)
    assert region(found).traits == wide.traits
    entrywise = region(flow(torch.tanh))
    assert entrywise.traits.entrywise
    assert not region(flow(torch.tanh), shape=(2, 3, 4)).traits.entrywise


def test_shares_add_up_and_the_constant_goes_with_the_first() -> None:
    def run(h: Tensor) -> Tensor:
        return torch.lerp(torch.sin(h), torch.cos(h), 0.25)

    found = flow(run)
    step = found.steps[-1]
    values = found.recording.values
    one, other = (Share(step, operand, values) for operand in step.operands)
    sine, cosine = torch.sin(x()), torch.cos(x())
    assert torch.allclose(one(sine) + other(cosine), run(x()))
    assert torch.allclose(other(cosine), 0.25 * cosine)
    assert one.traits.affine
    assert (one.functions, one.modules) == (("lerp",), ("",))


def test_the_constant_of_an_affine_operation_is_counted_once() -> None:
    held = torch.ones(3, 2, dtype=torch.float64)
    found = flow(lambda h: torch.cat([torch.sin(h), held, torch.cos(h)], 1))
    step = found.steps[-1]
    shares = [Share(step, operand, found.recording.values) for operand in step.operands]
    values = [found.recording.values[operand] for operand in step.operands]
    total = sum(share(value) for share, value in zip(shares, values, strict=True))
    assert torch.equal(total, found.recording.values[step.value])
    assert torch.count_nonzero(shares[1](torch.zeros_like(values[1]))) == 0


def test_a_moved_axis_and_its_return() -> None:
    given = torch.randn(2, 3, 4, 5)
    there, back = MovedAxis(3, 1), MovedAxis(1, 3)
    assert there(given).shape == (2, 5, 3, 4)
    assert torch.equal(back(there(given)), given)
    assert there.traits.isometry
