"""The sentences on top say where the gradient dies, and claim no more than the bounds do."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import analysis, block

from validate.analysis.analysis_document import Analysis, BlockAnalysis, BoundValue, Total
from validate.analysis.headline import (
    EVERY,
    bounds_in_words,
    chain_bounds,
    headline,
    outward,
    sentence,
)


def of(*blocks: BlockAnalysis, measured: float | None = 2.0) -> Analysis:
    return replace(analysis(), blocks=blocks, total=Total(measured, measured, 0.0))


def uniform(index: int, low: float, high: float, delta: float | None = None) -> BlockAnalysis:
    word = "exact" if delta is None else "probable"
    bounds = (
        BoundValue("s.lower", "lower", low, word, EVERY, delta),
        BoundValue("s.upper", "upper", high, word, EVERY, delta),
        BoundValue("t.lower", "lower", 2 * low, "exact", "this backward signal", None),
    )
    return replace(block(index, f"b{index}", 1.0), bounds=bounds)


def with_lower(certainty: str) -> BlockAnalysis:
    bound = BoundValue("s.lower", "lower", 0.5, certainty, EVERY, 1e-6)
    return replace(block(9, "b9", 1.0), bounds=(bound,))


def test_the_block_where_it_dies_is_named_with_its_reason():
    said = headline(analysis()).answer
    assert said == (
        "The gradient dies in dying: mask: dead units. The block before it gets no signal at all."
    )


def test_of_several_dead_blocks_the_one_that_the_signal_meets_first():
    said = headline(of(block(0, "first", 0.0, "m"), block(1, "second", 0.0, "m"))).answer
    assert said.startswith("The gradient dies in second:")


def test_the_worst_loss_is_named_and_the_rest_counted():
    blocks = (block(0, "bad", 0.1, "gate"), block(1, "worse", 0.01, "mask"), block(2, "ok", 1.0))
    said = headline(of(*blocks)).answer
    assert "most of it is lost in worse, γ = 0.01 (mask), and 1 other block loses some." in said
    assert said.endswith("the signal is multiplied by 2.")


def test_a_healthy_network_is_said_to_be_one():
    said = headline(of(block(0, "a", 1.0), block(1, "b", 0.75))).answer
    assert said.startswith("The gradient gets through: the least gain is 0.75, in b.")


def test_without_numbers_nothing_is_claimed():
    said = headline(of(replace(block(0, "a", None), lost_by=None), measured=None))
    assert said.answer == "Nothing was measured: this is the structure alone."
    assert said.guarantee.startswith("Nothing is guaranteed")


def test_what_is_guaranteed_for_this_signal_is_counted():
    said = headline(of(block(0, "a", 1.0), block(1, "b", None))).guarantee
    assert "1 of 2 blocks cannot lose it, each keeps γ ≥ 0.25 (exact)." in said
    unsure = headline(of(block(0, "a", 1.0), with_lower("probable"))).guarantee
    assert "each keeps γ ≥ 0.25 (exact and probable)." in unsure
    none = replace(block(0, "a", 1.0), bounds=(block(0, "a", 1.0).bounds[2],))
    assert (
        "0 of 1 blocks cannot lose it, as no lower bound is above 0."
        in headline(of(none)).guarantee
    )


def with_losses(index, **lower):
    """A block with these lower bounds by class of losses, and 0.25 for the measured signal."""
    made = block(index, f"b{index}", 1.0)
    more = tuple(
        replace(made.bounds[0], id=f"every_loss.{name}", value=value, holds_for=name)
        for name, value in lower.items()
    )
    return replace(made, bounds=(*made.bounds, *more))


def test_bounds_for_some_losses_guarantee_nothing_of_this_signal():
    """The signal that was measured may be of none of them."""
    said = headline(of(with_losses(0, labels=0.9, shift_invariant=0.8))).guarantee
    assert said.startswith("Guaranteed for this signal")
    assert "each keeps γ ≥ 0.25 (exact)." in said


def test_what_every_loss_must_leave_is_said_first():
    found = of(with_losses(0, all=0.2, labels=0.9), with_losses(1, all=0.1))
    said = headline(found).guarantee
    assert said.startswith("Guaranteed whatever the loss makes of the logits: 2 of 2 blocks")
    assert "each keeps γ ≥ 0.1 (exact)." in said
    partly = headline(of(with_losses(0, all=0.2), block(1, "b", 1.0))).guarantee
    assert partly.startswith("Guaranteed for this signal")


def test_bounds_for_every_signal_multiply_and_their_chances_add():
    found = of(uniform(0, 0.5, 4.0, 1e-6), uniform(1, 0.25, 2.0, 2e-6))
    low, high, delta = chain_bounds(found)
    assert (low, high) == (0.125, 8.0)
    assert delta == pytest.approx(6e-6)
    assert "multiplies by 0.125 to 8 (probable, δ = 6e-06)" in headline(found).guarantee


def test_a_block_without_such_a_bound_leaves_none_of_the_chain():
    found = of(uniform(0, 0.5, 4.0), block(1, "b", 1.0))
    assert chain_bounds(found)[:2] == (None, None)
    assert "whole chain" not in headline(found).guarantee
    mixed = replace(block(1, "b", 1.0), bounds=block(1, "b", 1.0).bounds[:1])  # this signal alone
    assert "ask for spectra" in headline(of(mixed)).guarantee


def test_bounds_that_say_little_are_called_so():
    found = of(uniform(0, 0.0, 1e7))
    assert "0 to 10^7.0 (exact; trivial below and above)" in headline(found).guarantee
    assert "trivial" not in headline(of(uniform(0, 1.0, 4.0))).guarantee


def test_a_product_that_leaves_the_numbers_is_no_bound():
    tiny = of(*(uniform(index, 1e-200, 1e-200) for index in range(2)))
    assert chain_bounds(tiny)[:2] == (None, None)
    huge = of(*(uniform(index, 1.0, 1e200) for index in range(2)))
    assert chain_bounds(huge)[:2] == (1.0, None)


@given(st.floats(1e-300, 1e300))
def test_rounding_never_tightens_a_bound(value):
    def read(text: str) -> float:
        return float(text[3:]) if text.startswith("10^") else math.log10(float(text))

    low, high = (read(outward(value, side)) for side in ("lower", "upper"))
    assert low <= math.log10(value) + 1e-12
    assert high >= math.log10(value) - 1e-12
    assert high - low <= 0.11


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(0.98765, "0.987", "0.988"), (0.3, "0.3", "0.3"), (2.5, "2.5", "2.5"), (0.0, "0", "0"),
     (999.91, "999", "1e+03"), (1e7, "10^7.0", "10^7.0"), (1.2e-5, "10^-5.0", "10^-4.9")],
)  # fmt: skip
def test_three_digits_or_a_power_of_ten(value, low, high):
    assert (outward(value, "lower"), outward(value, "upper")) == (low, high)


def bound(side: str, value: float | None) -> BoundValue:
    return BoundValue(f"b.{side}", side, value, "exact", "this backward signal", None)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((), ""),
        ((bound("lower", 0.98765),), "≥ 0.987"),
        ((bound("upper", 0.98712),), "≤ 0.988"),
        ((bound("upper", None),), ""),
        ((bound("lower", 0.5), bound("upper", 2.0), bound("lower", 0.25)), "0.5 to 2"),
    ],
)
def test_bounds_are_rounded_to_the_side_on_which_they_hold(bounds, words):
    assert bounds_in_words(replace(block(0, "b", 1.0), bounds=bounds)) == words


def chain(gain: float, count: int, measured: float, **last: object) -> Analysis:
    blocks = [block(index, f"b{index}", gain) for index in range(count)]
    blocks[-1] = replace(blocks[-1], **last)
    return of(*blocks, measured=measured)


def test_a_chain_that_vanishes_by_depth_gets_no_clean_bill():
    said = headline(chain(0.5, 12, 0.5**12)).answer
    assert said == (
        "The gradient vanishes by depth: from output to input it is multiplied by 0.00024, "
        "12 blocks of 0.5 in the geometric mean; no single block loses it."
    )
    assert "gets through" in headline(chain(0.5, 9, 0.5**9)).answer


def test_a_chain_that_explodes_by_depth_is_told():
    said = headline(chain(2.0, 24, 2.0**24)).answer
    assert said.startswith("The gradient explodes by depth")
    assert said.endswith("24 blocks of 2 in the geometric mean; no single block makes it.")
    assert "gets through" in headline(chain(2.0, 19, 2.0**19)).answer


def test_one_block_that_takes_it_all_is_no_matter_of_depth():
    lost = block(1, "bad", 1e-5, "mask")
    said = headline(of(block(0, "a", 0.9), lost, measured=0.9e-5)).answer
    assert "most of it is lost in bad" in said
    grown = headline(of(block(0, "a", 1.1), block(1, "big", 1e7, "expansion"), measured=1.1e7))
    assert grown.answer == (
        "The gradient explodes: from output to input it is multiplied by 1.1e+07; most of it is "
        "made by big, γ = 1e+07."
    )
    both = [*(block(index, f"b{index}", 0.5) for index in range(12)), replace(lost, index=12)]
    said = headline(of(*both, measured=0.5**12 * 1e-5)).answer
    assert said.startswith("The gradient vanishes by depth")
    assert said.endswith("; besides, some is lost in bad, γ = 1e-05 (mask).")


def test_what_an_average_takes_is_no_loss_of_depth_or_block():
    pooled = replace(block(1, "pool", 1 / 2048), averaged=2**22)
    said = headline(of(block(0, "a", 0.75), pooled, measured=0.75 / 2048)).answer
    assert said.startswith("The gradient gets through: the least gain, averages apart, is 0.75, in")
    assert "the signal is multiplied by 0.000366" in said


def test_the_block_that_makes_a_constant_is_named_from_where_the_signal_dies():
    blocks = [block(index, f"b{index}", None) for index in range(4)]
    blocks[1] = replace(blocks[1], constant=True)
    dead = block(4, "head", 0.0, "mask")
    said = headline(of(*blocks, dead, measured=0.0)).answer
    assert said == (
        "The gradient dies in head: mask. The 4 blocks before it get no signal at all. And b1, 3 "
        "blocks before, makes a constant of every sample: nothing behind it depends on the input."
    )
    own = headline(of(replace(dead, index=0, constant=True), measured=0.0)).answer
    assert own.endswith("And head makes a constant of every sample: nothing behind it depends on "
                        "the input.")  # fmt: skip
    alive = headline(of(replace(block(0, "a", 1.0), constant=True))).answer
    assert alive.endswith("But a makes a constant of every sample: nothing behind it depends on "
                          "the input.")  # fmt: skip


def test_a_sentence_begins_with_a_capital_but_for_greek_letters():
    assert [sentence(each) for each in ("scaled", "σ_max", "")] == ["Scaled", "σ_max", ""]
