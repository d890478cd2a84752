"""Finds where a long LaTeX formula may be broken into lines, without a layout package.

A formula becomes pieces; a line may end between two of them, at the price that the later piece
states. Braces, matrices and short parentheses are never broken; long `\\left( … \\right)` are
opened (`\\bigl( … \\bigr)`), so that what they hold can be.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

RELATION, COMMA, SUM, FACTOR = 100, 120, 200, 1500
DEEPER = 150  # added for each parenthesis around a break
OPENED = 14  # glyphs: a longer parenthesis is opened
BARE = 24  # glyphs: a longer parenthesis of plain ( and ) is

_TOKEN = re.compile(
    r"\\left\s*(?:\\[A-Za-z]+|\\.|.)|\\right\s*(?:\\[A-Za-z]+|\\.|.)|\\(?:begin|end)\{\w+\*?\}"
    r"|\\[A-Za-z]+|\\.|\s+|.",
    re.DOTALL,
)
_RELATIONS = {"=", r"\ge", r"\le", r"\leq", r"\geq", r"\to", r"\neq"}
SEPARATORS = _RELATIONS | {",", "&", r"\\"}
"""Tokens at which a sum ends."""
_SPACES = {r"\quad", r"\qquad", r"\,", r"\;", r"\ "}
_HOLDING = re.compile(
    r"(\\(times|cdot|odot|Vert|max|min|lim|sum|sup|inf|cos|angle|operatorname|partial)|[/,+=-])$"
)
_BINDING = re.compile(r"\\(times|cdot|odot|Vert)(?![A-Za-z])|[/^_]")


@dataclass(frozen=True)
class Piece:
    """A part of a formula that stays on one line; `price` is that of a break before it."""

    latex: str
    price: int


@lru_cache(maxsize=4096)
def pieces(latex: str, width: int) -> tuple[Piece, ...]:
    """The formula in pieces; one that has no more than `width` glyphs stays whole."""
    return tuple(_split(tokens(latex), 0)) if glyphs(latex) > width else (Piece(latex, 0),)


def tokens(latex: str) -> list[str]:
    """The formula's commands, fences with the command before them, spaces and characters."""
    return _TOKEN.findall(latex)


def lines(latex: str, width: int) -> list[str]:
    """The formula in as few cheap lines of about `width` glyphs as its pieces allow."""
    parts = pieces(latex, width)
    sizes = [glyphs(part.latex) for part in parts]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(parts) + 1):
        choices = []
        for start in range(stop - 1, -1, -1):
            size = sum(sizes[start:stop])
            if size > width and start < stop - 1:
                break
            # The last line may be short. Every line costs, or a cheap break would always be taken.
            spare = 0.0 if stop == len(parts) else max(0.0, 1 - size / width)
            price = (parts[start].price if start else 0) + 400 * spare**2 + 300
            choices.append((best[start][0] + price, start))
        best.append(min(choices))
    cuts = [len(parts)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    bounds = cuts[::-1]
    return ["".join(part.latex for part in parts[a:b]).strip() for a, b in pairwise(bounds)]


@lru_cache(maxsize=16384)
def glyphs(latex: str) -> int:
    """About how many characters wide a formula is set."""
    text = re.sub(r"\\(?:tilde|mathrm|operatorname|text|mathbb|sqrt)\{([^{}]*)\}", r"\1", latex)
    text = re.sub(r"_\{\\(?:max|min)\}", " xx ", text)
    text = re.sub(r"\\(?:left|right|bigl|bigr)\s*\.?|\\(?:begin|end)\{\w+\}", "", text)
    for _ in range(3):  # from the innermost braces outward; deeper formulas are only estimated
        text = re.sub(
            r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", lambda m: max(m[1], m[2], key=_bare), text
        )
        text = re.sub(r"\\sum_\{[^{}]*\}(\^\{[^{}]*\})?", "XX", text)
        text = re.sub(r"[_^]\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"\\(max|min|lim|cos)(?![A-Za-z])", r"\1", text)
    text = re.sub(r"\\[A-Za-z]+|\\.", "x", text)
    return len(re.sub(r"[{}\s]", "", text)) + len(re.findall(r"\s[+=-]\s", text)) * 2


def _bare(latex: str) -> int:
    return len(re.sub(r"\\[A-Za-z]+", "x", latex))


def _split(tokens: list[str], depth: int) -> list[Piece]:
    """Pieces of the tokens between two parentheses, or of all."""
    found: list[Piece] = []
    text, price, position = "", 0, 0

    def cut(next_price: int) -> None:
        nonlocal text, price
        if next_price and text.strip():
            found.append(Piece(text, price))
            text, price = "", next_price + DEEPER * depth

    while position < len(tokens):
        group = tokens[position : group_end(tokens, position)]
        position += len(group)
        cut(_price_before(group[0], text))
        first, *rest = _opened(group, depth)
        text += first.latex
        for piece in rest:
            found.append(Piece(text, price))
            text, price = piece.latex, piece.price
        cut(_price_after(group[0], text, tokens[position] if position < len(tokens) else ""))
    return [*found, Piece(text, price)] if text.strip() else found


def _opened(group: list[str], depth: int) -> list[Piece]:
    """A long parenthesis in pieces; any other group in one."""
    inner = group[1:-1]
    size = glyphs("".join(inner))
    if group[0] == "(" and size > BARE:
        opening, closing = "(", ")"
    elif group[0].startswith(r"\left") and group[0].endswith("(") and size > OPENED:
        opening, closing = r"\bigl(", r"\bigr)"
    else:
        return [Piece("".join(group), 0)]
    first, *rest = _split(inner, depth + 1)
    made = [Piece(opening + first.latex, 0), *rest]
    return [*made[:-1], Piece(made[-1].latex + closing, made[-1].price)]


def _price_before(token: str, before: str) -> int:
    """The price of a break before a relation, or a sign between terms; 0 where there is none."""
    if token in _RELATIONS:
        return RELATION
    return SUM if is_sign(token, before) else 0


def _price_after(token: str, before: str, following: str) -> int:
    """The price of a break after a comma, or between two factors; 0 where there can be none."""
    if token == "," or (token in _SPACES and len(token) > 2):
        return COMMA
    free = token.isspace() and not _HOLDING.search(before.rstrip()) and not _binds(following)
    return FACTOR if free else 0


def is_sign(token: str, before: str) -> bool:
    """Whether the token after this text joins two terms, rather than being the sign of the
    first.
    """
    return (
        token in ("+", "-")
        and bool(before.strip())
        and not re.search(r"(\\(ge|le|leq|geq|to|quad)|[=(,:])$", before.rstrip())
    )


def _binds(following: str) -> bool:
    """Whether what follows belongs to what stands before: an operator, an exponent, or nothing.

    A relation, a sign and a comma do so too: they state prices of their own.
    """
    return (
        not following
        or following in _RELATIONS
        or following in _SPACES
        or following in "+-,:"
        or bool(_BINDING.match(following))
    )


_OPENERS, _CLOSERS = ("{", "(", r"\left", r"\begin"), ("}", ")", r"\right", r"\end")


def group_end(tokens: list[str], start: int) -> int:
    """One past the group that begins at `start`, a single token where nothing opens there.

    Groups are what stands in braces, parentheses, fences and environments.
    """
    depth = 0
    for position in range(start, len(tokens)):
        depth += _level(tokens[position])
        if depth <= 0:
            return position + 1
    return len(tokens)


def _level(token: str) -> int:
    """1 for what opens a group, −1 for what closes one, 0 for anything else."""
    if token in (r"\leftarrow", r"\rightarrow"):  # these only look like fences
        return 0
    if _begins(token, _OPENERS):
        return 1
    return -1 if _begins(token, _CLOSERS) else 0


def _begins(token: str, marks: tuple[str, ...]) -> bool:
    # Of a command like \left the fence that follows is part of the token, of a brace nothing is.
    return any(token == mark or (len(mark) > 1 and token.startswith(mark)) for mark in marks)
