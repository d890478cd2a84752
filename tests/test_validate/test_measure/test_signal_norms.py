import pytest
import torch
from torch import nn

from validate.measure.signal_norms import (
    Passing,
    idle_share,
    sample_norms,
    shut_share,
    signal_norm,
    tensor_norms,
)


def drawn(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(
    "shape", [(), (3,), (255,), (256,), (4, 700), (2, 5, 7, 3), (64, 64, 40, 40)]
)
@pytest.mark.parametrize(("dtype", "rel"), [(torch.float32, 1e-7), (torch.float64, 1e-13)])
def test_norms_are_exact_to_rounding(shape, dtype, rel):
    signal = drawn(*shape, dtype=dtype)
    found = signal_norm(signal)
    assert found.dtype == torch.float64
    assert found.shape == ()
    assert found.item() == pytest.approx(signal.double().norm().item(), rel=rel)


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e-15, 1.0, 1e18, 1e36])
def test_no_square_leaves_the_range(scale):
    signal = drawn(3, 500).double() * scale
    narrow = signal.float()
    expected = scale * (narrow.double() / scale).norm().item()
    assert signal_norm(narrow).item() == pytest.approx(expected, rel=1e-6)
    assert tensor_norms([narrow])[0].item() == pytest.approx(expected, rel=1e-6)
    tiny = drawn(3, 50, dtype=torch.float64) * 1e-200
    assert signal_norm(tiny).item() == pytest.approx(1e-200 * (tiny * 1e200).norm().item())


def test_layouts_and_types_change_nothing():
    signal = drawn(2, 8, 6, 6)
    expected = signal.double().norm().item()
    for other in (
        signal.to(memory_format=torch.channels_last),
        signal.transpose(1, 3),
        torch.complex(signal, torch.zeros_like(signal)),
    ):
        assert signal_norm(other).item() == pytest.approx(expected, rel=1e-7)
    assert signal_norm(signal[:1, :, :1, :1].expand(4, 8, 5, 5)).item() == pytest.approx(
        10 * signal[0, :, 0, 0].norm().item(), rel=1e-6
    )
    for dtype in (torch.float16, torch.bfloat16):
        narrow = signal.to(dtype)
        assert signal_norm(narrow).item() == pytest.approx(narrow.double().norm().item(), rel=1e-6)


def test_zero_nothing_infinity_and_nan_stay():
    assert signal_norm(torch.zeros(3, 4)).item() == 0
    assert signal_norm(torch.zeros(0)).item() == 0
    for wrong in (torch.inf, torch.nan):
        assert not signal_norm(torch.tensor([1.0, wrong])).isfinite()


def test_norms_of_many_tensors_are_those_of_each():
    layer = nn.Embedding(5, 3, sparse=True)
    layer(torch.tensor([1, 1, 4])).square().sum().backward()
    tensors = [drawn(3, 4), drawn(7, seed=1), drawn(5, dtype=torch.float64), layer.weight.grad]
    found = [each.item() for each in tensor_norms(tensors)]
    expected = [each.to_dense().double().norm().item() for each in tensors]
    assert found == pytest.approx(expected, rel=1e-6)


def test_norms_follow_no_gradient():
    assert not signal_norm(torch.ones(3, requires_grad=True)).requires_grad


@pytest.mark.parametrize(("shape", "axis"), [((6, 8), 1), ((2, 5, 8), 2), ((3, 8, 4, 4), 1)])
def test_idle_units_get_nothing_in_any_sample(shape, axis):
    signal = drawn(*shape)
    assert idle_share(signal).item() == 0
    signal.index_fill_(axis, torch.tensor([0, 3, 5]), 0.0)
    signal[0] = 0.0
    assert idle_share(signal).item() == 3 / 8
    lone = signal.movedim(axis, 0)
    lone[(3, *[-1] * (lone.ndim - 1))] = 1e-40  # its square is zero
    assert idle_share(signal).item() == 2 / 8
    lone[5].fill_(torch.nan)
    assert idle_share(signal).item() == 1 / 8


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e-36, 1e-6, 1.0, 1e36])
def test_each_sample_has_its_norm(dtype, scale):
    signal = (drawn(3, 4, 5, dtype=torch.float64) * scale).to(dtype)
    signal[1] = 0
    found = sample_norms(signal)
    assert found.dtype == torch.float64
    expected = [scale * (each.double() / scale).norm().item() for each in signal]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_samples_of_doubles_neither_vanish_nor_overflow():
    signal = drawn(2, 50, dtype=torch.float64)
    for scale in (1e-250, 1e250):
        expected = [scale * each.norm().item() for each in signal]
        assert sample_norms(signal * scale).tolist() == pytest.approx(expected)
    assert sample_norms(drawn(4, dtype=torch.complex128)).tolist() == pytest.approx(
        drawn(4, dtype=torch.complex128).abs().tolist()
    )


@pytest.mark.parametrize(("shape", "axis"), [((8,), 0), ((3, 8), 1), ((2, 3, 8), 2),
                                             ((2, 8, 3, 4), 1), ((2, 8, 3, 4, 2), 1)])  # fmt: skip
@pytest.mark.parametrize("high", [torch.inf, 6.0])
def test_shut_units_have_a_slope_nowhere(shape, axis, high):
    values = torch.full(shape, 0.5)
    assert shut_share(values, Passing(0.0, high)) == 0
    values.select(axis, 3).fill_(-1.0)
    values.select(axis, 5).fill_(0.0)
    assert shut_share(values, Passing(0.0, high)) == 2 / 8
    values.select(axis, 3).fill_(torch.nan)
    assert shut_share(values, Passing(0.0, high)) == 1 / 8
    values.fill_(7.0)
    assert shut_share(values, Passing(0.0, high)) == (high == 6)


def test_a_closed_end_has_a_slope():
    values = torch.zeros(2, 4)
    assert shut_share(values, Passing(0.0)) == 1
    assert shut_share(values, Passing(0.0, closed=True)) == 0
