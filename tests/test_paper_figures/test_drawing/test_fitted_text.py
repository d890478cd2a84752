"""Text is broken and shortened to the width that it has when it is drawn."""

from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from paper_figures.drawing.fitted_text import shortened, text_width, wrapped
from paper_figures.drawing.style import styled

TEXT = "the gradient dies in blocks.3.conv1: every slope of relu that the signal meets is 0"


@styled
def drawn_width(text: str, size: float) -> float:
    figure = Figure(figsize=(10, 1), dpi=1000)  # fine: hinting moves letters
    canvas = FigureCanvasAgg(figure)
    artist = figure.text(0, 0.5, text, fontsize=size)
    return float(artist.get_window_extent(canvas.get_renderer()).width) / 1000


@pytest.mark.parametrize("size", [7.5, 11.0, 15.0])
@pytest.mark.parametrize("text", ["conv1..bn2", TEXT])
def test_widths_are_those_of_the_drawing(text, size):
    assert text_width(text, size) == pytest.approx(drawn_width(text, size), rel=0.05)


@pytest.mark.parametrize("width", [0.1, 1.0, 2.0, 20.0])
def test_lines_fit_and_lose_no_word(width):
    lines = wrapped(TEXT, 9, width)
    assert " ".join(lines) == TEXT
    assert all(drawn_width(line, 9) <= width * 1.03 or " " not in line for line in lines)
    assert (len(lines) == 1) == (width == 20)


def test_lines_are_filled():
    lines = wrapped(TEXT, 9, 2.0)
    for line, after in pairwise(lines):
        assert text_width(f"{line} {after.split()[0]}", 9) > 1.9


def test_names_are_shortened_in_the_middle():
    name = "features.denseblock3.denselayer19.norm1..conv2"
    short = shortened(name, 8.5, 1.5)
    begin, end = short.split("…")
    assert name.startswith(begin)
    assert name.endswith(end)
    assert abs(len(begin) - len(end)) <= 1
    assert 1.3 < text_width(short, 8.5) <= 1.5
    assert shortened("conv1", 8.5, 1.5) == "conv1"
    assert shortened(name, 8.5, 0.01) == "…"


def test_nothing_and_a_dollar_have_a_width():
    assert text_width(" ", 9) == 0
    assert text_width("$x$", 9) > text_width("x", 9)
    assert wrapped("", 9, 1) == []
