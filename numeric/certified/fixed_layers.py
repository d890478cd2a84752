"""Refuses layers whose map is not the fixed one that their torch class stands for.

What is certified is read off a layer's class and its stored tensors, so nothing else may have a say
in what it does.
"""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy

from derivations.errors import InputError, UnknownNodeError


def check_own_forward(layer: nn.Module) -> None:
    """Refuses a layer with a forward of its own, or hooks: it may not do what its class says."""
    # Whose method it is decides, not the layer's type: a subclass that only renames is welcome.
    for method in {"forward", "_conv_forward", "__call__"} & set(dir(layer)):
        owner = next(kind for kind in type(layer).__mro__ if method in vars(kind))
        if method in vars(layer) or not owner.__module__.startswith("torch.nn.modules."):
            raise UnknownNodeError(
                f"{type(layer).__name__} has a {method} of its own: what it does is not "
                "known; use torch's layers"
            )
    if (
        layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
    ):
        raise InputError(
            f"{type(layer).__name__} has hooks, which may change what it does: remove them first"
        )


def check_fixed(layer: nn.Module) -> None:
    """Refuses a layer whose map is not fixed, or not there yet.

    That is: BatchNorm and dropout in training mode, statistics of the batch at hand, no weights.
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
