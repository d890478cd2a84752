"""Evaluates in float32 what is given in half precision, whose rounding would hide its numbers.

The model itself is left as it is: upcast copies of its weights and buffers stand in for them. Warns
once, or raises InputError.
"""

import warnings
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from derivations.errors import InputError
from numeric.checks import Function, as_module, check_function, check_leaves

HALVES = (torch.float16, torch.bfloat16)


class PrecisionWarning(UserWarning):
    """Numbers come from another precision than the one that was given."""


def in_single(function: Function, x: Tensor) -> tuple[Function, Tensor]:
    """The function and its input, in float32 where x is float16 or bfloat16; else as they are.

    Says so by a PrecisionWarning. A module is evaluated with upcast copies of its weights and
    buffers, so that its numbers are those of `model.float()`; any other function gets the float32
    x. Raises InputError for a module whose weights are not all of x's dtype, or that
    `numeric.checks` refuses, and for a bound method of a half-precision module.
    """
    leaves, (single,) = _all_in_single({"": function}, x)
    return leaves[""], single


def block_in_single(
    leaves: Mapping[str, Function], *tensors: Tensor
) -> tuple[Mapping[str, Function], tuple[Tensor, ...]]:
    """`in_single` for the leaves of a term and all tensors that go with them, the input first.

    Warns once for all.
    """
    return _all_in_single(leaves, *tensors)


def _all_in_single(
    leaves: Mapping[str, Function], *tensors: Tensor
) -> tuple[Mapping[str, Function], tuple[Tensor, ...]]:
    check_leaves(leaves)
    x = tensors[0]
    if not isinstance(x, Tensor) or x.dtype not in HALVES:
        return leaves, tensors
    single = {name: _function_in_single(leaf, x) for name, leaf in leaves.items()}
    copied = sum(1 for leaf in single.values() if isinstance(leaf, _InSingle))
    plural = "s" if copied > 1 else ""
    models = f", and {copied} model{plural} with upcast copies of the weights" if copied else ""
    # Four levels up is the line that called the public function.
    warnings.warn(
        f"the input is {x.dtype}: evaluated in float32{models}", PrecisionWarning, stacklevel=4
    )
    return single, tuple(
        tensor.float() if isinstance(tensor, Tensor) and tensor.dtype == x.dtype else tensor
        for tensor in tensors
    )


def _function_in_single(function: Function, x: Tensor) -> Function:
    check_function(function, x)
    module = as_module(function)
    if module is None or not any(_is_half(tensor) for tensor in _state(module)):
        return function
    if module is not function:
        name = getattr(function, "__qualname__", type(function).__name__)
        raise InputError(
            f"{name} belongs to a {type(module).__name__} of {x.dtype}: pass the module "
            "itself, or convert it with .float()"
        )
    return _InSingle(module)


class _InSingle:
    """A half-precision module as a function of float32.

    Copies of its weights and buffers are made for each evaluation.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, x: Tensor) -> Tensor:
        buffers = {name: _single(buffer) for name, buffer in self.module.named_buffers()}
        weights = {name: _single(weight) for name, weight in self.module.named_parameters()}
        versions = {name: buffer._version for name, buffer in buffers.items()}
        value: Tensor = functional_call(self.module, weights | buffers, (x,))
        # A change of the copies is lost, so the next value would be another.
        for name, buffer in buffers.items():
            if buffer._version != versions[name]:
                raise InputError(
                    f"evaluating the function changes its buffer {name!r}: call model.eval() first"
                )
        return value


def _state(module: nn.Module) -> Iterable[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _is_half(tensor: Tensor) -> bool:
    return tensor.dtype in HALVES


def _single(tensor: Tensor) -> Tensor:
    copied = tensor.detach().float() if _is_half(tensor) else tensor.detach().clone()
    # Attention computes in another order where no weight requires a gradient.
    return copied.requires_grad_(tensor.requires_grad)
