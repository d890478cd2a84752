"""Evaluates the derived formulas on real tensors, matrix-free.

The public surface of the room; everything else is private to it. Never imports validate,
paper_figures or gradbound.
"""

from numeric.certified.certify import CertifiedNumbers, certify
from numeric.certified.convolution_norms import circular_singular_values
from numeric.certified.layer_norms import lipschitz_upper
from numeric.certified.matrix_norms import spectral_norm_upper
from numeric.checks import check_batch_independence
from numeric.evaluation.dense_inputs import input_parts
from numeric.evaluation.evaluate import BlockNumbers, BoundNumbers, evaluate
from numeric.evaluation.realize import realize
from numeric.operators.hutchinson import Estimate, frobenius
from numeric.operators.operators import (
    Adjoint,
    DiagonalOperator,
    IdentityOperator,
    JacobianOperator,
    LinearOperator,
    Product,
    Scaled,
    Stack,
    Sum,
)
from numeric.operators.spectra import (
    Enclosure,
    sigma_max,
    sigma_min_adjoint,
    singular_extremes,
    symmetric_extremes,
)
from numeric.operators.upcast import PrecisionWarning
from numeric.operators.vector_norms import cosine, inner, norm
from numeric.tolerances import TOLERANCES, Tolerances, tolerances

__all__ = [
    "TOLERANCES",
    "Adjoint",
    "BlockNumbers",
    "BoundNumbers",
    "CertifiedNumbers",
    "DiagonalOperator",
    "Enclosure",
    "Estimate",
    "IdentityOperator",
    "JacobianOperator",
    "LinearOperator",
    "PrecisionWarning",
    "Product",
    "Scaled",
    "Stack",
    "Sum",
    "Tolerances",
    "certify",
    "check_batch_independence",
    "circular_singular_values",
    "cosine",
    "evaluate",
    "frobenius",
    "inner",
    "input_parts",
    "lipschitz_upper",
    "norm",
    "realize",
    "sigma_max",
    "sigma_min_adjoint",
    "singular_extremes",
    "spectral_norm_upper",
    "symmetric_extremes",
    "tolerances",
]
