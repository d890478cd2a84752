"""Predicts the gradient through a segment whose first convolution is drawn anew.

All else stays as it is. The law is exact for signals independent of those weights. In a network
they are not: what is behind the convolution depends on its outputs. How far a measurement is from
the law says how much that matters before training. Trained weights are no independent draws either,
for which alone gains may leave the law, while alignments change little.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric import Segment, tolerances
from numeric.laws import GeneralizedChiSquare, Geometry, alignment_deviation, convolution_law
from validate.networks.build import deviation_at_start

ROUNDING = tolerances(torch.float64).identity


@dataclass(frozen=True)
class FirstWeights:
    """The laws of a segment for a backward signal g of norm 1, by sample: `square` of ‖∂L/∂x‖² = ‖v
    + q‖², q what arrives through the convolution, v (batch, *in) all else; ⟨v, q⟩ ~ N(0,
    `deviation`²); `chi` (batch,) is E‖q‖² / ‖v‖², or E‖q‖² where v = 0. On the CPU.
    """

    weight_std: float
    square: GeneralizedChiSquare
    v: Tensor
    deviation: Tensor
    chi: Tensor


def first_weights(segment: Segment, x: Tensor, g: Tensor, *, trained: bool) -> FirstWeights | None:
    """For x (batch, *in) and g (batch, *out) ≠ 0, float64, of a segment in eval mode.

    None for one without a convolution. The deviation of the weights is that of the initialization,
    and their root mean square once they are trained. Raises InputError for a convolution that is
    not used once, not with zero padding, or behind a map that is not pointwise.
    """
    convolution = next(
        (module for module in segment.modules() if isinstance(module, nn.Conv2d)), None
    )
    if convolution is None:
        return None
    std = (
        float(convolution.weight.detach().square().mean().sqrt())
        if trained
        else deviation_at_start(convolution)
    )
    unit = scaled(g, g)
    slope, v, h = _cut(segment, convolution, x, unit)
    geometry = Geometry.of(convolution)
    square = convolution_law(std, h, v, geometry, slope=slope)
    base = v.flatten(1).square().sum(1)
    # The mean of `square` less ‖v‖², without subtracting: ‖v‖² may be far larger.
    drawn = torch.from_numpy((square.dofs * square.weights).sum(-1))
    deviation = torch.from_numpy(alignment_deviation(std, h, v, geometry, slope=slope))
    return FirstWeights(std, square, v, deviation, drawn / torch.where(base > 0, base, 1.0))


def scaled(signal: Tensor, g: Tensor) -> Tensor:
    """signal / ‖g‖ by sample, of any size that float64 can hold: (batch, *shape) each."""
    # By the largest entry first: squares of signals of 1e−200 are 0.
    largest = g.flatten(1).abs().amax(1)
    lengths = (g.flatten(1) / largest[:, None]).square().sum(1).sqrt()
    return (signal.flatten(1) / largest[:, None] / lengths[:, None]).view_as(signal)


def _cut(
    segment: Segment, convolution: nn.Conv2d, x: Tensor, g: Tensor
) -> tuple[Tensor | None, Tensor, Tensor]:
    """The slopes of what precedes the convolution, and what g is pulled back to: beside it to x,
    and to its outputs. On the CPU.
    """
    inputs, outputs = [], []

    def cut(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        inputs.append(arguments[0])
        outputs.append(output.detach().requires_grad_())
        return outputs[-1]

    with torch.enable_grad():
        x = x.detach().requires_grad_()
        handle = convolution.register_forward_hook(cut)
        try:
            output = segment(x)
        finally:
            handle.remove()
        # Of two uses each is cut off by a leaf, and what the first sends through the second lost.
        if len(outputs) != 1:
            raise InputError(
                f"the first convolution is used {len(outputs)} times: its law is that of one use"
            )
        v, h = torch.autograd.grad(output, (x, outputs[0]), g, materialize_grads=True)
        slope = _slope(inputs[0], x)
    # Laws are made of NumPy's numbers, wherever the network is.
    return slope if slope is None else slope.cpu(), v.cpu(), h.cpu()


def _slope(output: Tensor, x: Tensor) -> Tensor | None:
    """The diagonal of the Jacobian of a pointwise map, None for no map at all.

    Raises InputError for another.
    """
    if output is x:
        return None
    (slope,) = torch.autograd.grad(output, x, torch.ones_like(output), retain_graph=True)
    probe = (
        # Not ones again: those give the slopes by definition, whatever the Jacobian is.
        torch.arange(output.numel(), dtype=output.dtype, device=output.device).cos().view_as(output)
    )
    (pulled,) = torch.autograd.grad(output, x, probe)
    if slope.shape != probe.shape or not torch.allclose(
        pulled, slope * probe, ROUNDING, torch.finfo(torch.float64).tiny
    ):
        raise InputError(
            "what precedes the first convolution is not pointwise: its law is known behind a "
            "pointwise map alone"
        )
    return slope
