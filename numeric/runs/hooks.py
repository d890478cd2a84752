"""Finds the hooks of modules, and silences them while something runs.

They come back as they were. Hooks on all modules at once count as well. Never imports a term.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules import module as everywhere

BACKWARD = ("backward_pre_hooks", "backward_hooks")
ALL = ("forward_pre_hooks", "forward_hooks", *BACKWARD)


def has_hooks(modules: Iterable[nn.Module]) -> bool:
    """Whether any of them has a hook, or all modules have."""
    return next(_hooked(modules, ALL), None) is not None


@contextmanager
def silenced(modules: Iterable[nn.Module], kinds: tuple[str, ...] = ALL) -> Iterator[None]:
    """Runs what is inside as if these modules had no hooks of these kinds."""
    hooked = list(_hooked(modules, kinds))
    saved = [(holder, name, holder[name]) for holder, name in hooked]
    try:
        for holder, name in hooked:
            holder[name] = OrderedDict()
        yield
    finally:
        # The very same dictionaries: whoever registered a hook removes it from them.
        for holder, name, hooks in saved:
            holder[name] = hooks


def _hooked(
    modules: Iterable[nn.Module], kinds: tuple[str, ...]
) -> Iterator[tuple[dict[str, object], str]]:
    """Where hooks are held: a namespace and a name in it."""
    for kind in kinds:
        if vars(everywhere)[f"_global_{kind}"]:
            yield vars(everywhere), f"_global_{kind}"
    for module in modules:
        for kind in kinds:
            if vars(module).get(f"_{kind}"):
                yield vars(module), f"_{kind}"
