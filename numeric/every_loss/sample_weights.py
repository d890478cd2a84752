"""Finds what every loss can send to the weights of a captured model's layers, sample by sample.

‖∂L_b/∂W‖ = ‖T_bᵀa‖ of a sample b (every_loss.parameters), T_bᵀ from the signals that leave the
layer and the input that meets them there (every_loss.grams): no parameter's own graph is needed.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from numeric.capture.capture import CapturedModel
from numeric.capture.region import ran
from numeric.every_loss import cotangents
from numeric.every_loss.column_pencils import FULL
from numeric.every_loss.logit_graph import LogitGraph, captured_graph
from numeric.every_loss.plain_weights import PlainWeight, plain_weights
from numeric.every_loss.reachable import LOGITS, Reachable, pulled_back, sent_from
from numeric.every_loss.sample_rows import some_samples
from numeric.recording.graph import Ref

MIXED = "of a layer whose rows do not belong to one sample each"
TOO_LARGE = "too large"
_ROWS = 2**16
"""So many rows are factored at a time."""


def sample_weights(
    model: CapturedModel, named: Mapping[str, Tensor], most_bytes: int = 2**31
) -> tuple[Reachable, dict[str, str]]:
    """Columns by which `bounds` bounds ‖∂L_b/∂W‖/‖∂L/∂z_b‖ (place LOGITS) of the named parameters,
    and why those that are missing have none. L_b is the sample's own part of a loss of the logits,
    whatever the reduction; the samples must be apart.

    K passes for all layers whose signals fit into `most_bytes`, and a few more that tell whose rows
    are whose. The columns are triangular factors, (batch, K, K) float64, and known up to the
    rounding of the sums over places that they are. Raises InputError for what gives no logits.
    """
    plain, others = plain_weights(model, named)
    values = {each for found in plain.values() for each in (found.entry, found.step.value)}
    graph = captured_graph(model, values)
    basis = cotangents.everything(graph.logits)
    factors: dict[Hashable, Tensor] = {}
    rounding: dict[Hashable, Tensor] = {}
    for name, parameter in named.items():
        size = graph.logits.shape[1] * parameter.numel() * parameter.element_size()
        if name in plain and size > most_bytes // 4:
            others[name] = TOO_LARGE
            del plain[name]
    for some in _in_groups(graph, plain, most_bytes):
        for name, found in _factors(graph, some, named, basis).items():
            if found is None:
                others[name] = MIXED
            else:
                factors[name], rounding[name] = found
    columns = {**factors, LOGITS: basis}
    return Reachable(columns, basis, graph.logits.detach(), "all", rounding=rounding), others


def _in_groups(
    graph: LogitGraph, plain: Mapping[str, PlainWeight], most_bytes: int
) -> Iterator[dict[str, PlainWeight]]:
    """Parameters whose layers' signals fit into memory together, at least one layer's."""
    group: dict[str, PlainWeight] = {}
    held: dict[int, int] = {}
    for name, each in plain.items():
        value = graph.values[each.step.value]
        size = value.numel() * value.element_size() * graph.logits.shape[1]
        if held and each.step.value not in held and sum(held.values()) + size > most_bytes:
            yield group
            group, held = {}, {}
        group[name] = each
        held[each.step.value] = size
    if group:
        yield group


def _factors(
    graph: LogitGraph,
    plain: Mapping[str, PlainWeight],
    named: Mapping[str, Tensor],
    basis: Tensor,
) -> dict[str, tuple[Tensor, Tensor] | None]:
    """R (batch, K, K) of each parameter's columns, and the norms that are not told from rounding,
    (batch,); None where rows are of several samples.
    """
    logits = graph.logits
    tried, kept = some_samples(logits)
    sent = torch.cat([sent_from(basis, False).to(logits), tried])
    places = list(dict.fromkeys(each.step.value for each in plain.values()))
    pulled = pulled_back(logits, [graph.values[each] for each in places], sent)
    signals = dict(zip(places, pulled, strict=True))
    made: dict[str, tuple[Tensor, Tensor] | None] = {}
    for name, each in plain.items():
        g, h = signals[each.step.value], graph.values[each.entry].detach()
        axis = _sample_axis(g[basis.shape[2] :], kept, each.is_linear)
        if axis is None:
            made[name] = None
            continue
        rows = (
            _apart(t, at, len(logits)) for t, at in ((g[: basis.shape[2]], axis + 1), (h, axis))
        )
        alone = list(zip(*(t.unbind(0) for t in rows), strict=True))
        triangles = [_triangle(_sent(each, named[name], *two)) for two in alone]
        least = [_rounding(each, named[name], *two) for two in alone]
        made[name] = (torch.stack(triangles), torch.stack(least))
    return made


def _rounding(each: PlainWeight, parameter: Tensor, g: Tensor, h: Tensor) -> Tensor:
    """What rounding may make of ‖Σ_p g_p h_pᵀ‖ for a ∂L/∂z of length 1: of n terms that cancel,
    n·eps of the sum of their sizes. A basis a = Σ c_k a_k as of `everything` has ‖c‖ ≤ ‖a‖.
    """
    eps = torch.finfo(g.dtype).eps
    size = torch.linalg.vector_norm(g, dim=0, keepdim=True, dtype=torch.float64).to(g)
    # A bias gets one number of each place and channel that it is spread over.
    own = parameter.numel() if each.role == "bias" else g.shape[-1 if each.is_linear else 2]
    share = max(FULL.get(g.dtype, 8 * eps), g[0].numel() / own * eps)
    return share * torch.linalg.vector_norm(_sent(each, parameter, size, h.abs()))


def _sample_axis(g: Tensor, kept: Tensor, linear: bool) -> int | None:
    """The axis of the layer's result that runs over the samples, maybe over several rows of each;
    None where the signals (sets, *shape) of some samples reach rows of others on every axis.
    """
    batch = kept.shape[1]
    shape = g.shape[1:]
    axes = range(len(shape) - 1) if linear else range(1)
    for axis in axes:
        if shape[axis] % batch or (axis and shape[axis] != batch):
            continue
        rows = _apart(g, axis + 1, batch).flatten(2)  # (batch, sets, …)
        if not (rows.ne(0).any(2) & ~kept.T).any():
            return axis
    return None


def _apart(t: Tensor, axis: int, batch: int) -> Tensor:
    """Each sample's rows: (batch, …) with the rows of one sample where the axis was."""
    return t.unflatten(axis, (batch, -1)).movedim(axis, 0)


def _sent(each: PlainWeight, parameter: Tensor, g: Tensor, h: Tensor) -> Tensor:
    """What the signals g (K, *out) of one sample send to a parameter, (K, n): isometrically."""
    if each.role == "bias":
        return _summed(g, parameter.shape if each.is_linear else (-1, *[1] * (g.dim() - 3)))
    if each.is_linear:
        return _of_places(g.flatten(1, -2), h.flatten(0, -2))
    met = g.movedim(2, -1).flatten(1, -2)
    if met.shape[1] < parameter[0].numel() and (held := _patches(each, parameter, h)) is not None:
        return _of_places(met, held)
    weight = parameter.detach().requires_grad_()

    def given(leaf: Any) -> Any:
        if isinstance(leaf, Ref):  # another than the input is a bias
            return h if leaf.value == each.entry else None
        return weight if leaf is parameter else leaf

    with torch.enable_grad():
        out = ran(each.step.node, given)[each.step.position]
    (found,) = pulled_back(out, [weight], g)
    return found.flatten(1)


def _summed(g: Tensor, shape: Sequence[int]) -> Tensor:
    """g (K, *out) summed over the axes along which a tensor of a shape was spread, (K, n)."""
    missing = g.dim() - 1 - len(shape)
    spread = [1 + axis for axis, size in enumerate([*[1] * missing, *shape]) if size == 1]
    # Of no axes torch would sum over all.
    return (g.double().sum(spread, keepdim=True) if spread else g.double()).flatten(1)


def _of_places(g: Tensor, h: Tensor) -> Tensor:
    """Σ_p g_p h_pᵀ of each row of g (K, places, out) and of h (places, in), but for a rotation."""
    g, h = g.double(), h.double()
    # Of the inputs their Gram matrix alone counts, so a triangle of as many rows stands in.
    held = torch.linalg.qr(h.mT, mode="r").R.mT if len(h) < h.shape[1] else h
    return (g.mT @ held).flatten(1)


def _patches(each: PlainWeight, parameter: Tensor, h: Tensor) -> Tensor | None:
    """What a convolution of images meets at its places, (places, in); None of other ones."""
    args = each.step.node.args
    if len(args) < 9 or parameter.dim() != 4 or args[6] or args[8] != 1:  # transposed, groups
        return None
    stride, padding, dilation = args[3:6]
    return functional.unfold(h, parameter.shape[2:], dilation, padding, stride).mT.flatten(0, 1)


def _triangle(rows: Tensor) -> Tensor:
    """R (K, K) with ‖Rc‖ = ‖rowsᵀc‖, float64, from pieces: large doubles are slow."""
    columns = rows.mT
    parts: Sequence[Tensor] = [
        torch.linalg.qr(each.double(), mode="r").R for each in columns.split(_ROWS)
    ]
    found = torch.linalg.qr(torch.cat(list(parts)), mode="r").R if len(parts) > 1 else parts[0]
    return functional.pad(found, (0, 0, 0, found.shape[1] - len(found)))
