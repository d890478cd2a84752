"""Evaluates the derived formulas on real tensors, matrix-free.

The public surface of the room; everything else is private to it. Never imports validate, paper_figures or gradbound.
"""

from numeric.bind import BlockNumbers, BoundNumbers, evaluate
from numeric.checks import check_batch_independence
from numeric.inputs import input_parts
from numeric.norms import cosine, inner, norm
from numeric.operators import Adjoint, DiagonalOperator, IdentityOperator, JacobianOperator, LinearOperator, Product, Scaled, Stack, Sum
from numeric.realize import realize
from numeric.spectra import Enclosure, sigma_max, sigma_min_adjoint, singular_extremes, symmetric_extremes
from numeric.tolerances import TOLERANCES, Tolerances, tolerances

__all__ = [
    "TOLERANCES",
    "Adjoint",
    "BlockNumbers",
    "BoundNumbers",
    "DiagonalOperator",
    "Enclosure",
    "IdentityOperator",
    "JacobianOperator",
    "LinearOperator",
    "Product",
    "Scaled",
    "Stack",
    "Sum",
    "Tolerances",
    "check_batch_independence",
    "cosine",
    "evaluate",
    "inner",
    "input_parts",
    "norm",
    "realize",
    "sigma_max",
    "sigma_min_adjoint",
    "singular_extremes",
    "symmetric_extremes",
    "tolerances",
]
