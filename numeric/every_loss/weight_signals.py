"""Finds what every loss can send to a weight: the columns of ∂z/∂W, per sample or for the batch.

‖∂L/∂W‖² = aᵀΘ_W a, Θ_W the weight's block of the empirical tangent kernel (cf. Novak et al. 2022):
every_loss.parameters, every_loss.layer_ratio and every_loss.batch_of_weights.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.every_loss.logit_graph import kept_as_it_was, logit_graph
from numeric.every_loss.reachable import LOGITS, Reachable, basis_of, pulled_back, sent_from
from numeric.runs.full_float32 import full_float32


@full_float32()
def weight_signals(
    model: nn.Module,
    x: Tensor,
    weights: Sequence[str] = (),
    basis: Literal["all", "sum_zero", "labels"] = "sum_zero",
    *,
    whole_batch: bool = False,
    joined: bool = False,
    at_once: int | None = None,
) -> Reachable:
    """The signals at the named parameters (() is all) for a basis of ∂L/∂z: `bounds` takes their
    names, and LOGITS for ‖∂L/∂W‖/‖∂L/∂z‖.

    Of each sample's own part of ∂L/∂W, or with `whole_batch` of the batch's, whose a has B·K
    entries; `joined` is for samples that depend on each other, and of the batch too. A batch's
    gradient has no lower bound by its samples' own: parts of two may cancel. Takes B times the
    passes of `reachable`, `at_once` of them together. Raises InputError for unknown names.
    """
    named = dict(model.named_parameters())
    if unknown := [each for each in weights if each not in named]:
        raise InputError(f"the model has no parameter {unknown[0]!r}")
    kept = {name: named[name] for name in (weights or named)}
    with kept_as_it_was(model), _tracked(kept.values()):
        graph = logit_graph(model, x, joined=joined)
        made, span = basis_of(graph.logits, basis, None)
        sent = sent_from(made, True).to(graph.logits.dtype)
        parts = [
            [each.flatten(1) for each in pulled_back(graph.logits, list(kept.values()), some)]
            for some in sent.split(max(at_once or len(sent), 1))
        ]
    rows = [torch.cat(each) for each in zip(*parts, strict=True)]
    together = whole_batch or joined
    batch = 1 if together else len(x)
    columns: dict[Hashable, Tensor] = {
        name: each.reshape(batch, -1, each.shape[1]).mT
        for name, each in zip(kept, rows, strict=True)
    }
    whole = sent_from(made, True).flatten(1)[None].mT if together else made
    return Reachable({**columns, LOGITS: whole}, whole, graph.logits.detach(), span, together)


@contextmanager
def _tracked(weights: Iterable[nn.Parameter]) -> Iterator[None]:
    """The parameters take gradients inside, and are as they were afterwards."""
    before = [(each, each.requires_grad) for each in weights]
    try:
        for each, _ in before:
            each.requires_grad_()
        yield
    finally:
        for each, wanted in before:
            each.requires_grad_(wanted)
