"""Tells from a recording that no sample of a batch reaches another, by the axis that counts them.

The axis is followed from the inputs to the outputs through operations that are known to act along
the others alone. Of what stands in no table nothing is said, but for some that mix what they meet.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from numeric.recording.graph import Node, Recording, Ref
from numeric.recording.operations import ENTRYWISE, SHAPE_ONLY, active_at, name_of
from numeric.recording.recorder import SPECIALISED


def samples_apart(recording: Recording, between: Iterable[int] = ()) -> bool | None:
    """True where it is certain that each sample of the results, and of the values `between`, is
    made of that sample of the inputs alone and lies on the first axis, False where an operation on
    the way mixes samples whatever their values, else None.

    The batch is the first axis of the first input; other inputs whose first axis is as long are
    batches, too.
    """
    axes, certain = _followed(recording)
    if certain is False:
        return False
    places = (*recording.outputs, *between)
    return True if certain and all(axes.get(each) == 0 for each in places) else None


def moved_samples(recording: Recording) -> frozenset[int]:
    """The values whose first axis is as long as the batch, and whose samples are known to lie on
    another one.
    """
    values, (axes, _) = recording.values, _followed(recording)
    return frozenset(
        v for v, axis in axes.items() if axis and len(values[v]) == values[v].shape[axis]
    )


def _followed(recording: Recording) -> tuple[dict[int, int], bool | None]:
    """The axis of the samples of each value where it is known, and whether samples stay apart."""
    values = recording.values
    if not recording.inputs:
        return {}, None
    batch = next(iter(values[recording.inputs[0]].shape), 0)
    if batch < 2:
        return {}, None
    axes = {each: 0 for each in recording.inputs if values[each].shape[:1] == (batch,)}
    lost: set[int] = set()  # made of samples, by an axis that is not known
    certain: bool | None = None if SPECIALISED in recording.remarks else True
    for node in _needed(recording):
        here = {value: axes[value] for value in node.inputs if value in axes}
        unknown = not lost.isdisjoint(node.inputs)
        if not (here or unknown) or _is_aten(node, SHAPE_ONLY):
            continue
        made = [value for value in node.outputs if value is not None]
        met = _Met(node, here, values)
        axis = _axis(met) if made and not unknown else None
        if axis is None or any(values[each].shape[axis : axis + 1] != (batch,) for each in made):
            lost.update(made)
            certain = False if certain is False or _mixes(met, unknown) else None
        else:
            axes |= dict.fromkeys(made, axis)
    return axes, certain


def _needed(recording: Recording) -> list[Node]:
    """The nodes that the results are made by."""
    wanted, found = set(recording.outputs), []
    for node in reversed(recording.nodes):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(node.inputs)
            found.append(node)
    return found[::-1]


class _Met:
    """A node with the axis that counts the samples, for each of its inputs that has one."""

    def __init__(self, node: Node, axes: Mapping[int, int], values: Mapping[int, Tensor]) -> None:
        self.node, self.axes, self._values = node, axes, values
        self.at = active_at(node, axes)
        self.dims = [values[value].dim() for value in axes]

    @property
    def after(self) -> torch.Size:
        """The shape of the first result."""
        return next(self._values[each].shape for each in self.node.outputs if each is not None)

    @property
    def only(self) -> int | None:
        """The axis of the first argument, where no other has one."""
        first = self.node.args[0] if self.node.args else None
        return self.axes[first.value] if self.at == {0} and isinstance(first, Ref) else None

    @property
    def before(self) -> torch.Size:
        """The shape of the first argument."""
        return self._values[self.node.args[0].value].shape

    def given(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by its place or its name."""
        args = self.node.args
        return args[position] if position < len(args) else self.node.kwargs.get(name, default)


_Rule = Callable[[_Met], int | None]
"""The axis that counts the samples of every result; None where that is not certain."""


def _axis(met: _Met) -> int | None:
    node = met.node
    if node.whole:  # by the function itself: a custom one may have any name
        whole = _WHOLE.get(node.function)
        return whole(met) if whole else None
    rule = _RULES.get(name_of(node)) if _is_aten(node) else None
    return rule(met) if rule else None


def _mixes(met: _Met, unknown: bool) -> bool:
    """Whether it is certain that samples meet in what is made; `unknown`: their axis is not."""
    node, name = met.node, name_of(met.node)
    if node.whole and node.function is functional.batch_norm:
        return (unknown or met.only == 0) and not _by_stored(met)
    if unknown or met.only is None:
        return False
    if node.whole and node.function is functional.layer_norm:
        return met.only >= met.dims[0] - len(met.given(1, "normalized_shape"))
    return _is_aten(node) and name in _ALONG and met.only in (_along(met) or [met.only])


def _is_aten(node: Node, names: frozenset[str] | None = None) -> bool:
    mine = isinstance(node.function, torch._ops.OpOverload) and node.function.namespace == "aten"
    return mine and not node.whole and (names is None or name_of(node) in names)


def _entrywise(met: _Met) -> int | None:
    """Axes meet from the last one backwards."""
    behind = {axis - dim for axis, dim in zip(met.axes.values(), met.dims, strict=True)}
    return len(met.after) + behind.pop() if len(behind) == 1 else None


def _first_of(rank: int, met: _Met) -> int | None:
    """The first axis of the first argument, of that rank."""
    return 0 if met.only == 0 and met.dims == [rank] else None


def _products(*places: int) -> _Rule:
    """The first axis of each of these arguments, and of no other."""
    return lambda met: 0 if met.at <= set(places) and not any(met.axes.values()) else None


def _along(met: _Met, name: str = "dim", position: int = 1) -> list[int]:
    """The axes that the operation names, counted from the first; none where it names none."""
    dim = met.given(position, name)
    given = [] if dim is None else [dim] if isinstance(dim, int) else list(dim)
    return [each % max(met.dims) for each in given]


def _beside(met: _Met, position: int = 1, default: int | None = None) -> int | None:
    """The axis stays, where the operation works along others."""
    along = _along(met, position=position) or ([] if default is None else [default])
    return met.only if along and met.only not in along else None


def _reduced(met: _Met) -> int | None:
    axis = _beside(met)
    if axis is None or met.given(2, "keepdim", False):
        return axis
    return axis - sum(each < axis for each in _along(met))


def _removed(met: _Met) -> int | None:
    axis, along = _beside(met, default=0), _along(met) or [0]
    return None if axis is None else axis - (along[0] < axis)


def _viewed(met: _Met) -> int | None:
    """Where as many entries stand before it, and it is as long as before."""
    axis, sizes = met.only, met.given(1, "size", met.given(1, "shape"))
    if axis is None or not isinstance(sizes, Sequence):
        return None
    before, after = met.before, met.after
    for place, size in enumerate(after):
        if size == before[axis] and prod(after[:place]) == prod(before[:axis]):
            return place
    return None


def _permuted(met: _Met) -> int | None:
    along = _along(met, "dims")
    return along.index(met.only) if met.only is not None else None


def _transposed(met: _Met) -> int | None:
    if met.only is None:
        return None
    one, other = (met.given(1, "dim0", 0) % met.dims[0], met.given(2, "dim1", 1) % met.dims[0])
    return {one: other, other: one}.get(met.only, met.only)


def _unsqueezed(met: _Met) -> int | None:
    if met.only is None:
        return None
    return met.only + (met.given(1, "dim") % (met.dims[0] + 1) <= met.only)


def _squeezed(met: _Met) -> int | None:
    """Of as many axes as are not 1 long, or are not named."""
    if met.only is None:
        return None
    along = _along(met) or range(met.dims[0])
    return met.only - sum(each < met.only and met.before[each] == 1 for each in along)


def _concatenated(met: _Met) -> int | None:
    """Along that very axis the result is longer, and no more taken for a batch."""
    axes = set(met.axes.values())
    return axes.pop() if met.at == {0} and len(axes) == 1 else None


def _scattered(met: _Met) -> int | None:
    """One tensor into another of its rank, along another axis."""
    axes, along = set(met.axes.values()), _along(met, position=2) or [0]
    alike = met.at <= {0, 1} and len(axes) == 1 and set(met.dims) == {len(met.after)}
    return axes.pop() if alike and along[0] not in axes else None


def _selected(met: _Met) -> int | None:
    """One tensor into another that has one axis more."""
    axes = [met.axes.get(each.value) for each in met.node.args[:2] if isinstance(each, Ref)]
    axis, along = axes[0], (_along(met, position=2) or [0])[0]
    if met.at - {1} != {0} or axis is None or axis == along:
        return None
    return axis if axes[1:] in ([], [None], [axis - (along < axis)]) else None


def _padded(met: _Met) -> int | None:
    padded = len(met.given(1, "pad")) // 2
    return met.only if met.only is not None and met.only < met.dims[0] - padded else None


def _normed(met: _Met) -> int | None:
    """Layer norms, along the last axes."""
    normed = len(met.given(1, "normalized_shape"))
    return met.only if met.only is not None and met.only < met.dims[0] - normed else None


def _batch_normed(met: _Met) -> int | None:
    return met.only if met.only == 0 and _by_stored(met) else None


def _by_stored(met: _Met) -> bool:
    stored = met.given(1, "running_mean") is not None and met.given(2, "running_var") is not None
    return stored and not met.given(5, "training", False)


def _linear(met: _Met) -> int | None:
    return met.only if met.only is not None and met.only < met.dims[0] - 1 else None


def _attended(met: _Met) -> int | None:
    """By queries, keys and values (batch, …, length, width)."""
    alike = set(met.dims) == {len(met.after)} and len(met.after) > 2
    return _products(0, 1, 2)(met) if alike else None


def _many_heads(met: _Met) -> int | None:
    """By queries, keys and values (length, batch, width), without their averages."""
    apart = met.at <= {0, 1, 2} and set(met.axes.values()) == {1} and set(met.dims) == {3}
    averages = [each for each in met.node.outputs[1:] if each is not None]
    return 1 if apart and not averages else None


_IMAGES = (
    "max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "upsample_nearest2d",
    "upsample_bilinear2d", "upsample_bicubic2d", "reflection_pad2d", "replication_pad2d",
)  # fmt: skip
_ALONG = (
    "mean", "sum", "amax", "amin", "var", "std", "prod", "logsumexp", "cumsum", "cumprod",
    "_softmax", "_log_softmax",
)  # fmt: skip
"""These mix what lies along their axes."""
_COMPARED = ("gt", "ge", "lt", "le", "eq", "ne", "logical_not", "logical_and", "logical_or")
_SAME = ("clone", "alias", "lift_fresh", "detach", "copy", "expand")
_NUMBERS = ("add", "sub", "mul", "div", "neg", "rsub", "_to_copy", "masked_fill", "addcmul", "lerp")
_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys((*ENTRYWISE, *_COMPARED, *_SAME, *_NUMBERS), _entrywise),
    **dict.fromkeys(_IMAGES, partial(_first_of, 4)),
    **dict.fromkeys(("mean", "sum", "amax", "amin"), _reduced),
    **dict.fromkeys(("_softmax", "_log_softmax"), _beside),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias"), _viewed),
    **dict.fromkeys(("slice", "narrow"), partial(_beside, default=0)),
    **dict.fromkeys(("split", "split_with_sizes"), partial(_beside, position=2, default=0)),
    **dict.fromkeys(("select", "unbind"), _removed),
    **dict.fromkeys(("transpose", "t"), _transposed),
    "convolution": _products(0),
    "addmm": _products(1),
    "mm": _products(0),
    "bmm": _products(0, 1),
    "permute": _permuted,
    "unsqueeze": _unsqueezed,
    "squeeze": _squeezed,
    "cat": _concatenated,
    "slice_scatter": _scattered,
    "select_scatter": _selected,
    "roll": partial(_beside, position=2),
    "flip": _beside,
    "constant_pad_nd": _padded,
}
_WHOLE: Mapping[Callable[..., Any], _Rule] = {
    functional.linear: _linear,
    functional.batch_norm: _batch_normed,
    functional.layer_norm: _normed,
    functional.rms_norm: _normed,
    functional.group_norm: _products(0),
    functional.instance_norm: _products(0),
    functional.pad: _padded,
    functional.embedding: lambda met: met.only,
    functional.scaled_dot_product_attention: _attended,
    functional.multi_head_attention_forward: _many_heads,
}
