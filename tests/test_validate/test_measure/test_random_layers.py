"""Random layers: spectra, norms and paths, each against what is known of it and what is not."""

import torch

from validate.measure.random_layers import (
    Estimate,
    convolution_norm,
    norm_spread,
    normalized_convolution,
    path_share,
    spectral_variance,
)


def test_the_tolerance_tells_linear_from_relu():
    """Negative control: what is measured on one is not what is stated for the other."""
    linear, relu = (spectral_variance(3, 24, kind, 100, seed=5) for kind in (False, True))
    assert abs(linear.value - relu.value) > 8 * max(linear.error, relu.error)


def test_the_spread_of_norms_needs_the_five():
    found = norm_spread(2, 16, 2000, seed=6)
    assert abs(found.value - (1 + 5 / 16) ** 2) <= 4 * found.error, found
    assert abs(found.value - (1 + 2 / 16) ** 2) > 4 * found.error


def test_a_convolution_called_normalized_is_not():
    """Its reshaped kernel has norm 1, as published, and the convolution itself the norm that
    Fourier gives: well above 1.
    """
    layer = normalized_convolution(4, seed=1)
    assert abs(float(torch.linalg.matrix_norm(layer.weight.flatten(1), 2)) - 1) < 1e-10
    assert convolution_norm(layer, 6).value > 1.2


def test_paths_are_counted():
    assert path_share(3, 1, 1) == Estimate(3 / 8, 0.0)
    assert path_share(54, 0, 54).value == 1
