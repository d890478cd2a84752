"""Bounds for every loss beside measured gains: never violated, attained, none of what is lost."""

import copy
from dataclasses import replace

import pytest
import torch
from test_validate.compared import subject
from torch import nn

from validate.comparison import compare_every_loss as module
from validate.comparison.compare_every_loss import compare_every_loss
from validate.measure.network_gains import measure
from validate.networks.build import build
from validate.records.schema import BoundRow

NAMES = ("plain-8", "residual-8", "se_residual-8", "dense-10")
LABELS = torch.tensor([1, 4, 9])


def made(name: str, seed: int = 0):
    network, seen = subject(name, seed)
    generator = torch.Generator().manual_seed(seed)
    torch.randn(64, 1, 8, 8, generator=generator)
    x = torch.randn(3, 1, 8, 8, generator=generator)
    assert torch.equal(measure(network, x, LABELS).total, seen.total)
    return network, x, seen


def by_side(rows: tuple[BoundRow, ...], losses: str) -> tuple[BoundRow, BoundRow]:
    lower, upper = (row for row in rows if row.losses == losses)
    assert (lower.side, upper.side) == ("lower", "upper")
    return lower, upper


@pytest.mark.parametrize("name", NAMES)
def test_they_hold_and_those_of_labels_lie_within_those_of_soft_labels(name):
    network, x, seen = made(name)
    before = copy.deepcopy(network.state_dict())
    network.train()
    found = compare_every_loss(network, x, LABELS, seen)
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert len(found.blocks) == len(seen.gains)
    for rows in (*found.blocks, found.whole):
        assert [row.violations for row in rows] == [0] * 4
        assert [row.checks for row in rows[2:]] == [3] * 2
        (low, high), (least, most) = by_side(rows, "shift_invariant"), by_side(rows, "labels")
        for a, b, c, d in zip(low.value, least.value, most.value, high.value, strict=True):
            assert 0 <= a <= b <= c
            assert d is None or c <= d


@pytest.mark.parametrize("name", ["plain-8", "se_residual-8"])
def test_the_ends_of_the_labels_are_gains_measured_of_a_label(name):
    """Their slow twin: every label tried with autograd."""
    network, x, seen = made(name)
    found = compare_every_loss(network, x, LABELS, seen)
    every = [measure(network, x, torch.full((3,), label)) for label in range(10)]
    for k, rows in enumerate((*found.blocks, found.whole)):
        gains = torch.stack([one.gains[k] if k < len(one.gains) else one.total for one in every])
        lower, upper = (torch.tensor(row.value).double() for row in by_side(rows, "labels"))
        for stored, end, least in (
            (lower, gains.amin(0), 1 - 1e-3),
            (1 / upper, 1 / gains.amax(0), 1 - 1e-3),
        ):
            assert (stored <= end * (1 + 1e-12)).all()
            assert (stored >= end * least).all()


def test_the_ends_of_soft_labels_are_those_of_the_pencil():
    """Their slow twin: a general eigenproblem of Gram matrices of rows of Jacobians."""
    network, x, seen = made("residual-8")
    found = compare_every_loss(network, x, LABELS, seen)
    segments = [segment for _, segment in network.double().eval().chain()]

    def tail(first: int):
        return nn.Sequential(*segments[first:], network.head)

    differences = torch.eye(10, dtype=torch.float64)[:9] - torch.eye(10, dtype=torch.float64)[9]
    for k in (0, 2, len(segments) - 1):
        for sample in range(3):
            grams = []
            for first in (k, k + 1):
                h = seen.activations[first][sample : sample + 1]
                rows = torch.autograd.functional.jacobian(tail(first), h).reshape(10, -1)
                grams.append(differences @ rows @ rows.T @ differences.T)
            values = torch.linalg.eigvals(torch.linalg.solve(grams[1], grams[0])).real.sqrt()
            low, high = (row.value[sample] for row in by_side(found.blocks[k], "shift_invariant"))
            assert low <= float(values.min()) <= low * (1 + 2e-3)
            assert high * (1 - 2e-3) <= float(values.max()) <= high


def test_swapped_roles_are_violations(monkeypatch):
    network, x, seen = made("plain-8")
    bounds = module.loss_bounds
    monkeypatch.setattr(module, "loss_bounds", lambda found, i, j, cls: bounds(found, j, i, cls))
    found = compare_every_loss(network, x, LABELS, seen)
    assert sum(row.violations for rows in found.blocks for row in rows) > 0


def test_samples_in_parts_have_the_same_bounds(monkeypatch):
    network, x, seen = made("dense-10")
    found = compare_every_loss(network, x, LABELS, seen)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    calls = []
    one = module.reachable
    monkeypatch.setattr(module, "reachable", lambda *a, **b: calls.append(a) or one(*a, **b))
    parts = compare_every_loss(network, x, LABELS, seen)
    assert len(calls) == 3
    for whole, part in zip((*found.blocks, found.whole), (*parts.blocks, parts.whole), strict=True):
        for a, b in zip(whole, part, strict=True):
            assert a.value == pytest.approx(b.value, rel=2e-3)


def test_a_signal_that_could_be_rounding_is_left_out_on_both_sides():
    """A sure network: p − e_y of the measured loss cancels, and other labels' signals do not."""
    network, x, _ = made("plain-8")
    with torch.no_grad():
        network.head[-1].weight *= 3000
        sure = network.double().eval()(x.double()).argmax(1)
        labels = torch.stack([sure[0], (sure[1] + 1) % 10, sure[2]])
    seen = measure(network, x, labels)
    found = compare_every_loss(network, x, labels, seen)
    for rows in (*found.blocks, found.whole):
        assert [row.violations for row in rows] == [0] * 4
        for row in rows:
            assert (row.value[0], row.value[2]) == (None, None)
        assert all(row.value[1] is not None for row in by_side(rows, "labels"))


def test_below_the_floor_nothing_is_said():
    ones, gain = torch.ones(2, dtype=torch.float64), torch.tensor([1.0, 1.0], dtype=torch.float64)
    bounds = torch.stack([torch.stack([0.5 * ones, 2 * ones, 1e-3 * ones])] * 2)[None]
    numbers = module._Numbers(bounds, torch.stack([ones, ones]), ones)
    arrived = torch.tensor([0.99e-3, 1.01e-3], dtype=torch.float64)
    for row in module._rows(numbers, 0, (0, 1), gain, arrived):
        assert row.value == (None, 0.5 if row.side == "lower" else 2.0)
        assert row.checks == 1


def test_bounds_that_say_nothing_are_kept_apart_from_those_left_out():
    zero, ones = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    bounds = torch.stack([torch.stack([zero, ones * torch.inf, zero])] * 2)[None]
    numbers = module._Numbers(bounds, torch.stack([ones, ones]), ones)
    values = [row.value for row in module._rows(numbers, 0, (0, 1), ones, ones)]
    assert values == [(0.0,), (None,)] * 2
    values = [row.value for row in module._rows(numbers, 0, (0, 1), ones * torch.nan, ones)]
    assert values == [(None,)] * 4


def test_what_does_not_vanish_where_it_must_is_a_violation():
    """A gain of 0 below a bound is one, however small the scale of the gains."""
    ones = torch.ones(1, dtype=torch.float64)
    bounds = torch.stack([torch.stack([0.5 * ones, 2 * ones, 0 * ones])] * 2)[None]
    numbers = module._Numbers(bounds, torch.stack([ones, ones]), ones)
    found = module._rows(numbers, 0, (0, 1), 0 * ones, ones)
    assert [row.violations for row in found] == [1, 0, 1, 0]
    found = module._rows(numbers, 0, (0, 1), 2.001 * ones, ones)
    assert [row.violations for row in found] == [0, 1, 0, 1]


def test_one_class_has_no_losses():
    network = build("plain-8", width=4, num_classes=1)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    seen = measure(network, x, torch.zeros(2, dtype=torch.long))
    found = compare_every_loss(network, x, torch.zeros(2, dtype=torch.long), seen)
    assert found.whole == ()
    assert found.blocks == ((),) * len(seen.gains)


def test_no_signal_has_no_bounds():
    network, x, seen = made("residual-8")
    gone = tuple(torch.full_like(gain, torch.nan) for gain in seen.gains)
    found = compare_every_loss(network, x, LABELS, replace(seen, gains=gone))
    assert {row.value for rows in found.blocks for row in rows} == {(None,) * 3}
