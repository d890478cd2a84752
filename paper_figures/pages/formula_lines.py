"""Sets a formula in pieces that a page breaks into lines as it breaks words.

A line may end before a relation, a sum or a product, and behind a comma, never inside a fraction, a
root or a matrix. Long parentheses are opened. A piece that may be wider than a narrow screen stands
in a box of its own, which scrolls.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from xml.etree.ElementTree import Element

from markupsafe import Markup

from paper_figures.mathml import element, source, written

NARROW = 26
"""Glyphs that fit on a line of a narrow screen."""
SCROLLS = 22
"""Glyphs from which a piece may not fit there."""
_RELATIONS = frozenset("=≥≤→≈∼≠<>≪≫↦")
_SUMS = frozenset("+−-±")
_PRODUCTS = frozenset("×·⊙∗∘/⋅")
_BEHIND = frozenset(",;:")
_OPENING, _CLOSING = frozenset("([{⟨"), frozenset(")]}⟩")
_SCRIPTS = {"msub", "msup", "msubsup"}
_ROWS = {"mrow", "mstyle", "mpadded"}

Part = tuple[Element, bool]
"""An element, and whether it is a bracket of parentheses that were opened."""
Break = Callable[[Element, Element], bool]


@lru_cache(maxsize=8192)
def formula(latex: str) -> Markup:
    """The formula as a block of pieces; as `code` where it cannot be converted completely."""
    root = element(latex)
    if root is None:
        return Markup('<div class="formula">{}</div>').format(source(latex))
    parts = list(_flat(root))
    pieces = Markup("<wbr>").join(_piece(piece) for piece in _pieces(parts))
    return Markup('<div class="formula">{}</div>').format(pieces)


def _flat(row: Iterable[Element]) -> Iterator[Part]:
    """What stands in a row, rows in it opened, and parentheses too where what they hold is long."""
    for child in row:
        fence = child.tag == "mrow" and len(child) > 1 and child[0].get("fence") == "true"
        if not fence and child.tag in _ROWS:
            yield from _flat(child)
        elif fence and width(child) > NARROW and (child[0].text or "") in _OPENING:
            yield _plain(child[0]), True
            yield from _flat(list(child)[1:-1])
            yield _plain(child[-1]), True
        else:
            yield child, False


def _plain(bracket: Element) -> Element:
    """A bracket that does not stretch: what it encloses may be on several lines."""
    made = Element("mo", {"stretchy": "false", "form": bracket.get("form", "infix")})
    made.text = bracket.text
    return made


def _pieces(parts: list[Part]) -> list[list[Element]]:
    """The parts between good breaks; of a run that is still long, also between factors."""
    made: list[list[Element]] = []
    for run in _split(parts, _good_break):
        elements = [each for each, _ in run]
        if sum(map(width, elements)) > NARROW:
            made += [[each for each, _ in few] for few in _split(run, _between_factors)]
        else:
            made.append(elements)
    return made


def _split(parts: list[Part], may: Break) -> list[list[Part]]:
    """The parts between the breaks that there may be; never inside parentheses that are closed."""
    made: list[list[Part]] = [[]]
    inside = 0
    for (before, _), (part, opened) in pairwise([(Element("mrow"), False), *parts]):
        if made[-1] and not inside and may(before, part):
            made.append([])
        made[-1].append((part, opened))
        if not opened:
            bracket = _text(part[0] if part.tag in _SCRIPTS else part)
            inside += (bracket in _OPENING) - (bracket in _CLOSING)
            inside = max(inside, 0)
    return [run for run in made if run]


def _good_break(before: Element, part: Element) -> bool:
    left, right = _text(before), _text(part)
    if left in _BEHIND or right in _RELATIONS:
        return bool(left or right)
    binary = left not in _RELATIONS | _SUMS | _PRODUCTS | _OPENING
    return binary and right in _SUMS | _PRODUCTS


def _between_factors(before: Element, part: Element) -> bool:
    if before.tag == "mo" or part.tag in ("mo", "mspace"):
        return False
    return before.tag not in ("munder", "munderover", "mover") and len(_text(before)) < 2


def _piece(elements: list[Element]) -> Markup:
    first = elements[0]
    if first.tag == "mo" and _text(first) in _RELATIONS | _SUMS | _PRODUCTS and len(elements) > 1:
        first.set("form", "infix")
    row = Element("mrow")
    row.extend(elements)
    root = Element("math", {"display": "inline", "displaystyle": "true"})
    root.append(row)
    size = sum(map(width, elements))
    if size > SCROLLS:
        box = Markup('<span class="long" tabindex="0" role="group" aria-label="long formula">')
        return box + written(root) + Markup("</span>")
    return written(root)


def _text(part: Element) -> str:
    return (part.text or "").strip() if part.tag in ("mo", "mi", "mtext") else ""


def width(part: Element) -> float:
    """About how many glyphs wide a part is set."""
    match part.tag:
        case "mspace":
            return float(part.get("width", "0em").removesuffix("em") or 0) * 2
        case "mo":
            text = (part.text or "").strip()
            return 2.0 if text in _RELATIONS | _SUMS | _PRODUCTS else 1.0 * len(text)
        case "mfrac" | "munder" | "mover" | "munderover":
            return max(map(width, part), default=0.0)
        case "msub" | "msup" | "msubsup":
            base, *scripts = map(width, part)
            return base + 0.7 * max(scripts, default=0.0)
        case "mtable":
            columns = zip(*([width(cell) for cell in row] for row in part), strict=False)
            return sum(max(column) + 1 for column in columns)
    if len(part):
        return sum(map(width, part)) + (1.5 if part.tag == "msqrt" else 0.0)
    return float(len((part.text or "").strip()))
