"""Predictions: what is evaluated follows the effort; nothing is said of signals that vanished."""

from dataclasses import replace

import pytest
import torch
from test_validate.compared import EFFORT, rows, subject
from torch import nn

from validate.comparison.compare_network import compare
from validate.comparison.predict import Effort, predict
from validate.measure.network_gains import is_faint, measure
from validate.statistics.summary import summarize

NAMES = ("plain-8", "residual-8", "se_residual-8", "dense-10")


@pytest.mark.parametrize("name", NAMES)
def test_without_spectra_only_cheap_bounds_are_checked(name):
    network, seen = subject(name)
    cheap, full = (
        summarize(rows(network, seen, replace(EFFORT, spectra=spectra)))
        for spectra in (False, True)
    )
    assert cheap.bound_checks < full.bound_checks
    assert cheap.identity_checks == full.identity_checks
    assert (cheap.bound_checks > 0) == (name != "plain-8")


def test_a_signal_that_vanished_everywhere_leaves_nothing_to_compare():
    network, seen = subject("residual-8")
    silent = tuple(torch.zeros_like(signal) for signal in seen.signals)
    (first, *_) = predict(network, seen.activations, silent, EFFORT)
    made = compare(torch.full((3,), torch.nan), first)
    assert (made.measured, made.vanished, made.identity_error, made.bounds) == (
        (None, None, None),
        3,
        None,
        (),
    )


def test_predictions_have_a_law_where_it_is_asked_for_and_there_is_a_convolution():
    network, seen = subject("residual-8")
    for laws, expected in (("none", False), ("initial", True), ("trained", True)):
        found = list(
            predict(network, seen.activations, seen.signals, Effort(spectra=False, laws=laws))
        )
        assert [each.weights is not None for each in found] == [expected, False] * 3


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (0.0, "zero"),
        (2.0**-1060, "faint"),
        (2.0**-1000, "faint"),
        (2.0**-930, "faint"),
        (2.0**-890, None),
    ],
)
def test_signals_without_digits_are_masked_by_sample_and_by_reason(factor, expected):
    """One sample of three, by measurement and prediction alike; nothing is missed in the others."""

    class Weakened(nn.Module):
        def __init__(self, head):
            super().__init__()
            self.head = head

        def forward(self, h):
            logits = self.head(h)
            scales = torch.tensor([1.0, factor, 1.0], dtype=h.dtype)
            logits.register_hook(lambda signal: signal * scales[:, None])
            return logits

    network, _ = subject("residual-8")
    network.head = Weakened(network.head)
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(4))
    seen = measure(network, x, torch.tensor([1, 2, 3]))
    assert is_faint(seen.signals[-1]).tolist() == [False, expected == "faint", False]
    predictions = predict(network, seen.activations, seen.signals, EFFORT)
    mask = (None, expected, None) if expected else ()
    for gains, prediction in zip(seen.gains, predictions, strict=True):
        assert gains.isnan().tolist() == [False, expected is not None, False]
        made = compare(gains, prediction)
        assert made.masked == mask
        assert made.vanished == (expected is not None)
        assert [gain is None for gain in made.measured] == [False, expected is not None, False]
        assert made.identity_failures == 0
        assert not any(bound.violations for bound in made.bounds)
    assert seen.total.isnan().tolist() == [False, expected is not None, False]


def test_a_signal_that_becomes_faint_inside_a_block_is_masked_on_its_other_side():
    network, seen = subject("residual-8")
    weak = list(seen.signals)
    weak[1] = weak[1].clone()
    weak[1][1] *= 2.0**-1040
    first, second, third, *_ = predict(network, seen.activations, tuple(weak), EFFORT)
    assert first.live.tolist() == second.live.tolist() == [True, False, True]
    assert first.faint.tolist() == second.faint.tolist() == [False, True, False]
    assert third.live.all()
