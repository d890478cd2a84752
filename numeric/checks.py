"""Refuses input that would give a silent wrong number.

Every refusal is an InputError whose one line names the thing and the way out. Never imports a term.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import is_lazy

from derivations.errors import GradboundError, InputError
from numeric.tolerances import tolerances

Function = Callable[[Tensor], Tensor]
HALF = (torch.float16, torch.bfloat16)
In = TypeVar("In", bound=Any)  # has a shape
Out = TypeVar("Out")


def check_input(x: Tensor) -> None:
    """Refuses an x that is not a finite, non-empty float32 or float64 tensor (batch, *shape)."""
    _check_values(x, "the input")
    if x.dim() < 2:
        raise InputError(
            f"the input has shape {tuple(x.shape)}, not (batch, ...): add a batch dimension "
            "with x.unsqueeze(0)"
        )
    if x.numel() == 0:
        raise InputError(
            f"the input of shape {tuple(x.shape)} is empty: give at least one sample with at "
            "least one entry"
        )


def is_dense(v: Tensor) -> bool:
    """Whether all entries lie in memory, at strides."""
    return not v.is_nested and v.layout == torch.strided


def described(value: object) -> str:
    """What a refused value is, in words."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    if not is_dense(value):
        kind = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
        return f"a {kind} tensor"
    return f"{tuple(value.shape)} of {value.dtype} on {value.device}"


def check_dense(v: Tensor, name: str) -> None:
    """Refuses a tensor that is sparse, nested or opaque."""
    if not is_dense(v):
        raise InputError(f"{name} is {described(v)}: give a dense one, of float32 or float64")


def check_default_device() -> None:
    """Refuses to compute while new tensors hold no numbers."""
    if torch.get_default_device().type == "meta":
        raise InputError(
            "torch's default device is meta, so that no tensor holds numbers: call "
            "torch.set_default_device(None) first"
        )


def check_output(value: Tensor, x: Tensor) -> None:
    """Refuses a function's value at x that is not finite, or not of x's batch, dtype and device."""
    _check_values(value, "the function's output")
    if value.dim() < 1 or value.shape[0] != x.shape[0]:
        raise InputError(
            f"the function maps a batch of {x.shape[0]} to shape {tuple(value.shape)}: keep "
            "the batch dimension first"
        )
    if value.numel() == 0:
        raise InputError(
            f"the function's output of shape {tuple(value.shape)} is empty: it must have at "
            "least one entry per sample"
        )
    if value.dtype != x.dtype or value.device != x.device:
        raise InputError(
            f"the function maps {x.dtype} on {x.device} to {value.dtype} on {value.device}: "
            "use one dtype and one device"
        )


def check_vector(
    v: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> None:
    """Refuses a v that an operator of this batched shape, dtype and device cannot be applied to."""
    _check_values(v, "the vector")
    if v.shape != shape:
        raise InputError(
            f"the vector has shape {tuple(v.shape)}: the operator takes {shape}, batch first"
        )
    if v.dtype != dtype or v.device != device:
        raise InputError(
            f"the vector is {v.dtype} on {v.device}: convert it to the operator's {dtype} on "
            f"{device}"
        )


def check_product(product: Tensor) -> Tensor:
    """The product of an operator and a vector; refuses one that is not finite."""
    if not is_finite(product):
        raise InputError(
            f"the product is beyond the range of {product.dtype}: rescale the vector or the model"
            + (", or use float64" if product.dtype != torch.float64 else "")
        )
    return product


def check_function(function: Function, x: Tensor, name: str = "") -> None:
    """Refuses modules that are random, that couple samples, or whose weights do not match x.

    `name` is what refusals call the function.
    """
    said = f"{name}: " if name else ""
    if not callable(function):
        raise InputError(
            f"{name or 'the function'} is a {type(function).__name__}: it must be a module or a "
            "function of one tensor"
        )
    module = as_module(function)
    for path, part in module.named_modules() if module is not None else ():
        label = said + (f"{type(part).__name__} {path!r}" if path else type(part).__name__)
        if reason := coupling(part):
            raise InputError(f"{label} {reason}: call model.eval() first")
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            raise InputError(
                f"{label} keeps no running statistics, so its samples depend on each other: "
                "set track_running_stats=True"
            )
    for path, weight in module.named_parameters() if module is not None else ():
        if is_lazy(weight):
            raise InputError(
                f"{said}weight {path!r} is not initialized: run the model once before measuring it"
            )
        check_dense(weight, f"{said}weight {path!r}")
        if weight.is_floating_point() and (weight.dtype, weight.device) != (x.dtype, x.device):
            raise InputError(
                f"{said}weight {path!r} is {weight.dtype} on {weight.device}, the input {x.dtype} "
                f"on {x.device}: convert one"
            )
    if module is not None:
        _check_stored(module)


def check_leaves(leaves: Mapping[str, Function]) -> None:
    """Refuses leaves that are not a mapping of names to maps."""
    if not isinstance(leaves, Mapping):
        raise InputError(
            f"the leaves are a {type(leaves).__name__}: give a mapping of each leaf's name to "
            "its module or function"
        )


def _check_stored(module: nn.Module) -> None:
    for name, weight in module.named_parameters():
        if not is_finite(weight):
            raise InputError(
                f"weight {name!r} has entries that are not finite: the model has diverged or "
                "was not loaded"
            )
    for name, buffer in module.named_buffers():
        # Infinities are legal in buffers: masks of attention hold them.
        if not is_finite(buffer) and (
            buffer.isnan().any() or name.rpartition(".")[2].startswith("running_")
        ):
            raise InputError(
                f"buffer {name!r} has entries that are not finite: the model has diverged or "
                "was not loaded"
            )


def call(function: Callable[[In], Out], x: In, name: str = "the function") -> Out:
    """The value of a function at x.

    Raises InputError, in one line, where that fails: as a rule x has the wrong shape for it.
    """
    try:
        return function(x)
    except GradboundError:
        raise
    except (
        AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
    ) as error:  # fmt: skip
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{name} cannot be evaluated on {tuple(x.shape)}: {why}") from error


def as_module(function: Function) -> nn.Module | None:
    """The module behind a module or one of its bound methods, else None."""
    owner = getattr(function, "__self__", function)
    return owner if isinstance(owner, nn.Module) else None


def coupling(part: nn.Module) -> str | None:
    """Why a module in its present mode is no fixed map of each sample, else None."""
    if not part.training:
        return None
    if isinstance(part, _BatchNorm):
        return "in training mode makes samples depend on each other"
    if isinstance(part, _InstanceNorm) and part.track_running_stats:
        return "in training mode updates its running statistics"
    if isinstance(part, nn.RReLU) or (isinstance(part, _DropoutNd) and part.p > 0):
        return "in training mode is random"
    if isinstance(part, nn.MultiheadAttention | nn.RNNBase) and part.dropout > 0:
        return "with dropout in training mode is random"
    return None


def _check_values(v: Tensor, name: str) -> None:
    if not isinstance(v, Tensor):
        raise InputError(f"{name} is a {type(v).__name__}: it must be one torch tensor")
    if v.dtype in HALF:
        raise InputError(
            f"{name} is {v.dtype}, too coarse to measure with: convert the model and its "
            "input with .float()"
        )
    check_dense(v, name)
    if not v.dtype.is_floating_point:
        raise InputError(f"{name} is {v.dtype}: it must be a dense float32 or float64 tensor")
    tolerances(v.dtype)
    if v.is_meta:
        raise InputError(
            f"{name} is on the meta device and holds no numbers: give the model real weights first"
        )
    if not is_finite(v):
        raise InputError(
            f"{name} has entries that are not finite: remove NaN and infinity, or rescale"
        )


def is_finite(v: Tensor) -> bool:
    """Whether every entry is; of what is no number, and of the meta device, the answer is True."""
    if not (v.is_floating_point() or v.is_complex()) or v.is_meta:
        return True
    # A finite sum has finite terms alone. A sum may overflow; then each entry is asked.
    return bool(v.detach().sum().isfinite()) or bool(v.isfinite().all())
