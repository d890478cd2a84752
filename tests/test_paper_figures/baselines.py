"""Draws every figure of the recorded runs small, and keeps the pictures that tests compare with.

`PYTHONPATH=tests:. python tests/test_paper_figures/baselines.py` makes them again, all or those
named, after a change that is meant: look at them before they are committed.
"""

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import FIGURES
from paper_figures.drawing.style import styled
from paper_figures.study.study_plates import study_figures
from validate.records.read import read_results
from validate.records.recorded import RECORDED
from validate.study.recorded_study import RECORDED_STUDY
from validate.study.study_folder import read_study

FOLDER = Path(__file__).with_name("baselines")
DPI = 65


def makers() -> dict[str, Callable[[], Figure]]:
    """How each figure is drawn from the committed records, by name."""
    of_runs = {name: partial(plate, recorded()) for name, plate in FIGURES.items()}
    return of_runs | {**study_figures(read_study(RECORDED_STUDY))}


@cache
def recorded():
    """The recorded runs."""
    return read_results(RECORDED)


@cache
def drawn(name: str) -> Figure:
    """The figure, laid out."""
    figure = makers()[name]()
    styled(figure.draw_without_rendering)()
    return figure


@styled
def picture(figure: Figure, path: Path) -> Path:
    """The figure as a small PNG."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
    return path


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in sys.argv[1:] or makers():
        sys.stdout.write(f"{picture(drawn(each), FOLDER / f'{each}.png')}\n")
