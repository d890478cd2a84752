"""Norms of convolutions, against the dense twin, matrices written out, and what theory allows."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import gaussian
from torch import nn
from twins import dense_twin
from twins.ball_norms import is_above
from twins.layer_twins import built, by_frequency, norm

from derivations.errors import InputError
from numeric.certified.convolution_norms import circular_singular_values
from numeric.certified.layer_lipschitz import lipschitz_upper

pytestmark = pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even kernel lengths:UserWarning"
)


CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


MOST_PADDING = {
    "zeros": lambda n: 3,
    "circular": lambda n: n,
    "reflect": lambda n: n - 1,
    "replicate": lambda n: 3,
}


@st.composite
def convolutions(
    draw: st.DrawFn, modes: tuple[str, ...] = ("zeros", "zeros", *MOST_PADDING)
) -> tuple[nn.Module, tuple[int, ...]]:
    """Any convolution that PyTorch accepts, and the shape of an input that it takes."""
    axes, groups, mode = (
        draw(st.sampled_from([1, 2, 2, 2, 3])),
        draw(st.sampled_from([1, 1, 2])),
        draw(st.sampled_from(modes)),
    )
    sizes = tuple(draw(st.integers(1, 4 if axes == 3 else 7)) for _ in range(axes))
    kernel, stride = (tuple(draw(st.integers(1, 4)) for _ in range(axes)) for _ in range(2))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(axes))
    padding = tuple(draw(st.integers(0, min(3, MOST_PADDING[mode](n)))) for n in sizes)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    assume(all(n + 2 * p >= span for n, p, span in zip(sizes, padding, spans, strict=True)))
    if set(stride) == {1} and draw(st.booleans()):
        padding = "same"
        assume(
            all(span // 2 <= MOST_PADDING[mode](n) for n, span in zip(sizes, spans, strict=True))
        )
    layer = CONVOLUTIONS[axes](
        2 * groups,
        draw(st.integers(1, 2)) * groups,
        kernel,
        stride,
        padding,
        dilation,
        groups=groups,
        padding_mode=mode,
    )
    return built(layer, draw(st.integers(0, 99))), (2 * groups, *sizes)


REPEATING = {"replicate": "edge", "reflect": "reflect"}
"""Modes of padding that read an entry of the image several times, with NumPy's names of them."""


@settings(max_examples=200, deadline=None)
@given(convolutions())
def test_convolutions_are_bounded_and_not_wildly(drawn):
    """How far off a bound by frequency may be with other padding than by zeros is asked below."""
    layer, shape = drawn
    truth = norm(layer, shape)
    for bound, loose in (
        (lipschitz_upper(layer, shape), math.inf if layer.padding_mode == "circular" else 1e-10),
        (by_frequency(*drawn), 5 if layer.padding_mode == "zeros" else math.inf),
    ):
        assert bound >= truth * (1 - 1e-14)
        assert bound <= (1 + loose) * truth + 1e-150


def axes_of(layer: nn.Module, shape: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """For each axis: the entries with padding, the most copies of one, the most taps of a phase."""
    for axis, n in enumerate(shape[1:]):
        dilation, stride = layer.dilation[axis], layer.stride[axis]
        reach = dilation * (layer.kernel_size[axis] - 1)
        before = reach // 2 if layer.padding == "same" else layer.padding[axis]
        after = reach - before if layer.padding == "same" else before
        padded = np.pad(np.arange(n), (before, after), REPEATING[layer.padding_mode])
        _, repeats = np.unique(padded, return_counts=True)
        outputs = (len(padded) - reach - 1) // stride + 1
        taps = np.arange(layer.kernel_size[axis]) * dilation
        _, together = np.unique(taps % stride if outputs > 1 else taps, return_counts=True)
        yield len(padded), repeats.max(), together.max()


@settings(max_examples=200, deadline=None)
@given(convolutions(tuple(REPEATING)))
def test_padding_that_repeats_costs_its_own_norm_and_the_circle_no_more_than_its_taps(drawn):
    """The layer is A P: P pads, and A reads every window whole. Relative to ‖A P‖ nothing can be
    asked: a kernel that sums to 0 takes the copies of one pixel to 0. What is asked is exact.

    ‖P‖ is the product over the axes of √(how often an entry is repeated), for its columns do not
    overlap. A window of A reads all taps W_k, so ‖A‖ ≥ ‖(W_1 … W_T)‖, and a frequency of the circle
    adds up those of one phase with factors of modulus 1: at most √(their number) times that norm.
    """
    layer, shape = drawn
    sizes, repeats, together = zip(*axes_of(layer, shape), strict=True)
    inside = CONVOLUTIONS[len(sizes)](
        *(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride),
        dilation=layer.dilation,
        groups=layer.groups,
    ).double()
    inside.weight = layer.weight
    padded = (shape[0], *sizes)
    bound = by_frequency(inside, padded)
    assert by_frequency(layer, shape) == pytest.approx(bound * math.prod(repeats) ** 0.5, rel=1e-12)
    assert bound <= norm(inside, padded) * math.prod(together) ** 0.5 * (1 + 1e-10)


def circle_norm(layer: nn.Module, sizes: list[int], strides: list[int]) -> float:
    """‖C‖₂ of the circular convolution that goes round once, written out."""
    outputs = [n // s for n, s in zip(sizes, strides, strict=True)]
    weight = layer.weight.detach().unflatten(0, (layer.groups, -1))
    matrix = torch.zeros(
        *weight.shape[:2], math.prod(outputs), weight.shape[2], *sizes, dtype=torch.float64
    )
    for row, place in enumerate(itertools.product(*map(range, outputs))):
        for tap in itertools.product(*map(range, layer.kernel_size)):
            read = [
                (o * s + k * d) % n
                for o, s, k, d, n in zip(place, strides, tap, layer.dilation, sizes, strict=True)
            ]
            matrix[(..., row, slice(None), *read)] += weight[(..., *tap)]
    return torch.linalg.matrix_norm(matrix.flatten(3).flatten(1, 2), 2).max().item()


@settings(max_examples=200, deadline=None)
@given(convolutions(("circular",)))
def test_circular_padding_costs_the_circle_and_the_rounds(drawn):
    """What is asked is exact: the norm of the circle, times √(the rounds that the outputs go).

    Against the truth: an output reads all taps, those that meet on the circle added up, so the
    truth is no less than ‖(W_1 … W_T)‖, and the circle no more than √(taps of one phase) times it.
    A stride that does not divide the circle is 1 there, and the outputs are some of its own.
    """
    layer, shape = drawn
    sizes = list(shape[1:])
    strides = [s if n % s == 0 else 1 for n, s in zip(sizes, layer.stride, strict=True)]
    outputs = layer(torch.zeros(1, *shape, dtype=torch.float64)).shape[2:]
    rounds, together = 1, 1
    for axis, (n, stride, count) in enumerate(zip(sizes, strides, outputs, strict=True)):
        rounds *= (count - 1) * layer.stride[axis] // n + 1
        taps = np.unique(np.arange(layer.kernel_size[axis]) * layer.dilation[axis] % n)
        together *= np.unique(taps % stride, return_counts=True)[1].max()
    bound = lipschitz_upper(layer, shape)
    exact = circle_norm(layer, sizes, strides)
    assert bound == pytest.approx(exact * rounds**0.5, rel=1e-10)
    assert bound <= norm(layer, shape) * (rounds * together) ** 0.5 * (1 + 1e-10)


@settings(max_examples=200, deadline=None)
@given(convolutions(("zeros",)))
def test_zero_padded_convolutions_are_bounded_without_slack(drawn):
    """Each entry of their Jacobian is a weight, so the twin's balls hold the operator itself."""
    layer, shape = drawn
    jacobian = dense_twin.jacobian(layer, torch.zeros(1, *shape, dtype=torch.float64))[0]
    assert is_above(lipschitz_upper(layer, shape), jacobian)
    assert is_above(by_frequency(layer, shape), jacobian)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(convolutions(("zeros",)))
def test_thousands_of_zero_padded_convolutions_are_bounded_without_slack(drawn):
    layer, shape = drawn
    assert is_above(
        by_frequency(layer, shape),
        dense_twin.jacobian(layer, torch.zeros(1, *shape, dtype=torch.float64))[0],
    )


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(3, 4, 3, padding=1), (3, 1, 1)),
        (nn.Conv2d(3, 4, 5, padding=2, stride=2), (3, 1, 1)),
        (nn.Conv1d(3, 2, 1, stride=3), (3, 7)),
        (nn.Conv2d(4, 4, 2, stride=2, groups=2), (4, 6, 8)),
        (nn.Conv1d(2, 2, 3, dilation=4, padding=4), (2, 4)),
        (nn.Conv2d(2, 3, 3), (2, 3, 3)),
    ],
    ids=str,
)
def test_windows_that_share_nothing_are_exact_by_frequency(layer, shape):
    """One position, windows that do not overlap, or taps that only ever read zeros."""
    assert by_frequency(built(layer), shape) == pytest.approx(norm(layer, shape), rel=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("kernel", "padding"), [(2, "same"), (2, 1), (3, 1), (4, "same"), (3, 2)])
def test_alternating_kernels_need_the_whole_circle(size, kernel, padding):
    """Their norm is reached at frequency π, which a circle of one position less may lack."""
    layer = built(nn.Conv1d(1, 1, kernel, padding=padding))
    layer.weight.data = torch.tensor(
        [(-1.0) ** k for k in range(kernel)], dtype=torch.float64
    ).view(1, 1, -1)
    assert is_above(
        by_frequency(layer, (1, size)),
        dense_twin.jacobian(layer, torch.zeros(1, 1, size, dtype=torch.float64))[0],
    )


@pytest.mark.parametrize(
    ("size", "taps"), [(6, (-0.4, 0.35, -0.95)), (6, (0.31, -0.26, 0.88)), (6, (0.95, -0.87, 0.92))]
)
def test_phases_longer_than_the_outputs_need_a_circle_of_their_length(size, taps):
    """A tap that reads before the image meets its phase's last entry on a shorter circle."""
    layer = built(nn.Conv1d(1, 1, 3, stride=2, padding=1, dilation=2))
    layer.weight.data = torch.tensor(taps, dtype=torch.float64).view(1, 1, -1)
    assert is_above(
        by_frequency(layer, (1, size)),
        dense_twin.jacobian(layer, torch.zeros(1, 1, size, dtype=torch.float64))[0],
    )


@pytest.mark.parametrize("factor", [1e-200, 1e-310, 1e200])
def test_scales_do_not_matter(factor):
    layer, shape = built(nn.Conv2d(2, 3, 3, padding=1)), (2, 4, 4)
    before = by_frequency(layer, shape)
    layer.weight.data *= factor
    assert by_frequency(layer, shape) >= before * factor * (1 - 1e-12)
    assert by_frequency(layer, shape) <= before * factor * (1 + 1e-12) + 1e-300


def test_what_reads_nothing_has_norm_zero():
    assert by_frequency(built(nn.Conv1d(1, 1, 1, stride=3, padding=1)), (1, 1)) == 0
    layer = nn.Conv2d(2, 2, 3, padding=1)
    layer.weight.data.zero_()
    assert by_frequency(layer, (2, 4, 4)) == 0
    assert lipschitz_upper(layer, (2, 4, 4)) < 1e-150


def test_the_two_paths_agree_where_both_are_exact():
    layer = built(nn.Conv2d(2, 5, 2, stride=2))
    assert by_frequency(layer, (2, 8, 8)) == pytest.approx(
        lipschitz_upper(layer, (2, 8, 8)), rel=1e-11
    )


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(4, 4), (5, 6), (8, 8)])
@pytest.mark.parametrize("groups", [1, 2])
def test_circular_convolutions_are_exact(kernel, size, groups):
    layer = built(
        nn.Conv2d(2, 4, kernel, padding=kernel // 2, padding_mode="circular", groups=groups)
    )
    if kernel // 2 <= min(size):
        assert lipschitz_upper(layer, (2, *size)) == pytest.approx(
            norm(layer, (2, *size)), rel=1e-11
        )


@pytest.mark.parametrize("stride", [2, 4])
def test_strided_circular_convolutions_are_exact(stride):
    layer = built(nn.Conv2d(2, 3, 3, stride=stride, padding=1, padding_mode="circular"))
    assert lipschitz_upper(layer, (2, 8, 8)) == pytest.approx(norm(layer, (2, 8, 8)), rel=1e-11)


@pytest.mark.parametrize("stride", [2, 3])
def test_convolutions_whose_windows_do_not_overlap_are_exact(stride):
    layer = built(nn.Conv2d(2, 5, stride, stride=stride))
    assert lipschitz_upper(layer, (2, 6, 6)) == pytest.approx(norm(layer, (2, 6, 6)), rel=1e-11)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 14])
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("taps", [(1.0, 1.0, 1.0), (1.0, -0.5, 1.0), (-1.0, 3.0, -1.0)])
def test_zero_padding_is_exact_by_frequency_for_symmetric_taps(size, axes, taps):
    """Toeplitz matrices a + 2b cos: their eigenvalues lie halfway between those of the circle."""
    layer = built(CONVOLUTIONS[axes](1, 1, 3, padding=1))
    one = torch.tensor(taps, dtype=torch.float64)
    layer.weight.data = (one if axes == 1 else torch.outer(one, one)).view_as(layer.weight)
    angles = math.pi * np.arange(1, size + 1) / (size + 1)
    exact = np.abs(taps[1] + 2 * taps[0] * np.cos(angles)).max() ** axes
    assert by_frequency(layer, (1, *[size] * axes)) == pytest.approx(exact, rel=1e-11)


def test_the_bound_of_zero_padding_closes_as_the_image_grows():
    layer = built(nn.Conv2d(1, 1, 3, padding=1))
    ratios = [
        by_frequency(layer, (1, size, size)) / norm(layer, (1, size, size))
        for size in (3, 6, 12, 24)
    ]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] < 1.02


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from([1, 2]),
    st.integers(0, 99),
)
def test_transposed_convolutions_are_bounded(kernel, stride, padding, extra, groups, seed):
    assume(extra < stride and kernel > padding)
    layer = built(
        nn.ConvTranspose2d(2, 2 * groups, kernel, stride, padding, extra, groups=groups), seed
    )
    jacobian = dense_twin.jacobian(layer, torch.zeros(1, 2, 4, 3, dtype=torch.float64))
    bound = lipschitz_upper(layer, (2, 4, 3))
    assert is_above(bound, jacobian[0])
    assert bound <= 6 * dense_twin.sigma_max(jacobian).item()


@pytest.mark.parametrize(
    ("grid", "kernel"), [((5, 4), (3, 3)), ((6,), (3,)), ((2, 3), (3, 5)), ((3, 3, 3), (2, 2, 2))]
)
def test_fourier_gives_every_singular_value_of_a_circular_convolution(grid, kernel):
    """Against the SVD of the matrix written out, kernels larger than the circle included."""
    weight = gaussian(3, 2, *kernel, seed=0)
    places = list(itertools.product(*map(range, grid)))
    matrix = torch.zeros(len(places), 3, len(places), 2, dtype=torch.float64)
    for row, place in enumerate(places):
        for tap in itertools.product(*map(range, kernel)):
            column = places.index(
                tuple((o + q) % n for o, q, n in zip(place, tap, grid, strict=True))
            )
            matrix[row, :, column] += weight[(slice(None), slice(None), *tap)]
    truth = torch.linalg.svdvals(matrix.flatten(2).flatten(0, 1))
    found = circular_singular_values(weight, grid).flatten().sort(descending=True).values
    assert torch.allclose(found, truth, rtol=1e-12, atol=1e-12)


def test_a_convolution_that_spectral_norm_calls_normalized_is_not():
    """PyTorch normalizes the reshaped kernel, whose norm is neither that of the convolution nor a
    bound of it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = (
            nn.utils.parametrizations.spectral_norm(
                nn.Conv2d(8, 8, 3, padding=1), n_power_iterations=100
            )
            .double()
            .eval()
        )
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, rel=1e-6)
    truth = norm(layer, (8, 8, 8))
    assert truth > 1.5
    assert truth <= lipschitz_upper(layer, (8, 8, 8)) <= 1.1 * truth
    shallow = nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 1, 3, padding=1)).double().eval()
    shallow.parametrizations.weight.original.data.fill_(1.0)
    assert (
        norm(shallow, (1, 16, 16)) > 2.9
    )  # the bound is 3 = √(kernel size), for a constant kernel


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-200, 1e200, 1e307, 1.7e308])
def test_singular_values_of_weights_of_any_size_are_found(size):
    """One tap: every singular value is the weight."""
    weight = torch.full((1, 1, 1), size, dtype=torch.float64)
    assert circular_singular_values(weight, (5,)).flatten().tolist() == pytest.approx([size] * 5)


def test_singular_values_beyond_the_range_are_refused():
    with pytest.raises(InputError, match="beyond the range of float64: rescale the weight"):
        circular_singular_values(torch.full((2, 2, 3), 1e308, dtype=torch.float64), (5,))
