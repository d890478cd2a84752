"""Bounds how much layers in sequence stretch together at every input.

Never imports a term.
"""

import torch
from torch import nn

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.activation_ranges import ACTIVATIONS
from numeric.certified.balls import constant, float_above, float_below
from numeric.certified.compositions.affine_forms import Step, leaves
from numeric.certified.compositions.joint_bounds import joint_norm_upper
from numeric.certified.convolution_norms import Sizes
from numeric.certified.enclosed_layers import has_rule, run
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.layer_lipschitz import lipschitz_upper


@torch.inference_mode(False)
@torch.no_grad()
def sequence_lipschitz_upper(layer: nn.Module, in_shape: Sizes) -> float:
    """No less than ‖J(x)‖₂ at every x of shape `in_shape` (one sample), in eval mode.

    What `lipschitz_upper` says, or less: where a sequence is small and its layers can be enclosed,
    they are bounded together, with multipliers for the slopes (as LipSDP does, but proved). Raises
    what `lipschitz_upper` raises.
    """
    product = lipschitz_upper(layer, in_shape)
    if not all(has_rule(leaf) for leaf in leaves(layer)):
        return product
    try:
        steps = _steps(layer, in_shape)
    except (UnknownNodeError, InputError):  # its norm is known, its slopes are not
        return product
    return min(product, joint_norm_upper(steps, torch.Size((1, *in_shape))))


def _steps(layer: nn.Module, in_shape: Sizes) -> list[Step]:
    x, found = Enclosed.exactly(torch.zeros(1, *in_shape)), []
    for leaf in leaves(layer):
        # As in float32: then a layer's own numbers are enclosed as either precision takes them.
        here = run(leaf, x, torch.float32)
        found.append(Step(here, None if here.affine else _slopes(leaf, here.value.shape)))
        x = here.value
    return found


def _slopes(layer: nn.Module, shape: torch.Size) -> Enclosed:
    if isinstance(layer, nn.ReLU):
        low, high = 0.0, 1.0
    elif isinstance(layer, nn.LeakyReLU):
        ends = constant(layer.negative_slope)
        low, high = min(1.0, *ends), max(1.0, *ends)
    else:
        kind = next((kind for kind in type(layer).__mro__ if kind in ACTIVATIONS), None)
        if kind is None:
            raise UnknownNodeError(
                f"no range of slopes of {type(layer).__name__}: teach "
                "numeric/certified/compositions/slopes_everywhere.py"
            )
        ball = ACTIVATIONS[kind].slopes_everywhere()
        low, high = float_below(ball), float_above(ball)
    return Enclosed.between(*(torch.full(shape, end, dtype=torch.float64) for end in (low, high)))
