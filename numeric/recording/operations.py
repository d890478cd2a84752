"""Says of each operation what its map is like in the values that depend on the input.

What stands in no table is opaque: a differentiable map of which nothing more is known. An operation
is registered in one line.
"""

import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from numeric.recording.graph import Node, Ref


@dataclass(frozen=True)
class Traits:
    """What is known of a map: jointly `affine`, `entrywise` (each entry of the result is one of the
    same entries of what is taken), an `isometry` (a permutation of entries), `bounded` (its values
    lie between constants), `weighted` (a layer with weights). `tag` is a word for results.
    """

    affine: bool = False
    entrywise: bool = False
    isometry: bool = False
    bounded: bool = False
    weighted: bool = False
    tag: str = ""


OPAQUE = Traits()
BLOCKS_GRADIENTS = frozenset(("detach",))
SHAPE_ONLY = frozenset(
    (
        "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
        "randint_like", "new_empty", "new_zeros", "new_ones", "new_full", "new_empty_strided",
    )
)  # fmt: skip
"""Of what they take they use the shape alone."""
LOOK_UPS = frozenset(("embedding", "embedding_bag", "index", "index_select", "gather"))
"""Rows of a table, by integers."""
VIEWS = frozenset(
    (
        "view", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select", "narrow",
        "split", "split_with_sizes", "unbind", "as_strided", "diagonal", "expand", "unfold",
        "alias", "detach", "view_as_real", "view_as_complex", "_reshape_alias",
    )
)  # fmt: skip
"""Their results share the memory of what they take."""
MOVES = frozenset(
    (
        "view", "_unsafe_view", "_reshape_alias", "reshape", "permute", "transpose", "t",
        "unsqueeze", "squeeze", "roll", "flip", "pixel_shuffle", "pixel_unshuffle",
        "channel_shuffle", "native_channel_shuffle", "clone", "alias", "lift_fresh",
    )
)  # fmt: skip
"""Entries change places, and nothing else."""
AFFINE = frozenset(
    (
        "slice", "select", "narrow", "split", "split_with_sizes",
        "unbind", "as_strided", "diagonal", "expand", "repeat",
        "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d",
        "replication_pad2d", "mean", "sum", "avg_pool1d", "avg_pool2d", "avg_pool3d",
        "adaptive_avg_pool1d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d",
        "adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d",
        "upsample_nearest1d", "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa", "im2col",
        "col2im", "cumsum", "tril", "triu", "index_select", "gather", "unfold", "stack",
        "slice_scatter", "select_scatter", "diagonal_scatter", "copied",
        "pad",
    )
)  # fmt: skip
"""Affine in all that they take, with indices and sizes that are constant."""
ENTRYWISE = frozenset(
    (
        "relu", "sigmoid", "tanh", "silu", "gelu", "hardtanh", "hardswish", "hardsigmoid",
        "leaky_relu", "elu", "softplus", "mish", "celu", "selu", "relu6", "exp", "exp2", "expm1",
        "log", "log1p", "log2", "sqrt", "rsqrt", "square", "abs", "sin", "cos", "erf",
        "reciprocal", "clamp", "clamp_min", "clamp_max", "pow", "sign", "threshold",
        "softshrink", "hardshrink", "log_sigmoid_forward", "rrelu", "atan", "sinh", "cosh",
        "tan", "asinh", "maximum", "minimum", "where", "floor", "round", "ceil", "trunc", "frac",
        "prelu", "_prelu_kernel",
    )
)  # fmt: skip
BOUNDED = frozenset(
    (
        "sigmoid",
        "tanh",
        "hardsigmoid",
        "hardtanh",
        "_softmax",
        "softmax",
        "clamp",
        "sin",
        "cos",
        "erf",
    )
)
TAGS = {
    "scaled_dot_product_attention": "attention",
    "multi_head_attention_forward": "attention",
    "lstm": "recurrent",
    "gru": "recurrent",
    "rnn_tanh": "recurrent",
    "rnn_relu": "recurrent",
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), "recurrent"),
    **dict.fromkeys(("_pack_padded_sequence", "_pad_packed_sequence"), "recurrent"),
    **dict.fromkeys(("batch_norm", "layer_norm", "group_norm", "instance_norm"), "norm"),
    "rms_norm": "norm",
    **dict.fromkeys(
        ("max_pool1d", "max_pool2d_with_indices", "max_pool3d_with_indices"), "pooling"
    ),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "_adaptive_avg_pool2d", "mean"), "pooling"),
    "adaptive_max_pool2d": "pooling",
}
WEIGHTED = frozenset(
    (
        "convolution", "linear", "bilinear", "lstm", "gru", "rnn_tanh", "rnn_relu",
        "multi_head_attention_forward", "scaled_dot_product_attention", "addmm", "mm", "bmm",
        "baddbmm",
    )
)  # fmt: skip
ADDITIVE = frozenset(("add", "sub", "rsub", "cat", "stack", "slice_scatter", "select_scatter"))
"""Affine with the same slope whatever else they take."""
KEEPS_RANGE = frozenset(
    (
        "expand", "slice", "select", "split", "split_with_sizes",
        "unbind", "index", "index_select", "gather", "topk", "sort", "amax", "amin", "max",
        "min", "mean", "max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d",
        "adaptive_avg_pool1d", "upsample_nearest2d", "upsample_bilinear2d", "masked_fill",
    )
)  # fmt: skip
"""Their values lie between the ends of what they take."""
_Judge = Callable[[Node, Collection[int]], bool]


def name_of(node: Node) -> str:
    """The operation's name: "add" for aten.add.Tensor, "slice" also for aten.slice_copy.Tensor,
    "linear" for a function kept whole.
    """
    if node.whole:
        return node.name
    packet = getattr(node.function, "overloadpacket", None)
    name: str = node.function.__name__ if packet is None else packet.__name__
    return name if name == "_to_copy" else name.removesuffix("_copy")


def traits(node: Node, active: Collection[int], dependent: Collection[int]) -> Traits:
    """What a node is like in those of its inputs that are `active`.

    Inputs that are `dependent` without being active hide a dependence on the model's input (as the
    mask in x · (x > 0)), so nothing is affine in their company.
    """
    name = name_of(node)
    custom = node.whole and not hasattr(torch.nn.functional, name) and name not in TAGS
    affine = name in MOVES | AFFINE or (name in _AFFINE_IF and _AFFINE_IF[name](node, active))
    if name not in ADDITIVE:
        affine &= all(value in active or value not in dependent for value in node.inputs)
    return Traits(
        affine=affine,
        entrywise=name in ENTRYWISE or name in _ARITHMETIC,
        isometry=name in MOVES,
        bounded=name in BOUNDED and _two_ends(node),
        weighted=name in WEIGHTED,
        tag="custom" if custom and name != "linear" else TAGS.get(name, ""),
    )


def operand(node: Node, position: int) -> Any:
    """The argument at a position, None where it was not given."""
    return node.args[position] if position < len(node.args) else None


def active_at(node: Node, active: Collection[int]) -> set[int]:
    """The positions of the arguments that hold active values; keywords count as −1."""
    found = {
        position
        for position, argument in enumerate(node.args)
        if any(isinstance(leaf, Ref) and leaf.value in active for leaf in tree_flatten(argument)[0])
    }
    inside = tree_flatten(dict(node.kwargs))[0]
    return found | (
        {-1} if any(isinstance(leaf, Ref) and leaf.value in active for leaf in inside) else set()
    )


def _only(position: int) -> _Judge:
    return lambda node, active: active_at(node, active) <= {position}


def _one(node: Node, active: Collection[int]) -> bool:
    return len(active_at(node, active)) == 1


def _plain_batch_norm(node: Node, active: Collection[int]) -> bool:
    """With stored statistics it is affine."""
    training = node.kwargs.get("training", operand(node, 5))
    return not training and active_at(node, active) <= {0}


def _constant_choice(node: Node, active: Collection[int]) -> bool:
    return 0 not in active_at(node, active)


_ARITHMETIC = frozenset(
    ("add", "sub", "mul", "div", "neg", "rsub", "_to_copy", "masked_fill", "addcmul", "lerp")
)
_AFFINE_IF: dict[str, _Judge] = {
    **dict.fromkeys(("add", "sub", "neg", "rsub", "cat"), lambda node, active: True),
    **dict.fromkeys(("mul", "mm", "bmm", "matmul"), _one),
    **dict.fromkeys(("div", "linear", "convolution", "masked_fill", "index"), _only(0)),
    "_to_copy": lambda node, active: True,
    "addmm": lambda node, active: not {1, 2} <= active_at(node, active),
    "batch_norm": _plain_batch_norm,
    "where": _constant_choice,
    "lerp": lambda node, active: 2 not in active_at(node, active),
    "addcmul": lambda node, active: not {1, 2} <= active_at(node, active),
    "baddbmm": lambda node, active: not {1, 2} <= active_at(node, active),
}


def _two_ends(node: Node) -> bool:
    """A clamp is bounded where it has both ends."""
    if name_of(node) != "clamp":
        return True
    ends = (operand(node, 1), operand(node, 2), node.kwargs.get("min"), node.kwargs.get("max"))
    return sum(end is not None for end in ends) >= 2


def copied(source: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """What `target.copy_(source)` leaves in a target: aten.copy has no derivative."""
    return source.to(dtype).expand(shape)


def strided(x: Tensor, size: Sequence[int], *rest: Any) -> Tensor:
    """as_strided of a tensor as it lay in memory when it was recorded, by the last argument."""
    *given, layout = rest
    return x.new_empty_strided(x.shape, layout).copy_(x).as_strided(size, *given)


def joined(terms: Any) -> Any:
    """All of some traits at once: what a map made of several operations is like."""
    terms = list(terms)
    tags = dict.fromkeys(each.tag for each in terms if each.tag)
    return Traits(
        affine=all(each.affine for each in terms),
        entrywise=all(each.entrywise for each in terms),
        isometry=all(each.isometry for each in terms),
        weighted=reduce(operator.or_, (each.weighted for each in terms), False),
        tag=" ".join(tags),
    )
