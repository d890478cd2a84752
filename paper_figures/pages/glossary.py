"""Says what the words of the page mean, and links each where a part of the page first uses it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from paper_figures.mathml import subscripts


@dataclass(frozen=True)
class Entry:
    """A word of the glossary: its `name` in the page's addresses, how it is written in texts (a
    regular expression), and what it means.
    """

    name: str
    word: str
    written: str
    meaning: str


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "block",
        "block",
        r"blocks?(?= of| in| is|,|\.| that| alone)",
        "A part of a network with one input x and one output H, drawn in Figures 1 to 4. A "
        "network is a stack of blocks; “block 7” is the seventh from the network's input.",
    ),
    Entry(
        "gain",
        "gain γ",
        r"gains? γ|(?<!ones )(?<!ResNets )(?<!neither a )gains?(?!\?| no | by )",
        "γ = ‖∂L/∂x‖ / ‖∂L/∂H‖ of one block: how much of the gradient that arrives at the "
        "block's output H leaves it at its input x. Gain 1: all of it; a gain of 0.4 of block"
        " 7: of the gradient that the blocks behind it hand to block 7, 40 % (in norm) reach "
        "block 6; above 1: it grows. The gains of all blocks multiply to what the network "
        "passes on (telescoping). Some bounds of dense blocks divide by a part of ∂L/∂H, which "
        "they name.",
    ),
    Entry(
        "gradient",
        "gradient, signal",
        r"backward signals?",
        "∂L/∂x says how the loss L changes with x. The backward signal g is the gradient "
        "∂L/∂H that arrives at a block's output.",
    ),
    Entry(
        "norm",
        "‖v‖, norm",
        r"norm of",
        "The length of a vector: the root of the sum of its squared entries. ‖A‖_F is the "
        "same of the entries of a matrix (Frobenius norm).",
    ),
    Entry(
        "jacobian",
        "Jacobian J_F",
        r"Jacobians?",
        "The matrix of all derivatives of F's outputs by its inputs. J_F belongs to the "
        "branch or layer F, J_H to the whole block.",
    ),
    Entry(
        "sigma",
        "σ_max, σ_min",
        r"singular values?|σ_max(?=\()",
        "The largest and the least singular value of the matrix in brackets: the most and the"
        " least by which it stretches a vector. σ_max(J_F) is that of the branch F, "
        "σ_max(J_H) that of the whole block: they are two numbers.",
    ),
    Entry(
        "branch",
        "branch, skip",
        r"(?<!weight )(?<!starting at )branch(?:es)?|skip connections?",
        "A residual block adds its input x (the skip, or shortcut) to what its weighted "
        "layers F make of it (the branch): H = F(x) + x. That the branch vanishes means ∂F/∂x"
        " → 0.",
    ),
    Entry(
        "term",
        "term",
        r"terms?(?= that| of a block| of the block|,)|from (?:its|their) terms?",
        "How a block is put together, as a formula of its parts: sum, chain, product, "
        "concatenation of layers. Derivations read nothing else of a block.",
    ),
    Entry(
        "reading",
        "reading: scalar, operator",
        r"(?:scalar|operator) readings?|readings?",
        "How the paper's formulas are understood. Scalar: every symbol is one number. "
        "Operator: x, F and H are vectors, ∂F/∂x and ∂H/∂x matrices (Jacobians), and ∂L/∂x = "
        "(∂H/∂x)ᵀ · ∂L/∂H. A statement may hold in one and fail in the other.",
    ),
    Entry(
        "verdict",
        "verdict",
        r"verdicts?",
        "Confirmed: holds in every reading that is judged. Conditional: holds in some, fails "
        "or is open in others. Refuted: holds in none, or a part that it needs fails. "
        "Undecided: the evidence supports neither side. Untestable: there is nothing to judge"
        " by.",
    ),
    Entry(
        "counterexample",
        "counterexample",
        r"counterexamples?",
        "A case in which the claim is false: the smallest that a search finds, in exact "
        "arithmetic, and evaluated again by automatic differentiation. Of a claim about a printed "
        "number or about training, what was found in its place: no case, but a count or a test.",
    ),
    Entry(
        "bound",
        "bound",
        r"(?:lower |upper )?bounds?",
        "A number that the gain cannot fall below (lower) or rise above (upper), proved for "
        "every network of that structure. Violated: a measured gain was on its wrong side. "
        "Tight: the gain can come up to it.",
    ),
    Entry(
        "certainty",
        "exact, certified, probable, law, estimate",
        r"certainty",
        "Exact: an identity or inequality that holds up to floating-point rounding. "
        "Certified: enclosed by interval arithmetic. Probable: holds with probability 1 − δ. "
        "Law: holds in the mean, or as the width grows, for random weights. Estimate: none of"
        " these.",
    ),
    Entry(
        "delta",
        "probable, δ",
        r"probable|δ(?= =| over)",
        "The chance, δ, that a probable bound is wrong, over the random start of the method "
        "that found the singular values, for each sample; δ = 10⁻⁶: one in a million.",
    ),
    Entry(
        "certificate",
        "certificate",
        r"certificates?",
        "A proof that a computer checks by itself: a difference written as a sum of products "
        "each of which cannot be negative.",
    ),
    Entry(
        "step",
        "step, check",
        r"derivation steps?",
        "One line of a derivation. Each is judged in at least two independent ways, such as "
        "multiplying out, random matrices, or limits along drawn numbers.",
    ),
    Entry(
        "telescoping",
        "telescoping",
        r"telescop(?:ing|ed|es)",
        "That gains of neighbouring blocks multiply, as each divides by what the next one "
        "hands on: γ of the whole stack = γ of block 1 · γ of block 2 · … (survival).",
    ),
    Entry(
        "survival",
        "survival",
        r"(?:gradient )?survival|survives",
        "How much of the gradient at the end of the stack of blocks arrives at its beginning:"
        " the product of all gains.",
    ),
    Entry(
        "alignment",
        "alignment",
        r"alignments?",
        "The cosine of the angle between what comes back through the skip and through the "
        "branch, here in units of its deviation over random weights. Positive: they add; "
        "negative: they cancel; 0: at right angles, as for random weights.",
    ),
    Entry(
        "held",
        "held, freshly drawn",
        r"held weights?|freshly drawn|drawn anew",
        "A law of random weights speaks of weights drawn anew, on which the signals do not "
        "depend. Held weights are the network's own: its states and gradients were made with "
        "them.",
    ),
    Entry(
        "random-law",
        "law of random weights",
        r"laws? of random weights|depth laws?|random law",
        "How likely each gain of a block is if its weights were drawn at random, all else as "
        "it is. A depth law says how the mean square of the gradient grows with depth.",
    ),
    Entry(
        "spearman",
        "Spearman's ρ, p",
        r"Spearman's ρ|rank correlations?|ρ(?= =)",
        "ρ says whether two rankings agree: 1 wholly, −1 they are reversed, 0 not at all. p: "
        "how often chance alone would give as much; adjusted (Holm) where several are tested.",
    ),
    Entry(
        "losses",
        "hard label, shift-invariant loss",
        r"hard labels?|shift-invariant loss(?:es)?",
        "A loss is shift-invariant if it stays the same when one number is added to all outputs of "
        "the network, as softmax cross-entropy. Hard label: cross-entropy with one right class.",
    ),
    Entry(
        "probe",
        "probe sample, h_0, h_n, ε",
        r"probe samples?|flow ratios?|batch ratios?",
        "Probe samples are the few images whose gradients are recorded. h_0 is the input of the "
        "first block, h_n the output of the last; flow or batch ratio: ‖∂L/∂h_0‖ / ‖∂L/∂h_n‖. ε "
        "scales a branch: at 0 it has vanished.",
    ),
    Entry(
        "level",
        "level, stratum",
        r"levels?(?= \(claimed)|stratum|strata",
        "In the study: a stratum is a network (family and depth), a level of it one way to rescale "
        "its skips or branches. A test of C25 compares levels within a stratum.",
    ),
    Entry(
        "holm",
        "Holm, z, cut off",
        r"Holm|\bz(?= =)|cut off",
        "Holm's adjustment raises p-values where several are tested. z: a difference in units of "
        "its standard error; beyond ±1.96 chance is unlikely. Cut off: digits dropped, not "
        "rounded.",
    ),
    Entry(
        "preset",
        "preset: smoke, cpu, study",
        r"presets?|smoke(?= runs| preset)",
        "What is trained: smoke (minutes, handwritten digits), cpu (an hour), study (hours; "
        "judges C24 and C25). The recorded runs come with gradbound; fresh ones are your own.",
    ),
    Entry(
        "autograd",
        "automatic differentiation",
        r"automatic differentiation|autograd",
        "How PyTorch computes gradients. Measurements use it alone, and share no code with "
        "what is predicted.",
    ),
)
_SILENT = {"a", "summary", "h1", "h2", "h3", "h4", "math", "code", "pre", "style", "caption", "dt",
           "title", "svg", "th", "nav", "label", "figcaption"}  # fmt: skip
_TAG = re.compile(r"(<[^>]*>)")
_VOID = {"wbr", "br", "img", "source", "meta", "input"}


def words() -> Mapping[str, Markup]:
    """What each word means, set for the page, by address."""
    return {each.name: subscripts(each.meaning) for each in ENTRIES}


def linked(page: Markup) -> Markup:
    """The page with a link to the glossary where a section first uses one of its words in running
    text.
    """
    return Markup("".join(_linked(str(page))))  # only links are added, to text that is escaped


def _linked(page: str) -> Iterator[str]:
    left, silent = list(ENTRIES), 0
    for part in _TAG.split(page):
        if not part.startswith("<"):
            yield part if silent or not part.strip() else _with_links(part, left)
            continue
        name = re.match(r"</?([a-z0-9]+)", part)
        tag = name[1] if name else ""
        if tag == "section" and not part.startswith("</"):
            left = [] if 'id="glossary"' in part else list(ENTRIES)
        if tag in _SILENT and tag not in _VOID:
            silent += -1 if part.startswith("</") else 1
        yield part


def _with_links(text: str, left: list[Entry]) -> str:
    for entry in list(left):
        places = re.finditer(rf"(?<![\w‖#&.-])(?:{entry.written})(?!\w)", text)
        found = next((each for each in places if not _inside_a_link(text, each.start())), None)
        if found is not None:
            left.remove(entry)
            link = f'<a class="word" href="#word-{escape(entry.name)}">{found[0]}</a>'
            text = text[: found.start()] + link + text[found.end() :]
    return text


def _inside_a_link(text: str, place: int) -> bool:
    return text.rfind("<a ", 0, place) > text.rfind("</a>", 0, place)
