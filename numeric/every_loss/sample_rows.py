"""Checks by random signals of some samples that a row of a value is one sample's, and whose.

Of two axes that are equally long, the sizes do not tell which one counts the samples.
"""

import math
from collections.abc import Sequence
from itertools import combinations, count

import torch
from torch import Tensor

from derivations.errors import InputError


def check_rows(logits: Tensor, places: Sequence[Tensor]) -> None:
    """Raises InputError where the signals of some samples' logits (batch, K) reach, at one of the
    places, rows of others: a backward pass for each set of samples whose logits send one.
    """
    if not logits.requires_grad:
        return
    for sent, kept in zip(*some_samples(logits), strict=True):
        found = torch.autograd.grad(logits, places, sent, retain_graph=True, allow_unused=True)
        if any(bool(_met(each[~kept]).any()) for each in found if each is not None):
            raise InputError(
                "the samples depend on each other, or the first axis between blocks does not count "
                "them: call model.eval(), or ask for joined=True"
            )


def _met(signal: Tensor) -> Tensor:
    """Entries that something arrived at. Of an infinite slope 0·∞ is no number, and no sign."""
    return signal.ne(0) & ~signal.isnan()


def some_samples(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Random cotangents of sets of samples, zero at the others, (sets, batch, K), and the sets,
    (sets, batch).
    """
    drawn = torch.Generator().manual_seed(0)
    kept = sets_of_samples(len(logits)).to(logits.device)
    random = torch.randn(len(kept), *logits.shape, generator=drawn, dtype=torch.float64)
    return random.to(logits) * kept[:, :, None], kept


def sets_of_samples(batch: int) -> Tensor:
    """Rows of samples such that of any two each is in a row without the other: of rows by
    Sperner's theorem the fewest. One sample alone needs none.
    """
    rows = next(n for n in count() if math.comb(n, n // 2) >= batch)
    kept = torch.zeros(rows, batch, dtype=torch.bool)
    for sample, its in zip(range(batch), combinations(range(rows), rows // 2), strict=False):
        kept[list(its), sample] = True
    return kept
