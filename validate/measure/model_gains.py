"""Measures the backward signals inside any model, at values that another run has pointed out.

The model runs as it is, in its own mode and precision; autograd alone is asked, by hooks on the
nodes of its graph. Nothing is stored but norms, unless a caller looks at a signal as it passes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, count
from math import comb
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from validate.measure.network_gains import norm_ratio
from validate.measure.signal_hooks import Look, Place, Point, SignalHooks


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


def coupled(
    model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], made: Any
) -> bool:
    """Whether a sample of the result `made` changes when others are replaced.

    The batch is the first axis of the first tensor. True, too, where a result has another batch, so
    that samples cannot be told apart. One forward pass for each set of samples that are kept
    while all others are replaced. False is no proof: behind a dead layer nothing changes.
    """
    given = _tensors((args, kwargs))
    if not given or not given[0].dim():
        return True
    batch = len(given[0])
    before = _tensors(made)
    if any(not each.dim() or len(each) != batch for each in before):
        return True
    for kept in kept_in_turn(batch):
        # Random numbers are the same in each pass, as they were when `made` was.
        with torch.no_grad(), torch.random.fork_rng():
            again = partial(_others_rolled, kept)
            after = model(*tree_map(again, tuple(args)), **tree_map(again, dict(kwargs)))
        if not all(map(partial(_stays, kept), before, _tensors(after))):
            return True
    return False


def kept_in_turn(batch: int) -> Tensor:
    """The fewest sets of samples, one a row, such that each sample is once kept without another,
    for any other: no sample's sets are among another's (Sperner), so C(sets, sets/2) ≥ batch.
    """
    sets = next(n for n in count() if comb(n, n // 2) >= batch)
    kept = torch.zeros(sets, batch, dtype=torch.bool)
    for sample, its in zip(range(batch), combinations(range(sets), sets // 2), strict=False):
        kept[list(its), sample] = True
    return kept


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
    given = [fresh(leaf) for leaf in flat]
    inputs = [leaf for leaf in given if isinstance(leaf, Tensor)]
    began: list[int] = []
    asks: Literal["norms", "norm"] = "norms" if per_sample else "norm"
    hooks = SignalHooks([Point(place, asks) for place in places], began.append, look=look)
    # A node of the graph stands for each input, and the model may change the tensor in place.
    passed = iter([passed_on(leaf) for leaf in inputs])
    handed = [next(passed) if isinstance(leaf, Tensor) else leaf for leaf in given]
    args_, kwargs_ = torch.utils._pytree.tree_unflatten(handed, spec)
    with torch.enable_grad():
        hooks.met(0, "in", handed)
        with hooks:
            result = model(*args_, **kwargs_)
        hooks.met(0, "out", result)
        value = loss(result)
    hooks.finish()
    if hooks.problem is not None:
        raise ValueError(f"the model does not do again what it did: {hooks.problem}")
    if value.numel() != 1 or not value.isfinite().all() or not value.requires_grad:
        raise ValueError("the loss must be one finite number that depends on the input")
    parameters = _trained(model)
    wanted = [*(each for each in inputs if each.requires_grad), *parameters.values()]
    if not wanted:
        raise ValueError(
            "neither the inputs nor the model's parameters take gradients: pass a module that "
            "holds its parameters"
        )
    sent = gradients(value.reshape(()), wanted)
    sizes = _parameter_norms(parameters, sent[len(wanted) - len(parameters) :])
    found = {index: norm for number in began for index, norm in hooks.take(number).items()}
    norms = tuple(_in_a_row(found.get(index)) for index in range(len(places)))
    total = _ratio(norms[0], norms[-1]) if norms else None
    gains = tuple(map(_ratio, norms, norms[1:]))
    return ModelMeasurement(norms, gains, total, sizes, value.item())


def _in_a_row(norms: Tensor | None) -> Tensor | None:
    return None if norms is None else norms.reshape(-1)


def gradients(
    value: Tensor, wanted: Sequence[Tensor], *, again: bool = False
) -> Sequence[Tensor | None]:
    """The gradients of a number, and no tensor's own `.grad` is another than before. With `again`
    the graph stays for another pass.

    Raises ValueError where backpropagation fails, as through values that were changed in place.
    """
    try:
        return _backpropagated(value, wanted, again)
    except RuntimeError as error:
        why = str(error).partition(". ")[0]
        raise ValueError(f"the model's own backward pass fails: {why}") from error


def _backpropagated(
    value: Tensor, wanted: Sequence[Tensor], again: bool
) -> Sequence[Tensor | None]:
    assert value.grad_fn is not None
    if not _is_checkpointed(value.grad_fn):
        return torch.autograd.grad(value, wanted, retain_graph=again, allow_unused=True)
    before = [each.grad for each in wanted]
    for each in wanted:
        each.grad = None
    try:
        value.backward(retain_graph=again)
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


def _ratio(before: Tensor | None, after: Tensor | None) -> Tensor | None:
    if before is None or after is None:
        return None
    return norm_ratio(before[:, None], after[:, None])


def fresh(leaf: Any) -> Any:
    """A copy of a tensor, a leaf that takes a gradient where it can; anything else as it is."""
    if not isinstance(leaf, Tensor):
        return leaf
    copied = leaf.detach().clone()
    return copied.requires_grad_() if copied.is_floating_point() else copied


def passed_on(leaf: Tensor) -> Tensor:
    """What a model may change in place, and the leaf has its gradient."""
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
