"""Runs torch layers on enclosed tensors, forward and backward.

One rule per layer type, each sound or refused. A rule gives a layer's value and the products of its
Jacobian there with enclosed vectors, all for the stored weights in exact arithmetic. Never imports
a term.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce, singledispatch
from itertools import product

import torch
from flint import arb
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AvgPoolNd

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.activation_ranges import ACTIVATIONS
from numeric.certified.balls import between, constant, float_above, float_below, precise
from numeric.certified.convolution_geometry import geometry
from numeric.certified.enclosed_tensors import Enclosed, Linear, apply
from numeric.certified.fixed_layers import check_fixed, check_own_forward, check_reproduced
from numeric.certified.torch_functions import torchs_own

Product = Callable[[Enclosed], Enclosed]


@dataclass(frozen=True)
class Run:
    """A layer's value at an enclosed input, and the products Jv and Jᵀu there.

    Vectors are shaped like the input and the value. `shape` is the input's. `affine`: J does not
    depend on the input. `slopes`: the diagonal of J, for layers that act on each entry by itself.
    `parts`: the runs of a sequence's layers. `sizes`: what the magnitudes of all that is added up
    to the value come to.
    """

    layer: nn.Module
    shape: torch.Size
    value: Enclosed
    push: Product
    pull: Product
    affine: bool = False
    slopes: Enclosed | None = None
    parts: tuple["Run", ...] = ()
    sizes: Tensor | None = None


def run(layer: object, x: Enclosed, dtype: torch.dtype = torch.float64) -> Run:
    """The layer at x (batch, *in), which a network of `dtype` holds.

    In others than float64 a layer's own numbers may be rounded before they are used. Raises
    UnknownNodeError for a type without a rule, InputError where its rule does not apply.
    """
    if isinstance(layer, nn.Module):
        check_fixed(layer)
        check_own_forward(layer)
    here = _run(layer, x, dtype)
    if here.sizes is not None:
        check_reproduced(here.layer, x.mid, here.value.mid, here.value.rad, here.sizes)
    return here


def has_rule(layer: nn.Module) -> bool:
    """Whether there is a rule for layers of this type."""
    return _run.dispatch(type(layer)) is not _run.dispatch(object)


@singledispatch
def _run(layer: object, x: Enclosed, dtype: torch.dtype) -> Run:
    raise UnknownNodeError(
        f"no certified value of {type(layer).__name__}: register a rule in "
        "numeric/certified/enclosed_layers.py"
    )


@_run.register
def _(layer: nn.Sequential, x: Enclosed, dtype: torch.dtype) -> Run:
    runs: list[Run] = []
    for part in layer:
        runs.append(run(part, runs[-1].value if runs else x, dtype))
    return Run(
        layer,
        x.shape,
        runs[-1].value if runs else x,
        lambda v: reduce(lambda vector, each: each.push(vector), runs, v),
        lambda u: reduce(lambda vector, each: each.pull(vector), reversed(runs), u),
        affine=all(each.affine for each in runs),
        parts=tuple(runs),
    )


@_run.register
def _(layer: nn.Linear, x: Enclosed, dtype: torch.dtype) -> Run:
    weight = _stored(layer.weight)
    if weight.dim() != 2:
        raise InputError(
            f"the weight of {type(layer).__name__} has shape {tuple(weight.shape)}: give it "
            "(out, in)"
        )
    return _affine(
        layer,
        x,
        lambda v: v @ weight.mT,
        lambda v: v @ weight.abs().mT,
        max(weight.shape),
        layer.bias,
    )


@_run.register(nn.Conv1d)
@_run.register(nn.Conv2d)
@_run.register(nn.Conv3d)
def _(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Enclosed, dtype: torch.dtype) -> Run:
    weight, shape = _stored(layer.weight), geometry(layer)
    if x.mid.dim() != weight.dim():
        raise InputError(
            f"{type(layer).__name__} takes no batch of shape {tuple(x.shape)}: give it one "
            f"of {weight.dim()} dimensions"
        )
    # Padding may use an entry of x several times.
    pads = (max(pad, 0) for pad in (*shape.before, *shape.after))
    copies = 1 if shape.padding_mode == "zeros" else math.prod(1 + pad for pad in pads)
    return _affine(
        layer,
        x,
        lambda v: shape.applied(v, weight),
        lambda v: shape.applied(v, weight.abs()),
        max(weight[0].numel(), weight[:, 0].numel() * copies),
        None if layer.bias is None else layer.bias.view(-1, *[1] * (weight.dim() - 2)),
    )


@_run.register(_AvgPoolNd)
@_run.register(_AdaptiveAvgPoolNd)
@_run.register(nn.Upsample)
def _(layer: nn.Module, x: Enclosed, dtype: torch.dtype) -> Run:
    if isinstance(layer, nn.Upsample) and layer.mode != "nearest":
        raise InputError(f"no certified value of Upsample(mode={layer.mode!r}): use mode='nearest'")
    if (getattr(layer, "divisor_override", None) or 1) < 0:
        raise InputError(
            f"no certified value of {type(layer).__name__} with a negative divisor: make it "
            "positive"
        )
    if isinstance(layer, nn.Upsample):
        _check_indices(layer, x.mid)
    average = partial(torchs_own(layer), layer)
    terms = 2 + max(x.mid[0].numel(), average(x.mid[:1]).numel())  # the division counts too
    return _affine(layer, x, average, average, terms)


def _check_indices(layer: nn.Upsample, like: Tensor) -> None:
    """Refuses a layer that repeats other entries in float32, or in another layout, than here."""
    places = torch.arange(like[0, 0].numel(), dtype=torch.float64).view(1, 1, *like.shape[2:])
    if places.numel() > 2**24:
        raise InputError("no certified value of Upsample beyond 2²⁴ entries: float32 cannot count")
    expected = layer(places)
    layouts = [torch.contiguous_format]
    layouts += [torch.channels_last] if like.dim() == 4 else []
    for layout, channels in product(layouts, (1, 3, 16)):
        wide = places.float().expand(1, channels, *like.shape[2:]).contiguous(memory_format=layout)
        if not (layer(wide) == expected).all():
            raise InputError(
                "no certified value of Upsample whose sizes are not multiples: which entries it "
                "repeats depends on the precision; give a scale that is an integer"
            )


@_run.register(nn.Identity)
@_run.register(nn.Flatten)
@_run.register(nn.Unflatten)
@_run.register(_DropoutNd)
def _(layer: nn.Module, x: Enclosed, dtype: torch.dtype) -> Run:
    move = partial(torchs_own(layer), layer)
    value = Enclosed(move(x.mid), move(x.rad))
    if value.mid.dim() < 2 or len(value.mid) != len(x.mid):
        raise InputError(
            f"{type(layer).__name__} maps {tuple(x.shape)} to {tuple(value.shape)}: it must keep "
            "the samples apart"
        )
    return Run(
        layer,
        x.shape,
        value,
        lambda v: Enclosed(move(v.mid), move(v.rad)),
        lambda u: u.view(len(u.mid), *x.shape[1:]),
        affine=True,
        sizes=value.mid.abs(),
    )


@_run.register
def _(layer: _BatchNorm, x: Enclosed, dtype: torch.dtype) -> Run:
    layer._check_input_dim(x.mid)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    held = (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    for channels in (each.numel() for each in held if each is not None):
        if x.shape[1] != channels:
            raise InputError(
                f"{type(layer).__name__} of {channels} channels takes no input of {x.shape[1]}"
            )
    mean, variance = (_stored(each).tolist() for each in (layer.running_mean, layer.running_var))
    weight = [1.0] * len(mean) if layer.weight is None else _stored(layer.weight).tolist()
    bias = [0.0] * len(mean) if layer.bias is None else _stored(layer.bias).tolist()
    with precise():
        eps = between(*map(arb, _own(layer.eps, dtype)))
        scales = [arb(w) / (arb(v) + eps).sqrt() for w, v in zip(weight, variance, strict=True)]
        shifts = [arb(b) - arb(m) * s for b, m, s in zip(bias, mean, scales, strict=True)]
        scale, shift = (_per_channel(_from_balls(each), x) for each in (scales, shifts))
    sizes = (x.mid * scale.mid).abs() + shift.mid.abs()
    return _pointwise(layer, x * scale + shift, scale, sizes, affine=True)


@_run.register(nn.ReLU)
@_run.register(nn.LeakyReLU)
def _(layer: nn.ReLU | nn.LeakyReLU, x: Enclosed, dtype: torch.dtype) -> Run:
    """Exact on either side of the kink, and in doubt anything between the two slopes.

    At 0 the slope is that of the negative side, as in torch.
    """
    least, most = (
        _own(layer.negative_slope, dtype) if isinstance(layer, nn.LeakyReLU) else (0.0, 0.0)
    )
    above, low_side, high_side = (torch.full_like(x.mid, each) for each in (1.0, least, most))
    negative_slope = Enclosed.between(low_side, high_side)
    # An entry may lie on both sides of the kink: from the slope of its low end to that of its high.
    low, high = (
        end(*(torch.where(side > 0, above, below) for side in (x.low, x.high)))
        for end, below in ((torch.minimum, low_side), (torch.maximum, high_side))
    )
    positive = Enclosed.between(x.low.clamp(min=0), x.high.clamp(min=0))
    negative = Enclosed.between(x.low.clamp(max=0), x.high.clamp(max=0))
    value = positive + negative * negative_slope if least or most else positive
    sizes = x.mid.abs() * max(1.0, abs(least), abs(most))
    return _pointwise(layer, value, Enclosed.between(low, high), sizes)


@_run.register(nn.Sigmoid)
@_run.register(nn.Tanh)
@_run.register(nn.SiLU)
@_run.register(nn.GELU)
def _(layer: nn.Module, x: Enclosed, dtype: torch.dtype) -> Run:
    if isinstance(layer, nn.GELU) and layer.approximate != "none":
        raise InputError(
            f"no certified value of GELU(approximate={layer.approximate!r}): use approximate='none'"
        )
    activation = next(ACTIVATIONS[kind] for kind in type(layer).__mro__ if kind in ACTIVATIONS)
    with precise():
        pairs = zip(x.mid.flatten().tolist(), x.rad.flatten().tolist(), strict=True)
        ranges = [activation.over(mid, rad) for mid, rad in pairs]
        value, slope = (
            _from_balls([each[order] for each in ranges]).view(*x.shape) for order in (0, 1)
        )
    return _pointwise(layer, value, slope, 1 + x.mid.abs())


def _pointwise(
    layer: nn.Module, value: Enclosed, slopes: Enclosed, sizes: Tensor, affine: bool = False
) -> Run:
    return Run(
        layer,
        value.shape,
        value,
        lambda v: v * slopes,
        lambda u: u * slopes,
        affine,
        slopes,
        sizes=sizes,
    )


def _affine(
    layer: nn.Module,
    x: Enclosed,
    linear: Linear,
    absolute: Linear,
    terms: int,
    bias: Tensor | None = None,
) -> Run:
    """Of v ↦ Lv + bias.

    Neither an entry of Lv nor one of Lᵀu is a sum of more than `terms` products.
    """
    value, sizes = apply(linear, absolute, terms, x), absolute(x.mid.abs())
    if bias is not None:
        shift = Enclosed.exactly(bias.expand(value.shape))
        value, sizes = value + shift, sizes + shift.mid.abs()
    transposed, transposed_absolute = (_transpose(each, x.shape) for each in (linear, absolute))
    return Run(
        layer,
        x.shape,
        value,
        lambda v: apply(linear, absolute, terms, v),
        lambda u: apply(transposed, transposed_absolute, terms, u),
        affine=True,
        sizes=sizes,
    )


def _transpose(linear: Linear, shape: torch.Size) -> Linear:
    def transposed(u: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = torch.zeros(len(u), *shape[1:], dtype=u.dtype, requires_grad=True)
            (gradient,) = torch.autograd.grad(linear(leaf), leaf, u)
        return gradient

    return transposed


def _own(number: float, dtype: torch.dtype) -> tuple[float, float]:
    """The ends of what a layer's own number is in a network of this precision."""
    return (number, number) if dtype == torch.float64 else constant(number)


def _stored(weight: Tensor) -> Tensor:
    return Enclosed.exactly(weight).mid


def _from_balls(values: list[arb]) -> Enclosed:
    low, high = (
        torch.tensor([end(value) for value in values], dtype=torch.float64)
        for end in (float_below, float_above)
    )
    return Enclosed.between(low, high)


def _per_channel(values: Enclosed, x: Enclosed) -> Enclosed:
    shape = (1, -1, *[1] * (x.mid.dim() - 2))
    return Enclosed(values.mid.view(shape).expand(x.shape), values.rad.view(shape).expand(x.shape))
