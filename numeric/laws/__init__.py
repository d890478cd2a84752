"""Evaluates the laws of random weights on real tensors, with error bounds."""

from numeric.laws import mean_field
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.convolution_layer import (
    Geometry,
    alignment_deviation,
    conditional_convolution_law,
    convolution_law,
)
from numeric.laws.dense_layer import (
    Fit,
    batch_law,
    conditional_law,
    gain_band,
    gain_cdf,
    gain_log_probability,
    goodness_of_fit,
    independent_law,
    masked_law,
    pointwise_law,
    shared_law,
)
from numeric.laws.depth_ratios import evaluate_block, evaluate_law
from numeric.laws.law_quantiles import gain_quantiles

__all__ = [
    "Fit",
    "GeneralizedChiSquare",
    "Geometry",
    "alignment_deviation",
    "batch_law",
    "conditional_convolution_law",
    "conditional_law",
    "convolution_law",
    "evaluate_block",
    "evaluate_law",
    "gain_band",
    "gain_cdf",
    "gain_log_probability",
    "gain_quantiles",
    "goodness_of_fit",
    "independent_law",
    "masked_law",
    "mean_field",
    "pointwise_law",
    "shared_law",
]
