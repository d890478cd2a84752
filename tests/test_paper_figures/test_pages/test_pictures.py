"""A figure becomes an image with another for a narrow screen, or a reason."""

from functools import partial

import pytest
from matplotlib.figure import Figure

from paper_figures import FIGURES, MissingRecordsError
from paper_figures.drawing.style import COLUMN, DOUBLE
from paper_figures.pages.pictures import drawn, picture
from validate.records.schema import Results


def painted(width: float, panels: int) -> Figure:
    figure = Figure(figsize=(width, 2), layout="constrained")
    figure.subplots(1, panels)
    return figure


@pytest.mark.parametrize(
    ("width", "panels", "wide", "narrow"),
    [(COLUMN, 1, False, False), (DOUBLE, 1, True, False), (DOUBLE, 2, True, True)],
)
def test_a_wide_figure_of_several_panels_has_two_images(
    width: float, panels: int, wide: bool, narrow: bool
) -> None:
    found = drawn("name", FIGURES["sqrt_law"], partial(painted, width, panels))
    assert (found.wide, bool(found.narrow)) == (wide, narrow)
    assert found.image.startswith("data:image/svg+xml;charset=utf-8,")
    assert found.narrow != found.image


def test_what_cannot_be_drawn_says_why() -> None:
    def lacking() -> Figure:
        raise MissingRecordsError("nothing there")

    found = drawn("name", FIGURES["sqrt_law"], lacking)
    assert (found.image, found.missing) == ("", "nothing there")


def test_a_picture_of_records_has_the_remark_of_its_plate(results: Results) -> None:
    plate = FIGURES["survival_ranking"]
    assert picture("survival_ranking", plate, results).remark == plate.remark(results) != ""
