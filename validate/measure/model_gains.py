"""Measures the backward signals inside any model, at values that another run has pointed out.

The model runs as it is, in its own mode and precision; autograd alone is asked, by hooks on the
nodes of its graph. Nothing is stored but norms, unless a caller looks at a signal as it passes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from validate.measure.network_gains import norm_ratio


class Place(Protocol):
    """Where a value is met: at the `call`-th torch function, counted from 1, among the flat tensors
    of its arguments (side "in") or of its result ("out"); at call 0 among the model's own.
    """

    @property
    def call(self) -> int: ...
    @property
    def side(self) -> str: ...
    @property
    def position(self) -> int: ...


@dataclass(frozen=True)
class ModelMeasurement:
    """One forward and backward pass: `values` and `signals` say whether each place was met.

    `norms` are ‖∂L/∂h‖₂ at the places, (batch,) each, or one number where `batch` is None (the
    samples are coupled); None where no gradient came by. `gains` are their successive ratios, in
    the order of the places, NaN where the denominator is exactly zero. `parameters` are
    ‖∂L/∂W‖₂ and ‖W‖₂ by name, for those that got a gradient.
    """

    norms: tuple[Tensor | None, ...]
    gains: tuple[Tensor | None, ...]
    total: Tensor | None
    parameters: Mapping[str, tuple[float, float]]
    loss: float


Look = Callable[[int, Tensor], None]
"""Called with a place's index and the signal there, as backpropagation reaches it: last first."""


def coupled(
    model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], made: Any
) -> bool:
    """Whether a sample of the result `made` changes when others are replaced.

    The batch is the first axis of the first tensor. True, too, where a result has another batch, so
    that samples cannot be told apart. For each bit of the samples' numbers those that have it are
    replaced, then those that have not: any two differ in one. 2 ⌈log₂ batch⌉ forward passes.
    """
    given = _tensors((args, kwargs))
    if not given or not given[0].dim():
        return True
    batch = len(given[0])
    before = _tensors(made)
    if any(not each.dim() or len(each) != batch for each in before):
        return True
    numbers = torch.arange(batch)
    for bit in range((batch - 1).bit_length()):
        for kept in ((numbers >> bit) % 2 == 0, (numbers >> bit) % 2 == 1):
            # Random numbers are the same in each pass, as they were when `made` was.
            with torch.no_grad(), torch.random.fork_rng():
                again = partial(_others_rolled, kept)
                after = model(*tree_map(again, tuple(args)), **tree_map(again, dict(kwargs)))
            if not all(map(partial(_stays, kept), before, _tensors(after))):
                return True
    return False


def _others_rolled(kept: Tensor, leaf: Any) -> Any:
    """A batch in which the samples that are not kept are others of the batch."""
    if not isinstance(leaf, Tensor) or not leaf.dim() or len(leaf) != len(kept):
        return leaf
    rows = kept.to(leaf.device).view(-1, *[1] * (leaf.dim() - 1))
    return torch.where(rows, leaf.detach(), leaf.detach().roll(1, 0))


def _stays(kept: Tensor, before: Tensor, after: Tensor) -> bool:
    if not before.is_floating_point() or not before[0].numel():
        return True
    # Kernels may sum in another order for other numbers: far less than what a coupling does.
    allowed = torch.finfo(before.dtype).eps ** 0.6 * _largest(before)
    apart = (before.detach() - after.detach()).flatten(1).abs().amax(1)
    return bool((apart[kept.to(apart.device)] <= allowed).all())


def _largest(values: Tensor) -> float:
    return float(values.detach().abs().max())


def measure_model(
    model: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    places: Sequence[Place],
    loss: Callable[[Any], Tensor],
    *,
    per_sample: bool = True,
    look: Look | None = None,
) -> ModelMeasurement:
    """Backpropagates loss(model(*args, **kwargs)) once. Tensors among the arguments that are
    floating-point get gradients; the model's own `.grad`s are left alone.

    Raises ValueError where the loss is not one finite number, or depends on nothing.
    """
    flat, spec = tree_flatten((tuple(args), dict(kwargs)))
    given = [_fresh(leaf) for leaf in flat]
    inputs = [leaf for leaf in given if isinstance(leaf, Tensor)]
    watch = _Watch(places, inputs, per_sample, look)
    # A node of the graph stands for each input, and the model may change the tensor in place.
    passed = iter([_passed(leaf) for leaf in inputs])
    handed = [next(passed) if isinstance(leaf, Tensor) else leaf for leaf in given]
    args_, kwargs_ = torch.utils._pytree.tree_unflatten(handed, spec)
    with torch.enable_grad():
        watch.met(0, "in", [leaf for leaf in handed if isinstance(leaf, Tensor)])
        with watch:
            result = model(*args_, **kwargs_)
        watch.met(0, "out", _tensors(result))
        value = loss(result)
    if value.numel() != 1 or not value.isfinite().all() or not value.requires_grad:
        raise ValueError("the loss must be one finite number that depends on the input")
    parameters = _trained(model)
    wanted = [*(each for each in inputs if each.requires_grad), *parameters.values()]
    if not wanted:
        raise ValueError(
            "neither the inputs nor the model's parameters take gradients: pass a module that "
            "holds its parameters"
        )
    gradients = _gradients(value.reshape(()), wanted)
    sizes = _parameter_norms(parameters, gradients[len(wanted) - len(parameters) :])
    return watch.measurement(sizes, value.item())


def _gradients(value: Tensor, wanted: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """The gradients of a number, and no tensor's own `.grad` is another than before."""
    assert value.grad_fn is not None
    if not _is_checkpointed(value.grad_fn):
        return torch.autograd.grad(value, wanted, allow_unused=True)
    before = [each.grad for each in wanted]
    for each in wanted:
        each.grad = None
    try:
        value.backward()
        return [each.grad for each in wanted]
    finally:
        for each, grad in zip(wanted, before, strict=True):
            each.grad = grad


def _is_checkpointed(root: Any) -> bool:
    """Whether a graph holds a re-entrant checkpoint, which knows backward() alone."""
    seen, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        if node.name() == "CheckpointFunctionBackward":
            return True
        ahead = {each for each, _ in node.next_functions if each is not None} - seen
        seen |= ahead
        waiting += ahead
    return False


class _Watch(TorchFunctionMode):
    """Counts torch functions, and hangs hooks on the nodes of what it is to look at."""

    def __init__(
        self, places: Sequence[Place], inputs: Sequence[Tensor], per_sample: bool, look: Look | None
    ) -> None:
        super().__init__()
        self.places, self.per_sample, self.look = tuple(places), per_sample, look
        self._at: dict[tuple[int, str], list[int]] = {}
        for index, place in enumerate(self.places):
            self._at.setdefault((place.call, place.side), []).append(index)
        self._calls = 0
        self._norms: dict[int, Tensor] = {}

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        call = self._calls = self._calls + 1
        if (call, "in") in self._at:
            self.met(call, "in", _tensors((args, kwargs or {})))
        out = function(*args, **(kwargs or {}))
        if (call, "out") in self._at:
            self.met(call, "out", _tensors(out))
        return out

    def met(self, call: int, side: str, tensors: Sequence[Tensor]) -> None:
        for index in self._at.get((call, side), ()):
            tensor = tensors[self.places[index].position]
            if tensor.grad_fn is not None:
                self._hang(index, tensor)

    def _hang(self, index: int, tensor: Tensor) -> None:
        output = tensor.output_nr

        def hook(signals: Sequence[Tensor | None]) -> None:
            signal = signals[output]
            if signal is not None:
                self._norms[index] = _norm(signal, self.per_sample)
                if self.look is not None:
                    self.look(index, signal.detach())

        assert tensor.grad_fn is not None
        tensor.grad_fn.register_prehook(hook)

    def measurement(
        self, parameters: Mapping[str, tuple[float, float]], loss: float
    ) -> ModelMeasurement:
        norms = tuple(self._norms.get(index) for index in range(len(self.places)))
        gains = tuple(map(_ratio, norms, norms[1:]))
        total = _ratio(norms[0], norms[-1]) if norms else None
        return ModelMeasurement(norms, gains, total, parameters, loss)


def _ratio(before: Tensor | None, after: Tensor | None) -> Tensor | None:
    if before is None or after is None:
        return None
    return norm_ratio(before[:, None], after[:, None])


def _norm(signal: Tensor, per_sample: bool) -> Tensor:
    """‖signal‖₂ of each sample or of all, (batch,) or (1,), in float64: no square overflows."""
    rows = signal.detach().flatten(1) if per_sample else signal.detach().reshape(1, -1)
    scale = rows.abs().amax(1, keepdim=True).double()
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (scale * (rows.double() / safe).square().sum(1, keepdim=True).sqrt())[:, 0]


def _fresh(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    copied = leaf.detach().clone()
    return copied.requires_grad_() if copied.is_floating_point() else copied


def _passed(leaf: Tensor) -> Tensor:
    return leaf.view_as(leaf).clone() if leaf.requires_grad else leaf


def _trained(model: object) -> dict[str, nn.Parameter]:
    if not isinstance(model, nn.Module):
        return {}
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


def _parameter_norms(
    parameters: Mapping[str, nn.Parameter], gradients: Sequence[Tensor | None]
) -> dict[str, tuple[float, float]]:
    """‖∂L/∂W‖₂ and ‖W‖₂ by name, in one call for all of them."""
    found = [
        (n, p, g) for (n, p), g in zip(parameters.items(), gradients, strict=True) if g is not None
    ]
    if not found:
        return {}
    tops = torch._foreach_norm([g for _, _, g in found])
    bottoms = torch._foreach_norm([p.detach() for _, p, _ in found])
    return {
        name: (top.item(), bottom.item())
        for (name, _, _), top, bottom in zip(found, tops, bottoms, strict=True)
    }


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]
