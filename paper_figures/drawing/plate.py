"""Defines a plate: a numbered figure with the words that stand beside it.

It is called with the records and returns its figure; it holds nothing else that could change.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from validate.records.schema import Results
from validate.statistics.before_training import before_training

DATA_SETS = {"digits": "digits", "fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}


@dataclass(frozen=True)
class Plate:
    """A figure: how it is drawn from the records, its title, its caption, and its words.

    The words (`alt`) are for those who cannot see it. They say what is drawn, never how it came
    out: that is for the records to show. `shows_start`: it shows ratios before training. `source`
    says where what is drawn comes from; where `of_runs`, the records of these runs are named behind
    it. Figures 1 to 7 are the paper's. `lead`: the caption in few lines, at the head of a page.
    """

    draw: Callable[[Results], Figure]
    title: str
    caption: str
    alt: str
    shows_start: bool = False
    number: int = 0
    source: str = ""
    of_runs: bool = True
    lead: str = ""

    def remark(self, results: Results) -> str:
        """What a reader must know of these records beside the caption; empty for most figures."""
        return before_training(results.runs) if self.shows_start else ""

    def full_caption(self, results: Results) -> str:
        """Number, title, caption, and what it is drawn from, data set included."""
        title = "" if self.title == self.label else f" {self.title}."
        return f"{self.label}.{title} {self.caption} {self.origin(results)}".rstrip()

    def origin(self, results: Results) -> str:
        """What it is drawn from, data set included."""
        source = f"Drawn from: {self.source}." if self.source else ""
        data = f"{data_set(results)}." if self.of_runs and results.runs else ""
        return f"{source} {data}".strip()

    def file_stem(self, name: str, results: Results) -> str:
        """What its files are called: the figures of two presets do not take each other's names."""
        return stem(name, results) if self.of_runs else name

    @property
    def label(self) -> str:
        """As the text refers to it."""
        return f"Figure {self.number}" if self.number else self.title

    def __call__(self, results: Results) -> Figure:
        """The figure; raises MissingRecordsError where the records hold nothing to show."""
        return self.draw(results)


def data_set(results: Results) -> str:
    """The one way in which captions name what was trained on, and how often."""
    config, seeds = results.runs[0].config, len({run.config.seed for run in results.runs})
    size = f"{config.image_size} × {config.image_size}"
    many = "seed" if seeds == 1 else "seeds"
    return (
        f"Data: {DATA_SETS.get(config.dataset, config.dataset)}, {config.train_samples:,} training "
        f"and {config.test_samples:,} test images of {size} ({results.manifest.preset} preset, "
        f"{seeds} {many})"
    )


def stem(name: str, results: Results) -> str:
    """The name of a file of what is drawn from these records."""
    return f"{name}-{re.sub(r'[^A-Za-z0-9]+', '_', results.manifest.preset) or 'runs'}"
