"""Figure 7 shows counted parameters, published errors, and the own runs."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import by_gid

from paper_figures.figures.other_records.parameters_and_error import figure, published_networks
from paper_figures.figures.select import runs_of
from validate.audit.paper import ERRORS
from validate.networks.build import build
from validate.networks.costs import parameters
from validate.records.schema import Results


def test_published_networks_are_counted_and_have_the_published_errors(results: Results) -> None:
    axes = figure(results).axes[0]
    line = by_gid(axes, "DenseNet")
    assert len(line.get_xdata()) == 4
    x, y = line.get_xydata()[0]
    assert x == pytest.approx(parameters(build("densenet121", 1000)).learned / 1e6)
    assert y == float(ERRORS[0].errors["densenet121"])
    words = {text.get_text() for text in axes.texts}
    assert words == {
        *(f"ResNet-{depth}" for depth in (34, 50, 101, 152)),
        *(f"DenseNet-{depth}" for depth in (121, 169, 201, 264)),
    }


def test_a_network_without_a_source_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = {name: each for name, each in ERRORS[0].errors.items() if name != "densenet264"}
    monkeypatch.setattr(
        "paper_figures.figures.other_records.parameters_and_error.ERRORS",
        (replace(ERRORS[0], errors=errors),),
    )
    found = published_networks.__wrapped__("dense")
    assert [each.name for each in found] == ["DenseNet-121", "DenseNet-169", "DenseNet-201"]


def test_own_runs_are_medians_with_bars_over_the_seeds(results: Results) -> None:
    axes = figure(results).axes[1]
    line = by_gid(axes, "residual")
    for depth, (x, y) in zip((8, 14), line.get_xydata(), strict=True):
        errors = [100 * run.epochs[-1].test_error for run in runs_of(results, "residual", depth)]
        assert x == depth  # thousands: a thousand parameters per layer
        assert y == pytest.approx(np.median(errors))
        ends = [bar for each in axes.collections for bar in each.get_segments() if bar[0, 0] == x]
        assert any(np.allclose(bar[:, 1], (min(errors), max(errors))) for bar in ends)
