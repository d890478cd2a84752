"""The column shows every block once, on as many pages as it takes, in letters one can read."""

from dataclasses import replace

import pytest
from printed import analysis, block
from test_paper_figures.artists import texts

from paper_figures.drawing.gain_axis import COLORS
from paper_figures.drawing.style import render_pages
from paper_figures.figures.gain_column import HEIGHT, WIDTH, pages
from validate.analysis.analysis_document import Analysis


def many(count: int) -> Analysis:
    return replace(
        analysis(), blocks=tuple(block(index, f"block{index}", 1.0) for index in range(count))
    )


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (30, 1), (120, 3)])
def test_every_block_is_on_one_page(count, sheets):
    made = list(pages(many(count), 1))
    assert len(made) == sheets
    said = [text.get_text() for page in made for text in texts(page)]
    assert [each for each in said if each.startswith("block") and each != "block"] == [
        f"block{index}" for index in range(count)
    ]
    assert f"net_<1>, page {sheets} of {sheets}" in said


def test_letters_can_be_read_and_lie_on_the_page():
    for page in pages(many(60), 2):
        assert tuple(page.get_size_inches()) == (WIDTH, HEIGHT)
        for text in texts(page):
            assert text.get_fontsize() >= 7
            x, y = text.get_position()
            assert 0 < x < WIDTH
            assert 0 < y < HEIGHT


def test_where_it_dies_is_red_and_stands_on_top():
    (page,) = pages(analysis(), 2)
    found = {text.get_text(): text for text in texts(page)}
    assert found["dying"].get_color() == COLORS["dead"]
    assert found["weak"].get_color() == COLORS["low"]
    assert any(each.startswith("The gradient dies in dying") for each in found)
    assert "no signal" in found
    assert "Note: a <remark>." in found


def test_a_gain_stands_at_its_place():
    (page,) = pages(many(1), 1)
    middle = [text.get_position()[0] for text in texts(page) if text.get_text() == "1"]
    marks = [each for each in page.axes[0].collections if each.get_zorder() == 5]
    polygons = [each.get_paths()[0].get_extents() for each in marks]
    centres = [(box.x0 + box.x1) / 2 for box in polygons]
    assert any(abs(centre - middle[0]) < 1e-6 for centre in centres)


def test_the_same_analysis_gives_the_same_bytes():
    first, second = (render_pages(pages(analysis(), 2)) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF")
