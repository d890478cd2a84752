"""Every figure is listed, drawn at a width of the paper, and described in words of its own."""

import pytest
from matplotlib.figure import Figure

from derivations.algebra.blocks import PAPER_BLOCKS
from paper_figures.figures.figure_registry import FIGURES
from validate.records.schema import Results


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_one(results: Results, name: str) -> None:
    figure = FIGURES[name](results)
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() in (3.35, 6.9)
    figure.draw_without_rendering()


def test_the_papers_blocks_are_its_figures_1_to_4(results: Results) -> None:
    for number, (name, block) in enumerate(PAPER_BLOCKS.items(), start=1):
        plate = FIGURES[f"block_{name}"]
        assert plate.title == f"Figure {number}"
        assert plate.caption.startswith(block.title)
        assert plate.alt.startswith("Flow diagram. ")


@pytest.mark.parametrize("attribute", ["title", "caption", "alt"])
def test_no_figure_borrows_the_words_of_another(attribute: str) -> None:
    words = [getattr(plate, attribute) for plate in FIGURES.values()]
    assert all(words)
    assert len(words) == len(set(words))
