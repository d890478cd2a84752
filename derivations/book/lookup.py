"""What a reader looks up in the book: the meaning of a symbol beside its use, and the index.

Nothing here is derived: symbols are found in the formulas that a section prints, and words in the
titles and statements.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from derivations.book.document import BlockRecord, Document, EquationRecord, TheoremRecord

Proved = BlockRecord | TheoremRecord
"""What has bounds."""

BOTH = r"(?<![A-Za-z\\]){}(?![A-Za-z])"


@dataclass(frozen=True)
class Symbol:
    """A symbol (LaTeX), its meaning (plain text), and how it is recognised in a formula."""

    latex: str
    meaning: str
    pattern: str


def _letter(letter: str, meaning: str) -> Symbol:
    return Symbol(letter, meaning, BOTH.format(re.escape(letter)))


SYMBOLS = (
    Symbol(
        "g",
        "the backward signal ∂L/∂H; an index names the slice of it that belongs to a part of a "
        "concatenation",
        BOTH.format("g"),
    ),
    Symbol("J_{F}", "the Jacobian of a layer F at the block's input", r"J_\{?(?![BH]\})[A-Za-z]"),
    Symbol(
        r"J_{B},\ J_{H}",
        "the Jacobians of the branch, which is all that is added to the skip, and of the whole "
        "block",
        r"J_\{[BH]\}",
    ),
    Symbol(
        r"\rho,\ \sigma",
        "ReLU and the logistic sigmoid; with a prime, their slopes",
        r"\\(rho|sigma)['(]",
    ),
    Symbol(
        r"D_{\rho},\ D_{\sigma}",
        "diagonal matrices: the slopes of ReLU and of the logistic sigmoid where they are applied",
        r"D_\{\\(rho|sigma)\}",
    ),
    Symbol(r"\operatorname{diag}(a)", "the diagonal matrix with a on it", r"\{diag\}"),
    Symbol(r"a \odot b", "a times b, entry by entry", r"\\odot"),
    Symbol(r"a \,\Vert\, b", "a and b, one behind the other", r"\\,\\Vert\\,"),
    Symbol(r"I", "the identity matrix", BOTH.format("I")),
    Symbol(
        r"\gamma",
        "the gain: the norm of ∂L/∂x relative to the norm of a backward signal, which each block "
        "names",
        r"\\gamma",
    ),
    Symbol(r"\sigma_{\max}(A)", "the largest singular value of A", r"\\sigma_\{\\max\}"),
    Symbol(
        r"\sigma_{\min}(A^{\top})",
        "the least ‖Aᵀu‖ over unit columns u, which is 0 where A has more rows than columns",
        r"\\sigma_\{\\min\}",
    ),
    Symbol(
        r"J_{F} \to 0",
        "all Jacobians of the branch are scaled by one factor, which goes to 0; the values of "
        "layers stay",
        r"J_\{F\} \\to 0",
    ),
    Symbol(
        r"\epsilon",
        "such a factor in the scalar reading, or 1 over what grows",
        r"\\epsilon",
    ),
)
"""Those that mean the same in every section."""

OWN: Mapping[str, tuple[Symbol, ...]] = {
    "se_residual": (
        _letter("u", "what the gate weighs: F(x)"),
        _letter("P", "average pooling: the mean of each channel over its positions"),
        Symbol(r"W_1,\ W_2", "the two fully connected layers of the gate", r"W_[12]"),
        Symbol("s", "the gates, one per channel: σ(W_2 ρ(W_1 P u))", r"(?<![A-Za-z\\])B?s(?!\w)"),
        Symbol("B", "broadcast: the gate of a channel at each of its positions", r"(?<!\w)Bs?\b"),
    ),
    "projection": (Symbol("W_s", "the projection on the shortcut, a linear layer", r"W_s"),),
    "input_gate": (Symbol("s", "the gate, computed from the block's input", r"s\(x\)|J_\{s\}"),),
    "highway": (Symbol("T", "the transform gate; 1 − T(x) is the carry gate", r"T\(x\)|J_\{T\}"),),
    "resnext": (Symbol(r"F_1,\ F_2,\ F_3", "the branches, side by side", r"F_[123]"),),
}
"""Those that are a block's own."""


def symbols(name: str, latex: Iterable[str]) -> list[Symbol]:
    """The symbols that these formulas of a block use: its own, then those of every section."""
    formulas = "\n".join(latex)
    return [each for each in (*OWN.get(name, ()), *SYMBOLS) if re.search(each.pattern, formulas)]


WORDS = {
    "angle between signals": r"\bangle",
    "average pooling": r"average pooling",
    "BatchNorm": r"BatchNorm|BN\(",
    "batch of samples": r"\bbatch\b",
    "concatenation": r"[Dd]ense (?:block|step)|concatenat",
    "cone of losses": r"\bcone\b",
    "convolution": r"[Cc]onvolution",
    "cross-entropy": r"cross-entropy|softmax",
    "DenseNet": r"[Dd]ense ",
    "Frobenius norm": r"Frobenius|‖_F",
    "gate": r"\bgates?\b|excitation|[Hh]ighway",
    "Gaussian weights": r"Gaussian|N\(0",
    "hard labels": r"hard label",
    "Highway": r"[Hh]ighway",
    "initialisation": r"initialisation",
    "LayerNorm": r"LayerNorm",
    "masks, stochastic depth": r"kept with probability",
    "mean square of the gradient": r"mean square of the gradient",
    "norm preservation": r"preserv|isometr",
    "padding": r"padding",
    "paths": r"\bpaths?\b",
    "projection shortcut": r"projection",
    "ReLU": r"ReLU",
    "ResNet": r"[Rr]esidual",
    "ResNeXt": r"ResNeXt|[Pp]arallel branches",
    "scaled branch": r"scaled branch|x \+ α",
    "shift-invariant loss": r"shift-invariant",
    "soft labels": r"[Ss]oft label|softmax",
    "squeeze-and-excitation": r"[Ss]queeze-and-excitation|\bSE\b",
    "square-root law, √l": r"√l",
    "stack of blocks": r"\bstack",
    "telescoping gains": r"[Gg]ains multiply|telescop",
    "VGGNet": r"[Pp]lain",
    "weight, its gradient": r"weight's gradient",
}
"""Words of the index, and where they are found: in titles and statements."""


@dataclass(frozen=True)
class Entry:
    """An entry of the index and the labels of its places, in the book's order.

    `code`: the word is a name, as the command line prints it.
    """

    word: str
    places: tuple[str, ...]
    code: bool = False


def label(part: Proved | EquationRecord) -> str:
    """Where a part of the book is found: the name of a link's end."""
    if isinstance(part, BlockRecord):
        return f"block:{part.block}"
    if isinstance(part, EquationRecord):
        return f"equation:{part.block}.{part.id}"
    return f"theorem:{part.id}"


_NAMED = {
    "davidson_szarek": "Davidson–Szarek theorem",
    "sparre_andersen": "Sparre Andersen's theorem",
    "spitzer": "Spitzer's identity",
}


def in_words(axiom: str) -> str:
    """The name of an axiom as a reader would say it."""
    return _NAMED.get(axiom, axiom.replace("_", " "))


def named(text: str) -> str:
    """The text with names such as gradient_independence in words; symbols stay, as J_F."""
    return re.sub(r"(?<![\w.])[a-z]{2,}(?:_[a-z]{2,})+(?![\w(])", lambda m: in_words(m[0]), text)


def axiom_label(axiom: str) -> str:
    """Where an axiom is found, in letters that a label may hold."""
    return "axiom:" + re.sub(r"[^a-z0-9]+", "-", axiom.casefold())


def index(document: Document) -> dict[str, list[Entry]]:
    """Words with the paper's equations and the axioms, then names, each list sorted by itself."""
    return {"Words": _words(document), "Names of bounds and theorems": _names(document)}


def _words(document: Document) -> list[Entry]:
    parts: list[Proved] = [*document.blocks, *document.theorems]
    found = {f"Equation ({each.number})": [label(each)] for each in reversed(document.equations)}
    found |= {word: _places(parts, pattern) for word, pattern in WORDS.items()}
    found |= {in_words(axiom.name): _resting(parts, axiom.name) for axiom in document.axioms}
    made = [Entry(word, tuple(places)) for word, places in found.items() if places]
    return sorted(made, key=lambda entry: entry.word.casefold())


def _names(document: Document) -> list[Entry]:
    found: dict[str, list[str]] = {each.id: [label(each)] for each in document.theorems}
    parts: list[Proved] = [*document.blocks, *document.theorems]
    for part in parts:
        for bound in part.bounds:
            places = found.setdefault(bound.id.rpartition(".")[0], [])
            places += [] if label(part) in places else [label(part)]
    return [Entry(name, tuple(places), code=True) for name, places in sorted(found.items())]


def _places(parts: Iterable[Proved], pattern: str) -> list[str]:
    found = (part for part in parts if re.search(pattern, f"{part.title}\n{_statement(part)}"))
    return list(dict.fromkeys(map(label, found)))


def _resting(parts: Iterable[Proved], axiom: str) -> list[str]:
    """The axiom itself, and what cites it: by the rule of a step, or in words."""
    words = axiom.replace("_", " ")
    users = (
        part
        for part in parts
        if any(words in step.rule or axiom in step.rule for step in part.steps)
        or any(name in _said(part) for name in (axiom, words))
    )
    return list(dict.fromkeys((*map(label, users), axiom_label(axiom))))


def _statement(part: Proved) -> str:
    return part.statement if isinstance(part, TheoremRecord) else ""


def _said(part: Proved) -> str:
    return f"{part.statement} {part.setting}" if isinstance(part, TheoremRecord) else ""
