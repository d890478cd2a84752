"""Multipliers: what they give holds, and nothing near them is better."""

import torch
from strategies import gaussian

from numeric.certified.compositions.multipliers import Feedback, chosen


def feedback(outputs=3, inputs=6, parts=(4, 5), size=0.4, seed=0):
    units = sum(parts)
    matrix = size * gaussian(outputs + units, inputs + units, seed=seed)
    begin, starts = 0, []
    for part in parts:
        starts.append(begin)
        matrix[outputs + begin : outputs + begin + part, inputs + begin :] = 0
        begin += part
    return Feedback(matrix, outputs, inputs, tuple(starts))


def smallest(given, p, t):
    """The least eigenvalue of X(p, t), formed entry by entry."""
    n = given.inputs
    weights = torch.diag(torch.cat([torch.ones(given.outputs).double(), p]))
    x = torch.diag(torch.cat([torch.full((n,), t).double(), p]))
    return torch.linalg.eigvalsh(x - given.matrix.mT @ weights @ given.matrix)[0].item()


def test_what_they_give_holds_and_is_the_least():
    for seed, inputs in ((0, 6), (1, 40)):  # more inputs than rows, too
        given = feedback(inputs=inputs, seed=seed)
        p, t = chosen(given)
        assert smallest(given, p, t * (1 + 1e-6)) > -1e-9
        assert smallest(given, p, t * (1 - 1e-3)) < 0


def test_no_other_multipliers_are_better():
    given = feedback()
    p, t = chosen(given)
    for seed in range(200):
        near = p * (0.3 * gaussian(len(p), seed=seed) / (1 + seed % 7)).exp()
        assert smallest(given, near, t * (1 - 1e-3)) < 0


def test_of_one_unit_they_are_the_triangle_inequality():
    """‖F + c δ b‖ over |δ| ≤ 1 with F, c, b along one axis: |F| + |c||b|."""
    matrix = torch.tensor([[2.0, 3.0], [0.5, 0.0]]).double()
    p, t = chosen(Feedback(matrix, 1, 1, (0,)))
    assert abs(t**0.5 - 3.5) < 1e-3
    assert abs(p.item() - 3.5 * 3 / 0.5) < 0.1
