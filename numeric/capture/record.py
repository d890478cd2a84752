"""Records the operations of a model while it runs once, whatever Python it is written in.

Operations in place and views become what they compute (torch.func.functionalize); layers, norms,
attention, recurrences and custom autograd functions stay in one piece; whatever reads a number out
of a tensor is noted. The model is left as it was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _functorch
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
from torch.autograd import Function
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from numeric.capture.graph import Address, Node, Recording, Ref
from numeric.capture.module_paths import ModulePaths

WHOLE = frozenset(
    (
        "linear", "bilinear", "batch_norm", "layer_norm", "group_norm", "instance_norm",
        "rms_norm", "local_response_norm", "scaled_dot_product_attention",
        "multi_head_attention_forward", "embedding", "embedding_bag", "lstm", "gru", "rnn_tanh",
        "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
    )
)  # fmt: skip
"""Torch functions that are kept in one piece: their parts are no blocks of the user's network."""
READS = {"numpy": "numpy()", "tolist": "tolist()", "__array__": "numpy()"}
_SCALAR = torch.ops.aten._local_scalar_dense.default


def record(model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Recording:
    """Runs model(*args, **kwargs) once and returns what it did.

    Tensors among the arguments, however nested, become the inputs, tensors in the result the
    outputs, both in flat order. Raises CaptureError where the model changes a tensor of its own by
    something that depends on the input.
    """
    flat, spec = tree_flatten((tuple(args), dict(kwargs)))
    places = [index for index, leaf in enumerate(flat) if isinstance(leaf, Tensor)]
    recorder = _Recorder(model if isinstance(model, nn.Module) else None)

    def run(*tensors: Tensor) -> None:
        given: list[Any] = list(flat)
        for place, tensor in zip(places, tensors, strict=True):
            given[place] = tensor
        recorder.inputs = [recorder.new(_plain(tensor)) for tensor in tensors]
        recorder.met("in", [_plain(tensor) for tensor in tensors])
        args_, kwargs_ = torch.utils._pytree.tree_unflatten(given, spec)
        with _Functions(recorder):
            result = model(*args_, **kwargs_)
        found = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, Tensor)]
        recorder.outputs = [recorder.value_of(_plain(tensor)) for tensor in found]

    # Copies, for the model may change its input in place.
    copies = [flat[place].detach().clone() for place in places]
    with recorder.paths, _whole_functions(recorder), _Operations(recorder):
        torch.func.functionalize(run, remove="mutations_and_views")(*copies)
    return recorder.recording()


class _Recorder:
    """Collects nodes; knows a value by the tensor that holds it, which it keeps alive."""

    def __init__(self, model: nn.Module | None) -> None:
        self.nodes: list[Node] = []
        self.values: dict[int, Tensor] = {}
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.addresses: dict[int, Address] = {}
        self.remarks: dict[str, None] = {}
        self.paths = ModulePaths(model)
        self.paused = False
        self.calls = 0
        self.name = ""
        self._known: dict[int, int] = {}
        self._changed: set[int] = set()
        self._kept: list[Tensor] = []

    def recording(self) -> Recording:
        return Recording(
            tuple(self.nodes),
            tuple(self.inputs),
            tuple(self.outputs),
            self.values,
            self.addresses,
            tuple(self.remarks),
        )

    def new(self, tensor: Tensor) -> int:
        number = len(self.values)
        self.values[number] = tensor
        self._known[id(tensor)] = number
        return number

    def value_of(self, tensor: Tensor) -> int:
        """The value that a tensor holds; one that the model did not compute becomes one now."""
        known = self._known.get(id(tensor))
        return self.new(tensor) if known is None else known

    def found(self, tensor: Tensor) -> int | None:
        return self._known.get(id(tensor))

    def referred(self, tree: Any) -> Any:
        """Nested arguments with references to the values among them."""
        return tree_map(self._referred, tree)

    def note(self, function: Any, args: Any, kwargs: Any, out: Any, whole: bool = False) -> None:
        flat = tree_flatten(out)[0]
        outputs = tuple(self.new(leaf) if isinstance(leaf, Tensor) else None for leaf in flat)
        self.nodes.append(
            Node(
                function,
                self.referred(tuple(args)),
                self.referred(dict(kwargs)),
                outputs,
                self.name,
                self.paths.current,
                whole,
                torch.is_grad_enabled(),
            )
        )

    def changed_in_place(self, function: Any, args: Sequence[Any]) -> None:
        """A tensor that the model holds was changed: what used it before keeps its value."""
        tensors = [leaf for leaf in tree_flatten(list(args))[0] if isinstance(leaf, Tensor)]
        for tensor in tensors:
            if self.found(tensor) is None:
                self._changed.add(id(tensor))
                self._kept.append(tensor)

    def met(self, side: Any, tensors: Sequence[Tensor]) -> None:
        """Notes where Python meets values; where they come from wins over where they go."""
        for position, tensor in enumerate(tensors):
            number = self.found(_plain(tensor))
            if number is not None:
                self.addresses.setdefault(number, Address(self.calls, side, position))

    def _referred(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        number = self.found(leaf)
        if number is not None:
            return Ref(number)
        # What changes while the model runs is kept as it is now.
        return leaf.detach().clone() if id(leaf) in self._changed else leaf


class _Operations(TorchDispatchMode):
    """Sees every operation below autograd and functionalization."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = recorder

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = function(*args, **(kwargs or {}))
        if self.recorder.paused:
            return out
        if function is _SCALAR:
            self.recorder.remarks["reads a number: specialised to this input"] = None
        elif function._schema.is_mutable and not any(a is out for a in args):
            self.recorder.note(function, args, kwargs or {}, out)
        elif function._schema.is_mutable:
            self.recorder.changed_in_place(function, args)
        else:
            self.recorder.note(function, args, kwargs or {}, out)
        return out


class _Functions(TorchFunctionMode):
    """Sees every torch function that Python calls: counts it, names it, and keeps some whole."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        recorder, kwargs = self.recorder, kwargs or {}
        if recorder.paused:  # inside a custom autograd function
            recorder.calls += 1
            return function(*args, **kwargs)
        call = recorder.calls = recorder.calls + 1
        plain, plain_kwargs = tree_map(_plain, args), tree_map(_plain, kwargs)
        recorder.met("in", _tensors((plain, plain_kwargs)))
        name = getattr(function, "__name__", type(function).__name__)
        if name in READS:
            recorder.remarks["reads numbers: specialised to this input"] = None
            with temporarily_pop_interpreter_stack():
                return function(*plain, **plain_kwargs)
        before, recorder.name = recorder.name, name
        try:
            if name in WHOLE:
                with _paused(recorder):
                    out = function(*args, **kwargs)
                out_plain = tree_map(_plain, out)
                recorder.note(function, plain, plain_kwargs, out_plain, whole=True)
            else:
                out = function(*args, **kwargs)
        finally:
            recorder.name = before
        calls, recorder.calls = recorder.calls, call
        recorder.met("out", _tensors(out))
        recorder.calls = calls
        return out


@contextmanager
def _paused(recorder: _Recorder) -> Iterator[None]:
    before, recorder.paused = recorder.paused, True
    try:
        yield
    finally:
        recorder.paused = before


@contextmanager
def _whole_functions(recorder: _Recorder) -> Iterator[None]:
    """Keeps each custom autograd function in one piece: its backward is its own."""
    original = Function.__dict__["apply"]

    def apply(cls: type[Function], *args: Any) -> Any:
        plain = tree_map(_plain, args)
        if recorder.paused or not any(map(_functorch.is_functionaltensor, _tensors(args))):
            with _paused(recorder):
                return original.__get__(None, cls)(*args)
        with _paused(recorder), temporarily_pop_interpreter_stack(), torch.no_grad():
            out = original.__get__(None, cls)(*plain)
            calls = recorder.calls
            out = tree_map(_owned, out)
            recorder.calls = calls  # no call of the model's
        before, recorder.name = recorder.name, cls.__name__
        recorder.note(cls.apply, plain, {}, out, whole=True)
        recorder.name = before
        level = max(map(_functorch.maybe_get_level, _tensors(args)))
        return tree_map(
            lambda leaf: (
                _functorch._wrap_functional_tensor(leaf, level)
                if isinstance(leaf, Tensor)
                else leaf
            ),
            out,
        )

    Function.apply = classmethod(apply)  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        Function.apply = original  # type: ignore[method-assign]


def _owned(leaf: Any) -> Any:
    """A tensor of its own: a function may return what it was given, which is another value."""
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _plain(leaf: Any) -> Any:
    """The tensor below functionalization."""
    if isinstance(leaf, Tensor) and _functorch.is_functionaltensor(leaf):
        return _functorch._unwrap_functional_tensor(leaf, False)
    return leaf


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]
