"""Records the operations of a model while it runs once, whatever Python it is written in.

Operations in place and views become what they compute (torch.func.functionalize); layers, norms,
attention, recurrences and custom autograd functions stay in one piece; whatever reads a number out
of a tensor is noted. The model is left as it was but for its buffers and its random numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _functorch
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import keystr, tree_flatten, tree_flatten_with_path, tree_map

from derivations.errors import CaptureError, InputError
from numeric.recording.custom_functions import whole_functions
from numeric.recording.failures import refuse_model
from numeric.recording.given import Generators, eager
from numeric.recording.graph import Recording
from numeric.recording.recorder import SPECIALISED, Recorder, plain, tensors_of

WHOLE = frozenset(
    (
        "linear", "bilinear", "batch_norm", "layer_norm", "group_norm", "instance_norm",
        "rms_norm", "local_response_norm", "scaled_dot_product_attention",
        "multi_head_attention_forward", "embedding", "embedding_bag", "lstm", "gru", "rnn_tanh",
        "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
        "_pack_padded_sequence", "_pad_packed_sequence",
    )
)  # fmt: skip
"""Torch functions that are kept in one piece: their parts are no blocks of the user's network."""
READS = frozenset(("numpy", "tolist", "__array__"))
ATTRIBUTES: Mapping[str, Callable[[Recorder, Tensor], Any]] = {
    ".data": lambda recorder, tensor: tensor.detach(),
    ".requires_grad": lambda recorder, tensor: recorder.requires_grad(plain(tensor)),
    "requires_grad_": lambda recorder, tensor: tensor,
    "retain_grad": lambda recorder, tensor: None,
}
"""What a recorded tensor answers in the place of the model's, which autograd follows."""
DROPS = frozenset(("dropout", "dropout1d", "dropout2d", "dropout3d"))
"""Products with random numbers. Drawn for a tensor of the model's own layout, they are the same as
without recording: they are drawn in the order of its memory."""
REFUSED = {
    "register_hook": "hangs a hook on a tensor, which may change its gradient: leave it out",
    "grad": "takes gradients inside: use torch.func.grad there",
    "backward": "runs a backward pass inside: leave it out",
    ".data =": "sets the data of a tensor that autograd follows: build a new tensor instead",
}
_PADS = (nn.functional.pad, torch._C._nn.pad)
_OTHER_ORDER = (torch.batch_norm, torch.instance_norm)
_ZEROED = {
    torch.ops.aten.empty.memory_format: torch.ops.aten.zeros.default,
    torch.ops.aten.empty_like.default: torch.ops.aten.zeros_like.default,
    torch.ops.aten.new_empty.default: torch.ops.aten.new_zeros.default,
}
"""What a model has not written yet is 0, and no number that lay there before."""
_READING = frozenset(("_local_scalar_dense", "nonzero", "masked_select", "_unique2"))


def record(model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Recording:
    """Runs model(*args, **kwargs) once and returns what it did.

    Tensors among the arguments, however nested, become the inputs, tensors in the result the
    outputs, both in flat order. Raises CaptureError, by name, for what no recording can follow, and
    whatever the model itself raises.
    """
    flat, spec = tree_flatten((tuple(args), dict(kwargs)))
    places = [index for index, leaf in enumerate(flat) if isinstance(leaf, Tensor)]
    recorder = Recorder(model if isinstance(model, nn.Module) else None)

    def run(*tensors: Tensor) -> None:
        given: list[Any] = list(flat)
        for place, tensor in zip(places, tensors, strict=True):
            given[place] = tensor
        recorder.take_inputs([plain(tensor) for tensor in tensors])
        args_, kwargs_ = torch.utils._pytree.tree_unflatten(given, spec)
        with _Functions(recorder):
            result = model(*args_, **kwargs_)
        made = tensors_of(result)
        refuse_model(model, result)
        if not made:
            kind = type(result).__name__
            raise InputError(
                f"the model returns a {kind}, in which no tensor is found: return a tensor, a "
                f"tuple or a dict, or call torch.export.register_dataclass({kind}) first"
            )
        recorder.give_outputs([plain(tensor) for tensor in made], _names(result))

    # Copies, for the model may change its input in place.
    copies = [flat[place].detach().clone() for place in places]
    recorded = torch.func.functionalize(run, remove="mutations")
    modes = (eager(), torch.enable_grad(), recorder.paths, whole_functions(recorder))
    with ExitStack() as stack:
        for each in (*modes, _Operations(recorder)):
            stack.enter_context(each)
        recorded(*copies)
    return recorder.recording()


def _names(result: Any) -> list[str]:
    """How each tensor of a result is read from it."""
    found = tree_flatten_with_path(result)[0]
    return [keystr(path) for path, leaf in found if isinstance(leaf, Tensor)]


class _Operations(TorchDispatchMode):
    """Sees every operation below autograd and functionalization."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = recorder

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No compiler runs here; only to be kept from it, torch imports it, in seconds."""
        return False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        with torch._C.DisableTorchFunction():  # nothing here is a call of the model's
            return self._ran(function, args, kwargs or {})

    def _ran(self, function: Any, args: Any, kwargs: Any) -> Any:
        recorder = self.recorder
        if function._schema.is_mutable:
            recorder.will_change([args, kwargs])
            if not recorder.paused and recorder.changes.concern(function, args, kwargs):
                return recorder.changes.make(function, args, kwargs)
        if "memory_format" not in kwargs:
            function = _ZEROED.get(function, function)
        random = torch.Tag.nondeterministic_seeded in function.tags
        drawn = Generators(alone=True) if random else None
        out = function(*args, **kwargs)
        if recorder.paused:
            return out
        name = function.overloadpacket.__name__
        if name in _READING:
            recorder.remarks[SPECIALISED] = None
        if name != "_local_scalar_dense" and not (
            function._schema.is_mutable and any(a is out for a in tensors_of((args, kwargs)))
        ):
            recorder.note(function, args, kwargs, out, drawn=drawn)
        return out


class _Functions(TorchFunctionMode):
    """Sees every torch function that Python calls: counts it, names it, and keeps some whole."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        recorder, kwargs = self.recorder, kwargs or {}
        call = recorder.calls = recorder.calls + 1
        if recorder.paused:  # inside a custom autograd function
            return function(*args, **kwargs)
        given, given_kwargs = tree_map(plain, args), tree_map(plain, kwargs)
        recorder.met("in", tensors_of((given, given_kwargs)))
        before, recorder.name = recorder.name, _name(function)
        try:
            out = self._called(function, (args, kwargs), (given, given_kwargs))
        finally:
            recorder.name = before
        calls, recorder.calls = recorder.calls, call
        recorder.met("out", tensors_of(out))
        recorder.calls = calls
        return out

    def _called(self, function: Any, wrapped: Any, given: Any) -> Any:
        """What the function gives for the model's own tensors; `given` are those below them."""
        (args, kwargs), recorder, name = wrapped, self.recorder, self.recorder.name
        if name in READS:
            recorder.remarks[SPECIALISED] = None
            with temporarily_pop_interpreter_stack():
                return function(*given[0], **given[1])
        followed = bool(args) and isinstance(args[0], Tensor) and args[0] is not given[0][0]
        if followed and name in ATTRIBUTES:
            return ATTRIBUTES[name](recorder, args[0])
        hooks = name == "register_hook"  # on weights, too
        if name in REFUSED and (followed or hooks or _takes_gradients(name, args)):
            raise CaptureError(f"{recorder.paths.current or 'the model'} {REFUSED[name]}")
        if name in DROPS and followed and _given(wrapped, 2, "training", True):
            return self._dropped(function, wrapped, given[0][0])
        if _is_whole(function, wrapped):
            before = Generators(alone=True)
            with recorder.pause():
                out = function(*args, **kwargs)
            recorder.note_whole(function, given[0], given[1], tree_map(plain, out), before)
            return out
        out = function(*args, **kwargs)
        if followed and (now := plain(args[0])) is not given[0][0]:
            recorder.check_change(given[0][0], now)
        return out

    def _dropped(self, function: Any, wrapped: Any, below: Tensor) -> Tensor:
        """The product with what is drawn; the tensor `below` has the layout of the model's own."""
        (x, *rest), kwargs = wrapped
        with self.recorder.pause(), temporarily_pop_interpreter_stack():
            kept = function(torch.ones_like(below), *rest, **kwargs)
        return x.mul_(kept) if _given(wrapped, 3, "inplace", False) else x * kept


def _is_whole(function: Any, wrapped: Any) -> bool:
    circular = function in _PADS and _given(wrapped, 2, "mode", "constant") == "circular"
    known = (circular or _name(function) in WHOLE) and function not in _OTHER_ORDER
    return known and not any(map(_is_nested, tensors_of(wrapped)))


def _given(wrapped: Any, position: int, name: str, default: Any) -> Any:
    """An argument by its position or its name."""
    args, kwargs = wrapped
    return args[position] if position < len(args) else kwargs.get(name, default)


def _takes_gradients(name: str, args: Any) -> bool:
    """By torch.autograd.grad, not called by a transform such as torch.func.grad."""
    return name == "grad" and not any(map(_is_nested, tensors_of(args)))


def _name(function: Any) -> str:
    name: str = getattr(function, "__name__", type(function).__name__)
    if name in ("__get__", "__set__"):
        return f".{function.__self__.__name__}" + (" =" if name == "__set__" else "")
    return name


def _is_nested(tensor: Tensor) -> bool:
    """Whether it is in the hands of vmap or another transform, which look into functions."""
    wrapped = _functorch.is_functorch_wrapped_tensor(tensor)
    return wrapped and not _functorch.is_functionaltensor(tensor)
