"""The rows of a network show each block with its gain, its bounds and its drawing."""

from dataclasses import replace

import pytest
from printed import analysis, block

from paper_figures.pages.network_rows import WEAKEST, bar, reach_of, view
from paper_figures.pages.term_drawings import Drawings
from validate.analysis.analysis_document import Spread


def test_rows_come_in_order_and_the_worst_first():
    found = view(analysis(), 2, Drawings())
    assert [row.block.name for row in found.rows] == ["far", "dying", "weak", "fine"]
    assert [row.block.name for row in found.worst] == ["dying", "weak"]
    assert [row.reading for row in found.rows] == ["none", "dead", "low", "good"]
    assert len({row.anchor for row in found.rows}) == 4
    assert found.hidden == 0


def test_where_nothing_is_lost_the_weakest_are_named():
    blocks = tuple(block(index, f"b{index}", 2.0 - index / 10) for index in range(5))
    found = view(replace(analysis(), blocks=blocks), 1, Drawings())
    assert [row.block.name for row in found.worst] == ["b4", "b3", "b2"]
    assert len(found.worst) == WEAKEST


def test_a_mover_is_no_row():
    mover = replace(block(4, "mover", 1.0), kind="linear", gain=Spread(1.0, 1.0, 1.0))
    found = view(replace(analysis(), blocks=(*analysis().blocks, mover)), 2, Drawings())
    assert (len(found.rows), found.hidden) == (4, 1)


def test_other_pages_have_other_anchors():
    first, second = (view(analysis(name), 1, Drawings()) for name in ("a", "b"))
    assert {row.anchor for row in first.rows}.isdisjoint(row.anchor for row in second.rows)


def test_a_bar_spans_bounds_samples_and_the_way_from_1():
    found = bar(block(0, "b", 0.1), 1)
    assert found is not None
    assert found.at == 0
    assert found.stem == (0, 50)
    low, length = found.band or (0, 0)
    assert low == pytest.approx(19.9, abs=0.1)  # 0.25
    assert low + length == pytest.approx(69.9, abs=0.1)  # 2.5
    assert found.span == (0, pytest.approx(15.05, abs=0.01))
    assert bar(block(0, "b", None), 1) is None


def test_one_axis_reaches_all_of_them():
    small = replace(analysis(), blocks=analysis().blocks[3:])
    assert reach_of([small]) == 1
    assert reach_of([small, analysis()]) == 2
