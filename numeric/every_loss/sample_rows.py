"""Checks that a row of a value is one sample's, and whose: by other inputs, or by signals.

Of two axes that are equally long, the sizes do not tell which one counts the samples.
"""

import math
from collections.abc import Sequence
from itertools import combinations, count

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import Function, call
from numeric.runs.independent_samples import check_kept, kept_apart, others_replaced

_TRIED = 2
_MIXED = (
    "the samples depend on each other, or the first axis between blocks does not count them: "
    "call model.eval(), or ask for joined=True"
)


def check_apart(links: Sequence[Function], x: Tensor, values: Sequence[Tensor]) -> None:
    """Raises InputError for links, run one after another on x (batch, ...), of which what comes
    last, `values`, is not each sample's own: by a few samples, first on all that are left out, then
    on one another. Cheaper than `check_rows`, and may miss what two of many do to each other.
    """
    some = torch.linspace(0, len(x) - 1, min(len(x), _TRIED)).round().long().unique().to(x.device)
    few = x.detach()[some]

    def run(other: Tensor) -> list[Tensor]:
        made = [other]
        for link in links:
            made.append(call(link, made[-1]))
        return made[-len(values) :]

    with torch.no_grad():
        alone = run(few.clone())
        _check_kept(alone, [each.detach()[some] for each in values], torch.ones(len(some)).bool())
        for other, kept in others_replaced(few):
            _check_kept(run(other), alone, kept)


def _check_kept(values: Sequence[Tensor], before: Sequence[Tensor], kept: Tensor) -> None:
    check_kept("the model", values[-1], before[-1], kept)
    if not all(kept_apart(*each, kept) for each in zip(values, before, strict=True)):
        raise InputError(_MIXED)


def check_rows(logits: Tensor, places: Sequence[Tensor]) -> None:
    """Raises InputError where the signals of some samples' logits (batch, K) reach, at one of the
    places, rows of others: a backward pass for each set of samples whose logits send one.
    """
    if not logits.requires_grad:
        return
    for sent, kept in zip(*some_samples(logits), strict=True):
        found = torch.autograd.grad(logits, places, sent, retain_graph=True, allow_unused=True)
        if any(bool(_met(each[~kept]).any()) for each in found if each is not None):
            raise InputError(_MIXED)


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
