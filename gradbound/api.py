"""Offers to programs what the command line offers to people.

Every function returns a frozen dataclass that prints itself, or raises one of `derivations.errors`.
"""

from pathlib import Path

from derivations.algebra.blocks import block
from derivations.book.text import PrintedDocument
from derivations.time_limit import run
from validate.audit.audit_document import Audit
from validate.records.recorded import RECORDED

TIME_LIMIT = 120.0


def derive(*blocks: str, seconds: float = TIME_LIMIT) -> PrintedDocument:
    """Derives gradients and bounds of the named blocks (none: all of them) and checks every step.

    The work is done in a process of its own. A step that fails a check is reported, not raised: see
    `.ok` and `.failures()`. Raises InputError for an unknown block, TimeLimitError after `seconds`.
    """
    names = [block(name).name for name in blocks]
    answer = run("derivations.book.derive:derive_json", {"blocks": names}, seconds)
    return PrintedDocument.of(answer)


def audit(results: str | Path | None = None, *, seconds: float = TIME_LIMIT) -> Audit:
    """Adjudicates the paper's claims C1–C25: evidence is computed, and the verdicts follow from it.

    C24 and C25 are judged by `results`, the folder that `validate` wrote, else by the recorded runs
    of the cpu preset. That a claim is refuted is not raised: see `.claims`, or `audit()["C8"]`. The
    work is done in a process of its own. Raises InputError for a folder whose records are missing,
    altered or unfinished, TimeLimitError after `seconds`.
    """
    arguments = {"results": str(results or RECORDED)}
    return Audit.of(run("validate.audit.adjudicate:audit_document", arguments, seconds))
