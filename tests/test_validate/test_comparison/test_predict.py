"""Predictions: what is evaluated follows the effort; nothing is said of signals that vanished."""

from dataclasses import replace

import pytest
import torch
from test_validate.compared import EFFORT, rows, subject

from validate.comparison.compare_network import compare
from validate.comparison.predict import Effort, predict
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
