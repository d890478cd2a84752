"""Refuses layers whose map is not the fixed one that their torch class stands for.

What is certified is read off a layer's class and its stored tensors, so nothing else may have a say
in what it does: no method or hook of the user's, no weight that changes from look to look. Last the
layer itself is run, and must do what its rule says.
"""

import inspect
from collections.abc import Iterator
from itertools import chain
from types import FunctionType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import is_parametrized

from derivations.errors import InputError, UnknownNodeError
from numeric.checks import call
from numeric.runs.hooks import has_hooks
from numeric.runs.watched_run import watched
from numeric.tolerances import tolerances

_HARMLESS = {
    "__init__", "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slots__",
    "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__",
    "__static_attributes__", "__firstlineno__", "__constants__", "__parameters__", "__orig_bases__",
    "__repr__", "extra_repr", "_get_name", "reset_parameters", "__getstate__", "__setstate__",
    "__deepcopy__", "_version",
}  # fmt: skip
"""What a subclass may define anew: none of it is read when the layer runs."""

_METHODS = ("forward", "_conv_forward", "_check_input_dim", "_call_impl", "_wrapped_call_impl")
_PARAMETRIZED = "torch.nn.utils.parametrize"


def check_own_forward(layer: nn.Module) -> None:
    """Refuses a layer with methods of its own, or hooks: it may not do what its class says."""
    # Whose method it is decides, not the layer's type: a subclass that only renames is welcome.
    for name in chain(_of_the_users_classes(layer), _of_the_instance(layer), _replaced(layer)):
        raise UnknownNodeError(
            f"{type(layer).__name__} has a {name} of its own: what it does is not "
            "known; use torch's layers"
        )
    if getattr(layer, "_compiled_call_impl", None) is not None:
        raise InputError(
            f"{type(layer).__name__} is compiled, and may do what its compiler likes: certify the "
            "layer before compile()"
        )
    if has_hooks([layer]):
        raise InputError(
            f"{type(layer).__name__} has hooks, or all modules have: they may change what it does; "
            "remove them first"
        )


def check_fixed(layer: nn.Module) -> None:
    """Refuses a layer whose map is not fixed, or not there yet.

    That is: BatchNorm and dropout in training mode, statistics of the batch at hand, no weights,
    and weights that are made anew at each look and do not stay the same.
    """
    if any(is_lazy(weight) for weight in layer.parameters()):
        raise InputError(
            f"{type(layer).__name__} is not initialized: run the model once before measuring it"
        )
    if isinstance(layer, _BatchNorm | _DropoutNd) and layer.training:
        raise InputError(f"{type(layer).__name__} is in training mode: call model.eval() first")
    if isinstance(layer, _BatchNorm) and layer.running_mean is None:
        raise InputError(
            f"{type(layer).__name__} keeps no running statistics: set track_running_stats=True"
        )
    if is_parametrized(layer):
        _check_parametrized(layer)


def check_reproduced(
    layer: nn.Module, x: Tensor, value: Tensor, radius: Tensor | float, sizes: Tensor
) -> None:
    """Refuses a layer that, run at x, gives another value than its rule.

    Entries may differ by `radius` and, in the rounding of the layer's own dtype, by a few units of
    `sizes`: what the magnitudes of all that is added up come to.
    """
    like = next(held_tensors(layer), torch.zeros((), dtype=torch.float64))
    name = type(layer).__name__
    with torch.inference_mode(False), torch.no_grad(), watched(name, layer):
        found = call(layer, x.to(like.device, like.dtype, copy=True), name)
    limit = torch.finfo(like.dtype)
    # Products of half precision are added up in float32; more than a few roundings is another map.
    factor = (
        tolerances(like.dtype).identity
        if like.dtype in (torch.float32, torch.float64)
        else 8 * limit.eps
    )
    if (
        not isinstance(found, Tensor)
        or found.shape != value.shape
        or not (
            (found.to("cpu", torch.float64) - value).abs()
            <= radius + factor * (sizes + 1e4 * limit.tiny)
        ).all()
    ):
        raise InputError(
            f"{name} does not do what its class and its stored tensors say: something else "
            "changes its values; use torch's layers as they are"
        )


def _check_parametrized(layer: nn.Module) -> None:
    parts = (layer, *layer.parametrizations.modules())  # type: ignore[union-attr]
    if any(part.training for part in parts):
        raise InputError(
            f"{type(layer).__name__} is parametrized and in training mode, where its weight may "
            "change at each look: call model.eval() first, or remove_parametrizations"
        )
    for name in layer.parametrizations:  # type: ignore[union-attr]
        # Once more with gradients on: a parametrization may tell the difference.
        with torch.inference_mode(False), watched(type(layer).__name__, layer):
            looks = []
            for on in (False, False, True):
                with torch.set_grad_enabled(on):
                    looks.append(getattr(layer, name).detach().clone())
        if not all(torch.equal(looks[0], look) for look in looks[1:]):
            raise InputError(
                f"the parametrized {name!r} of {type(layer).__name__} changes at each look, or "
                "with the gradient mode: make it deterministic, or remove_parametrizations"
            )


def _of_the_users_classes(layer: nn.Module) -> Iterator[str]:
    """What the classes below torch's own define that torch reads when the layer runs."""
    kinds = type(layer).__mro__
    own = next(index for index, kind in enumerate(kinds) if _is_torchs(kind))
    read = {name for kind in kinds[own:] for name in inspect.get_annotations(kind)}
    read |= {*vars(layer), *layer._parameters, *layer._buffers, *layer._modules}
    if is_parametrized(layer):
        read |= set(layer.parametrizations)  # type: ignore[arg-type]
    for kind in kinds[:own]:
        names = set(vars(kind)) - _HARMLESS
        if kind.__module__ == _PARAMETRIZED and is_parametrized(layer):
            names -= set(layer.parametrizations)  # type: ignore[arg-type]
        yield from sorted(name for name in names if name in read or hasattr(kinds[own], name))


def _of_the_instance(layer: nn.Module) -> Iterator[str]:
    yield from (name for name in vars(layer) if callable(getattr(type(layer), name, None)))


def _replaced(layer: nn.Module) -> Iterator[str]:
    """Methods of torch's classes behind whose names stands a function from elsewhere."""
    for name in (*_METHODS, "__call__", "__getattr__"):
        method = inspect.getattr_static(type(layer), name, None)
        if method is not None and not (
            isinstance(method, FunctionType)
            and method.__globals__.get("__name__", "").startswith("torch.nn.modules.")
        ):
            yield name


def _is_torchs(kind: type) -> bool:
    return kind.__module__.startswith("torch.nn.modules.")


def held_tensors(layer: nn.Module) -> Iterator[Tensor]:
    """The real tensors that a layer holds, also those that are neither weights nor buffers."""
    held = chain(layer.parameters(), layer.buffers(), vars(layer).values())
    return (each for each in held if isinstance(each, Tensor) and each.is_floating_point())
