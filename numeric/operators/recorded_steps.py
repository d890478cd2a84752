"""Pushes tangents along the steps that autograd recorded, by one rule per kind of step.

A step without a rule, or of a form that its rule does not know, leaves the whole function without a
push. Rules are not trusted: whoever takes one compares it with another way. Never imports a term.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

Tangents = Sequence[Tensor | None]
"""Of a step's inputs, None where one does not depend on the source."""
Rule = Callable[[Tangents], Tensor]


class NoRuleError(Exception):
    """A step cannot be pushed through here."""


REFUSALS = (NoRuleError, RuntimeError, AttributeError, IndexError, TypeError)
"""What a rule raises for a step that is recorded otherwise than it expects, or changed since."""


class Step:
    """A recorded step as rules see it: what it saved, its shape, and which inputs vary.

    What autograd saved is read anew in every push, as every pull reads it: some changes of a weight
    are seen by nobody, and both must then be of the same Jacobian.
    """

    def __init__(self, node: Node, varies: tuple[bool, ...]) -> None:
        self.node, self.varies = node, varies
        self.shape = torch.Size(node._input_metadata[0].shape)

    def __getattr__(self, name: str) -> Any:
        """What autograd saved under this name, a tensor without its own graph.

        Raises RuntimeError where it was freed, or changed in place.
        """
        saved = getattr(self.node, f"_saved_{name}")
        return saved.detach() if isinstance(saved, Tensor) else saved

    def bent(self, tangent: Tensor) -> Tensor:
        """The tangent behind a step that bends each entry by itself, which is its own adjoint."""
        found = self.node(tangent)  # type: ignore[operator]
        listed = found if isinstance(found, tuple) else (found,)
        bent = next((each for each in listed if each is not None), None)
        # None within a backward pass, which answers only for what it wants itself.
        if not isinstance(bent, Tensor) or bent.shape != self.shape:
            raise NoRuleError(self.node.name())
        return bent.detach()


def only(step: Step, index: int = 0) -> None:
    """Refuses a step of which any input but that one varies."""
    if not step.varies[index] or sum(step.varies) != 1:
        raise NoRuleError(step.node.name())


def rule_of(step: Step) -> Rule:
    """How tangents pass the step; raises one of REFUSALS, and so does what it returns."""
    name = step.node.name()
    if name not in _RULES:
        raise NoRuleError(name)
    return _RULES[name](step)


def _entrywise(step: Step) -> Rule:
    only(step)
    return lambda t: step.bent(_given(t[0]))


def _reshaped(step: Step) -> Rule:
    shape = step.shape
    return lambda t: _given(t[0]).reshape(shape)


def _copied(step: Step) -> Rule:
    return lambda t: _given(t[0])


def _given(tangent: Tensor | None) -> Tensor:
    if tangent is None:
        raise NoRuleError("a step of a constant")
    return tangent


def _summed(sign: int) -> Callable[[Step], Rule]:
    def rule(step: Step) -> Rule:
        factor, shape = sign * step.alpha, step.shape

        def push(t: Tangents) -> Tensor:
            first, second = t[0], t[-1] if len(t) > 1 else None
            if first is None:
                return (factor * _given(second)).expand(shape)
            if second is None:
                return first.expand(shape)
            return torch.add(first, second, alpha=factor)

        return push

    return rule


def _bilinear(
    product: Callable[[Tensor, Tensor], Tensor], first: str, second: str, at: int = 0
) -> Callable[[Step], Rule]:
    """Of a product of two inputs, the first of which stands at `at`."""

    def rule(step: Step) -> Rule:
        left_varies, right_varies = (*step.varies[at:], False)[:2]
        if any(step.varies[:at]):
            raise NoRuleError(step.node.name())

        def push(t: Tangents) -> Tensor:
            if not right_varies:
                return product(_given(t[at]), getattr(step, second))
            by_right = product(getattr(step, first), _given(t[at + 1]))
            return (
                product(_given(t[at]), getattr(step, second)) + by_right
                if left_varies
                else by_right
            )

        return push

    return rule


def _divided(step: Step) -> Rule:
    """By what does not vary."""
    only(step)
    return lambda t: _given(t[0]) / step.other


def _addmm(step: Step) -> Rule:
    if step.alpha != 1 or step.beta != 1:
        raise NoRuleError(step.node.name())
    return _bilinear(torch.mm, "mat1", "mat2", at=1)(step)


def _convolution(step: Step) -> Rule:
    only(step)
    settings = (
        *(step.stride, step.padding, step.dilation),
        *(step.transposed, step.output_padding, step.groups),
    )
    return lambda t: torch.convolution(_given(t[0]), step.weight, None, *settings)


def _batch_norm(step: Step) -> Rule:
    """In eval mode alone, where it scales each channel."""
    only(step)
    if step.training:
        raise NoRuleError(step.node.name())

    def push(t: Tangents) -> Tensor:
        scale = (step.running_var + step.eps).rsqrt()
        weight = step.weight
        scale = scale if weight is None else scale * weight
        return scale.view(1, -1, *[1] * (len(step.shape) - 2)) * _given(t[0])

    return push


def _layer_norm(step: Step) -> Rule:
    only(step)
    dims = tuple(range(-len(step.normalized_shape), 0))

    def push(t: Tangents) -> Tensor:
        tangent, inverse, weight = _given(t[0]), step.result2, step.weight
        normal = (step.input - step.result1) * inverse
        along = normal * (normal * tangent).mean(dims, keepdim=True)
        moved = inverse * (tangent - tangent.mean(dims, keepdim=True) - along)
        return moved if weight is None else moved * weight

    return push


def _softmax(step: Step) -> Rule:
    (dim,) = _signed(step.dim)

    def push(t: Tangents) -> Tensor:
        result = step.result
        weighed: Tensor = result * t[0]
        return weighed - result * weighed.sum(dim, keepdim=True)

    return push


def _max_pool(step: Step) -> Rule:
    """Each entry of the result is one of its plane's."""
    shape = step.shape
    return lambda t: _given(t[0]).flatten(-2).gather(-1, step.result1.flatten(-2)).view(shape)


def _average_pool(step: Step) -> Rule:
    settings = (
        *(step.kernel_size, step.stride, step.padding),
        *(step.ceil_mode, step.count_include_pad, step.divisor_override),
    )
    return lambda t: torch.nn.functional.avg_pool2d(_given(t[0]), *settings)


def _adaptive_average(step: Step) -> Rule:
    size = (step.shape[-2], step.shape[-1])
    return lambda t: torch.nn.functional.adaptive_avg_pool2d(_given(t[0]), size)


def _mean(step: Step) -> Rule:
    dims, shape = _some(step), step.shape
    count = prod(step.self_sym_sizes[dim] for dim in dims)
    return lambda t: (_given(t[0]).sum(dims) / count).view(shape)


def _sum(step: Step) -> Rule:
    dims, shape = _some(step), step.shape
    return lambda t: _given(t[0]).sum(dims).view(shape)


def _some(step: Step) -> tuple[int, ...]:
    """The dimensions over which a step adds; none given means all, and is left to autograd."""
    if not step.dim:
        raise NoRuleError(step.node.name())
    return _signed(step.dim)


def _joined(step: Step) -> Rule:
    """Of inputs that all vary: of a constant one the shape is not recorded."""
    if not all(step.varies):
        raise NoRuleError(step.node.name())
    (dim,) = _signed(step.dim)
    return lambda t: torch.cat([_given(each) for each in t], dim)


def _transposed(step: Step) -> Rule:
    first, second = (_signed(each)[0] for each in (step.dim0, step.dim1))
    return lambda t: _given(t[0]).transpose(first, second)


def _permuted(step: Step) -> Rule:
    dims = _signed(step.dims)
    return lambda t: _given(t[0]).permute(dims)


def _selected(step: Step) -> Rule:
    (dim,), (index,) = _signed(step.dim), _signed(step.index)
    return lambda t: _given(t[0]).select(dim, index)


def _sliced(step: Step) -> Rule:
    (dim,) = _signed(step.dim)
    start, stop = _signed((step.start, step.end))
    part = tuple([slice(None)] * (dim % len(step.shape)) + [slice(start, stop, step.step)])
    return lambda t: _given(t[0])[part]


def _signed(dims: int | Sequence[int]) -> tuple[int, ...]:
    """Dimensions as they were given: autograd keeps negative ones modulo 2⁶⁴."""
    listed = (dims,) if isinstance(dims, int) else dims
    return tuple(dim - 2**64 if dim >= 2**63 else dim for dim in listed)


_SLOPED = (
    *("Relu", "LeakyRelu", "Hardtanh", "Silu", "Gelu", "Elu", "Sigmoid", "Tanh", "Hardswish"),
    *("Softplus", "Mish", "Threshold", "Exp", "Log", "Sqrt", "Pow", "Neg"),
)

_RULES: dict[str, Callable[[Step], Rule]] = {
    **{f"{name}Backward{number}": _entrywise for name in _SLOPED for number in (0, 1)},
    **{f"{name}Backward1": _entrywise for name in ("Mul", "Div", "Rsub")},
    **{
        f"{name}Backward0": _reshaped
        for name in ("View", "UnsafeView", "ReshapeAlias", "Unsqueeze", "Squeeze")
    },
    "SqueezeBackward1": _reshaped,
    "CloneBackward0": _copied,
    "AddBackward0": _summed(+1),
    "SubBackward0": _summed(-1),
    "DivBackward0": _divided,
    "MulBackward0": _bilinear(torch.mul, "self", "other"),
    "MmBackward0": _bilinear(torch.mm, "self", "mat2"),
    "BmmBackward0": _bilinear(torch.bmm, "self", "mat2"),
    "AddmmBackward0": _addmm,
    "ConvolutionBackward0": _convolution,
    "NativeBatchNormBackward0": _batch_norm,
    "NativeLayerNormBackward0": _layer_norm,
    "SoftmaxBackward0": _softmax,
    "SafeSoftmaxBackward0": _softmax,
    "MaxPool2DWithIndicesBackward0": _max_pool,
    "AvgPool2DBackward0": _average_pool,
    "AdaptiveAvgPool2DBackward0": _adaptive_average,
    "MeanBackward1": _mean,
    "SumBackward1": _sum,
    "CatBackward0": _joined,
    "TBackward0": lambda step: lambda t: _given(t[0]).t(),
    "SelectBackward0": _selected,
    "SliceBackward0": _sliced,
    "TransposeBackward0": _transposed,
    "PermuteBackward0": _permuted,
    "ExpandBackward0": lambda step: lambda t: _given(t[0]).expand(step.shape),
}
