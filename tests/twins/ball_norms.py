"""The slow twin of certified norms: Rayleigh quotients of stored matrices in 128-bit balls."""

import torch
from flint import arb, arb_mat
from torch import Tensor

from numeric.certified.balls import precise


def embedded(matrix: Tensor) -> Tensor:
    """A real matrix with the singular values of a complex one, each twice; a real one as it is."""
    if not matrix.is_complex():
        return matrix.double()
    real, imaginary = matrix.real.double(), matrix.imag.double()
    return torch.cat([torch.cat([real, -imaginary], 1), torch.cat([imaginary, real], 1)])


def norm_from_below(matrix: Tensor) -> arb:
    """‖Mv‖/‖v‖ at what floating point takes for the top singular vector: at most ‖M‖₂, and short of
    it by ~1e-30.
    """
    real = embedded(matrix)
    with precise():
        v = arb_mat([[entry] for entry in torch.linalg.svd(real)[2][0].tolist()])
        image = arb_mat(real.tolist()) * v
        lengths = [
            sum((each[i, 0] ** 2 for i in range(each.nrows())), arb(0)).sqrt()
            for each in (image, v)
        ]
        return lengths[0] / lengths[1]


def is_above(bound: float, matrix: Tensor) -> bool:
    """Whether a bound is beyond doubt no less than the twin, without slack."""
    with precise():
        return arb(bound) >= norm_from_below(matrix).lower()
