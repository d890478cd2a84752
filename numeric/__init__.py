"""Evaluates the derived formulas on real tensors, matrix-free.

What others use of the package stands here, but for the laws of random weights, which `numeric.laws`
offers; everything else is private to it. Never imports validate, paper_figures or gradbound.
"""

from numeric.capture.capture import Captured, CapturedModel, capture
from numeric.capture.region import LeafMap
from numeric.capture.segment_numbers import SegmentNumbers, segment_numbers, segment_spectra
from numeric.capture.segment_signals import (
    InnerStep,
    segment_pullback,
    segment_signals,
    segment_values,
    step_slopes,
)
from numeric.certified.certify import CertifiedNumbers, certify
from numeric.certified.compositions.slopes_everywhere import sequence_lipschitz_upper
from numeric.certified.convolution_norms import circular_singular_values
from numeric.certified.layer_lipschitz import lipschitz_upper
from numeric.certified.local_lipschitz import local_lipschitz_upper
from numeric.certified.matrix_norms import spectral_norm_upper
from numeric.evaluation.block_numbers import BlockNumbers, BoundNumbers
from numeric.evaluation.dense_inputs import input_parts, square_root_law, vanishing_gain
from numeric.evaluation.evaluate import evaluate
from numeric.evaluation.law_bounds import law_bounds
from numeric.evaluation.live_samples import VanishedSignalWarning
from numeric.evaluation.network import Leaf, Network, Segment
from numeric.evaluation.realize import Realized, realize
from numeric.evaluation.repeated_skips import RepeatedSkipWarning
from numeric.every_loss.batch_ratios import batch_bounds
from numeric.every_loss.certified_pairs import certified_pair
from numeric.every_loss.loss_bounds import LossBounds
from numeric.every_loss.loss_bounds import bounds as loss_bounds
from numeric.every_loss.reachable import Reachable, reachable
from numeric.every_loss.sample_weights import sample_weights
from numeric.every_loss.weight_signals import weight_signals
from numeric.operators.composed_operators import (
    Adjoint,
    DiagonalOperator,
    IdentityOperator,
    InFloat32,
    Product,
    Scaled,
    Stack,
    Sum,
)
from numeric.operators.hutchinson import Estimate, frobenius
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.linear_operator import LinearOperator
from numeric.operators.ritz_ends import Enclosure
from numeric.operators.spectra import (
    sigma_max,
    sigma_min_adjoint,
    singular_extremes,
    symmetric_extremes,
)
from numeric.operators.upcast import PrecisionWarning
from numeric.operators.vector_norms import cosine, inner, norm
from numeric.recording.given import check_model, untouched, without_numbers
from numeric.runs.full_float32 import full_float32
from numeric.runs.independent_samples import check_batch_independence
from numeric.tolerances import TOLERANCES, Tolerances, tolerances

__all__ = [
    "TOLERANCES",
    "Adjoint",
    "BlockNumbers",
    "BoundNumbers",
    "Captured",
    "CapturedModel",
    "CertifiedNumbers",
    "DiagonalOperator",
    "Enclosure",
    "Estimate",
    "IdentityOperator",
    "InFloat32",
    "InnerStep",
    "JacobianOperator",
    "Leaf",
    "LeafMap",
    "LinearOperator",
    "LossBounds",
    "Network",
    "PrecisionWarning",
    "Product",
    "Reachable",
    "Realized",
    "RepeatedSkipWarning",
    "Scaled",
    "Segment",
    "SegmentNumbers",
    "Stack",
    "Sum",
    "Tolerances",
    "VanishedSignalWarning",
    "batch_bounds",
    "capture",
    "certified_pair",
    "certify",
    "check_batch_independence",
    "check_model",
    "circular_singular_values",
    "cosine",
    "evaluate",
    "frobenius",
    "full_float32",
    "inner",
    "input_parts",
    "law_bounds",
    "lipschitz_upper",
    "local_lipschitz_upper",
    "loss_bounds",
    "norm",
    "reachable",
    "realize",
    "sample_weights",
    "segment_numbers",
    "segment_pullback",
    "segment_signals",
    "segment_spectra",
    "segment_values",
    "sequence_lipschitz_upper",
    "sigma_max",
    "sigma_min_adjoint",
    "singular_extremes",
    "spectral_norm_upper",
    "square_root_law",
    "step_slopes",
    "symmetric_extremes",
    "tolerances",
    "untouched",
    "vanishing_gain",
    "weight_signals",
    "without_numbers",
]
