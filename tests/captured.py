"""Captures a model and holds every number of the capture against the model itself.

`check` compares values, gradients and each segment's own pullback with what autograd measures in
the model, and demands that the model came back bit for bit.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_flatten, tree_map

from numeric.capture.capture import Captured, CapturedModel, capture, refuse_endless
from numeric.evaluation.realize import realize
from numeric.recording.given import untouched
from validate.measure.model_gains import ModelMeasurement, measure_model

TIGHT = 1e-10
"""For float64: what rounding leaves of sums in another order, with room for deep models."""


def check(
    model: Callable[..., Any],
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    tolerance: float = TIGHT,
) -> CapturedModel:
    """The capture of a model, after everything about it has been compared with the model."""
    named = dict(kwargs or {})
    before = snapshot(model)
    with untouched(model):
        captured = capture(model, inputs, named)
    same_snapshot(before, snapshot(model))
    with untouched(model), torch.enable_grad():  # without, attention may take another path
        given = tree_map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, inputs)
        made = tensors(model(*given, **named))
    values, outputs = captured.flow.recording.values, captured.flow.recording.outputs
    recorded = [values[number] for number in outputs]
    assert len(made) == len(recorded)
    for one, other in zip(made, recorded, strict=True):
        close(one, other, tolerance, "an output of the recording")
    check_chain(captured, tolerance)
    cotangents = [cotangent(each) for each in made]
    signals, _ = measured(model, inputs, named, captured, cotangents)
    check_pullbacks(captured, signals, tolerance)
    check_input_gradient(model, inputs, named, captured, cotangents, signals, tolerance)
    same_snapshot(before, snapshot(model))
    return captured


def check_chain(captured: CapturedModel, tolerance: float) -> None:
    """The terms, one after the other, give every value between segments."""
    h = captured.value(captured.boundaries[0]).detach()
    for segment in captured.segments:
        assert segment.entry != segment.exit
        x, recorded = captured.ends(segment)
        with torch.no_grad():
            h = realize(segment.term, segment.regions)(h.reshape(x.shape))
        close(h, recorded, tolerance, f"the value of {segment.name}")


def measured(
    model: Callable[..., Any],
    inputs: Any,
    named: Mapping[str, Any],
    captured: CapturedModel,
    cotangents: list[Tensor],
) -> tuple[dict[int, Tensor], ModelMeasurement]:
    """The backward signals of the model itself, by value."""
    found: dict[int, Tensor] = {}
    here = list(dict.fromkeys(value for met in captured.met for value in met))
    places = [captured.address(value) for value in here]

    def look(index: int, signal: Tensor) -> None:
        assert here[index] not in found, "a signal is seen once"
        found[here[index]] = signal

    with untouched(model):
        result = measure_model(
            model, inputs, named, places, lambda out: weighed(out, cotangents), look=look,
            per_sample=False,
        )  # fmt: skip
    return found, result


def weighed(out: Any, cotangents: list[Tensor]) -> Tensor:
    pairs = zip(tensors(out), cotangents, strict=True)
    return sum((real(one) * other).sum() for one, other in pairs if other.numel())


def check_pullbacks(captured: CapturedModel, signals: dict[int, Tensor], tolerance: float) -> None:
    """Each segment's own pullback of the model's signal is the model's next signal.

    Of values that the model does not meet with the same gradient the pullback goes on.
    """
    assert set(captured.boundaries[-1]) <= signals.keys(), "the last value's signal was not met"
    signal, compared = signals[captured.boundaries[-1][0]], 0
    places = list(zip(captured.segments, captured.boundaries, captured.met, strict=False))
    for segment, entry, met in reversed(places):
        pulled = pullback(captured, segment, signal)
        refuse_endless(segment, pulled)
        values = [captured.value((each,)) for each in entry]
        parts = pulled.flatten(1).split([each[0].numel() for each in values], 1)
        signal = pulled.reshape(captured.value(entry).shape)
        whole = []
        for part, value, number in zip(parts, values, entry, strict=True):
            own = signals.get(number) if number in met else None
            whole.append(part if own is None else own.flatten(1))
            if own is not None:
                what = f"the pullback of {segment.name}, {segment.term}"
                close(part.reshape(value.shape), own, tolerance, what)
                compared += 1
        signal = torch.cat(whole, 1).reshape(signal.shape)
    assert compared, "no pullback was compared"
    assert set(captured.boundaries[0]) <= signals.keys(), "the first value's signal was not met"


def pullback(captured: CapturedModel, segment: Captured, signal: Tensor) -> Tensor:
    x, recorded = captured.ends(segment)
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        out = realize(segment.term, segment.regions)(x)
    grad = signal.reshape(recorded.shape)
    (pulled,) = torch.autograd.grad(out, x, grad, materialize_grads=True)
    return pulled


def check_input_gradient(
    model: Callable[..., Any],
    inputs: Any,
    named: Mapping[str, Any],
    captured: CapturedModel,
    cotangents: list[Tensor],
    signals: dict[int, Tensor],
    tolerance: float,
) -> None:
    """Where the first value is an input, its signal is the gradient that autograd gives."""
    flat, spec = tree_flatten((inputs, dict(named)))
    places = [place for place, leaf in enumerate(flat) if isinstance(leaf, Tensor)]
    (first,) = captured.boundaries[0]
    if first not in captured.flow.recording.inputs:
        return
    place = places[captured.flow.recording.inputs.index(first)]
    x = flat[place].detach().clone().requires_grad_()
    # A view, for a leaf that is changed in place is refused, and an input may be.
    flat[place] = x.clone()
    args, kwargs = torch.utils._pytree.tree_unflatten(flat, spec)
    with untouched(model):
        loss = weighed(model(*args, **kwargs), cotangents)
        held = gradient(loss, x, model)
    close(signals[first], held, tolerance, "the input's gradient")


def gradient(loss: Tensor, x: Tensor, model: object) -> Tensor:
    """By backward(), which re-entrant checkpoints need."""
    weights = list(model.parameters()) if isinstance(model, nn.Module) else []
    kept = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    loss.backward()
    for weight, grad in zip(weights, kept, strict=True):
        weight.grad = grad
    assert x.grad is not None
    return x.grad


def cotangent(out: Tensor) -> Tensor:
    """Fixed weights of an output's entries; none where it carries no gradient."""
    like = real(out)
    if not like.is_floating_point():
        return torch.zeros(0)
    drawn = torch.randn(like.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return drawn.to(like.dtype)


def real(out: Tensor) -> Tensor:
    return torch.view_as_real(out.resolve_conj()) if out.is_complex() else out


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def close(one: Tensor, other: Tensor, tolerance: float, what: str) -> None:
    assert one.shape == other.shape, f"{what}: {tuple(one.shape)} is not {tuple(other.shape)}"
    assert one.dtype == other.dtype, f"{what}: {one.dtype} is not {other.dtype}"
    one, other = real(one.detach()).double(), real(other.detach()).double()
    error, size = (one - other).norm().item(), other.norm().item()
    assert error <= tolerance * max(size, 1e-30), f"{what} is off by {error:.1e} of {size:.1e}"


def kinds(captured: CapturedModel) -> list[str]:
    return [segment.kind for segment in captured.segments]


def snapshot(model: object) -> list[tuple[str, Any, Any]]:
    """Everything of a model that a run may change: names, what is there, and its value."""
    found: list[tuple[str, Any, Any]] = [
        ("torch's generator", None, torch.get_rng_state()),
        ("Python's generator", None, random.getstate()),
        ("NumPy's generator", None, str(np.random.get_state())),  # noqa: NPY002
        ("grad mode", None, torch.is_grad_enabled()),
    ]
    for path, module in model.named_modules() if isinstance(model, nn.Module) else ():
        for name, value in vars(module).items():
            held = frozen(list(value.items()) if isinstance(value, dict) else value)
            found.append((f"{path}.{name}", value, held))
        held = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in held:
            if tensor.is_meta or is_lazy(tensor):
                continue
            grad = tensor.grad if tensor.is_leaf else None
            found.append((f"{path}.{name} is a leaf", tensor.is_leaf, tensor.requires_grad))
            found.append((f"{path}.{name}", tensor, tensor.detach().clone()))
            found.append((f"{path}.{name}.grad", grad, None if grad is None else grad.clone()))
    return found


def same_snapshot(before: list[tuple[str, Any, Any]], after: list[tuple[str, Any, Any]]) -> None:
    assert [name for name, _, _ in before] == [name for name, _, _ in after]
    for (name, one, held), (_, other, now) in zip(before, after, strict=True):
        assert one is other or one == other, f"{name} is another object"
        assert same(held, now), f"{name} has another value"


def frozen(value: Any) -> Any:
    """Containers as they are now, and copies of what tensors hold."""
    if isinstance(value, list | tuple | set):
        return tuple(map(frozen, value))
    real = isinstance(value, Tensor) and not is_lazy(value) and not value.is_meta
    return value.detach().clone() if real else value


def same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and bool(((one == other) | (one != one)).all())
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
