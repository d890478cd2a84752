"""Every result that the package hands out prints itself, shortly, with what it is worth."""

from dataclasses import is_dataclass, replace
from functools import cache

import pytest
import torch
from torch import nn

import numeric
from derivations.algebra.showing import Shown
from derivations.laws.depth_laws import depth_laws
from derivations.laws.law_catalogue import laws as all_laws
from numeric import laws

NO_RESULTS = {"Captured", "InnerStep", "Tolerances", "Geometry", "CapturedModel"}
BATCH = 300


@cache
def results() -> dict[str, object]:
    torch.manual_seed(0)
    layer = nn.Linear(6, 6).double().eval()
    x, g = torch.randn(BATCH, 6).double(), torch.randn(BATCH, 6).double()
    numbers = numeric.evaluate("residual", {"F": layer}, x, g)
    operator = numeric.JacobianOperator(layer, x)
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    signals = numeric.reachable(list(model), x)
    law = laws.independent_law(0.3, x, x)
    captured = numeric.capture(model, (x,), {})
    segment = captured.segments[0]
    at_end = torch.randn_like(captured.ends(segment)[1])
    made = (
        numbers,
        numbers.bounds[0],
        numeric.segment_numbers(captured, segment, at_end),
        numeric.certify("residual", {"F": layer}, x[:4], g[:4]),
        numeric.frobenius(operator),
        replace(numeric.sigma_max(operator), delta=1e-6),
        signals,
        numeric.loss_bounds(signals, 0, 2),
        numeric.batch_bounds(signals, 0, 2),
        law,
        laws.goodness_of_fit(law, law.mean),
        numeric.certified_pair("residual", {"F": layer}, x[:2], torch.randn(2, 6, 2).double()),
    )
    return {type(each).__name__: each for each in made}


SHOWN = {
    "BatchBounds", "BlockNumbers", "BoundNumbers", "CertifiedNumbers", "CertifiedPair",
    "Enclosure", "Estimate", "Fit", "GeneralizedChiSquare", "LossBounds", "Reachable",
    "SegmentNumbers",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_result_prints_itself_shortly(name):
    found = results()[name]
    assert isinstance(found, Shown)
    text = repr(found)
    assert str(found) == text
    assert 40 < len(text) < 2500
    assert "tensor(" not in text
    assert "array(" not in text
    assert found._repr_html_().startswith("<table><caption>")


def test_every_result_is_among_them():
    offered = [getattr(room, name) for room in (numeric, laws) for name in room.__all__]
    kinds = {each.__name__ for each in offered if isinstance(each, type) and is_dataclass(each)}
    assert kinds - SHOWN <= NO_RESULTS
    assert results().keys() == SHOWN


@pytest.mark.parametrize(
    ("name", "certainty", "not_said"),
    [
        ("BlockNumbers", "exact", "certified"),
        ("CertifiedNumbers", "certified", "exact"),
        ("Enclosure", "probable, δ = 1e-06", "certified"),
        ("Estimate", "Estimate", "certified"),
    ],
)
def test_a_number_is_called_what_it_is(name, certainty, not_said):
    text = repr(results()[name])
    assert certainty in text
    assert not_said not in text


def test_an_enclosure_without_chance_says_so():
    found = results()["Enclosure"]
    assert "exact up to rounding" in repr(replace(found, delta=0.0))


def test_a_vanished_signal_is_told():
    layer, x = nn.Linear(2, 2), torch.randn(3, 2)
    g = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    with pytest.warns(numeric.VanishedSignalWarning):
        found = numeric.evaluate("residual", {"F": layer}, x, g)
    assert "the signal is exactly zero: 1 sample" in repr(found)


def test_the_shown_bounds_hold_of_the_shown_gain():
    """A row reads as it is meant: lower bounds below the gain, upper bounds above it."""
    rows = results()["CertifiedNumbers"].showing().rows
    (low,) = (float(row[2]) for row in rows if row[:2] == ("gain", "gain ≥"))
    (high,) = (float(row[4]) for row in rows if row[:2] == ("gain", "gain ≤"))
    for name, sign, least, _, greatest, _ in rows:
        assert float(least) <= high if sign == "gain ≥" else float(greatest) >= low, name


@pytest.mark.parametrize("law", [*all_laws(), *depth_laws()], ids=lambda law: law.theorem.id)
def test_a_law_prints_itself(law):
    text = repr(law)
    assert law.theorem.title in text
    assert len(text) < 3000
    assert law.theorem.id in repr(law.theorem)
    assert len(repr(law.theorem)) < 1500
