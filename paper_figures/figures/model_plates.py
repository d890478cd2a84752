"""Lists the figures that records of models give, by name, with the words that stand beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from paper_figures.figures import gains_along_depth, gains_by_step
from paper_figures.figures.model_records import ModelRecords
from validate.watching.watch_document import AlertRow


@dataclass(frozen=True)
class ModelPlate:
    """A figure of a model, or of a study: how it is drawn, its title, its caption, and its words
    (`alt`); `notes` are lines that stand below it; `label`: its number, if it has one; `lead`: the
    caption in few lines.
    """

    draw: Callable[[], Figure]
    title: str
    caption: str
    alt: str
    notes: tuple[str, ...] = ()
    label: str = ""
    lead: str = ""

    def __call__(self) -> Figure:
        """The figure; raises MissingRecordsError where the records hold nothing to show."""
        return self.draw()


def model_plates(records: ModelRecords) -> dict[str, ModelPlate]:
    """`analysis_NAME` for every analysis, `watch_NAME` for every watch."""
    plates = {
        f"analysis_{name}": ModelPlate(
            partial(gains_along_depth.figure, found),
            f"Gains along {found.target} (record {name})",
            "Gain of every block from input to output: the median over the samples, lines from the "
            "least to the greatest; bars: what the bounds guarantee for every sample.",
            "A mark for each block on a logarithmic axis, with a bar between its bounds.",
        )
        for name, found in records.analyses.items()
    }
    return plates | {
        f"watch_{name}": ModelPlate(
            partial(gains_by_step.figure, found),
            f"Gains of {found.target} while it was trained (record {name})",
            "(a) Gain of every block of the whole batch, by step, in the legend from input to "
            "output; rings: alerts; triangles at the lower edge: a gain of 0. (b) Norm of the "
            "gradient of all parameters.",
            "A line for each block by step on a logarithmic axis.",
            (*map(_words, found.alerts), *found.remarks),
        )
        for name, found in records.watches.items()
    }


def _words(alert: AlertRow) -> str:
    number = "" if alert.number is None else f" ({alert.number:.3g})"
    what = alert.what.replace("_", " ")
    return f"Alert at step {alert.step}, {alert.block}: {what}{number}: {alert.cause}"
