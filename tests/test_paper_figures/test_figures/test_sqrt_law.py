"""The √l law and the limits of vanishing branches are drawn beside the measurements."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import labelled

from paper_figures.figures.select import MissingRecordsError
from paper_figures.figures.sqrt_law import figure
from validate.records.schema import Results


def test_the_law_is_drawn_as_sqrt_l_beside_the_measurements(results: Results) -> None:
    axes = figure(results).axes[0]
    law = labelled(axes)[r"predicted limit $\sqrt{l}$"]
    assert law.get_ydata() == pytest.approx(np.sqrt(law.get_xdata()))
    assert (law.get_xdata()[0], law.get_xdata()[-1]) == (1, 12)
    for container in axes.containers:
        scale = float(str(container.get_label()).partition("= ")[2].strip("$"))
        points = container.lines[0]
        rows = [row for row in results.vanishing if row.family == "dense" and row.epsilon == scale]
        for l, y in zip(points.get_xdata(), points.get_ydata(), strict=True):
            assert y == np.median([row.measured for row in rows if row.inputs == l])
    assert len(axes.containers) == 4


def test_each_family_falls_to_its_limit(results: Results) -> None:
    axes = figure(results).axes[1]
    limits = {"plain": 0.0, "residual": 1.0, "SE residual": 1.0, "dense, $l = 4$": 2.0}
    for label, limit in limits.items():
        line = labelled(axes)[label]
        assert line.get_xdata().tolist() == [0, 0.01, 0.03, 0.1, 0.3, 1]
        assert line.get_ydata()[0] == pytest.approx(limit)
    dotted = {line.get_ydata()[0] for line in axes.lines if str(line.get_label()).startswith("_")}
    assert dotted == set(limits.values())


def test_a_figure_without_its_records_says_so(results: Results) -> None:
    runs = tuple(run for run in results.runs if run.config.family != "dense")
    vanishing = tuple(row for row in results.vanishing if row.family != "dense")
    with pytest.raises(MissingRecordsError, match="dense"):
        figure(replace(results, runs=runs, vanishing=vanishing))
