"""Counts what a network costs: parameters, layers, and operations of one forward pass, by kind.

Nothing is estimated: parameters are those of the modules, operations those that a forward pass
dispatches, on the meta device. An operation of unknown kind raises InputError.
"""

import copy
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from derivations.errors import InputError
from numeric import Network

AUXILIARY = ("shortcut", "squeeze", "excite")
"""Parts whose layers the papers do not count in a network's depth: projections (He et al. 2016),
gates (Hu et al. 2018)."""


@dataclass(frozen=True)
class Parameters:
    """`weights` and `biases` of convolutions and linear maps, and scales and shifts of batch
    normalization (`affine`), are learned; running means and variances (`statistics`) are not.
    """

    weights: int
    biases: int
    affine: int
    statistics: int

    @property
    def learned(self) -> int:
        return self.weights + self.biases + self.affine

    @property
    def total(self) -> int:
        return self.learned + self.statistics


@dataclass(frozen=True)
class Operations:
    """Operations of the forward pass of one image, in eval mode.

    `multiply_adds` of convolutions and linear maps (half of what `torch.utils.flop_counter` counts,
    which takes a multiplication and an addition as two; biases are not counted). Of the rest one
    operation per element: `additions` of branch and shortcut, `products` of gate and branch,
    `averaging` and `max_pooling` of inputs, `activations` (ReLU, sigmoid) and `normalization` of
    outputs.
    """

    multiply_adds: int
    additions: int
    products: int
    averaging: int
    max_pooling: int
    activations: int
    normalization: int


@dataclass(frozen=True)
class Complexity:
    """What a network costs. `layers` are those with weights, shortcuts and gates left out."""

    layers: int
    parameters: Parameters
    operations: Operations


def complexity(network: Network, image_size: int, in_channels: int = 3) -> Complexity:
    """The counts of `network`, which is left untouched, for one image of (in_channels, image_size,
    image_size).
    """
    return Complexity(
        layers(network), parameters(network), operations(network, image_size, in_channels)
    )


def parameters(network: nn.Module) -> Parameters:
    """The numbers of parameters, by kind; raises InputError for a module with others."""
    found: Counter[str] = Counter()
    for module in network.modules():
        own = sum(value.numel() for value in module.parameters(recurse=False))
        if isinstance(module, nn.Conv2d | nn.Linear):
            biases = module.bias.numel() if module.bias is not None else 0
            found.update(weights=own - biases, biases=biases)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            found.update(
                affine=own, statistics=module.running_mean.numel() + module.running_var.numel()
            )
        elif own:
            raise InputError(
                f"cannot count the parameters of {type(module).__name__}: teach "
                "validate/networks/costs.py"
            )
    return Parameters(found["weights"], found["biases"], found["affine"], found["statistics"])


def layers(network: nn.Module) -> int:
    """The number of convolutions and linear maps, those in AUXILIARY left out."""
    modules = ((name.split("."), module) for name, module in network.named_modules())
    return sum(
        1
        for path, module in modules
        if isinstance(module, nn.Conv2d | nn.Linear) and not set(path) & set(AUXILIARY)
    )


def operations(network: nn.Module, image_size: int, in_channels: int = 3) -> Operations:
    """The operations that a forward pass on the meta device dispatches."""
    twin = copy.deepcopy(network).to("meta").eval()
    image = torch.empty((1, in_channels, image_size, image_size), device="meta")
    flops, rest = FlopCounterMode(display=False), _Elements()
    with torch.no_grad(), flops, rest:
        twin(image)
    return Operations(
        flops.get_total_flops() // 2,
        **{kind: rest.found[kind] for kind in sorted(set(_KINDS.values()))},
    )


_KINDS: Mapping[str, str] = {
    "add": "additions",
    "mul": "products",
    "mean": "averaging",
    "avg_pool2d": "averaging",
    "max_pool2d_with_indices": "max_pooling",
    "relu": "activations",
    "sigmoid": "activations",
    "native_batch_norm": "normalization",
    "_native_batch_norm_legit_no_training": "normalization",
    "cudnn_batch_norm": "normalization",
}
_MULTIPLY_ADDS = {"convolution", "addmm", "mm"}
_FREE = {
    "empty", "view", "_unsafe_view", "t", "expand", "slice", "unsqueeze", "select", "cat",
    "constant_pad_nd", "detach", "alias", "clone", "empty_like", "new_empty", "permute", "squeeze",
}  # fmt: skip


class _Elements(TorchDispatchMode):
    """Counts the elements that each kind of operation handles: its inputs where it pools, its
    outputs elsewhere.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in _KINDS:
            handled = args[0] if "pool" in _KINDS[name] or _KINDS[name] == "averaging" else out
            first = handled if isinstance(handled, Tensor) else handled[0]
            self.found[_KINDS[name]] += math.prod(first.shape)
        elif name not in _MULTIPLY_ADDS | _FREE:
            raise InputError(f"cannot count the operation {name}: teach validate/networks/costs.py")
        return out
