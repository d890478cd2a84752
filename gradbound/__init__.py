"""Opens the front door: what `import gradbound as gb` offers.

Importing it imports nothing else; a name is loaded when it is first used, so the command line
answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradbound.api import analyze, audit, compare, derive
    from validate.watching.assert_flow import assert_flow
    from validate.watching.watch import watch

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "analyze",
    "assert_flow",
    "audit",
    "compare",
    "derive",
    "watch",
]

_HOMES = {
    **dict.fromkeys(("analyze", "audit", "compare", "derive"), "gradbound.api"),
    "assert_flow": "validate.watching.assert_flow",
    "watch": "validate.watching.watch",
}


def __getattr__(name: str) -> Any:
    """The public name, loaded from its module; raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(
            f"module 'gradbound' has no attribute {name!r}: choose from {', '.join(__all__)}"
        )
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
