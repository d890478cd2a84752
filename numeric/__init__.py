"""Evaluates the derived formulas on real tensors, matrix-free.

The public surface of the room; everything else is private to it. Never imports validate, paper_figures or gradbound.
"""

from numeric.bind import BlockNumbers, BoundNumbers, evaluate
from numeric.certify import CertifiedNumbers, certify
from numeric.checks import check_batch_independence
from numeric.convolution_norms import circular_singular_values
from numeric.hutchinson import Estimate, frobenius
from numeric.inputs import input_parts
from numeric.layer_norms import lipschitz_upper
from numeric.norms import cosine, inner, norm
from numeric.operators import Adjoint, DiagonalOperator, IdentityOperator, JacobianOperator, LinearOperator, Product, Scaled, Stack, Sum
from numeric.realize import realize
from numeric.spectra import Enclosure, sigma_max, sigma_min_adjoint, singular_extremes, symmetric_extremes
from numeric.tolerances import TOLERANCES, Tolerances, tolerances
from numeric.upcast import PrecisionWarning
from numeric.verified_norm import spectral_norm_upper

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
