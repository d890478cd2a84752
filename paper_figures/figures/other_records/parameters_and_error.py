"""Draws the paper's Figure 7: error by number of parameters, as published and in the own runs.

Parameters are counted from the networks as built here; errors on ImageNet are those that the
networks' authors published, with the sources of `validate.audit.paper`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.placed_labels import Label, place
from paper_figures.drawing.style import DOUBLE, look, plain_log_ticks, shade, styled
from paper_figures.figures.select import MissingRecordsError, depths, families, runs_of
from validate.audit.counting import MEGA, Counts
from validate.audit.paper import ERRORS, printed
from validate.records.schema import Results
from validate.statistics.survival import test_error

HEIGHT = 3.0
DRAWN = {
    "residual": ("ResNet", ("resnet34", "resnet50", "resnet101", "resnet152")),
    "dense": ("DenseNet", ("densenet121", "densenet169", "densenet201", "densenet264")),
}
"""The networks of the paper's Figure 7, in the look of their family."""


@dataclass(frozen=True)
class Network:
    """A published network: its learned parameters (1000 classes) and its top-1 error in percent."""

    name: str
    parameters: int
    error: float


@styled
def figure(results: Results) -> Figure:
    """(a) Published: single-crop top-1 error on ImageNet by parameters. (b) The own runs: medians
    of the test error over the seeds, bars from the least to the greatest.
    """
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    published, own = drawing.subplots(1, 2)
    published_labels = [label for family in DRAWN for label in _published(published, family)]
    own_labels = [label for family in families(results) for label in _own(own, results, family)]
    if not own_labels:
        raise MissingRecordsError(
            f"no test errors in {results.folder}: run `gradbound validate` again"
        )
    published.set(
        title="(a) ImageNet, published errors",
        xlabel="learned parameters (millions)",
        ylabel="top-1 error, one crop (%)",
    )
    own.set(title="(b) own runs", xlabel="learned parameters (thousands)", ylabel="test error (%)")
    own.set_xscale("log")
    plain_log_ticks(own.xaxis)
    for axes in (published, own):
        axes.margins(0.1)
        axes.grid(axis="y")
    drawing.legend(
        handles=own.get_legend_handles_labels()[0],
        loc="outside lower center",
        ncols=4,
        handlelength=3,
    )
    place(published, published_labels)
    place(own, own_labels)
    return drawing


@cache
def published_networks(family: str) -> tuple[Network, ...]:
    """Those of the family that the paper's figure shows, from one recipe and one source."""
    _, names = DRAWN[family]
    counts, errors = Counts(), ERRORS[0].errors
    return tuple(
        Network(printed(name), counts.parameters(name).learned, float(errors[name]))
        for name in names
        if name in errors
    )


def _published(axes: Axes, family: str) -> Iterator[Label]:
    found, style = published_networks(family), look(family)
    title, _ = DRAWN[family]
    x = [each.parameters / MEGA for each in found]
    y = [each.error for each in found]
    axes.plot(x, y, **style.line(), gid=title)
    for millions, error, each in zip(x, y, found, strict=True):
        yield Label(millions, error, each.name, shade(style.color, 1.6))


def _own(axes: Axes, results: Results, family: str) -> Iterator[Label]:
    style = look(family)
    points = []
    for depth in depths(results, family):
        runs = runs_of(results, family, depth)
        errors = [100 * test_error(run) for run in runs]
        thousands = runs[0].config.parameters / 1e3
        points.append((thousands, median(errors), depth))
        axes.vlines(thousands, min(errors), max(errors), color=style.color, linewidth=0.8)
    axes.plot(
        [x for x, *_ in points], [y for _, y, _ in points], **style.line(), label=style.title,
        gid=family,
    )  # fmt: skip
    for x, y, depth in points:
        yield Label(x, y, str(depth), shade(style.color, 1.6))
