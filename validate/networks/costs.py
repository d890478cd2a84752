"""Counts what a network costs: parameters, layers, and operations of a forward pass, by kind.

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
from torch.overrides import TorchFunctionMode
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
    """The numbers of parameters, by kind; raises InputError for a module with others.

    What is stored once counts once, however many layers share it, and so does what is expanded.
    """
    stored = _Stored()
    found: Counter[str] = Counter()
    for module in network.modules():
        own = dict(module.named_parameters(recurse=False, remove_duplicate=False))
        kinds: dict[str, str] = {}
        if isinstance(module, nn.Conv2d | nn.Linear):
            kinds = {"weight": "weights", "bias": "biases"}
        elif isinstance(module, nn.BatchNorm2d):
            kinds = {"weight": "affine", "bias": "affine"}
            for statistics in (module.running_mean, module.running_var):
                assert statistics is not None
                found["statistics"] += stored.fresh(statistics)
        if own.keys() - kinds.keys():
            raise InputError(
                f"cannot count the parameters of {type(module).__name__}: teach "
                "validate/networks/costs.py"
            )
        for name, value in own.items():
            found[kinds[name]] += stored.fresh(value)
    return Parameters(found["weights"], found["biases"], found["affine"], found["statistics"])


class _Stored:
    """Which entries of which storages have been counted."""

    def __init__(self) -> None:
        self._counted: dict[int, Tensor] = {}

    def fresh(self, value: Tensor) -> int:
        """The number of stored entries of a tensor that no tensor before it had."""
        storage = value.untyped_storage()
        key = storage.data_ptr() or storage._cdata  # on the meta device there are no addresses
        size = storage.nbytes() // value.element_size()
        counted = self._counted.setdefault(key, torch.zeros(size, dtype=torch.bool, device="cpu"))
        # An axis along which nothing moves repeats its entries.
        strides = value.stride()
        shape = [n if step else 1 for n, step in zip(value.shape, strides, strict=True)]
        seen = counted.as_strided(shape, strides, value.storage_offset())
        fresh = int(seen.logical_not().sum())
        seen.fill_(True)
        return fresh


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
    with torch.no_grad(), flops, rest, _Attention():
        twin(image)
    return Operations(
        flops.get_total_flops() // 2,
        **{kind: rest.found[kind] for kind in sorted(set(_KINDS.values()))},
    )


_KINDS: Mapping[str, str] = {
    "add": "additions",
    "add_": "additions",
    "mul": "products",
    "mul_": "products",
    "mean": "averaging",
    "avg_pool2d": "averaging",
    "max_pool2d_with_indices": "max_pooling",
    "relu": "activations",
    "relu_": "activations",
    "sigmoid": "activations",
    "sigmoid_": "activations",
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


class _Attention(TorchFunctionMode):
    """Refuses attention by its name, for it comes apart into others before it is dispatched."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if "attention" in (name := getattr(func, "__name__", "")):
            raise InputError(f"cannot count the operation {name}: teach validate/networks/costs.py")
        return func(*args, **(kwargs or {}))
