"""The terminal shows the chain, then where the gradient is lost, the worst first."""

from dataclasses import replace

import pytest
from printed import analysis, block

from validate.analysis.analysis_document import BoundValue, Spread, Terms
from validate.analysis.analysis_text import latex, text
from validate.analysis.headline import bounds_in_words


def test_the_text_names_everything_that_a_reader_acts_on():
    said = text(analysis())
    lines = said.splitlines()
    assert lines[0] == "net_<1>  float64 on cpu, input 2×3×8×8"
    assert "! a <remark>" in lines
    chain = [line.split()[0] for line in lines if "residual " in line and "(" not in line]
    assert chain == ["far", "dying", "weak", "fine"]
    lost = said[said.index("where the gradient is lost") :]
    assert lost.index("dying (residual): mask") < lost.index("weak (residual): gate")
    assert "scale it" in lost
    assert "far: no signal reaches it" in lost
    assert "0.25 … 2.5" in said


def bars(*gains: float) -> list[tuple[int, int]]:
    """The lengths to the left and to the right of the middle, of blocks with these gains."""
    blocks = [
        replace(analysis().blocks[3], name=f"b{index}", gain=Spread(gain, gain, gain))
        for index, gain in enumerate(gains)
    ]
    said = text(replace(analysis(), blocks=tuple(blocks))).splitlines()
    rows = [
        line.rpartition("  ")[2].partition("│")
        for line in said
        if line.startswith("b") and "│" in line
    ]
    return [(left.count("█"), right.count("█")) for left, _, right in rows]


def test_bars_are_on_the_scale_of_the_largest_power_that_is_shown():
    assert bars(1e-6, 1e-3, 1.0, 10.0) == [(12, 0), (6, 0), (0, 0), (0, 2)]
    assert bars(1e9, 1e3, 0.0) == [(0, 12), (0, 4), (12, 0)]
    assert bars(0.9, 1.0) == [(2, 0), (0, 0)]  # not a whole bar for what is next to 1
    said = text(analysis())
    assert "│ is gain 1, a whole bar 8 times more or less" in said


def test_what_loses_nothing_and_has_a_cause_comes_last():
    noted = replace(analysis().blocks[3], lost_by="the branch passes nothing", advice=None)
    said = text(replace(analysis(), blocks=(*analysis().blocks[:3], noted)))
    lost, _, more = said.partition("what else is worth a word")
    assert "fine (residual): the branch passes nothing" in more
    assert "passes nothing" not in lost
    assert "scale it" not in more


def test_nothing_is_lost_where_nothing_is():
    assert "lost" not in text(replace(analysis(), blocks=analysis().blocks[3:]))


def test_the_table_escapes_names():
    said = latex(replace(analysis(), blocks=analysis().blocks[1:]))
    assert said.count(r"\\") == 4
    assert "dying & residual & 0 &" in said
    assert said.startswith(r"\begin{tabular}{llrl}")


@pytest.mark.parametrize("width", [1, 5, 40])
def test_columns_stay_under_their_heads(width):
    block = replace(analysis().blocks[3], name="x" * width)
    lines = text(replace(analysis(), blocks=(block,))).splitlines()
    head = next(line for line in lines if line.startswith("block"))
    row = next(line for line in lines if line.startswith("x" * width))
    assert row.index("residual") == head.index("kind")


def test_reshapes_are_counted_and_not_listed():
    reshape = replace(analysis().blocks[3], name="reshape", kind="linear", gain=Spread(1, 1, 1))
    said = text(replace(analysis(), blocks=(*analysis().blocks, reshape)))
    assert "reshape" not in said
    assert "and 1 that only move entries, of gain 1" in said


def test_bounds_for_every_loss_have_lines_of_their_own_and_some_losses_bound_no_other_signal():
    said = "every loss"
    more = (
        BoundValue("every_loss.all", "lower", 0.5, "exact", said, None),
        BoundValue("every_loss.all", "upper", None, "exact", said, None),
        BoundValue("every_loss.labels", "lower", 1.25, "exact", "labels", None),
        BoundValue("every_loss.labels", "upper", 1.75, "exact", "labels, or rounding", None),
    )
    fine = analysis().blocks[3]
    fine = replace(fine, bounds=(*fine.bounds, *more))
    lines = text(replace(analysis(), blocks=(fine,))).splitlines()
    (row,) = [line for line in lines if line.startswith("fine") and "…" in line and "█" not in line]
    assert row.split()[1:] == ["0.5", "…", "∞", "1.25", "…", "1.75"]
    head = next(line for line in lines if line.startswith("whatever the loss"))
    assert head.index("any hard label") + len("any hard label") == row.index("1.75") + 4
    assert "0.5 … 2.5" in next(line for line in lines if "█" in line)
    assert any("above rounding alone" in line for line in lines)
    assert not any("whatever the loss" in line for line in text(analysis()).splitlines())


def test_the_headline_stands_above_the_table():
    lines = text(analysis()).splitlines()
    assert any(line.startswith("The gradient dies in dying: mask") for line in lines[:5])


def test_a_cosine_is_never_minus_zero():
    one = replace(analysis().blocks[3], terms=Terms(0.5, -0.001))
    lines = text(replace(analysis(), blocks=(one,))).splitlines()
    row = next(line for line in lines if line.startswith("fine"))
    assert "-0.00" not in row
    assert "0.50    0.00" in row


def test_bounds_are_rounded_outward_as_on_the_page():
    bounds = tuple(
        BoundValue(f"b.{side}", side, value, "exact", "this backward signal", None)
        for side, value in (("lower", 3.8479), ("upper", 4.7612))
    )
    one = replace(analysis().blocks[3], bounds=bounds)
    assert "3.84 … 4.77" in text(replace(analysis(), blocks=(one,)))
    assert bounds_in_words(one) == "3.84 to 4.77"


def test_the_block_that_makes_a_constant_is_among_those_that_lose():
    first = replace(analysis().blocks[0], constant=True, lost_by="it gives the same")
    said = text(replace(analysis(), blocks=(first, *analysis().blocks[1:])))
    assert "  far (residual): it gives the same" in said
    assert "no signal reaches it" not in said


def test_an_average_is_a_word_and_no_loss():
    one = replace(block(0, "pool", 0.125), averaged=64, advice=None)
    said = text(replace(analysis(), blocks=(one,)))
    assert "where the gradient is lost" not in said
    assert "  pool (residual): average over 64 entries: 1/√64 = 0.12 by construction" in said
