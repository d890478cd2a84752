"""Answers for the samples that a signal reaches where others of the batch get none.

A sample whose backward signal is exactly zero has no gain. It is named in a warning and marked; the
others are answered as if it were not there.
"""

import warnings

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import check_default_device, check_dense


class VanishedSignalWarning(UserWarning):
    """Some samples have no gain: no signal reaches them."""


def live_samples(x: Tensor, g: Tensor, levels: int = 3) -> Tensor:  # -> (batch,) bool
    """Which samples of the backward signal g are not exactly zero; warns of the others by number.

    Raises InputError where there is none. Tensors that are no batch of one size are all live: to
    refuse them is left to who uses them. The warning is of the line `levels` up.
    """
    check_default_device()
    if isinstance(x, Tensor):
        check_dense(x, "the input")
    if not (isinstance(x, Tensor) and isinstance(g, Tensor)) or min(x.dim(), g.dim()) < 1:
        return torch.ones(1, dtype=torch.bool)
    check_dense(g, "the backward signal")
    # Entries on the meta device are no numbers, and an empty sample is none.
    if len(x) != len(g) or g.is_meta or not g.numel():
        return torch.ones(len(x), dtype=torch.bool)
    live = (g.detach() != 0).reshape(len(g), -1).any(1)
    vanished = (~live).nonzero()[:, 0].tolist()
    if len(vanished) == len(live):
        raise InputError(
            f"the backward signal is zero for every sample, {len(live)} in all: no gain is "
            "relative to it; give a signal that is not zero"
        )
    if vanished:
        several = len(vanished) > 1
        warnings.warn(
            f"the backward signal is zero for sample{'s' if several else ''} "
            f"{', '.join(map(str, vanished))}: {'they have' if several else 'it has'} no gain",
            VanishedSignalWarning,
            stacklevel=levels,
        )
    return live


def spread(values: Tensor, live: Tensor, gone: float) -> Tensor:
    """Values (live samples, …) in their places of the whole batch, `gone` for the others."""
    whole = values.new_full((len(live), *values.shape[1:]), gone)
    whole[live.to(values.device)] = values
    return whole
