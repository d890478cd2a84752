"""Finds the signals that can reach each boundary: A_kᵀ·basis, a backward pass per column.

Columns are what autograd gives in the model's own precision; all that is made of them is float64.
"""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.every_loss import cotangents
from numeric.every_loss.logit_graph import Values, kept_as_it_was, logit_graph
from numeric.runs.full_float32 import full_float32
from numeric.runs.sample_summary import samples

LOGITS = "z"
"""The name of the signals that enter at the logits themselves."""
_AT_ONCE = 2**19
"""Entries that are factored together: larger doubles would be new memory each time, and slower."""
Basis = Literal["all", "sum_zero", "labels"]


@dataclass(frozen=True, eq=False, repr=False)
class Reachable(Shown):
    """The signals that reach each place, by its number or name; LOGITS are the directions alone.

    `columns` (batch, n, c) in the model's precision; `basis` (batch, K, c) float64 the directions a
    that they came from; `logits` (batch, K). `span` says what the basis is. With `joined` the batch
    counts as one sample: (1, B·n, c) and (1, B·K, c). At a place of `rounding` (batch,) less than
    that much of ‖∂L/∂z‖ is not told from zero. Raises InputError for a basis that is not the
    one that `span` names: bounds of classes are read off its first columns.
    """

    columns: Mapping[Hashable, Tensor]
    basis: Tensor
    logits: Tensor
    span: Literal["all", "sum_zero", "labels", "given"]
    joined: bool = False
    rounding: Mapping[Hashable, Tensor] = field(default_factory=dict)
    _factors: dict[Hashable, Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.joined or self.span not in ("all", "sum_zero"):
            return
        made, _ = basis_of(self.logits, self.span)
        if not torch.equal(self.basis, made):
            raise InputError(
                f"the basis is not that of {self.span!r}: let `reachable` make it, or say 'given'"
            )

    def showing(self) -> Showing:
        rows = [
            (str(place), str(found.shape[1]), str(found.shape[2]))
            for place, found in self.columns.items()
        ]
        title = (
            f"Signals that reach each place: {self.classes} logits, {samples(len(self.logits))}, "
            f"directions {self.span}"
        )
        return Showing(title, ("place", "entries", "directions"), tuple(rows))

    @property
    def classes(self) -> int:
        return self.logits.shape[1]

    def at(self, place: Hashable) -> Tensor:
        """The columns of a place. Raises InputError for an unknown one."""
        if place not in self.columns:
            known = ", ".join(map(repr, self.columns))
            raise InputError(f"no signals of {place!r} are known: choose from {known}")
        return self.columns[place]

    def factor(self, place: Hashable) -> Tensor:
        """R (batch, c, c), float64, with ‖Rc‖ = ‖columns·c‖ for every c: of a QR, not of a Gram
        matrix, which would square the condition.
        """
        if place not in self._factors:
            columns = self.at(place)
            rows, count = columns.shape[1:]
            some = max(_AT_ONCE // max(rows * count, 1), 1)
            parts = [torch.linalg.qr(p.double(), mode="r").R for p in columns.split(some)]
            found = torch.cat(parts)
            if not found.isfinite().all():  # a factor of what is not
                raise InputError(f"the signals at {place!r} are not finite: a slope is infinite")
            missing = count - min(rows, count)
            self._factors[place] = torch.nn.functional.pad(found, (0, 0, 0, missing))
        return self._factors[place]


@full_float32()
def reachable(
    network_or_function: object,
    x: Tensor | None = None,
    boundaries: Sequence[int] = (),
    basis: Basis | Tensor = "sum_zero",
    *,
    labels: Tensor | None = None,
    joined: bool = False,
    at_once: int | None = None,
) -> Reachable:
    """The signals at the boundaries (see `logit_graph`; () is all of them) for a basis of ∂L/∂z.

    "sum_zero" takes K − 1 backward passes, "all" K, "labels" one for each of `labels` (all K where
    there are none), a tensor (K, c) or (batch, K, c) its own c. `at_once` passes are made together;
    1 is a loop and needs least memory. `joined` is for samples that depend on each other, as
    BatchNorm makes them in train mode: then a is one vector of B·K entries, and B times as many
    passes are made. Raises InputError for what gives no logits or what no signal can be found of.
    """
    if at_once is not None and at_once < 1:
        raise InputError(f"at_once={at_once}: make at least one pass at a time")
    with kept_as_it_was(network_or_function):
        graph = logit_graph(network_or_function, x, boundaries=boundaries, joined=joined)
        made, span = basis_of(graph.logits, basis, labels)
        sent = sent_from(made, joined).to(graph.logits.dtype)
        found = _pulled(graph.logits, graph.boundaries, sent, at_once or len(sent))
    kept = boundaries or range(len(graph.boundaries))
    columns: dict[Hashable, Tensor] = {
        place: _as_columns(rows, joined) for place, rows in zip(kept, found, strict=True)
    }
    whole = _as_columns(sent_from(made, joined), joined)
    return Reachable({**columns, LOGITS: whole}, whole, graph.logits.detach(), span, joined)


def basis_of(
    logits: Tensor, basis: Basis | Tensor, labels: Tensor | None = None
) -> tuple[Tensor, Literal["all", "sum_zero", "labels", "given"]]:
    """The basis (batch, K, c) in float64, and what it spans; raises InputError for none."""
    if labels is not None and not (isinstance(basis, str) and basis == "labels"):
        raise InputError("labels belong to basis='labels'")
    match basis:
        case "all":
            return cotangents.everything(logits), "all"
        case "sum_zero":
            return cotangents.sum_zero(logits), "sum_zero"
        case "labels":
            every = torch.arange(logits.shape[1]) if labels is None else labels
            return cotangents.hard_labels(logits, every), "labels"
        case Tensor():
            given = cotangents.check_directions(basis, "the basis").to(logits.device, torch.float64)
            given = given.expand(len(logits), *given.shape) if given.dim() == 2 else given
            if given.dim() != 3 or given.shape[:2] != logits.shape:
                raise InputError(
                    f"a basis {tuple(basis.shape)} does not fit logits {tuple(logits.shape)}: give "
                    "finite (K, c) or (batch, K, c)"
                )
            return given, "given"
    raise InputError(f"unknown basis {basis!r}: 'all', 'sum_zero', 'labels', or a tensor")


def sent_from(basis: Tensor, joined: bool) -> Tensor:
    """The cotangents of the logits, (passes, batch, K)."""
    batch, classes, count = basis.shape
    if not joined:
        return basis.permute(2, 0, 1)
    alone = torch.zeros(batch, count, batch, classes, dtype=basis.dtype, device=basis.device)
    places = torch.arange(batch, device=basis.device)
    alone[places, :, places] = basis.mT
    return alone.flatten(0, 1)


def _as_columns(rows: Tensor, joined: bool) -> Tensor:
    """(passes, batch, n) as (batch, n, passes), or (1, batch·n, passes)."""
    return rows.flatten(1)[None].mT if joined else rows.permute(1, 2, 0)


def _pulled(logits: Tensor, places: Sequence[Values], sent: Tensor, at_once: int) -> list[Tensor]:
    """For each place (passes, batch, n), what the cotangents become there."""
    tensors = [each for values in places for each in values]
    parts = [pulled_back(logits, tensors, some) for some in sent.split(max(at_once, 1))]
    whole = iter([_joined(each, 0).flatten(2) for each in zip(*parts, strict=True)])
    return [_joined([next(whole) for _ in values], 2) for values in places]


def _joined(parts: Sequence[Tensor], dim: int) -> Tensor:
    """One tensor of the parts; of one part that itself, for these are large."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim)


def pulled_back(logits: Tensor, tensors: Sequence[Tensor], sent: Tensor) -> list[Tensor]:
    """The pullbacks (passes, *shape) of cotangents (passes, batch, K) at each of the tensors."""
    if len(sent) > 1:
        try:
            return _together(logits, tensors, sent)
        except RuntimeError:  # an operation without a rule for batches of cotangents
            pass
    alone = [
        torch.autograd.grad(logits, tensors, each, retain_graph=True, materialize_grads=True)
        for each in sent
    ]
    return [torch.stack(each) for each in zip(*alone, strict=True)]


def _together(logits: Tensor, tensors: Sequence[Tensor], sent: Tensor) -> list[Tensor]:
    with warnings.catch_warnings():
        # Of operations that are looped over inside: the values are the same.
        warnings.filterwarnings("ignore", message="There is a performance drop")
        found = torch.autograd.grad(
            logits, tensors, sent, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
    return [
        each.new_zeros(len(sent), *each.shape) if one is None else one
        for one, each in zip(found, tensors, strict=True)
    ]
