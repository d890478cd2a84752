"""Certified gains and bounds against the twin in 128-bit balls, without slack."""

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
from derivations.errors import InputError
from derivations.rules.bound_types import Bounds, Proved
from derivations.rules.bounds import bounds
from numeric import evaluate
from numeric.certified import balls, enclosed_layers
from numeric.certified.certify import CertifiedNumbers, certify
from numeric.evaluation import derived_block as derived_block_module
from numeric.evaluation.derived_block import derived_block

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


@pytest.mark.parametrize("scale", [1e-290, 1e-160, 1e160, 1e290])
def test_signals_of_any_size_are_certified(scale):
    case = drawn_case("residual", 5, seed=1)
    found = certify(block("residual").term, case.leaves, case.x, scale * case.g)
    assert torch.allclose(
        found.low, certify(block("residual").term, case.leaves, case.x, case.g).low, rtol=1e-12
    )


def test_a_zero_signal_is_refused():
    case = drawn_case("residual", 5, seed=1)
    with pytest.raises(InputError, match="backward signal is or may be zero for sample 0"):
        certify(block("residual").term, case.leaves, case.x, 0 * case.g)


def test_a_signal_that_may_be_zero_is_refused():
    """Behind the final ReLU nothing is left where every entry is negative."""
    leaves_ = {"F": nn.Linear(3, 3, dtype=torch.float64), "relu": nn.ReLU()}
    with torch.no_grad():
        leaves_["F"].bias.fill_(-100)
    with pytest.raises(InputError, match="may be zero"):
        certify(
            block("post_activation").term, leaves_, gaussian(1, 3, seed=1), gaussian(1, 3, seed=2)
        )


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
