"""Laws of a convolution against autograd: padding, stride, dilation, groups, skip and ReLU."""

import numpy as np
import pytest
import torch
from random_networks import convolve
from scipy.stats import kstest
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.laws import convolution_layer
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.convolution_layer import (
    Geometry,
    alignment_deviation,
    conditional_convolution_law,
    convolution_law,
    unfolded_signal,
)
from numeric.laws.dense_layer import Fit, goodness_of_fit, independent_law, shared_law

DRAWS, SEED, STD, LEVEL = 21_000, 7, 0.3, 1e-3
"""Fixed before the first run; a right law has a p-value above LEVEL, and at least 20,000 draws are
counted."""


def gaussian(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_fits(fit: Fit) -> None:
    assert fit.p_value > LEVEL, fit
    assert fit.draws >= 20_000, fit


GEOMETRIES = [
    (Geometry((3, 3), (1, 1), (1, 1)), (5, 6)),
    (Geometry((3, 3), (2, 2), (1, 1)), (6, 5)),
    (Geometry((3, 3), (2, 2), (0, 0)), (6, 6)),
    (Geometry((1, 1), (2, 2), (0, 0)), (5, 4)),
    (Geometry((3, 3), (1, 1), (4, 4)), (4, 4)),
    (Geometry((3, 2), (2, 1), (2, 0), (1, 2), 2), (7, 6)),
    (Geometry((5, 5), (3, 3), (2, 2), (1, 1), 2), (9, 8)),
]


@pytest.mark.parametrize(("geometry", "size"), GEOMETRIES, ids=str)
def test_the_unfolded_signal_is_the_transposed_convolution(geometry, size):
    layer = nn.Conv2d(
        4,
        6,
        geometry.kernel,
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        geometry.groups,
        bias=False,
    ).double()
    assert Geometry.of(layer) == geometry
    x = gaussian(3, 4, *size, seed=1).requires_grad_()
    out = layer(x)
    h = gaussian(*out.shape, seed=2)
    (gradient,) = torch.autograd.grad((out * h).sum(), x)
    groups = geometry.groups
    weights = (
        layer.weight.detach()
        .reshape(groups, 6 // groups, 4 // groups, -1)
        .transpose(1, 2)
        .flatten(2)
    )
    made = torch.einsum("bgpn,gcn->bgcp", unfolded_signal(h, size, geometry), weights).reshape_as(x)
    assert torch.allclose(made, gradient, rtol=0, atol=1e-13)


def probed(
    stride: int, skip: float, masked: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Geometry]:
    """‖∂L/∂x‖² over draws of the weight, L = ⟨h, conv(φ(x))⟩ + ⟨v, x⟩ at fixed x, h, v; and h, v,
    the mask, the geometry.
    """
    geometry, size = Geometry((3, 3), (stride, stride), (1, 1)), (6, 5)
    x, v = gaussian(1, 3, *size, seed=1), skip * gaussian(1, 3, *size, seed=2)
    h = gaussian(1, 4, *geometry.output_size(size), seed=3)
    generator, squares = torch.Generator().manual_seed(SEED), []
    for _ in range(DRAWS // 1000):
        inputs = x.repeat(1000, 1, 1, 1).requires_grad_()
        weight = STD * torch.randn(1000, 4, 3, 3, 3, generator=generator, dtype=torch.float64)
        out = convolve(inputs.relu() if masked else inputs, weight, stride, 1)
        (gradient,) = torch.autograd.grad((out * h).sum() + (inputs * v).sum(), inputs)
        squares.append(gradient.square().sum((1, 2, 3)))
    return torch.cat(squares), h, v, x > 0, geometry


def one(law: GeneralizedChiSquare) -> GeneralizedChiSquare:
    """The only law of a batch of one, for many draws."""
    return GeneralizedChiSquare(law.shift[0], law.weights[0], law.dofs[0], law.squares[0])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("skip", [0.0, 1.0], ids=["plain", "skip"])
@pytest.mark.parametrize("masked", [False, True], ids=["linear", "relu"])
def test_a_signal_independent_of_the_weight_follows_the_convolution_law(
    stride, skip, masked, monkeypatch
):
    squares, h, v, active, geometry = probed(stride, skip, masked)
    law = one(convolution_law(STD, h, v, geometry, active if masked else None))
    assert_fits(goodness_of_fit(law, squares))
    assert squares.mean().item() == pytest.approx(law.mean, abs=5 * (law.variance / DRAWS) ** 0.5)
    wrong = {"dense": one(independent_law(STD, h.flatten(1), v.flatten(1)))}
    if masked:
        wrong["no mask"] = one(convolution_law(STD, h, v, geometry))
    if stride == 2:
        monkeypatch.setattr(convolution_layer, "_spread", lambda signal, _: signal)
        wrong["no stride dilation"] = one(
            convolution_law(STD, h, v, geometry, active if masked else None)
        )
        monkeypatch.undo()
    wrong["one channel too few"] = one(
        convolution_law(STD, h, v[:, 1:], geometry, active[:, 1:] if masked else None)
    )
    for name, other in wrong.items():
        fit = goodness_of_fit(other, squares)
        assert fit.p_value < 1e-9, (name, fit)


def test_the_mean_is_that_of_the_frobenius_norm():
    """E‖Wᵀh‖² = ω² c_in ‖A‖²_F."""
    geometry, h, v = (
        Geometry((3, 3), (2, 2), (1, 1)),
        gaussian(1, 4, 3, 3, seed=1),
        torch.zeros(1, 5, 6, 6, dtype=torch.float64),
    )
    unfolded = unfolded_signal(h, (6, 6), geometry)
    assert convolution_law(0.7, h, v, geometry).mean[0] == pytest.approx(
        0.7**2 * 5 * unfolded.square().sum().item(), rel=1e-12
    )


def test_a_convolution_of_one_position_is_a_dense_layer():
    h, v = gaussian(4, 5, 1, 1, seed=1), gaussian(4, 6, 1, 1, seed=2)
    law, dense = (
        convolution_law(0.4, h, v, Geometry((1, 1))),
        independent_law(0.4, h.flatten(1), v.flatten(1)),
    )
    assert np.allclose(law.cdf(dense.mean), dense.cdf(dense.mean), atol=1e-9)


def test_groups_and_channels_are_independent_summands():
    squares = []
    geometry = Geometry((3, 3), (1, 1), (1, 1), groups=2)
    h, v, x = (
        gaussian(1, 4, 4, 4, seed=1),
        gaussian(1, 6, 4, 4, seed=2),
        gaussian(1, 6, 4, 4, seed=3),
    )
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(DRAWS // 1000):
        inputs = x.repeat(1000, 1, 1, 1).requires_grad_()
        weights = [
            STD * torch.randn(1000, 2, 3, 3, 3, generator=generator, dtype=torch.float64)
            for _ in range(2)
        ]
        out = torch.cat(
            [
                convolve(part, weight, 1, 1)
                for part, weight in zip(inputs.split(3, 1), weights, strict=True)
            ],
            1,
        )
        (gradient,) = torch.autograd.grad((out * h).sum() + (inputs * v).sum(), inputs)
        squares.append(gradient.square().sum((1, 2, 3)))
    assert_fits(goodness_of_fit(one(convolution_law(STD, h, v, geometry)), torch.cat(squares)))
    assert (
        goodness_of_fit(
            one(convolution_law(STD, h, v, Geometry((3, 3), (1, 1), (1, 1)))), torch.cat(squares)
        ).p_value
        < 1e-9
    )


def inside(
    *,
    channels: int,
    size: tuple[int, int],
    stride: int,
    skip: bool,
    depth: int = 1,
    draws: int = DRAWS,
) -> dict[str, Tensor]:
    """x → conv(relu(x)) [+ x], `depth` times, then ½‖H‖². Measured at the last block."""
    generator = torch.Generator().manual_seed(SEED)

    def normal(*shape: int) -> Tensor:
        return torch.randn(draws, *shape, generator=generator, dtype=torch.float64)

    std = (2 / (9 * channels)) ** 0.5
    out = normal(channels, *size).requires_grad_()
    for _ in range(depth):
        x, phi = out, out.relu()
        u = convolve(phi, std * normal(channels, channels, 3, 3), stride, 1)
        out = u + x if skip else u
    gradient, h, g = torch.autograd.grad(out.square().sum() / 2, (x, u, out))
    names = {"phi": phi, "u": u, "h": h, "v": g if skip else torch.zeros_like(x), "active": x > 0}
    return {name: tensor.detach() for name, tensor in names.items()} | {
        "squares": gradient.square().sum((1, 2, 3)),
        "std": torch.tensor(std),
    }


@pytest.mark.parametrize(
    ("stride", "skip", "size", "depth", "draws", "floor"),
    [
        (1, False, (2, 2), 1, DRAWS, 0.5),
        (1, True, (2, 2), 1, DRAWS, 0.35),
        (1, True, (2, 2), 10, 24_000, 0.25),
        (2, False, (3, 2), 1, 24_000, 0.25),
    ],
    ids=["stride 1", "stride 1, skip", "stride 1, skip, depth 10", "stride 2"],
)
def test_inside_a_real_network_the_conditional_law_holds_and_the_naive_one_fails(
    stride, skip, size, depth, draws, floor
):
    part = inside(channels=2, size=size, stride=stride, skip=skip, depth=depth, draws=draws)
    geometry, std = Geometry((3, 3), (stride, stride), (1, 1)), part.pop("std").item()
    law = conditional_convolution_law(
        std, part["phi"], part["u"], part["h"], part["v"], geometry, part["active"]
    )
    assert_fits(goodness_of_fit(law, part["squares"]))
    phi, u, h, v, active, squares = (tensor[:4000] for tensor in part.values())
    naive = goodness_of_fit(convolution_law(std, h, v, geometry, active), squares)
    assert naive.distance > floor, naive
    for other in (
        conditional_convolution_law(std, phi, u, h, v, geometry),
        conditional_convolution_law(std, 0 * phi, 0 * u, h, v, geometry, active),
    ):
        assert goodness_of_fit(other, squares).p_value < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("stride", "skip"), [(1, False), (1, True), (2, False)])
def test_the_conditional_law_of_a_larger_convolution(stride, skip):
    part = inside(channels=4, size=(3, 3), stride=stride, skip=skip)
    geometry, fits = Geometry((3, 3), (stride, stride), (1, 1)), []
    for start in range(0, DRAWS, 3000):
        some = {name: tensor[start : start + 3000] for name, tensor in part.items() if tensor.dim()}
        law = conditional_convolution_law(
            part["std"].item(),
            some["phi"],
            some["u"],
            some["h"],
            some["v"],
            geometry,
            some["active"],
        )
        fits.append(goodness_of_fit(law, some["squares"]))
        naive = convolution_law(part["std"].item(), some["h"], some["v"], geometry, some["active"])
        assert goodness_of_fit(naive, some["squares"]).distance > 0.6
    assert min(fit.p_value for fit in fits) > LEVEL / len(fits), fits


def test_coupled_samples_need_the_outputs_of_all():
    """Samples that share a weight and a BatchNorm in training mode: one probability of sample 0 per
    draw of everything.
    """
    generator = torch.Generator().manual_seed(SEED)
    geometry, count = Geometry((3, 3), (1, 1), (1, 1)), 400
    probabilities, alone = np.zeros(count), np.zeros(count)
    for i in range(count):
        x = torch.randn(4, 3, 2, 2, generator=generator, dtype=torch.float64, requires_grad=True)
        weight = 0.3 * torch.randn(3, 3, 3, 3, generator=generator, dtype=torch.float64)
        phi = x.relu()
        u = nn.functional.conv2d(phi, weight, padding=1)
        out = x + nn.functional.batch_norm(u, None, None, training=True)
        gradient, h, g = torch.autograd.grad(out.square().sum() / 2, (x, u, out))
        measured = gradient.square().sum((1, 2, 3))
        probabilities[i] = conditional_convolution_law(
            0.3, phi, u, h, g, geometry, x > 0, coupled=True
        ).cdf(measured)[0]
        alone[i] = conditional_convolution_law(0.3, phi, u, h, g, geometry, x > 0).cdf(measured)[0]
    assert kstest(probabilities, "uniform").pvalue > LEVEL
    assert np.abs(alone - probabilities).max() > 0.1


def test_the_law_of_a_convolution_is_that_of_its_uses():
    """Written out by positions: K_i reads the patch of position i, h_i is the signal there."""
    part = {
        name: tensor[:20] if tensor.dim() else tensor
        for name, tensor in inside(channels=2, size=(3, 3), stride=2, skip=False).items()
    }
    geometry, std = Geometry((3, 3), (2, 2), (1, 1)), part["std"].item()
    law = conditional_convolution_law(
        std, part["phi"], part["u"], part["h"], part["v"] + 1, geometry, part["active"]
    )
    readers = nn.functional.unfold(
        torch.eye(18, dtype=torch.float64).reshape(18, 2, 3, 3), 3, padding=1, stride=2
    )  # (p, n, uses)
    pull = torch.einsum(
        "boi,pni,bp->bopn", part["h"].flatten(2), readers, part["active"].flatten(1).double()
    )
    patches = nn.functional.unfold(part["phi"], 3, padding=1, stride=2).mT
    written = shared_law(std, patches, part["u"].flatten(2).mT, pull, part["v"].flatten(1) + 1)
    assert np.allclose(law.mean, written.mean, rtol=1e-10)
    assert np.allclose(law.variance, written.variance, rtol=1e-9)


def test_enough_positions_leave_nothing_random():
    part = inside(channels=1, size=(4, 4), stride=1, skip=True)
    part = {name: tensor[:30] if tensor.dim() else tensor for name, tensor in part.items()}
    law = conditional_convolution_law(
        part["std"].item(),
        *(part[name] for name in ("phi", "u", "h", "v")),
        Geometry((3, 3), (1, 1), (1, 1)),
    )
    point = law.hidden()
    assert point.sum() >= 25
    masked = conditional_convolution_law(
        part["std"].item(),
        *(part[name] for name in ("phi", "u", "h", "v")),
        Geometry((3, 3), (1, 1), (1, 1)),
        part["active"],
    )
    assert np.allclose(masked.shift[point], part["squares"][point], rtol=1e-6)


def test_what_does_not_fit_is_refused():
    h, v = (
        torch.zeros(1, 4, 3, 3, dtype=torch.float64),
        torch.zeros(1, 2, 6, 6, dtype=torch.float64),
    )
    with pytest.raises(InputError, match="does not fit an input"):
        convolution_law(1.0, h, v, Geometry((3, 3)))
    with pytest.raises(InputError, match="boolean"):
        convolution_law(1.0, h, v, Geometry((3, 3), (2, 2), (1, 1)), v)
    with pytest.raises(InputError, match="zero padding"):
        Geometry.of(nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"))
    with pytest.raises(InputError, match="zero padding"):
        Geometry.of(nn.Conv2d(2, 2, 3, padding="same"))
    image = torch.zeros(1, 256, 14, 14, dtype=torch.float64)
    with pytest.raises(InputError, match="numbers at once"):
        conditional_convolution_law(
            1.0, image, image, image, image, Geometry((3, 3), (1, 1), (1, 1))
        )


def test_a_layer_that_needs_more_memory_than_was_allowed_is_refused():
    """A has 36 · 9·4 numbers, the smaller Gram matrix 36², of one sample whatever the batch."""
    h, v = gaussian(50, 4, 6, 6, seed=1), gaussian(50, 2, 6, 6, seed=2)
    geometry = Geometry((3, 3), (1, 1), (1, 1))
    for active in (None, v > 0):
        with pytest.raises(InputError, match=r"2\.6e\+03 numbers at once.*larger most_entries"):
            convolution_law(1.0, h, v, geometry, active, most_entries=2591)
        assert convolution_law(1.0, h, v, geometry, active, most_entries=2592).batch == (50,)


def test_samples_and_channels_are_laws_of_their_own():
    """With a channel where nothing is active, and a sample where all is."""
    h, v = gaussian(3, 4, 4, 4, seed=1), gaussian(3, 2, 4, 4, seed=2)
    active = gaussian(3, 2, 4, 4, seed=3) > 0
    active[0, 1], active[1] = False, True
    geometry = Geometry((3, 3), (1, 1), (1, 1))
    together = convolution_law(0.5, h, v, geometry, active)
    factor = unfolded_signal(h, (4, 4), geometry)[:, 0].numpy()  # (3, 16, 36)
    masks = active.flatten(2).numpy()
    for sample in range(3):
        covariance = [
            0.25 * np.linalg.svd(mask[:, None] * factor[sample])[1] ** 2 for mask in masks[sample]
        ]
        found = np.repeat(together.weights[sample], together.dofs[sample].astype(int))
        expected = np.concatenate(covariance)
        expected = expected[expected > 1e-12]
        assert np.sort(found[found > 0]) == pytest.approx(np.sort(expected))
        assert together.mean[sample] == pytest.approx((v[sample] ** 2).sum() + expected.sum())


def test_slopes_of_0_and_1_are_a_mask():
    h, v = gaussian(2, 4, 5, 6, seed=1), gaussian(2, 3, 5, 6, seed=2)
    geometry, active = Geometry((3, 3), (1, 1), (1, 1)), gaussian(2, 3, 5, 6, seed=3) > 0
    by_slope, by_mask = (
        convolution_law(0.3, h, v, geometry, slope=active.double()),
        convolution_law(0.3, h, v, geometry, active),
    )
    at = by_mask.mean * np.array([[0.8], [1.0], [1.2]])
    assert np.allclose(by_slope.cdf(at), by_mask.cdf(at), atol=1e-9)
    with pytest.raises(InputError, match="both active and slope"):
        convolution_law(0.3, h, v, geometry, active, slope=active.double())
    with pytest.raises(InputError, match="slope must be of shape"):
        convolution_law(0.3, h, v, geometry, slope=active[:1].double())


def test_behind_any_pointwise_map_the_law_holds_and_the_alignment_is_normal():
    geometry = Geometry((3, 3), (2, 2), (1, 1))
    x, v, h = (
        gaussian(1, 3, 6, 5, seed=1),
        gaussian(1, 3, 6, 5, seed=2),
        gaussian(1, 4, 3, 3, seed=3),
    )
    slope = x.sigmoid()
    generator, found = torch.Generator().manual_seed(SEED), []
    for _ in range(DRAWS // 1000):
        inputs = x.repeat(1000, 1, 1, 1).requires_grad_()
        weight = STD * torch.randn(1000, 4, 3, 3, 3, generator=generator, dtype=torch.float64)
        out = convolve(torch.nn.functional.softplus(inputs), weight, 2, 1)
        found.append(torch.autograd.grad((out * h).sum(), inputs)[0])
    pulled = torch.cat(found)
    squares = (pulled + v).square().sum((1, 2, 3))
    assert_fits(goodness_of_fit(one(convolution_law(STD, h, v, geometry, slope=slope)), squares))
    assert goodness_of_fit(one(convolution_law(STD, h, v, geometry)), squares).p_value < 1e-9
    aligned = (pulled * v).sum((1, 2, 3)).numpy() / alignment_deviation(
        STD, h, v, geometry, slope=slope
    )
    assert kstest(aligned, "norm").pvalue > 1e-3
    assert (
        kstest(
            (pulled * v).sum((1, 2, 3)).numpy() / alignment_deviation(STD, h, v, geometry), "norm"
        ).pvalue
        < 1e-9
    )


def test_the_thin_decomposition_is_that_of_the_covariance():
    """More pixels than weights: the slow twin decomposes ω²AAᵀ itself, zero eigenvalues and all."""
    h, v, geometry = (
        gaussian(2, 1, 6, 6, seed=1),
        gaussian(2, 2, 6, 6, seed=2),
        Geometry((3, 3), (1, 1), (1, 1)),
    )
    fast = convolution_law(0.3, h, v, geometry)
    a = unfolded_signal(h, (6, 6), geometry)[:, 0].numpy()
    values, vectors = np.linalg.eigh(a @ a.swapaxes(-1, -2))
    values = np.where(values > 1e-10, values, 0)
    squares = (vectors.swapaxes(-1, -2)[:, None] @ v.flatten(2).numpy()[..., None])[..., 0] ** 2
    slow = GeneralizedChiSquare(
        np.zeros((2, 2)), 0.09 * values[:, None], np.ones((2, 2, 36)), squares
    ).sum_over(1)
    assert fast.weights.shape[-1] == 9
    at = slow.mean * np.array([[0.8], [1.0], [1.2]])
    assert np.allclose(fast.cdf(at), slow.cdf(at), atol=1e-9)
    assert fast.mean == pytest.approx(slow.mean, rel=1e-12)


def test_an_image_beyond_squares_is_refused_whatever_the_others_are():
    geometry, h = Geometry((1, 1)), torch.ones(2, 1, 2, 2, dtype=torch.float64)
    h[1] *= 1e-165
    with pytest.raises(InputError, match="in sample 1, whose squares float64 cannot hold"):
        convolution_law(1.0, h, 0 * h, geometry)
    with pytest.raises(InputError, match="in sample 1, whose squares float64 cannot hold"):
        conditional_convolution_law(1.0, h, h, 1 + 0 * h, h, geometry)


def test_alignments_of_signals_of_any_size_are_found():
    geometry, h = Geometry((1, 1)), torch.ones(1, 1, 2, 2, dtype=torch.float64)
    plain = alignment_deviation(1.0, h, h, geometry)
    for first, second in ((1e-70, 1e-60), (1.0, 1e-200), (1e70, 1e70)):
        found = alignment_deviation(1.0, first * h, second * h, geometry)
        assert found == pytest.approx(first * second * plain, rel=1e-12)
