"""Tests the comparison: true terms pass, a dropped skip, a halved or a doubled bound is flagged."""

from dataclasses import replace

import pytest
import torch
from test_validate.compared import EFFORT, rows, subject
from torch import nn

from derivations.errors import InputError
from numeric.evaluation.evaluate import BlockNumbers, BoundNumbers
from validate.comparison.compare_network import compare, relative_error, total
from validate.comparison.predict import Prediction, predict
from validate.measure.network_gains import Measurement, measure
from validate.networks.build import Network
from validate.networks.segments import ResidualBlock
from validate.records.codec import DIGITS
from validate.statistics.summary import summarize

NAMES = ("plain-8", "residual-8", "se_residual-8", "dense-10")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_identities_bounds_and_telescoping_hold(name, seed):
    network, seen = subject(name, seed)
    made = rows(network, seen)
    summary = summarize(made)
    assert summary.identity_checks == 3 * len(made)
    assert summary.bound_checks >= 6 * len(made)
    assert (summary.violations, summary.identity_failures, summary.failures) == (0, 0, 0)
    assert summary.identity_error < 1e-12
    assert total(seen, [row.predicted for row in made]).relative_error < 1e-12


@pytest.mark.parametrize("name", ["residual-8", "se_residual-8"])
def test_a_term_without_the_skip_fails_the_identity(name):
    network, seen = subject(name)
    wrong = next(segment for key, segment in network.chain() if key == "stage1_block1")
    wrong.term = wrong.term.parts[0]
    made = rows(network, seen)
    failed = {row.name: row.identity_failures for row in made if row.identity_failures}
    assert failed == {"stage1_block1": 3}
    assert total(seen, [row.predicted for row in made]).relative_error > 1e-3


def test_a_forward_without_the_skip_fails_the_identity():
    """The other way round: the term is right, the network is not what it claims."""

    class Broken(ResidualBlock):
        def forward(self, x):
            return self.branch(x)

    broken = Broken(4, 4)
    network = Network(
        nn.Conv2d(1, 4, 1), {"block": broken}, nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
    )
    seen = measure(
        network,
        torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)),
        torch.tensor([1, 4, 9]),
    )
    (row,) = rows(network, seen)
    assert row.identity_failures == 3
    assert sum(bound.violations for bound in row.bounds) > 0


@pytest.mark.parametrize("name", NAMES)
def test_halved_upper_and_doubled_lower_bounds_are_flagged(name):
    """Every bound within a factor of 2 of the gain must be caught.

    Each family has some, but a plain one no lower bound.
    """
    network, seen = subject(name)
    caught = {"lower": 0, "upper": 0}
    for gains, prediction in zip(
        seen.gains, predict(network, seen.activations, seen.signals, EFFORT), strict=True
    ):
        spoiled = tuple(
            replace(bound, value=bound.value * (0.5 if bound.side == "upper" else 2))
            for bound in prediction.numbers.bounds
        )
        sound = compare(gains, prediction)
        broken = compare(
            gains, replace(prediction, numbers=replace(prediction.numbers, bounds=spoiled))
        )
        for before, after in zip(sound.bounds, broken.bounds, strict=True):
            tight = sum(
                seen_gain > value / 2 if before.side == "upper" else seen_gain < 2 * value
                for seen_gain, value in zip(sound.measured, before.value, strict=True)
            )
            assert (before.violations, after.violations) == (0, tight)
            caught[before.side] += after.violations
    assert caught["upper"] > 0
    assert (caught["lower"] > 0) == (name != "plain-8")


def numbers(gain, **bounds) -> BlockNumbers:
    gain = torch.tensor(gain, dtype=torch.float64)
    made = tuple(
        BoundNumbers(f"made.{side}", side, "exact", None, torch.tensor(value, dtype=torch.float64))
        for side, value in bounds.items()
    )
    return BlockNumbers(pullback=gain[:, None], gain=gain, terms={}, bounds=made)


def test_vanished_samples_are_null_and_counted():
    live = torch.tensor([True, False, True])
    seen = torch.tensor([0.5, torch.nan, 0.0], dtype=torch.float64)
    made = compare(
        seen, Prediction(live, numbers([0.5, 0.0], lower=[0.25, 0.0], upper=[1.0, torch.inf]))
    )
    assert made.measured == (0.5, None, 0.0)
    assert made.predicted == (0.5, None, 0.0)
    assert (made.vanished, made.identity_error, made.identity_failures) == (1, 0.0, 0)
    lower, upper = made.bounds
    assert (lower.value, lower.checks, lower.violations, lower.tightness) == (
        (0.25, None, 0.0),
        2,
        0,
        2.0,
    )
    assert (upper.value, upper.checks, upper.violations, upper.tightness) == (
        (1.0, None, None),
        1,
        0,
        0.5,
    )


def test_rounding_alone_is_forgiven():
    live = torch.tensor([True])
    seen = torch.tensor([1.0], dtype=torch.float64)
    for error, flagged in ((1e-15, 0), (1e-12, 1)):
        made = compare(
            seen, Prediction(live, numbers([1 - error], lower=[1 + error], upper=[1 - error]))
        )
        assert [made.identity_failures, *(bound.violations for bound in made.bounds)] == [
            flagged
        ] * 3


def test_numbers_that_are_not_are_refused():
    live = torch.tensor([True])
    for gain in (torch.nan, torch.inf):
        with pytest.raises(InputError, match="not finite"):
            compare(torch.tensor([1.0]), Prediction(live, numbers([gain])))
    with pytest.raises(InputError, match="not a number"):
        compare(torch.tensor([torch.nan]), Prediction(live, numbers([1.0])))


def test_relative_errors_are_zero_for_zeros_and_one_for_a_lost_gain():
    first, second = torch.tensor([0.0, 0.0, 2.0]), torch.tensor([0.0, 1e-9, 1.0])
    assert relative_error(first, second).tolist() == [0.0, 1.0, 0.5]


def test_telescoping_skips_vanished_samples():
    nothing: tuple[torch.Tensor, ...] = ()
    seen = Measurement(
        ("a", "b"),
        nothing,
        nothing,
        nothing,
        torch.tensor([6.0, torch.nan, 0.0], dtype=torch.float64),
    )
    made = total(seen, [(2.0, None, 0.0), (3.0, 1.0, 5.0)])
    assert made.telescoped == (6.0, None, 0.0)
    assert made.measured == (6.0, None, 0.0)
    assert made.relative_error == 0.0


@pytest.mark.parametrize(("side", "value"), [("lower", torch.inf), ("upper", -torch.inf)])
def test_an_infinitely_wrong_bound_is_violated(side, value):
    bound = BoundNumbers(f"x.{side}", side, "exact", None, torch.tensor([value]))
    prediction = Prediction(torch.tensor([True]), replace(numbers([1.0]), bounds=(bound,)))
    assert compare(torch.tensor([1.0]), prediction).bounds[0].violations == 1


@pytest.mark.parametrize("name", NAMES)
def test_stored_bounds_are_rounded_away_from_the_gain(name):
    network, seen = subject(name)
    predictions = list(predict(network, seen.activations, seen.signals, EFFORT))
    for row, prediction in zip(rows(network, seen), predictions, strict=True):
        for stored, exact in zip(row.bounds, prediction.numbers.bounds, strict=True):
            for short, value in zip(stored.value, exact.value.tolist(), strict=True):
                if short is not None:
                    assert short <= value if stored.side == "lower" else short >= value
                    assert abs(short - value) <= 10 ** (1 - DIGITS) * abs(value)
        assert row.terms.keys() <= {"t", "c"}
