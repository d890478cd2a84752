"""Makes a figure an image on a page, with its numbers, or says why not.

Images are inlined; a wide one has another for a narrow screen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from markupsafe import Markup
from matplotlib.figure import Figure

from paper_figures.drawing.dark_svg import themed
from paper_figures.drawing.figure_numbers import numbers
from paper_figures.drawing.narrow_screen import narrowed
from paper_figures.drawing.style import COLUMN
from paper_figures.drawing.style import render as render_figure
from paper_figures.figures.figure_registry import Plate
from paper_figures.figures.model_plates import ModelPlate
from paper_figures.figures.select import MissingRecordsError
from paper_figures.pages.data_links import csv_link, data_link
from validate.records.schema import Results


@dataclass(frozen=True)
class Picture:
    """A figure on the page: its image, or why it was not drawn.

    `narrow`: the image for a narrow screen, if it is another; `remark`: what a reader must know of
    the records; `origin`: what it is drawn from; `numbers`: what was drawn, as a link to CSV.
    """

    name: str
    plate: Plate | ModelPlate
    wide: bool
    image: str
    missing: str
    remark: str = ""
    origin: str = ""
    narrow: str = ""
    numbers: Markup | None = None


def picture(name: str, plate: Plate, results: Results) -> Picture:
    """The figure as an inlined SVG image, or why there is none."""
    made = drawn(name, plate, partial(plate, results))
    return replace(made, remark=plate.remark(results), origin=plate.origin(results))


def drawn(name: str, plate: Plate | ModelPlate, paint: Callable[[], Figure]) -> Picture:
    """The same of any figure that is painted so."""
    try:
        figure = paint()
    except MissingRecordsError as error:
        return Picture(name, plate, False, "", str(error))
    wide = bool(figure.get_figwidth() > COLUMN)
    image, drawn_numbers = _image(figure), numbers(figure)
    narrow = _image(figure) if wide and narrowed(figure) else ""
    rows = drawn_numbers.count("\n") > 1
    link = csv_link(name, drawn_numbers, plate.title) if rows else None
    return Picture(name, plate, wide, image, "", narrow=narrow, numbers=link)


def _image(figure: Figure) -> str:
    # Outlined, for the reader may lack the font.
    svg = themed(render_figure(figure, "svg", outlined=True).decode())
    return data_link("image/svg+xml", svg)
