"""Moments through padded convolutions: against torch, against the dense matrix, at the border."""

import numpy as np
import pytest
import torch

from numeric.laws.padded_images import (
    point_received,
    pooled,
    received,
    sent_back,
    spread_over,
    unpooled,
)

SHAPE = (7, 6)


def profile(seed: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_signal_goes_back_as_squares_of_the_taps(stride):
    """Independent weights do to mean squares what one with all taps 1/9 does to numbers."""
    taps = torch.full((1, 1, 3, 3), 1 / 9, dtype=torch.float64)
    x = torch.zeros(1, 1, *SHAPE, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.conv2d(x, taps, stride=stride, padding=1)
    g = profile(1, tuple(y.shape[2:]))
    (expected,) = torch.autograd.grad(y, x, torch.as_tensor(g)[None, None])
    np.testing.assert_allclose(sent_back(g, SHAPE, stride), expected[0, 0].numpy())


@pytest.mark.parametrize("stride", [1, 2])
def test_what_is_received_is_what_many_drawn_channels_show(stride):
    """Values of mean m and mean square s, independent over images, positions and channels."""
    generator = torch.Generator().manual_seed(3)
    mean, second = profile(4), profile(5) + 4
    channels, images = 200, 400
    x = torch.randn(images, channels, *SHAPE, generator=generator, dtype=torch.float64)
    x = torch.as_tensor(mean) + x * torch.as_tensor(second - mean**2).sqrt()
    weight = torch.randn(64, channels, 3, 3, generator=generator, dtype=torch.float64)
    z = torch.nn.functional.conv2d(x, weight / (9 * channels) ** 0.5, stride=stride, padding=1)
    z = z - z.mean((0, 2, 3), keepdim=True)
    found = received(second, mean, stride)
    # 64 drawn channels of means that vary with the position at the border: 2/√64 on that part.
    np.testing.assert_allclose(found, z.square().mean((0, 1)).numpy(), rtol=0.15)
    assert found.mean() == pytest.approx(z.square().mean().item(), rel=0.03)


def test_the_border_alone_keeps_the_mean():
    flat = np.ones(SHAPE)
    found = received(1.2 * flat, flat)
    assert found[3, 3] < found[0, 3] < found[0, 0]  # variance 0.2, off the image −mean
    assert received(flat, 0 * flat)[3, 3] == 1
    assert received(flat, 0 * flat)[0, 0] == pytest.approx(4 / 9)


def test_one_by_one_convolutions_read_and_send_what_the_stride_leaves():
    second, mean = profile(6), np.ones(SHAPE)
    np.testing.assert_allclose(point_received(second, mean, 2), second[::2, ::2] - 1)
    wide = spread_over(second[::2, ::2], SHAPE, 2)
    assert wide.sum() == pytest.approx(second[::2, ::2].sum())
    assert wide[1].sum() == 0


def test_a_pool_quarters_what_is_independent_and_drops_an_odd_edge():
    flat = np.ones((5, 4))
    np.testing.assert_allclose(pooled(2 * flat, flat), np.full((2, 2), 0.25))
    signal = profile(7, (2, 2))
    back = unpooled(signal, (5, 4))
    assert back.sum() == pytest.approx(signal.sum() / 4)
    assert back[4].sum() == 0
    x = torch.zeros(1, 1, 5, 4, dtype=torch.float64, requires_grad=True)
    g = torch.as_tensor(signal).sqrt()[None, None]
    (expected,) = torch.autograd.grad(torch.nn.functional.avg_pool2d(x, 2), x, g)
    np.testing.assert_allclose(back, expected[0, 0].square().numpy())
