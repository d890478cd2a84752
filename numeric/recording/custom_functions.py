"""Stands between a model and its custom autograd functions, however it came by their `apply`.

Each is kept in one piece: its backward is its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

from torch import Tensor
from torch._C import _functorch
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
from torch.autograd import Function
from torch.utils._pytree import tree_map
from torch.utils.checkpoint import CheckpointFunction

from derivations.errors import CaptureError
from numeric.recording.given import Generators
from numeric.recording.recorder import Recorder, plain, tensors_of

Apply = Callable[..., Any]
_HANDLERS: list[Callable[[type[Function], Any, Any], Any]] = []


def hand_over(cls: type[Function], args: Any, kwargs: Any) -> Any:
    """Called in place of `cls.apply`."""
    return _HANDLERS[-1](cls, args, kwargs)


@contextmanager
def whole_functions(recorder: Recorder) -> Iterator[None]:
    """Has the recorder note each custom function's application as one node."""
    function = Function.__dict__["apply"].__func__
    code = function.__code__
    original = FunctionType(code, function.__globals__, "apply", None, function.__closure__)
    _HANDLERS.append(lambda cls, args, kwargs: _applied(recorder, original, cls, args, kwargs))
    # Not the attribute but the code: models hold `apply` bound since they were imported.
    function.__code__ = _other_code()
    try:
        yield
    finally:
        function.__code__ = code
        _HANDLERS.pop()


def _other_code() -> CodeType:
    __class__ = Function  # Function.apply closes over it, so must what stands in for it

    def apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        from numeric.recording.custom_functions import hand_over

        assert __class__ is not None
        return hand_over(cls, args, kwargs)

    return apply.__code__


def _applied(
    recorder: Recorder, original: Apply, cls: type[Function], args: Any, kwargs: Any
) -> Any:
    if not recorder.paused and issubclass(cls, CheckpointFunction):
        return _checkpointed(recorder, cls, args)
    functional = any(map(_functorch.is_functionaltensor, tensors_of(args)))
    if functional and recorder.paused:
        return original(cls, *args, **kwargs)
    with recorder.aside():
        plain_args = tree_map(plain, args)
        before = [(tensor, tensor._version) for tensor in tensors_of(plain_args)]
        numbers = Generators()
    inside = _functorch.peek_interpreter_stack() is not None
    outside = temporarily_pop_interpreter_stack() if inside else nullcontext()
    with recorder.pause(), outside, recorder.gradients(False):
        out = original(cls, *plain_args, **kwargs)
    with recorder.aside():
        if any(tensor._version != version for tensor, version in before):
            raise CaptureError(
                f"the autograd function {cls.__name__} changes its input in place: have it return "
                "a new tensor"
            )
        if not functional:
            return out
        out = tree_map(_owned, out)
        name, recorder.name = recorder.name, cls.__name__
        recorder.note_whole(cls.apply, plain_args, kwargs, out, numbers)
        recorder.name = name
        level = max(map(_functorch.maybe_get_level, tensors_of(args)))
        return tree_map(partial(_wrapped, level=level), out)


def _wrapped(leaf: Any, level: int) -> Any:
    if isinstance(leaf, Tensor):
        return _functorch._wrap_functional_tensor(leaf, level)
    return leaf


def _checkpointed(recorder: Recorder, cls: type[Function], args: Any) -> Any:
    """Looks into a re-entrant checkpoint; the model itself has no graph of what is inside."""
    function, *rest = args

    def followed(*given: Any) -> Any:
        with recorder.gradients(True):
            return function(*given)

    since = len(recorder.values)
    unused = SimpleNamespace(save_for_backward=lambda *tensors: None)
    out = cls.forward(unused, followed, *rest)
    recorder.forget_addresses(since)
    return out


def _owned(leaf: Any) -> Any:
    """A tensor of its own: a function may return what it was given, which is another value."""
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf
