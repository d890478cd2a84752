"""Asserts in a user's own tests that the gradient gets through every block of a model.

One capture and one backward pass of the model as it is; its weights, gradients and random
generators come back as they were.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from derivations.errors import InputError, ViolationError
from numeric.recording.given import check_model, untouched
from validate.measure.model_gains import gradients
from validate.measure.signal_hooks import Look, SignalHooks
from validate.targets.backward_signals import arguments_of, signal_of, used_results
from validate.watching.alerts import Seen, cause_of, growth_of
from validate.watching.block_cause import block_cause
from validate.watching.watch_plan import WatchPlan, planned_run


@torch.inference_mode(False)
@torch.enable_grad()
def assert_flow(
    model: nn.Module,
    *inputs: Any,
    min_gain: float,
    max_gain: float | None = None,
    min_total: float | None = None,
    loss: Callable[[Any], Tensor] | None = None,
    y: Tensor | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """The gains of the blocks of model(*inputs), or model(**inputs[0]) for a dict, by name.

    A gain is ‖∂L/∂h_{k−1}‖₂ / ‖∂L/∂h_k‖₂ of the whole batch, in the mode and precision that the
    model is in. L is `loss` of the model's result, or its cross-entropy with the labels `y`, or its
    inner product with a standard normal vector drawn from `seed`. Of a model with several results
    the blocks are those on the way to what L uses. Blocks in front of which nothing
    carries a gradient have no gain. Raises ViolationError that names the first block, as the input
    meets them, whose gain is below `min_gain`, above `max_gain` or no number, and says why; also
    where all blocks together multiply the signal by less than `min_total`.
    InputError and CaptureError for what cannot be measured.
    """
    model = getattr(model, "_orig_mod", model)  # a compiled one is asked as it was written
    check_model(model)
    if not min_gain >= 0 or (max_gain is not None and not max_gain >= min_gain):
        raise InputError(f"min_gain {min_gain} must be a number from 0 to max_gain")
    if min_total is not None and not 0 <= min_total < math.inf:
        raise InputError(f"min_total {min_total} must be a number from 0")
    signal, (args, kwargs) = signal_of(loss, y, seed), arguments_of(inputs)
    with untouched(model):
        chosen = used_results(model, args, kwargs, signal.loss) if loss or y is not None else None
    captured, plan = planned_run(model, args, kwargs, chosen)
    if plan.unread:
        several = f"; {captured.flow.recording.one_result}" if plan.results > 1 else ""
        raise InputError(f"not every block can be held to a gain: {plan.unread}{several}")
    numbers = _measured(model, args, kwargs, plan, signal.loss)
    seen = [block.seen(numbers) for block in plan.blocks]

    def why(each: Seen) -> str | None:
        block, found = plan.blocks[seen.index(each)], dict[int, Tensor]()
        _measured(model, args, kwargs, plan, signal.loss, found.__setitem__)
        return block_cause(captured, block, [found.get(place) for place in block.after or ()])

    # What the signal does not leave is named before all that it does not reach.
    stopped = [each for each in reversed(seen) if each.after and each.before == 0]
    for each in (*stopped[: min_gain > 0], *seen):
        _check(each, min_gain, math.inf if max_gain is None else max_gain, why)
    if min_total is not None:
        _check_total(seen, min_total)
    return {each.block: each.gain for each in seen if each.gain is not None}


def _check(seen: Seen, low: float, high: float, why: Callable[[Seen], str | None]) -> None:
    if seen.before is None or seen.after is None:
        return
    if not math.isfinite(seen.before) or not math.isfinite(seen.after):
        raise ViolationError(f"{seen.block} ({seen.kind}): the signal there is infinite or NaN")
    if seen.after == 0:
        raise ViolationError(
            f"{seen.block} ({seen.kind}) has no gain: the signal behind it is exactly zero, lost "
            "in a later block or never sent by the loss"
        )
    gain = seen.before / seen.after
    if gain < low:
        raise ViolationError(
            f"{seen.block} ({seen.kind}): gain {gain:.3g} is below {low:g}: "
            f"{why(seen) or cause_of(seen)}"
        )
    if gain > high:
        raise ViolationError(
            f"{seen.block} ({seen.kind}): gain {gain:.3g} is above {high:g}: "
            f"{why(seen) or growth_of(seen)}"
        )


def _check_total(seen: Sequence[Seen], low: float) -> None:
    """By logarithms: a product of many gains may leave the range of numbers."""
    gains = [each.gain for each in seen if each.gain is not None]
    logs = [math.log(gain) if gain else -math.inf for gain in gains]
    if gains and low and sum(logs) < math.log(low):
        total, mean = sum(logs) / math.log(10), math.exp(sum(logs) / len(logs))
        raise ViolationError(
            f"the whole chain: the signal is multiplied by 10^{total:.1f}, which is below {low:g}: "
            f"{len(gains)} blocks of {mean:.2g} in the geometric mean"
        )


def _measured(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    plan: WatchPlan,
    loss: Callable[[Any], Tensor],
    look: Look | None = None,
) -> dict[int, float]:
    """The numbers of one backward pass by point; floating-point inputs carry gradients."""
    fresh = tree_map(_fresh, (tuple(args), dict(kwargs)))
    leaves = [leaf for leaf in tree_flatten(fresh)[0] if isinstance(leaf, Tensor)]
    passes: list[int] = []
    hooks = SignalHooks(plan.points, passes.append, look=look)
    with untouched(model), torch.enable_grad():
        # The model may change its input in place, and no hook meets a leaf that is asked for.
        args, kwargs = tree_map(_passed, fresh)
        hooks.met(0, "in", (args, kwargs))
        with hooks:
            result = model(*args, **kwargs)
        hooks.finish()
        value = loss(result)
        if value.numel() != 1 or not value.requires_grad or not value.isfinite().all():
            raise InputError("the loss must be one finite number that depends on the input")
        wanted = [*(each for each in leaves if each.requires_grad), *_trained(model)]
        try:
            gradients(value.reshape(()), wanted)
        except ValueError as error:
            raise InputError(str(error)) from error
    if hooks.problem is not None:
        raise InputError(f"the model runs otherwise each time ({hooks.problem}): fix its seeds")
    return {index: each.item() for number in passes for index, each in hooks.take(number).items()}


def _fresh(leaf: Any) -> Any:
    """A copy, a leaf that carries a gradient where it can."""
    if not isinstance(leaf, Tensor):
        return leaf
    return leaf.detach().clone().requires_grad_(leaf.is_floating_point())


def _passed(leaf: Any) -> Any:
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [each for each in model.parameters() if each.requires_grad]
