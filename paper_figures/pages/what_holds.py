"""Says what holds instead of what the paper claims, in formulas that the derivations prove.

Each entry names the claims it replaces, and takes its formula from the document: one that the
document does not hold is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from derivations.book.document import Document
from validate.audit.audit_document import Audit

OPEN_OR_FALSE = ("refuted", "conditional", "undecided")


@dataclass(frozen=True)
class Instead:
    """What the paper says, and what holds: in words, in LaTeX, and where it is derived."""

    claims: tuple[str, ...]
    paper: str
    holds: str
    latex: tuple[str, ...]
    to: str


@dataclass(frozen=True)
class _Entry:
    claims: tuple[str, ...]
    paper: str
    holds: str
    formulas: Callable[[Document], Sequence[str]]
    to: str


def _bounds(block: str, *ids: str) -> Callable[[Document], list[str]]:
    def found(document: Document) -> list[str]:
        there: Mapping[str, str] = {
            bound.id: bound.latex
            for record in document.blocks
            if record.block == block
            for bound in record.bounds
        }
        return [there[each] for each in ids]

    return found


def _claim_of(number: str, holds: bool, *starts: str) -> Callable[[Document], list[str]]:
    def found(document: Document) -> list[str]:
        return [
            next(
                claim.latex
                for equation in document.equations
                for claim in equation.claims
                if equation.number == number
                and claim.holds is holds
                and claim.statement.startswith(start)
            )
            for start in starts
        ]

    return found


_ENTRIES = (
    _Entry(
        ("C5",),
        "In a residual block gradients do not vanish, as there is a shortcut.",
        "They can: the branch may cancel the skip, and a ReLU behind the sum may close. The "
        "gradient is safe only where the branch is weaker than the skip.",
        _bounds("residual", "residual.uniform.lower", "residual.uniform.upper"),
        "residual",
    ),
    _Entry(
        ("C8", "C9"),
        "The gate of an SE-residual block leaves more of the gradient: ∂s/∂x · F + 1.",
        "Nothing is gained as the branch vanishes: the gate s sees x through F alone, so ∂s/∂x "
        "vanishes with it, and ∂L/∂H remains, as of a residual block.",
        _claim_of("3", True, "only ∂L/∂H remains"),
        "eq3",
    ),
    _Entry(
        ("C10",),
        "Eq. (4) concatenates the feature maps of all previous layers.",
        "Taken literally it repeats them: each x_j already holds those before it. From "
        "layer to layer the number of copies doubles, and one is added.",
        lambda document: [
            next(each.derived_latex for each in document.equations if each.number == "4")
        ],
        "eq4",
    ),
    _Entry(
        ("C12", "C13", "C14"),
        "Eq. (6): of a dense block at least |∂L/∂H| · √l remains.",
        "With matrices, only the signal on the block's inputs counts: with t = ‖J_Fᵀ g_F‖ / ‖g_y‖, "
        "the gain relative to ‖g_y‖ (the signal on its l inputs, √l times their root mean square "
        "r) lies between |t − 1| and t + 1, and tends to 1 as the branch vanishes: √l · r "
        "remains, not √l · ‖∂L/∂H‖. Relative to all of ‖∂L/∂H‖ no positive lower bound holds: some "
        "signals are lost entirely.",
        _bounds("dense", "dense.triangle.lower", "dense.triangle.upper"),
        "eq6",
    ),
    _Entry(
        ("C15",),
        "A dense block passes more of the gradient than a residual block, by √l.",
        "√l is a matter of units: a residual block with l numbers as input has it too. Divided by "
        "the same norm, 1 remains of both.",
        lambda _: (),
        "dense",
    ),
)


def what_holds(document: Document, audit: Audit) -> list[Instead]:
    """The entries about claims that do not hold as they stand, and that the document can prove."""
    replaced = {claim.id for claim in audit.claims if claim.verdict in OPEN_OR_FALSE}
    made = []
    for entry in _ENTRIES:
        if not set(entry.claims) <= replaced:
            continue
        try:
            latex = tuple(entry.formulas(document))
        except (KeyError, StopIteration):
            continue
        made.append(Instead(entry.claims, entry.paper, entry.holds, latex, entry.to))
    return made
