"""Gains over drawn weights are those of the formula v + DWᵀh, draw by draw."""

import torch

from validate.measure.drawn_gains import CHUNK, convolution_squares, dense_squares


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_a_dense_layer_by_its_formula() -> None:
    x, h, v = normal(5), normal(3, seed=1), normal(5, seed=2)
    weights = normal(7, 3, 5, seed=9) * 0.3
    for relu in (False, True):
        slope = (x > 0).double() if relu else torch.ones(5, dtype=torch.float64)
        expected = (v + slope * torch.einsum("dmn,m->dn", weights, h)).square().sum(1)
        torch.testing.assert_close(dense_squares(0.3, x, h, v, 7, 9, relu=relu), expected)


def test_a_convolution_has_fresh_weights_in_every_draw() -> None:
    x, h = normal(2, 4, 4), normal(2, 4, 4, seed=1)
    found = convolution_squares(0.5, x, h, torch.zeros_like(x), 3, 6, 3)
    weights = normal(12, 2, 3, 3, seed=3) * 0.5
    for draw, square in enumerate(found):
        own = weights[2 * draw : 2 * draw + 2]
        back = torch.nn.functional.conv_transpose2d(h[None], own, padding=1)
        torch.testing.assert_close(back.square().sum(), square)
    assert len(set(found.tolist())) == 6


def test_draws_do_not_depend_on_how_many_follow() -> None:
    x = normal(4)
    long = dense_squares(1.0, x, x, x, CHUNK + 3, 0)
    assert len(long) == CHUNK + 3
    torch.testing.assert_close(dense_squares(1.0, x, x, x, CHUNK, 0), long[:CHUNK])
