"""Finds the module to watch in what a user trains, or refuses by name what cannot be watched."""

from dataclasses import dataclass

from torch import nn

from derivations.errors import InputError
from numeric.recording.given import check_model

_REFUSED = {
    "DataParallel": (
        "DataParallel runs copies of the model in threads, whose graphs no hook on the model meets:"
        " use DistributedDataParallel"
    ),
    "FullyShardedDataParallel": "",
    "FSDPModule": "",
}
_SHARDED = (
    "{} shards the weights: a process holds pieces of each ∂L/∂W and gathers the rest inside the "
    "forward pass, so norms of weights would be of pieces, and a recording would gather them again:"
    " watch the same model under DistributedDataParallel"
)


@dataclass(frozen=True)
class Watchable:
    """`root` is the module whose calls are watched, `original` the one that is captured."""

    root: nn.Module
    original: nn.Module
    compiled: bool
    fixed: bool
    remarks: tuple[str, ...]
    """`fixed`: a capture runs collectives, so no process may capture again by itself."""


def watchable(model: object) -> Watchable:
    """The module inside DistributedDataParallel or torch.compile's wrapper, or the model itself.

    Raises InputError for what is no nn.Module, holds no numbers, is sharded, replicated in threads
    or compiled in place, each by name; CaptureError for a scripted model.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"a {type(model).__name__} cannot be watched: pass the nn.Module itself")
    for path, module in model.named_modules():
        _refuse(path or "the model", module)
    root, remarks = model, list[str]()
    if _is(root, "DistributedDataParallel"):
        root = _child(root, "module")
        remarks.append(
            "DistributedDataParallel: gains are those of this process's share of the batch, "
            "gradients of parameters the mean over all processes"
        )
    original = root
    if _is(root, "OptimizedModule"):
        original = _child(root, "_orig_mod")
        remarks.append(
            "torch.compile: steps that are watched run as they were written, without its speed; "
            "every=k leaves the others compiled"
        )
        if _is(original, "DistributedDataParallel"):
            raise InputError("compile the model before it is wrapped: DDP(torch.compile(model))")
    if root._compiled_call_impl is not None:
        raise InputError("the model is compiled in place: watch torch.compile(model) instead")
    check_model(original)
    inside = [*original.modules()]
    return Watchable(
        root,
        original,
        root is not original or any(_is_compiled(each) for each in inside),
        any(_is(each, "SyncBatchNorm") for each in inside),
        tuple(remarks),
    )


def _refuse(path: str, module: nn.Module) -> None:
    for each in type(module).__mro__:
        if each.__name__ in _REFUSED and each.__module__.startswith("torch."):
            said = _REFUSED[each.__name__] or _SHARDED.format(each.__name__)
            raise InputError(f"{path}: {said}")
    for name, weight in module.named_parameters(recurse=False):
        if type(weight).__name__ == "DTensor" or type(weight.data).__name__ == "DTensor":
            raise InputError(f"{path}.{name}: {_SHARDED.format('DTensor')}")


def _is(module: nn.Module, name: str) -> bool:
    return any(each.__name__ == name for each in type(module).__mro__)


def _is_compiled(module: nn.Module) -> bool:
    return _is(module, "OptimizedModule") or module._compiled_call_impl is not None


def _child(module: nn.Module, name: str) -> nn.Module:
    found = getattr(module, name)
    assert isinstance(found, nn.Module)
    return found
