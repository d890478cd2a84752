"""Gains of whole batches: between their samples', and for hard labels the extremes of all."""

from itertools import product

import pytest
import torch
from torch.nn import functional
from twins.arriving import SHIFT_INVARIANT, chain, classifier, inputs, signals

from derivations.errors import InputError
from numeric.every_loss.batch_ratios import batch_bounds
from numeric.every_loss.reachable import reachable


def gain(links, x, loss, i, j):
    found = signals(links, x, loss)
    return float(found[i].norm() / found[j].norm())


def test_no_loss_of_a_batch_leaves_its_bounds():
    links, x = chain(classifier()), inputs()
    found = reachable(links, x)
    for i, j in ((0, 4), (2, 3)):
        made = batch_bounds(found, i, j)
        for loss in SHIFT_INVARIANT.values():
            assert made.lower * (1 - 1e-9) <= gain(links, x, loss, i, j) <= made.upper * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_extremes_over_labels_are_those_of_trying_all(seed):
    links, x = chain(classifier(seed, classes=4)), inputs(3, seed)
    made = batch_bounds(reachable(links, x), 0, 4, "labels")
    tried = {
        y: gain(links, x, lambda z, y=y: functional.cross_entropy(z, torch.tensor(y)), 0, 4)
        for y in product(range(4), repeat=3)
    }
    assert made.lower == pytest.approx(min(tried.values()), rel=1e-10)
    assert made.upper == pytest.approx(max(tried.values()), rel=1e-10)
    for end, y in ((made.lower, made.lower_at), (made.upper, made.upper_at)):
        assert tried[tuple(y.tolist())] == pytest.approx(end, rel=1e-10)


def test_coupled_samples_and_some_labels_alone_are_refused():
    links, x = chain(classifier()), inputs()
    with pytest.raises(InputError, match="coupled"):
        batch_bounds(reachable(links, x, joined=True), 0, 4)
    with pytest.raises(InputError, match="any of all"):
        some = reachable(links, x, basis="labels", labels=torch.tensor([0, 1]))
        batch_bounds(some, 0, 4, "labels")


def test_a_batch_without_a_signal_is_refused():
    model = classifier()
    model[4].weight[:] = 0
    found = reachable([*chain(model)[:4], model[4].forward], inputs())
    for cls in ("shift_invariant", "labels"):
        with pytest.raises(InputError, match="no signal"):
            batch_bounds(found, 0, 4, cls)
