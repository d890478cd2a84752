"""Certified ratios are never below what 128 bits show of any member, and tight."""

import math
from collections.abc import Callable

import pytest
import torch
from flint import arb
from strategies import gaussian
from torch import Tensor
from twins.pencil_twin import greatest_direction, ratio, worst_member

from derivations.errors import InputError
from numeric.certified.enclosed_tensors import Enclosed
from numeric.every_loss.sup_ratio import sup_ratio

Pencil = tuple[Tensor, Tensor, float]  # N (c, n), D (c, m), radii relative to the entries


def sizes(seed: int) -> tuple[int, int, int]:
    c = 1 + seed % 6
    return c, c + seed % 5, c + (seed // 5) % 7


def plain(seed: int) -> Pencil:
    c, n, m = sizes(seed)
    return gaussian(c, n, seed=seed), gaussian(c, m, seed=seed + 1), 0.0


def block(seed: int) -> Pencil:
    """What a block makes of its output's signals: N = D J."""
    c, n, m = sizes(seed)
    bottom = gaussian(c, m, seed=seed)
    return bottom @ gaussian(m, n, seed=seed + 1), bottom, 2.0**-50


def nearly_singular(seed: int) -> Pencil:
    c, n, m = sizes(seed)
    bottom = gaussian(c, m, seed=seed)
    bottom[-1] = bottom[0] + 10.0 ** -(seed % 14) * bottom[-1]
    return bottom @ gaussian(m, n, seed=seed + 1), bottom, 0.0 if seed % 2 else 1e-16


def deficient(seed: int) -> Pencil:
    c, n, m = sizes(seed)
    bottom = gaussian(c, m, seed=seed)
    if c > 1:
        bottom[-1] = 2 * bottom[0]
    else:
        bottom[0] = 0
    return gaussian(c, n, seed=seed + 1), bottom, 0.0


def scaled(seed: int) -> Pencil:
    top, bottom, _ = plain(seed)
    return top * 10.0 ** (60 - 120 * (seed % 2)), bottom * 10.0 ** (60 - 120 * (seed // 2 % 2)), 0.0


def graded(seed: int) -> Pencil:
    """Rows that are up to 1e±60 apart."""
    top, bottom, radius = block(seed)
    rows = 10.0 ** (
        60
        * (2 * torch.rand(len(top), 1, generator=torch.Generator().manual_seed(seed)).double() - 1)
    )
    return top * rows, bottom * rows, radius


def wide_radii(seed: int) -> Pencil:
    top, bottom, _ = block(seed)
    return top, bottom, 10.0 ** -(2 + seed % 9)


KINDS: dict[str, Callable[[int], Pencil]] = {
    "well conditioned": plain,
    "of a block": block,
    "nearly singular": nearly_singular,
    "rank deficient": deficient,
    "scaled": scaled,
    "graded": graded,
    "wide radii": wide_radii,
}


def enclosed(values: Tensor, radius: float) -> Enclosed:
    return Enclosed(values[None], (radius * values.abs())[None])


def certified(pencil: Pencil) -> float:
    top, bottom, radius = pencil
    return sup_ratio(enclosed(top, radius), enclosed(bottom, radius)).item()


def directions(pencil: Pencil, seed: int) -> list[Tensor]:
    top, bottom, _ = pencil
    return [
        greatest_direction(top, bottom),
        gaussian(len(top), seed=seed),
        torch.eye(len(top))[0].double(),
    ]


def violated(pencil: Pencil, seed: int) -> bool:
    """Whether some direction of some member is beyond what was certified: without slack."""
    value, (top, bottom, radius) = certified(pencil), pencil
    if math.isinf(value):
        return False
    both = ((top, radius * top.abs()), (bottom, radius * bottom.abs()))
    for a in directions(pencil, seed):
        for share in (0.0, 0.99):  # of the radii: what is stored of a member rounds
            found = ratio(*worst_member(*both, a, share), a)
            if found is None or not found.lower() <= arb(value):
                return True
    return False


def corpus(kind: str, seeds: int) -> list[int]:
    return [seed for seed in range(seeds) if violated(KINDS[kind](seed), seed)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_member_of_a_pencil_is_beyond_what_is_certified(kind):
    assert corpus(kind, 40) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_member_of_ten_thousand_pencils_is(kind):
    assert corpus(kind, 1430) == []


@pytest.mark.parametrize("kind", ["well conditioned", "of a block", "scaled", "graded"])
def test_certified_ratios_are_tight(kind):
    for seed in range(40):
        top, bottom, radius = KINDS[kind](seed)
        value = certified((top, bottom, radius))
        found = ratio(top, bottom, greatest_direction(top, bottom))
        assert float(found) <= value <= float(found) * (1 + 1e-9)


def test_a_kernel_is_never_certified_away():
    for seed in range(40):
        top, bottom, radius = deficient(seed)
        assert certified((top, bottom, radius)) == math.inf


def test_wider_radii_cost_what_they_must():
    top, bottom = gaussian(4, 9, seed=0), gaussian(4, 7, seed=1)
    last = 0.0
    for radius in (0.0, 1e-12, 1e-6, 1e-3):
        value = certified((top, bottom, radius))
        assert value > last
        last = value
    assert certified((top, bottom, 1.0)) == math.inf


def test_zero_is_zero_and_no_more():
    bottom = gaussian(4, 7, seed=1)
    nothing = torch.zeros(4, 3).double()
    assert certified((nothing, bottom, 0.0)) == 0.0
    assert certified((bottom, nothing, 0.0)) == math.inf
    assert certified((nothing, nothing, 0.0)) == math.inf
    beyond = Enclosed(nothing[None], torch.full((1, 4, 3), 1e-9).double())
    assert sup_ratio(beyond, enclosed(bottom, 0.0)).item() > 1e-9


def test_samples_do_not_meet():
    tops, bottoms = gaussian(3, 4, 6, seed=0), gaussian(3, 4, 5, seed=1)
    bottoms[1, 3] = bottoms[1, 2]
    found = sup_ratio(Enclosed.exactly(tops), Enclosed.exactly(bottoms)).tolist()
    assert found[1] == math.inf
    assert found[0] == certified((tops[0], bottoms[0], 0.0))
    assert found[2] == certified((tops[2], bottoms[2], 0.0))


def test_a_result_beyond_float64_is_infinite():
    top, bottom = gaussian(2, 3, seed=0), gaussian(2, 3, seed=1)
    assert certified((top * 1e200, bottom * 1e-200, 0.0)) == math.inf
    assert 0 < certified((top * 1e-200, bottom * 1e200, 0.0)) < 1e-300


@pytest.mark.parametrize(
    ("top", "bottom"),
    [((1, 3, 4), (1, 2, 4)), ((2, 3, 4), (1, 3, 4)), ((1, 3, 0), (1, 3, 2)), ((3, 4), (3, 4))],
)
def test_shapes_that_do_not_meet_are_refused(top, bottom):
    with pytest.raises(InputError, match="no ratio"):
        sup_ratio(*(Enclosed.exactly(torch.ones(each).double()) for each in (top, bottom)))
