"""Offers to programs what the command line offers to people.

Every function returns a frozen dataclass that prints itself, or raises one of `derivations.errors`.
"""

from derivations.architectures import block
from derivations.document import Document
from derivations.limits import run

TIME_LIMIT = 120.0


def derive(*blocks: str, seconds: float = TIME_LIMIT) -> Document:
    """Derives gradients and bounds of the named blocks (none: all of them) and checks every step.

    The work is done in a process of its own. A step that fails a check is reported, not raised: see `.ok` and `.failures()`.
    Raises InputError for an unknown block, TimeLimitError after `seconds`.
    """
    names = [block(name).name for name in blocks]
    return Document.of(run("derivations.document:derive_document", {"blocks": names}, seconds))
