"""Certified gains and bounds against the twin in 128-bit balls, without slack."""

import copy
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from cases import layers, leaves
from flint import arb
from strategies import gaussian
from torch import nn
from twins.ball_twin import Case, drawn_case, exact_gain, norm_from_below

from derivations.algebra.blocks import BLOCKS as BLOCKS_OF_THE_TOOLKIT
from derivations.algebra.blocks import block
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.terms import Add, Chain, Identity, Layer
from derivations.errors import InputError
from derivations.rules.bound_types import Bounds, Proved
from derivations.rules.bounds import bounds
from numeric import evaluate
from numeric.certified import balls, enclosed_layers
from numeric.certified.certify import CertifiedNumbers, certify
from numeric.evaluation import derived_block as derived_block_module
from numeric.evaluation.derived_block import derived_block
from numeric.evaluation.live_samples import VanishedSignalWarning

BLOCKS = ("plain", "residual", "se_residual", "dense")
SIZES = (2, 3, 5, 8, 16)
UNIFORM = ("singular.max.upper", "norms.factors.upper", "residual.uniform.upper")


def violations(case: Case) -> list[str]:
    """What a certified number says against the twin: no slack at all."""
    found = certify(block(case.block).term, case.leaves, case.x, case.g)
    gain, norm = exact_gain(case), norm_from_below(case)
    wrong = [name for name, value in lower_bounds(found) if not arb(value) <= gain.lower()]
    wrong += [name for name, value in upper_bounds(found) if not arb(value) >= gain.upper()]
    return wrong + [
        name
        for name, value in upper_bounds(found)
        if name in UNIFORM and not arb(value) >= norm.lower()
    ]


def lower_bounds(found: CertifiedNumbers) -> Iterator[tuple[str, float]]:
    yield "gain", found.low.item()
    yield from ((bound.id, bound.value.item()) for bound in found.bounds if bound.side == "lower")


def upper_bounds(found: CertifiedNumbers) -> Iterator[tuple[str, float]]:
    yield "gain", found.high.item()
    yield from ((bound.id, bound.value.item()) for bound in found.bounds if bound.side == "upper")


def corpus(name: str, size: int, seeds: int) -> list[tuple[int, str]]:
    return [
        (seed, wrong) for seed in range(seeds) for wrong in violations(drawn_case(name, size, seed))
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BLOCKS)
def test_certified_numbers_hold_without_slack(name, size):
    assert corpus(name, size, seeds=12) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BLOCKS)
def test_ten_thousand_certified_blocks_hold_without_slack(name, size):
    assert corpus(name, size, seeds=500) == []


def round_to_nearest(monkeypatch) -> None:
    """Switches the rounding terms off."""
    monkeypatch.setattr(balls, "UNIT", 0.0)
    monkeypatch.setattr(balls, "TINY", 0.0)
    for name in ("float_below", "float_above"):
        monkeypatch.setattr(enclosed_layers, name, lambda ball: float(ball.mid()))


@pytest.mark.parametrize("name", BLOCKS)
def test_without_the_rounding_terms_the_corpus_is_violated(name, monkeypatch):
    round_to_nearest(monkeypatch)
    assert corpus(name, SIZES[2], seeds=12)


@pytest.mark.parametrize("name", BLOCKS)
def test_certified_gains_are_tight(name):
    for seed in range(12):
        case = drawn_case(name, 8, seed)
        found = certify(block(name).term, case.leaves, case.x, case.g)
        assert 0 < found.high - found.low <= 1e-12 * found.high


def test_certified_bounds_are_attained_by_an_extremal_branch():
    case = drawn_case("residual", 8, seed=0)
    found = certify(block("residual").term, case.leaves, case.x, case.g)
    for name in (
        "residual.triangle.lower",
        "residual.uniform.lower",
        "residual.numerical_range.lower",
    ):
        (bound,) = (each for each in found.bounds if each.id == name)
        assert torch.allclose(bound.value, found.low, rtol=1e-9)


@pytest.fixture
def shifted(monkeypatch) -> Iterator[int]:
    """The derivation says of every bound that it is 41 larger than it is."""

    def derive(notation: Notation) -> Bounds:
        found = real(notation)
        return Bounds(*map(moved, (found.structural, found.singular, found.norms)))

    def moved(theorem: Proved | None) -> Proved | None:
        return theorem and replace(
            theorem, bounds=tuple(replace(each, expr=each.expr + 41) for each in theorem.bounds)
        )

    real = derived_block_module.bounds
    monkeypatch.setattr(derived_block_module, "bounds", derive)
    derived_block.cache_clear()
    yield 41
    derived_block.cache_clear()


def test_no_formula_is_typed_twice(shifted):
    """Both evaluations follow the derivation, whatever it says."""
    case = drawn_case("residual", 5, seed=1)
    term = block("residual").term
    for found in (
        certify(term, case.leaves, case.x, case.g),
        evaluate(term, case.leaves, case.x, case.g),
    ):
        assert found.bounds
        assert all(bound.value > shifted - 1e-9 for bound in found.bounds)


@pytest.mark.parametrize("name", BLOCKS_OF_THE_TOOLKIT)
def test_every_block_is_certified_around_what_floating_point_gives(name):
    x, g = gaussian(2, 4, 3, 3, seed=1), gaussian(2, 8 if name == "dense" else 4, 3, 3, seed=2)
    found, floating = (
        certify(block(name).term, layers(), x, g),
        evaluate(block(name).term, leaves(), x, g),
    )
    assert torch.allclose(found.low, floating.gain, rtol=1e-12)
    assert torch.allclose(found.high, floating.gain, rtol=1e-12)
    assert [bound.id for bound in found.bounds] == [bound.id for bound in floating.bounds]
    assert {bound.certainty for bound in found.bounds} == {"certified"}
    without_singular_values = {
        each.id
        for each in bounds(notation_of(block(name), "operator")).bounds
        if each.name in ("triangle", "alignment", "alignment_with_t")
    }
    for bound, other in zip(found.bounds, floating.bounds, strict=True):
        if bound.id in without_singular_values:
            assert torch.allclose(bound.value, other.value, rtol=1e-7), bound.id


def test_no_certified_bound_says_less_than_one_that_is_proved_to_be_looser():
    """Of σ_min itself nothing is known but that it is no less than 0."""
    term = block("residual").term
    branch = torch.nn.Linear(6, 6, dtype=torch.float64)
    branch.weight.data = 0.25 * torch.eye(6, dtype=torch.float64)
    x, g = gaussian(3, 6, seed=4), gaussian(3, 6, seed=5)
    values = {bound.id: bound.value for bound in certify(term, {"F": branch}, x, g).bounds}
    ordered = bounds(notation_of(block("residual"), "operator")).order
    assert {pair.tighter for pair in ordered} >= {"singular.min.lower", "singular.max.upper"}
    for pair in ordered:
        if not pair.tighter.startswith("singular"):
            continue
        if pair.tighter.endswith("lower"):
            assert (values[pair.tighter] >= values[pair.looser]).all(), pair
        else:
            assert (values[pair.tighter] <= values[pair.looser]).all(), pair
    least = 0.75 * torch.ones(3, dtype=torch.float64)
    assert torch.allclose(values["singular.min.lower"], least, rtol=1e-12)


def test_many_sums_are_certified_by_their_length():
    torch.manual_seed(4)
    leaves = {f"F_{k}": nn.Linear(5, 5, dtype=torch.float64) for k in range(40)}
    for layer in leaves.values():
        layer.weight.data *= 0.1
    term = Chain(*(Add(Layer(name), Identity()) for name in leaves))
    x, g = gaussian(2, 5, seed=5), gaussian(2, 5, seed=6)
    found = certify(term, leaves, x, g)
    gain = evaluate(term, leaves, x, g, spectra=False).gain
    assert ((found.low <= gain) & (gain <= found.high)).all()
    assert (found.high - found.low <= 1e-9 * gain).all()


@pytest.mark.parametrize("scale", [1e-290, 1e-160, 1e160, 1e290])
def test_signals_of_any_size_are_certified(scale):
    case = drawn_case("residual", 5, seed=1)
    found = certify(block("residual").term, case.leaves, case.x, scale * case.g)
    assert torch.allclose(
        found.low, certify(block("residual").term, case.leaves, case.x, case.g).low, rtol=1e-12
    )


@pytest.mark.parametrize("leaf", [nn.Identity(), nn.Dropout().eval(), nn.Sequential()])
def test_a_branch_that_is_the_identity_is_certified(leaf):
    """t is 1 up to rounding, and 1 − t a ball around 0."""
    x, g = gaussian(2, 4, seed=1), gaussian(2, 4, seed=2)
    found = certify("residual", {"F": leaf}, x, g)
    assert torch.allclose(found.low, torch.full((2,), 2.0, dtype=torch.float64), rtol=1e-12)
    assert {bound.certainty for bound in found.bounds} == {"certified"}


def test_a_batch_without_any_signal_is_refused():
    case = drawn_case("residual", 5, seed=1)
    with pytest.raises(InputError, match="backward signal is zero for every sample"):
        certify(block("residual").term, case.leaves, case.x, 0 * case.g)


def test_a_sample_without_a_signal_is_named_and_the_others_are_certified():
    case = drawn_case("residual", 5, seed=1)
    x, g = (torch.cat([each, each, each]) for each in (case.x, case.g))
    g[1 : 1 + len(case.g)] = 0
    gone = tuple(range(1, 1 + len(case.g)))
    with pytest.warns(VanishedSignalWarning, match=f"sample.* {gone[-1]}: "):
        found = certify("residual", case.leaves, x, g)
    alone = certify(block("residual"), case.leaves, x[:1], g[:1])
    assert found.vanished == gone
    assert torch.equal(found.low.isnan(), ~found.live)
    assert torch.equal(found.high.isnan(), ~found.live)
    assert (found.low[0], found.high[0]) == (alone.low[0], alone.high[0])
    for one, other in zip(found.bounds, alone.bounds, strict=True):
        assert torch.equal(one.value.isnan(), ~found.live)
        assert one.value[0] == other.value[0]


def dead_and_alive() -> tuple[dict[str, nn.Module], torch.Tensor, torch.Tensor]:
    """Leaves of a block with a final ReLU, dead for the first sample, open for the second."""
    leaves_ = {"F": nn.Linear(3, 3, dtype=torch.float64), "relu": nn.ReLU()}
    with torch.no_grad():
        leaves_["F"].weight.copy_(gaussian(3, 3, seed=3) / 10)
        leaves_["F"].bias.fill_(-100)
    x = gaussian(2, 3, seed=1)
    x[1] += 1000
    return leaves_, x, gaussian(2, 3, seed=2)


def test_the_gain_behind_a_dead_activation_is_certified_to_be_zero():
    """And so says the theorem of the sum, whose base is zero there."""
    found = certify("post_activation", *dead_and_alive())
    assert (found.low[0], found.high[0]) == (0, 0)
    assert found.low[1] > 0.1
    assert {bound.id: bound.value[0].item() for bound in found.bounds}[
        "residual.triangle.upper"
    ] == 0
    assert (found.tightest("upper")[0].value[0], found.tightest("lower")[0].value[0]) == (0, 0)
    assert found.live.all()


def test_where_a_base_may_be_zero_a_bound_relative_to_it_says_nothing():
    """Of a sample so near the kink that nobody knows on which side it is."""
    leaves_ = {"F": nn.Linear(1, 1, dtype=torch.float64), "relu": nn.ReLU()}
    with torch.no_grad():
        leaves_["F"].weight.fill_(-1 - 2.0**-52)
        leaves_["F"].bias.fill_(0.1)
    x = torch.tensor([[0.1 * 2.0**52]], dtype=torch.float64)
    found = certify("post_activation", leaves_, x, torch.ones(1, 1, dtype=torch.float64))
    values = {bound.id: bound.value.item() for bound in found.bounds}
    assert values["residual.triangle.lower"] == 0
    assert values["residual.triangle.upper"] == math.inf
    assert 0 < values["residual.uniform.upper"] < math.inf
    assert found.low.item() == 0 <= found.high.item() <= values["norms.factors.upper"] < math.inf


def test_zero_signals_of_a_slice_leave_the_other_bounds():
    """With g_y = 0 nothing is relative to it, and the gain is that of the branch."""
    leaves_, x, g = dead_and_alive()
    signal = torch.cat([g, torch.zeros_like(g)], 1)
    found = certify("dense", {"F": leaves_["F"]}, x, signal)
    gain = (g @ leaves_["F"].weight.detach()).norm(dim=1) / g.norm(dim=1)
    assert ((found.low <= gain + 1e-15) & (gain <= found.high + 1e-15)).all()
    values = {bound.id: bound.value for bound in found.bounds}
    assert (values["dense.triangle.lower"] == 0).all()
    assert (values["dense.triangle.upper"] == math.inf).all()
    assert (values["norms.factors.upper"] < math.inf).all()


def test_the_tightest_bound_of_each_sample_is_found():
    found = certify(
        block("residual").term, layers(), gaussian(2, 4, 3, 3, seed=1), gaussian(2, 4, 3, 3, seed=2)
    )
    assert [bound.side for bound in found.tightest("lower")] == ["lower", "lower"]


def test_while_subnormal_numbers_are_flushed_nothing_is_certified():
    """A slope of 1e-310 would count as zero."""
    x = torch.full((1, 2), -1.0, dtype=torch.float64)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormal numbers")
    try:
        with pytest.raises(InputError, match="set_flush_denormal"):
            certify(block("plain").term, {"F": nn.LeakyReLU(1e-310)}, x, torch.ones_like(x))
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 1)])
def test_batch_norm_takes_only_what_torch_takes(shape):
    """One channel would be broadcast to three, and an image need not be one."""
    x = gaussian(*shape, seed=0)
    with pytest.raises(InputError, match=r"3 channels|of 3|4D"):
        certify(block("plain").term, {"F": nn.BatchNorm2d(1).eval()}, x, torch.ones_like(x))


def test_constants_of_a_single_precision_network_are_those_that_it_uses():
    """float32(−1.7) is larger by 5e-8; with powers of two nothing else is rounded."""
    x, g = -torch.ones(1, 2), torch.tensor([[2.0, 0.0]])
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(nn.LeakyReLU(-1.7)(leaf), leaf, g)
    gain = (gradient.double().norm() / g.double().norm()).item()
    found = certify("plain", {"F": nn.LeakyReLU(-1.7)}, x, g)
    assert gain > 1.7
    assert found.low.item() <= gain <= found.high.item()
    assert all(bound.value.item() >= gain for bound in found.bounds if bound.side == "upper")
    double = certify("plain", {"F": nn.LeakyReLU(-1.7)}, x.double(), g.double())
    assert double.high.item() < gain


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_modes_of_torch_and_memory_formats_change_nothing(mode):
    layer = nn.Conv2d(3, 3, 3, padding=1, padding_mode=mode).double()
    x, g = (gaussian(2, 3, 5, 5, seed=seed) for seed in (1, 2))
    expected = certify("residual", {"F": layer}, x, g)
    with torch.inference_mode():
        inside = certify("residual", {"F": layer}, x, g)
        born = certify("residual", {"F": copy.deepcopy(layer)}, x.clone(), g.clone())
    layer.to(memory_format=torch.channels_last)
    last = certify("residual", {"F": layer}, x.to(memory_format=torch.channels_last), g)
    for found in (inside, born, last):
        assert torch.allclose(found.high, expected.high, rtol=1e-12)
        for one, other in zip(found.bounds, expected.bounds, strict=True):
            assert torch.allclose(one.value, other.value, rtol=1e-12, atol=1e-300), one.id


def test_samples_that_are_joined_are_refused():
    x = gaussian(2, 3, 5, 5, seed=1)
    with pytest.raises(InputError, match="it must keep the samples apart"):
        certify("plain", {"F": nn.Flatten(0, 1)}, x, x.flatten(0, 1))
