"""Segments: where they are cut, what they are called, and that large models take little work."""

import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from captured import check, kinds
from torch import Tensor, nn

from derivations.algebra.terms import Add, Chain, Identity, Layer, Leaf, Term, parts_of
from numeric.capture.capture import CapturedModel, capture
from numeric.capture.segment_terms import MOST_LEAVES, TermReader

N = 4


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*(shape or (3, N)), generator=generator, dtype=torch.float64)


def linear(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(N, N).double()


class Block(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self.inner, self.norm = linear(seed), nn.LayerNorm(N).double()

    def forward(self, h: Tensor) -> Tensor:
        return h + torch.tanh(self.inner(self.norm(h)))


def leaf_count(term: Term) -> int:
    return sum(map(leaf_count, parts_of(term))) or isinstance(term, Leaf)


def test_stretches_are_cut_before_each_further_layer() -> None:
    model = nn.Sequential(linear(), nn.Tanh(), linear(1), nn.Tanh(), nn.Tanh(), linear(2))
    found = check(model, x())
    functions = [[f for r in s.regions.values() for f in r.functions] for s in found.segments]
    assert functions == [["linear", "tanh"], ["linear", "tanh", "tanh"], ["linear"]]
    assert [segment.name for segment in found.segments] == ["0", "2", "5"]


def test_joins_are_segments_of_their_own() -> None:
    model = nn.Sequential(linear(), nn.Tanh(), Block(1), nn.Tanh(), linear(2), Block(3))
    found = check(model, x())
    assert kinds(found) == ["plain", "residual", "plain", "residual"]
    assert [segment.name for segment in found.segments] == ["0", "2", "4", "5"]
    assert found.segments[1].tags == ("norm",)


def test_segments_follow_each_other() -> None:
    found = check(nn.Sequential(Block(0), Block(1), linear()), x())
    assert [s.entry for s in found.segments[1:]] == [s.exit for s in found.segments[:-1]]
    assert found.boundaries == (found.segments[0].entry, *(s.exit for s in found.segments))
    assert found.boundaries[0] == (found.flow.source,)
    assert set(found.boundaries[-1]) <= set(found.flow.sinks)


def test_names_of_one_module_are_numbered() -> None:
    f, g = linear(), linear(1)
    found = check(lambda h: g(torch.tanh(f(h))).sin(), x())
    assert [segment.name for segment in found.segments] == ["(Linear)", "(Linear):sin"]

    class Two(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            h = h + torch.tanh(f(h))
            return h + torch.tanh(g(h))

    inner = check(nn.Sequential(Two()), x())
    assert [segment.name for segment in inner.segments] == ["0", "0+1"]


def test_the_batch_is_what_most_cuts_share() -> None:
    """Positions first: from the transposed embedding on, and not the tail that joins samples."""
    blocks = nn.ModuleList(Block(seed) for seed in range(3))

    def run(h: Tensor) -> Tensor:
        h = h.transpose(0, 1)
        for block in blocks:
            h = block(h)
        return h.reshape(-1, N).square().mean()

    found = check(run, x(2, 5, N))
    assert {found.value(b).shape[0] for b in found.boundaries} == {5}
    assert kinds(found)[:3] == ["residual"] * 3


def test_a_loss_at_the_end_is_no_segment() -> None:
    f = linear()
    found = check(lambda h: (torch.tanh(f(h)) ** 2).sum(), x())
    assert found.value(found.boundaries[-1]).shape == (3, N)


def test_the_same_model_and_input_give_the_same_capture() -> None:
    model = nn.Sequential(Block(0), nn.Linear(N, 2).double())
    one, other = check(model, x()), check(model, x())
    assert [s.term for s in one.segments] == [s.term for s in other.segments]
    assert one.boundaries == other.boundaries
    assert one.flow.recording.addresses == other.flow.recording.addresses


def calls(run: Callable[[], CapturedModel]) -> tuple[CapturedModel, int]:
    """How many functions of the capture room were called, whatever the machine's load."""
    count = 0

    def seen(frame: object, event: str, arg: object) -> None:
        nonlocal count
        code = frame.f_code.co_filename  # type: ignore[attr-defined]
        count += event == "call" and "/numeric/capture/" in code

    sys.setprofile(seen)
    try:
        return run(), count
    finally:
        sys.setprofile(None)


def deep(count: int) -> nn.Module:
    return nn.Sequential(*(Block(seed) for seed in range(count)))


def test_work_grows_in_proportion_to_depth() -> None:
    few, work = calls(lambda: capture(deep(20), (x(),), {}))
    many, more = calls(lambda: capture(deep(200), (x(),), {}))
    assert (len(few.segments), len(many.segments)) == (20, 200)
    assert more <= 12 * work


def test_a_thousand_layers_are_captured() -> None:
    model = nn.Sequential(*(nn.Sequential(linear(seed), nn.Tanh()) for seed in range(1000)))
    found = capture(model, (x(),), {})
    assert len(found.segments) == 1000
    assert {segment.term for segment in found.segments} == {Layer("F_1")}


def diamonds(
    count: int, inside: Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]
) -> nn.Module:
    f = [linear(seed) for seed in range(2 * count)]

    class Diamonds(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            def run(u: Tensor) -> Tensor:
                for one, other in zip(f[::2], f[1::2], strict=True):
                    u = 0.5 * torch.tanh(one(u)) + 0.5 * torch.tanh(other(u))
                return u

            return inside(h, run)

    return Diamonds()


def test_a_hundred_million_paths_are_no_work() -> None:
    found, work = calls(lambda: capture(diamonds(27, lambda h, run: run(h)), (x(),), {}))
    assert Counter(kinds(found)) == {"sum": 27}
    assert {leaf_count(segment.term) for segment in found.segments} == {2}
    assert work < 200_000


def test_a_hundred_million_paths_beside_a_skip_are_states() -> None:
    """The skip passes each diamond, which is a block of its own."""
    found, work = calls(lambda: capture(diamonds(40, lambda h, run: h + run(h)), (x(),), {}))
    assert Counter(kinds(found)) == {"state": 40, "linear": 1}
    assert {len(end) for end in found.boundaries[1:-1]} == {2}
    assert work < 2_000_000


def test_few_diamonds_beside_a_skip_are_written_out() -> None:
    f = [linear(seed) for seed in range(6)]

    def run(h: Tensor) -> Tensor:
        u = h
        for one, other in zip(f[::2], f[1::2], strict=True):
            u = torch.tanh(one(u)) + torch.tanh(other(u))
        return h + u

    (segment,) = check(run, x()).segments
    assert segment.kind == "residual"
    assert isinstance(segment.term, Add)
    assert [type(part) for part in segment.term.parts] == [Identity, Chain]
    assert len(segment.regions) == leaf_count(segment.term) == 6


def test_a_sum_of_many_branches_is_flat() -> None:
    branches = [linear(seed) for seed in range(64)]
    (segment,) = check(lambda h: sum(torch.tanh(each(h)) for each in branches), x()).segments
    assert isinstance(segment.term, Add)
    assert [type(part) for part in segment.term.parts] == [Layer] * 64
    assert len(segment.regions) == MOST_LEAVES


@pytest.mark.parametrize("steps", [5, 40, 400])
def test_joins_that_share_their_branches_stay_small(steps: int) -> None:
    """Written out, the tree of the last would have more leaves than there are atoms."""

    def fibonacci(h: Tensor) -> Tensor:
        one, other = h, torch.tanh(h)
        for _ in range(steps):
            one, other = other, torch.tanh(one) + 0.5 * other
        return one + other

    found, work = calls(lambda: capture(fibonacci, (x(),), {}))
    assert all(leaf_count(segment.term) <= MOST_LEAVES for segment in found.segments)
    assert work < 10_000 * (steps + 10)
    if steps < 100:
        check(fibonacci, x())


def nested(between: Callable[[Tensor], Tensor], count: int) -> Callable[[Tensor], Tensor]:
    def run(h: Tensor) -> Tensor:
        u = torch.tanh(h)
        for _ in range(count):
            u = h + torch.tanh(between(u))
        return u

    return run


def test_joins_deep_inside_each_other_do_not_exhaust_the_stack() -> None:
    (segment,) = check(nested(lambda u: u, 600), x()).segments
    assert leaf_count(segment.term) == 1


@pytest.mark.parametrize("count", [10, 300])
def test_joins_deep_inside_each_other_are_states(count: int) -> None:
    """Each adds the input to what lies beside it."""
    found, work = calls(lambda: capture(nested(linear(), count), (x(),), {}))
    assert len(found.segments) >= count
    assert max(leaf_count(segment.term) for segment in found.segments) <= 4
    assert work < 30_000 * (count + 10)
    if count < 100:
        check(nested(linear(), count), x())


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU()).double()


def hrnet() -> Callable[[Tensor], Tensor]:
    """Two resolutions that exchange twice."""
    a, b = [conv(4, 4) for _ in range(3)], [conv(4, 4) for _ in range(3)]
    down, up = [conv(4, 4, 2) for _ in range(3)], [conv(4, 4) for _ in range(3)]

    def run(h: Tensor) -> Tensor:
        high, low = a[0](h), down[0](h)
        for index in (1, 2):
            one, other = a[index](high), b[index](low)
            high = one + F.interpolate(up[index](other), scale_factor=2)
            low = other + down[index](one)
        return torch.cat([high, F.interpolate(low, scale_factor=2)], 1)

    return run


def csp() -> Callable[[Tensor], Tensor]:
    left, right, inner, last = conv(4, 2), conv(4, 2), conv(2, 2), conv(4, 4)

    def run(h: Tensor) -> Tensor:
        one = right(h)
        return last(torch.cat([left(h), one + inner(one)], 1))

    return run


def dual_path() -> Callable[[Tensor], Tensor]:
    """A residual and a dense path side by side."""
    blocks = [conv(4 + 2 * index, 6) for index in range(3)]

    def run(h: Tensor) -> Tensor:
        kept, grown = h, h[:, :0]
        for block in blocks:
            out = block(torch.cat([kept, grown], 1))
            kept, grown = kept + out[:, :4], torch.cat([grown, out[:, 4:]], 1)
        return torch.cat([kept, grown], 1)

    return run


def u_net() -> Callable[[Tensor], Tensor]:
    first, second, third, last = conv(4, 4), conv(4, 4), conv(4, 4), conv(8, 4)

    def run(h: Tensor) -> Tensor:
        one = first(h)
        two = second(F.max_pool2d(one, 2))
        up = F.interpolate(two + third(two), scale_factor=2)
        return last(torch.cat([one, up], 1)) + h

    return run


@pytest.mark.parametrize("make", [hrnet, csp, dual_path, u_net])
def test_joins_that_are_not_series_parallel_are_right(make: Callable[[], object]) -> None:
    torch.manual_seed(0)
    found = check(make(), x(2, 4, 8, 8))  # type: ignore[arg-type]
    for segment in found.segments:
        assert leaf_count(segment.term) <= MOST_LEAVES
        assert len(segment.regions) <= leaf_count(segment.term)


def test_the_same_stretch_is_one_leaf_wherever_it_stands() -> None:
    torch.manual_seed(0)
    (segment, *_) = check(hrnet(), x(2, 4, 8, 8)).segments
    assert len(segment.regions) < leaf_count(segment.term)


def test_links_are_walked_once() -> None:
    found = capture(deep(3), (x(),), {})
    reader = TermReader(found.flow)
    ends = [value for (value,) in found.boundaries]
    for pair in pairwise(ends):
        assert reader.links(*pair) == [pair]
    assert reader.links(ends[0], ends[-1]) == list(pairwise(ends))


def test_what_no_term_reads_leaves_its_shape_alone() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 5), nn.Linear(5, 2))
    found = capture(model, (torch.ones(3, 4),), {})
    values = found.flow.recording.values
    kept = {number for number, value in values.items() if not value.is_meta}
    between = {value for ends in found.boundaries for value in ends}
    assert kept == between | set(found.flow.recording.inputs)
    assert all(value.grad_fn is None for value in values.values())
    mixed = nn.Bilinear(4, 4, 5)
    shared = capture(lambda h: mixed(h, h.detach().cos()).tanh(), (torch.ones(3, 4),), {})
    (needed,) = (r.needs for s in shared.segments for r in s.regions.values() if r.needs)
    assert not any(shared.flow.recording.values[number].is_meta for number in needed)


@pytest.mark.parametrize(
    "joined",
    [
        lambda a, b, h: a(h).tanh() - b(h).sigmoid(),
        lambda a, b, h: h - b(h).tanh(),
        lambda a, b, h: torch.lerp(a(h), b(h), 0.3),
    ],
    ids=["a difference of branches", "less a branch", "between branches"],
)
def test_the_values_that_a_difference_is_taken_of_are_kept(
    joined: Callable[[nn.Module, nn.Module, Tensor], Tensor],
) -> None:
    """What each operand adds is found with the others in their shapes: none may be forgotten."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = linear(1), linear(2)

        def forward(self, h: Tensor) -> Tensor:
            return joined(self.a, self.b, h)

    captured = capture(Model(), (x(),), {})
    values = captured.flow.recording.values
    needed = {
        value for each in captured.segments for r in each.regions.values() for value in r.needs
    }
    assert needed
    assert all(values[value].device.type == "cpu" for value in needed)
    check(Model(), x())
