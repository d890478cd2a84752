"""Arranges the derivation document as a book: says what belongs together, and in which words.

Both readings of a block share a section, its equations beside them. How it looks is said by the
typesetters.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from string import ascii_letters

from derivations.book.document import (
    BlockRecord,
    BoundRecord,
    ClaimRecord,
    Document,
    EquationRecord,
    OrderRecord,
    StepRecord,
    TheoremRecord,
)
from derivations.book.lookup import Symbol, axiom_label, label, named, symbols

Part = BlockRecord | EquationRecord | TheoremRecord
"""What has a derivation of its own."""

PREFACE = (
    (
        "For every block this book says how much of the gradient gets through it: the derivation "
        "step by step, bounds on the gain, what remains when the branch vanishes, and what the "
        "source paper says. Every line was derived by rule from the block's structure, and judged "
        "in at least two independent ways, named by a letter beside it."
    ),
    (
        "H is the block's output and x its input, both real vectors; L is the loss. In the scalar "
        "reading every block is a number. In the operator reading Jacobians are matrices, and a "
        "pullback multiplies the backward signal by their transpose."
    ),
)
"""What a reader needs first. Plain text, as in statements of theorems."""

TITLE = "Derivations: gradients through network blocks"
AUTHOR = "gradbound"

CHAPTERS = {
    "Gates": ("se",),
    "Norms": ("norm",),
    "A dense step": ("dense",),
    "Equations (4) and (6) with matrices": ("eq4", "eq6"),
    "Dense blocks as built": ("architecture",),
    "Stacks of blocks": ("stack",),
    "Bounds for every loss": ("every_loss",),
    "Scaled branches": ("scaled_branch", "norm_preservation"),
    "Random weights": (
        "independent",
        "masked",
        "conditional",
        "gaussian",
        "pointwise",
        "convolution",
    ),
    "Laws about depth": ("depth",),
    "Laws that others published": ("published",),
}
"""Titles of the chapters of theorems, and the kinds of theorem that each holds."""
OTHERS = "Further theorems"

SYMBOLS_SECTION = ("symbols", "Symbols and ways of checking")
EQUATIONS_SECTION = ("equations", "The equations of the paper")
AXIOMS_SECTION = ("axioms", "Axioms")
INDEX_SECTION = ("index", "Index")
"""The other sections: label and title."""


@dataclass(frozen=True)
class Section:
    """One block: its readings and the paper's equations about it, each beside its number."""

    name: str
    readings: tuple[BlockRecord, ...]
    equations: tuple[tuple[str, tuple[EquationRecord, ...]], ...]

    @property
    def title(self) -> str:
        """The block's title."""
        return self.readings[0].title

    @property
    def symbols(self) -> list[Symbol]:
        """The symbols of its formulas that no line of the section explains."""
        formulas = [self.readings[0].definition_latex]
        parts: list[Part] = [*self.readings, *(e for _, group in self.equations for e in group)]
        for part in parts:
            formulas += [step.latex for step in part.steps]
        formulas += [bound.latex for bound in self.bounds]
        return symbols(self.name, formulas)

    @property
    def bounds(self) -> list[BoundRecord]:
        """The bounds of every reading."""
        return [bound for reading in self.readings for bound in reading.bounds]

    @property
    def order(self) -> list[OrderRecord]:
        """Which bound is never looser than which."""
        return [pair for reading in self.readings for pair in reading.order]


@dataclass(frozen=True)
class Meaning:
    """What a symbol of the bounds stands for (LaTeX).

    `only_in` names the bounds in which it does, where others give the symbol another meaning.
    """

    latex: str
    only_in: tuple[str, ...]


def sections(document: Document) -> list[Section]:
    """The document's blocks, each with its readings and equations, in order."""
    made = []
    for name, readings in groupby(document.blocks, key=lambda record: record.block):
        about = [equation for equation in document.equations if equation.block == name]
        made.append(Section(name, tuple(readings), by_number(about)))
    return made


def by_number(
    equations: Iterable[EquationRecord],
) -> tuple[tuple[str, tuple[EquationRecord, ...]], ...]:
    """The readings of each equation, beside its number."""
    return tuple(
        (number, tuple(group))
        for number, group in groupby(equations, key=lambda equation: equation.number)
    )


def chapters(document: Document) -> list[tuple[str, tuple[TheoremRecord, ...]]]:
    """The theorems under the titles of their chapters, in order; none is left out."""
    titles = {kind: title for title, kinds in CHAPTERS.items() for kind in kinds}
    made: dict[str, list[TheoremRecord]] = {}
    for theorem in document.theorems:
        made.setdefault(titles.get(_kind(theorem), OTHERS), []).append(theorem)
    return [(title, tuple(held)) for title, held in made.items()]


def contents(document: Document) -> list[tuple[str, str]]:
    """The labels and titles of all sections and chapters."""
    blocks = [(label(section.readings[0]), section.title) for section in sections(document)]
    judged = any(equation.claims for equation in document.equations)
    return [
        SYMBOLS_SECTION,
        *blocks,
        *([EQUATIONS_SECTION] if judged else []),
        *((f"chapter:{title}", title) for title, _ in chapters(document)),
        *([AXIOMS_SECTION] if document.axioms else []),
        INDEX_SECTION,
    ]


def title_of(place: str, document: Document) -> str:
    """What is found at a label, in words; raises KeyError for a label of nothing."""
    found = dict(contents(document))
    found |= {label(each): f"Equation ({each.number})" for each in document.equations}
    found |= {label(each): each.title for each in document.theorems}
    found |= {axiom_label(each.name): "axiom" for each in document.axioms}
    return found[place]


def derived_above(section: Section, equation: EquationRecord) -> str:
    """A sentence that says by which steps of the block's own derivation the equation is derived.

    "" where one of the equation's steps is not among them.
    """
    own = [
        step
        for block in section.readings
        if block.reading == equation.reading
        for step in block.steps
    ]
    if not all(step in own for step in equation.steps):
        return ""
    found = ", ".join(str(own.index(step) + 1) for step in equation.steps)
    return f"Derived above, by steps {found} of the {equation.reading} reading."


def meanings(bounds: Iterable[BoundRecord]) -> list[Meaning]:
    """What the symbols of the bounds stand for, once each.

    What a symbol says by itself, as σ(A) = σ(A), is left out.
    """
    users: dict[str, list[str]] = {}
    for bound in bounds:
        for line in bound.where:
            if not _says_itself(line):
                users.setdefault(line, []).append(bound.id)
    symbols = [_symbol(line) for line in users]
    return [
        Meaning(line, tuple(ids) if symbols.count(_symbol(line)) > 1 else ())
        for line, ids in users.items()
    ]


def meanings_in_steps(part: Part) -> list[str]:
    """What the symbols of the steps stand for (LaTeX), where the part's bounds do not say it."""
    bounds = () if isinstance(part, EquationRecord) else part.bounds
    told = {_symbol(line) for bound in bounds for line in bound.where}
    return [line for line in part.where if _symbol(line) not in told and not _says_itself(line)]


def _symbol(line: str) -> str:
    return line.partition(" = ")[0]


def _says_itself(line: str) -> bool:
    left, _, right = (re.sub(r"\\left|\\right|\s", "", part) for part in line.partition(" = "))
    # σ_min(Aᵀ) is told for every A by SYMBOLS, however the brackets around A are set.
    return re.sub(r"[()]", "", left) == re.sub(r"[()]", "", right)


def attained(bounds: Iterable[BoundRecord]) -> list[tuple[str, list[str]]]:
    """The worlds (LaTeX) in which bounds are attained, and which bounds those are."""
    worlds: dict[str, list[str]] = {}
    for bound in bounds:
        if bound.extremal:
            worlds.setdefault(bound.extremal, []).append(bound.id)
    return list(worlds.items())


def never_attained(bounds: Iterable[BoundRecord]) -> list[str]:
    """The bounds for which no such world was found."""
    return [bound.id for bound in bounds if not bound.extremal]


def families(ids: Iterable[str]) -> list[str]:
    """Bounds without their sides: residual.uniform for residual.uniform.lower and .upper."""
    return list(dict.fromkeys(each.rpartition(".")[0] for each in ids))


def methods(document: Document) -> dict[str, str]:
    """A letter for each way in which steps were checked."""
    names = dict.fromkeys(check.method for step in document.steps for check in step.checks)
    return {name: ascii_letters[index] for index, name in enumerate(names)}


def new_ways(theorem: TheoremRecord, document: Document) -> dict[str, str]:
    """The ways of checking, with their letters, that no earlier theorem of its kind used: who reads
    one kind of theorem alone finds them where they are first used.
    """
    alike = [each for each in document.theorems if _kind(each) == _kind(theorem)]
    earlier = {way for each in alike[: alike.index(theorem)] for way in _ways(each)}
    known = methods(document)
    return {way: known[way] for way in _ways(theorem) if way not in earlier}


def _kind(theorem: TheoremRecord) -> str:
    return theorem.id.partition(".")[0]


def _ways(theorem: TheoremRecord) -> list[str]:
    return list(dict.fromkeys(check.method for step in theorem.steps for check in step.checks))


def diagram(name: str, suffix: str) -> str:
    """Where the diagram of a block lies, seen from the book."""
    return f"diagrams/{name}.{suffix}"


def letters_of(step: StepRecord, known: Mapping[str, str]) -> str:
    """The letters of a step's checks; one that failed says so."""
    return ", ".join(known[check.method] + ("" if check.ok else " FAILS") for check in step.checks)


def verdict(claim: ClaimRecord) -> str:
    """Whether a statement of the paper is proved; that a proof fails refutes nothing."""
    return "holds" if claim.holds else "not proved"


def facts(theorem: TheoremRecord) -> list[str]:
    """What is to be known of a theorem beside its statement, in plain text."""
    return [
        f"{theorem.certainty}, {theorem.reading} reading",
        *(f"if {condition}" for condition in theorem.conditions),
        *([f"exact for {named(theorem.setting).rstrip('.')}"] if theorem.setting else []),
        *([f"source: {theorem.source}"] if theorem.source else []),
    ]


def all_passed(document: Document) -> str:
    """The verdict on all steps, as a sentence: a line that several derivations share is one."""
    outcomes: dict[tuple[str, str], bool] = {}
    for step in document.steps:
        line = (step.latex, step.condition)
        outcomes[line] = outcomes.get(line, True) and step.passed
    good = sum(outcomes.values())
    return f"{good} of {len(outcomes)} distinct steps passed every check." + (
        "" if document.ok else " SOME STEPS FAILED."
    )
