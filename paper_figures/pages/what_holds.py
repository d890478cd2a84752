"""Says what holds instead of what the paper claims, in formulas that the derivations prove.

Each entry names the claims it replaces, and takes its formula from the document: one that the
document does not hold is left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from derivations.book.document import Document
from validate.audit.audit_document import Audit
from validate.records.schema import BlockRow

OPEN_OR_FALSE = ("refuted", "conditional", "undecided")


@dataclass(frozen=True)
class Instead:
    """What the paper says, and what holds: in words, in LaTeX, and where it is derived. `seen`: how
    often the lower bound said anything of measured networks.
    """

    claims: tuple[str, ...]
    paper: str
    holds: str
    latex: tuple[str, ...]
    to: str
    seen: str = ""


@dataclass(frozen=True)
class _Entry:
    claims: tuple[str, ...]
    paper: str
    holds: str
    formulas: Callable[[Document], Sequence[str]]
    to: str
    lower: str = ""
    letters: str = ""


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
        "They can: the branch may cancel the skip, and a ReLU behind the sum may close and then "
        "nothing passes. Of a block without such a ReLU every signal keeps a part where its branch "
        "F stretches each signal by less than 1 (σ_max(J_F) < 1, weaker than the skip), or each by "
        "more than 1 (σ_min(J_Fᵀ) > 1).",
        _bounds("residual", "residual.uniform.lower", "residual.uniform.upper"),
        "residual-residual.uniform.lower",
        "residual.uniform.lower",
        "J_F: the Jacobian of F; σ_max, σ_min: its greatest and least stretch.",
    ),
    _Entry(
        ("C8", "C9"),
        "The gate of an SE-residual block leaves more of the gradient: ∂s/∂x · F + 1.",
        "Nothing is gained as the branch vanishes: the gate s sees x through F alone, so ∂s/∂x "
        "vanishes with it, and ∂L/∂H remains, as of a residual block.",
        _claim_of("3", True, "only ∂L/∂H remains"),
        "eq3",
        letters="In one number each: u = F; P pools, W_1 and W_2 are the gate's layers, ρ′ and σ′ "
        "the slopes of its ReLU and sigmoid, B spreads the gate s over the maps; ε scales F.",
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
        "Eq. (6): √l · |∂L/∂H| or more remains of a dense block.",
        "Of ∂L/∂H let g_F arrive on the new features F, and g_y on the block's l inputs: ‖g_y‖ is "
        "√l times the root mean square over the inputs, so √l comes from what one divides by. The "
        "gain relative to ‖g_y‖ lies between |t − 1| and t + 1, with t = ‖J_Fᵀ g_F‖ / ‖g_y‖, and "
        "tends to 1 as the branch vanishes. Relative to all of ‖∂L/∂H‖ no positive lower bound "
        "holds: some signals are lost entirely.",
        _bounds("dense", "dense.triangle.lower", "dense.triangle.upper"),
        "dense-dense.triangle.lower",
    ),
    _Entry(
        ("C15",),
        "A dense block passes more of the gradient than a residual block, by √l.",
        "√l comes from dividing by the signal on one input: a residual block with l numbers as "
        "input has it too. Divided by the norm of the signal on all inputs, 1 remains of both.",
        lambda _: (),
        "dense",
    ),
)


def what_holds(document: Document, audit: Audit, rows: Iterable[BlockRow] = ()) -> list[Instead]:
    """The entries about claims that do not hold as they stand, and that the document can prove;
    `rows` are measured blocks.
    """
    replaced = {claim.id for claim in audit.claims if claim.verdict in OPEN_OR_FALSE}
    known = list(rows)
    made = []
    for entry in _ENTRIES:
        if not set(entry.claims) <= replaced:
            continue
        try:
            latex = tuple(entry.formulas(document))
        except (KeyError, StopIteration):
            continue
        holds = f"{entry.holds} {entry.letters}".rstrip()
        seen = often_silent(known, entry.lower) if entry.lower else ""
        made.append(Instead(entry.claims, entry.paper, holds, latex, entry.to, seen))
    return made


def often_silent(rows: Iterable[BlockRow], name: str) -> str:
    """How often a lower bound was 0 in measured blocks, which says nothing; empty where none has
    it.
    """
    values = [
        value
        for row in rows
        for bound in row.bounds
        if bound.id == name
        for value in bound.value
        if value is not None
    ]
    if not values:
        return ""
    return (
        f"Of the trained networks the lower bound says little: it is 0 in {values.count(0):,} of "
        f"{len(values):,} checks. What says more there uses the signal itself, or the loss."
    )
