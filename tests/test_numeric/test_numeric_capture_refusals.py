"""What cannot be captured is refused in one line that names the thing and the way out."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from captured import check, same_snapshot, snapshot
from torch import Tensor, nn

from derivations.errors import CaptureError, GradboundError, InputError
from numeric.capture.capture import capture
from numeric.recording.given import untouched

N = 4

WEIGHT = torch.eye(6, requires_grad=True)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*(shape or (3, N)), generator=generator, dtype=torch.float64)


def linear() -> nn.Module:
    return nn.Linear(N, N).double()


class Hidden(nn.Module):
    """Does `act` with the value between two layers."""

    def __init__(self, act: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last = linear(), linear()
        self.register_buffer("kept", torch.zeros(N, dtype=torch.float64))
        self.act = act

    def forward(self, h: Tensor) -> Tensor:
        return self.last(self.act(self, self.first(h)))


class Changing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        ctx.mark_dirty(h)
        return h.mul_(2)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return 2 * g


def unseen(how: Callable[[Tensor], Any]) -> nn.Module:
    def act(model: nn.Module, h: Tensor) -> Tensor:
        how(h)
        return h

    return Hidden(act)


def without_grad(h: Tensor) -> None:
    with torch.no_grad():
        h.mul_(2)


def part_without_grad(h: Tensor) -> None:
    with torch.no_grad():
        h[:, :2] = 0


def set_data(h: Tensor) -> None:
    h.data = h.data * 2


def averaging(model: nn.Module, h: Tensor) -> Tensor:
    model.kept.lerp_(h.mean(0), 0.1)
    return h - model.kept


def differentiating(model: nn.Module, h: Tensor) -> Tensor:
    energy = model.last(h).square().sum()
    (slope,) = torch.autograd.grad(energy, h, create_graph=True)
    return h - slope


def backwards(model: nn.Module, h: Tensor) -> Tensor:
    h.sum().backward()
    return h


def renormalised(model: nn.Module, h: Tensor) -> Tensor:
    with torch.no_grad():
        model.last.weight.div_(2)
    return h


def hooked() -> nn.Module:
    model = nn.Sequential(linear(), linear())
    model[1].register_full_backward_hook(lambda module, given, out: None)
    return model


def with_weight(value: float) -> nn.Module:
    model = nn.Sequential(linear(), linear())
    with torch.no_grad():
        model[1].weight[0, 0] = value
    return model


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(linear(), x())


def part_scripted() -> nn.Module:
    return nn.Sequential(linear(), scripted())


def meta() -> nn.Module:
    return nn.Sequential(linear(), nn.Linear(N, N, device="meta"))


def half_lazy() -> nn.Module:
    return nn.Sequential(linear(), nn.LazyLinear(N))


def constant(h: Tensor) -> Tensor:
    return torch.ones(3, N).double()


REFUSED: dict[str, tuple[Callable[[], Any], Any, type[GradboundError], str]] = {
    "no model": (lambda: "resnet", x(), InputError, "str is no model: pass an nn.Module"),
    "a class": (lambda: nn.Linear, x(), InputError, "Linear is no model: pass an nn.Module"),
    "scripted": (scripted, x(), CaptureError, "the model is scripted: pass the Python module"),
    "a part scripted": (part_scripted, x(), CaptureError, "^1 is scripted: pass the Python"),
    "lazy": (half_lazy, x(), InputError, "1.weight has no shape yet: run the model"),
    "meta": (meta, x(), InputError, "1.weight is on the meta device: give the model real"),
    "NaN": (lambda: with_weight(float("nan")), x(), InputError, "1.weight has entries that are"),
    "infinite": (lambda: with_weight(float("inf")), x(), InputError, "1.weight has entries that"),
    "a backward hook": (hooked, x(), CaptureError, "1 has a backward hook.*remove it first"),
    "no input": (linear, None, InputError, "no tensor among the inputs: pass the model's"),
    "a meta input": (linear, x().to("meta"), InputError, "tensor 1 of the inputs is on the meta"),
    "a NaN input": (linear, x() / 0, InputError, "tensor 1 of the inputs has entries that are"),
    "a sparse input": (linear, x().to_sparse(), InputError, "tensor 1 of the inputs is no dense"),
    "a wrong shape": (linear, x(3, 5), InputError, "the model fails at this input: RuntimeErr"),
    "no batch": (linear, x(N), CaptureError, r"\(4,\) to the output no two values.*pass a batch"),
    "one axis": (lambda: lambda h: h.tanh(), x(N), CaptureError, "pass a batch"),
    "the input itself": (nn.Identity, x(), CaptureError, "from the input .* no two values"),
    "a constant": (lambda: constant, x(), CaptureError, "the output does not depend on the input"),
    "detached": (lambda: lambda h: h.detach().tanh(), x(), CaptureError, "does not depend on"),
    "integers": (lambda: lambda n: n.double().tanh(), x().long(), CaptureError, "floating-point"),
    "rounded away": (lambda: lambda h: (h > 0).long(), x(), CaptureError, "does not depend on"),
    "by numpy": (
        lambda: lambda h: torch.from_numpy(h.detach().numpy() ** 2),
        x(),
        CaptureError,
        "the output does not depend on the input in a differentiable way",
    ),
    "in place without grad": (
        lambda: unseen(without_grad),
        x(),
        CaptureError,
        r"the model changes a value in place \(mul_\) where autograd does not see it.*build a new",
    ),
    "a part without grad": (
        lambda: unseen(part_without_grad),
        x(),
        CaptureError,
        "changes a value in place .__setitem__. where",
    ),
    "in place by data": (
        lambda: unseen(lambda h: h.data.mul_(2)),
        x(),
        CaptureError,
        "in place .mul_. where autograd does not see it",
    ),
    "in place, detached": (
        lambda: unseen(lambda h: h.detach().view(-1)[1:].zero_()),
        x(),
        CaptureError,
        "in place .zero_. where autograd does not see it",
    ),
    "data set": (lambda: unseen(set_data), x(), CaptureError, "sets the data of a tensor that"),
    "a tensor's hook": (
        lambda: unseen(lambda h: h.register_hook(lambda g: 2 * g)),
        x(),
        CaptureError,
        "the model hangs a hook on a tensor, which may change its gradient: leave it out",
    ),
    "a weight's hook": (
        lambda: unseen(lambda h: WEIGHT.register_hook(abs) and h @ WEIGHT),
        x(),
        CaptureError,
        "the model hangs a hook on a tensor, which may change its gradient: leave it out",
    ),
    "a function in place": (
        lambda: unseen(Changing.apply),
        x(),
        CaptureError,
        "the autograd function Changing changes its input in place: have it return a new tensor",
    ),
    "a moving average": (
        lambda: Hidden(averaging),
        x(),
        CaptureError,
        "the model cannot be recorded: .* it changes a tensor of its own .* assign a new one",
    ),
    "a slope": (
        lambda: Hidden(differentiating),
        x(),
        CaptureError,
        "the model takes gradients inside: use torch.func.grad there",
    ),
    "backward": (lambda: Hidden(backwards), x(), CaptureError, "runs a backward pass inside"),
    "weights that change": (
        lambda: Hidden(renormalised),
        x(),
        InputError,
        "running the model changes its parameter last.weight: make it a buffer",
    ),
    "an infinite value": (
        lambda: Hidden(lambda model, h: 1 / (h - h.detach())),
        x(),
        InputError,
        r"the model \(.*\) gives values that are not finite: pass an input at which all are",
    ),
    "an infinite slope": (
        lambda: Hidden(lambda model, h: (h - h.detach()).abs().sqrt()),
        x(),
        InputError,
        r"the backward signal that leaves .* \(.*sqrt.*\) is not finite: .* pass another input",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_captured_is_refused_by_name(name: str) -> None:
    make, given, kind, said = REFUSED[name]
    model = make()
    before = snapshot(model)
    kept = None if given is None else given.clone()
    with pytest.raises(kind, match=said) as refusal:
        check(model, *(() if given is None else (given,)))
    assert "\n" not in str(refusal.value)
    assert type(refusal.value) is kind
    if name != "weights that change":
        same_snapshot(before, snapshot(model))
    if given is not None and not given.is_meta and not given.is_sparse:
        assert torch.equal(given.nan_to_num(), kept.nan_to_num())


def test_two_inputs_that_meet_nowhere_are_followed_one_at_a_time() -> None:
    f, g = linear(), linear()
    found = check(lambda one, other: (torch.tanh(f(one)).square(), g(other)), x(), x())
    assert "several inputs: follows tensor 1 of the inputs, the others held fixed" in (
        found.flow.remarks
    )
    assert found.boundaries[0] == (found.flow.recording.inputs[0],)


def test_the_input_that_most_blocks_follow_is_followed() -> None:
    f = nn.ModuleList(linear() for _ in range(3))

    def run(scale: Tensor, h: Tensor) -> Tensor:
        for each in f:
            h = h + torch.tanh(each(h)) * scale
        return h

    found = check(run, torch.rand(3, 1).double(), x())
    assert len(found.segments) == 3
    assert found.boundaries[0] == (found.flow.recording.inputs[1],)
    assert any("follows tensor 2" in remark for remark in found.flow.remarks)


def test_an_error_in_the_model_is_not_blamed_on_the_capture() -> None:
    def broken(h: Tensor) -> Tensor:
        raise KeyError("layer9")

    with pytest.raises(InputError, match="the model fails at this input: KeyError, 'layer9'"):
        capture(broken, (x(),), {})


def test_what_reads_numbers_is_said_to_be_specialised() -> None:
    f = linear()
    by_value = check(lambda h: torch.tanh(f(h)) if h.sum() > -1e9 else h, x())
    by_size = check(lambda h: torch.tanh(f(h[(h.sum(1) > -1e9).nonzero()[:, 0]])), x())
    plain = check(lambda h: torch.tanh(f(h)), x())
    said = "reads numbers of tensors: specialised to this input"
    assert said in by_value.flow.remarks
    assert said in by_size.flow.remarks
    assert plain.flow.remarks == ()


def test_a_refusal_leaves_torch_as_it_was() -> None:
    apply = torch.autograd.Function.apply.__func__.__code__
    model = Hidden(differentiating)
    with pytest.raises(CaptureError), untouched(model):
        capture(model, (x(),), {})
    assert torch.autograd.Function.apply.__func__.__code__ is apply
    assert torch._C._functorch.peek_interpreter_stack() is None
    assert not torch.nn.modules.module._global_forward_pre_hooks
    assert not torch.nn.modules.module._global_forward_hooks
    assert torch.is_grad_enabled()
    assert check(linear(), x()).segments
