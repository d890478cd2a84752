"""Translates plain text with mathematical signs into LaTeX that pdflatex sets with its own fonts.

A character without a translation is refused by name: what is printed is never silently another
text.
"""

import re
import unicodedata

from derivations.errors import InputError

_GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
]  # fmt: skip
_LETTERS = "αβγδεζηθικλμνξπρστυφχψω"
_CAPITALS = {
    "Γ": "Gamma",
    "Δ": "Delta",
    "Θ": "Theta",
    "Λ": "Lambda",
    "Ξ": "Xi",
    "Π": "Pi",
    "Σ": "Sigma",
    "Φ": "Phi",
    "Ψ": "Psi",
    "Ω": "Omega",
}
_SIGNS = {
    "‖": r"\Vert", "∥": r"\Vert", "≠": r"\neq", "≥": r"\ge", "≤": r"\le", "−": "-", "·": r"\cdot",
    "×": r"\times", "⊙": r"\odot", "⊗": r"\otimes", "⊕": r"\oplus", "√": r"\surd", "∂": r"\partial",
    "∇": r"\nabla", "∞": r"\infty", "→": r"\to", "↦": r"\mapsto", "⋯": r"\cdots",
    "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow", "⟨": r"\langle", "⟩": r"\rangle",
    "′": r"{}^{\prime}", "±": r"\pm", "≈": r"\approx", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset",
    "⊆": r"\subseteq", "∪": r"\cup", "∩": r"\cap", "∅": r"\emptyset", "∀": r"\forall",
    "∃": r"\exists", "∏": r"\prod", "∑": r"\sum", "∫": r"\int", "∠": r"\angle", "°": r"{}^{\circ}",
    "∘": r"\circ", "⊤": r"\top", "⊥": r"\perp", "≪": r"\ll", "≫": r"\gg", "≡": r"\equiv",
    "∼": r"\sim", "∝": r"\propto", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil",
    "ℓ": r"\ell", "ℝ": r"\mathbb{R}", "ℂ": r"\mathbb{C}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}",
    "𝔼": r"\mathbb{E}", "ℙ": r"\mathbb{P}", "ϕ": r"\phi", "φ": r"\varphi", "ϵ": r"\epsilon",
    "ς": r"\varsigma", "ᵀ": r"{}^{\top}", "†": r"\dagger", "∧": r"\wedge", "∨": r"\vee",
    "¬": r"\neg", "₊": "{}_{+}", "⁺": "{}^{+}", "⁻": "{}^{-}", "₋": "{}_{-}", "∗": "*",
    "⪯": r"\preceq", "⪰": r"\succeq", "←": r"\leftarrow", "↔": r"\leftrightarrow", "≃": r"\simeq",
    "≅": r"\cong", "✓": r"\surd",
}  # fmt: skip
_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--",
    "—": "---", "…": r"\ldots{}", "“": "``", "”": "''", "‘": "`", "’": "'", "<": "$<$", ">": "$>$",
    "|": r"$\vert$", "\u00a0": "~", "\u2009": r"\,", "\u202f": r"\,", "•": r"\textbullet{}",
    "§": r"\S{}", "©": r"\copyright{}", "ß": r"{\ss}", "ø": r"{\o}", "Ø": r"{\O}", "æ": r"{\ae}",
    "Æ": r"{\AE}", "œ": r"{\oe}", "ł": r"{\l}", "Ł": r"{\L}", "ı": r"{\i}", '"': "''",
    "\u2011": "-", "‐": "-",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r",
    "\u030c": "v", "\u0327": "c", "\u0304": "=", "\u0306": "u", "\u030b": "H", "\u0307": ".",
}  # fmt: skip
_MATH_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar"}
_SIGNS |= {
    letter: rf"\{name}"
    for letter, name in zip(_LETTERS, _GREEK, strict=True)
    if letter not in _SIGNS
}
_SIGNS |= {letter: rf"\{name}" for letter, name in _CAPITALS.items()}

# A and a are also articles, and I is a pronoun: A and I are letters of a formula only after a bar,
# a parenthesis or ∂, and before ᵀ or a closing parenthesis. A letter within a word is none, nor is
# one beside a dot ("Thm C.1"). G and M behind a number are giga and mega.
_INDEXED = re.compile(
    r"(?P<base>(?<![A-Za-z\\])(?:[A-Za-z]|max|min)|[Α-ω∂‖)\]²])"
    r"_(?P<index>(?:[A-Za-z0-9]+|ℓ)(?![A-Za-z0-9_])|\{[^{}]*\})"
    r"|\^(?P<power>[A-Za-z0-9]+|\([^()]*\)|\{[^{}]*\})"
    r"|(?<![A-Za-z0-9_'’.])(?<![.][-−])"
    r"(?P<letter>[B-FHJ-LN-Zb-z]|(?<![0-9] )[GM]|(?<=[‖(⟨∂])[AI](?! [a-z])|[AI](?=[ᵀ)]))"
    r"(?![A-Za-z0-9'’\u0302-\u0304]|[.][-\w])"
)
_OPERATORS = {"max", "min"}


def prose(text: str) -> str:
    """Plain text as LaTeX: J_F and 2^n get an index and an exponent, signs become formulas.

    So do single letters. Raises InputError for a character that has no translation.
    """
    made, done = [], 0
    # A letter and its mark become one character where there is one, which `_composed` takes apart.
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"(?<=\s)~(?=\s)", "∼", text)  # x ~ N(0, I): a relation, no accent
    for match in _INDEXED.finditer(text):
        made += [plain(text[done : match.start()]), _indexed(match)]
        done = match.end()
    return "".join([*made, plain(text[done:])])


def plain(text: str) -> str:
    """Text as LaTeX, sign by sign: no letter becomes a formula, nothing an index.

    Raises InputError for a character that has no translation.
    """
    made = []
    for char in text:
        if char.isascii() and (char.isprintable() or char == "\n"):
            made.append(_TEXT.get(char, char))
        elif char in _TEXT:
            made.append(_TEXT[char])
        elif char in _SIGNS:
            made.append(f"${_SIGNS[char]}$")
        elif unicodedata.combining(char) and made:
            made.append(_marked(made.pop(), char))
        else:
            made.append(_composed(char))
    # Two signs side by side make one formula: as two they would be set apart.
    # Two formulas side by side are one, but a dollar of the text opens none.
    return re.sub(r"(?<!\\)\$\$", "", "".join(made))


def identifier(text: str) -> str:
    """A name in typewriter letters that may be broken after its dots and underscores."""
    return rf"\texttt{{{plain(text)}}}".replace(".", r".\allowbreak{}").replace(
        r"\_", r"\_\allowbreak{}"
    )


def ascii_only(text: str) -> str:
    """Plain text for a bookmark: without what is not ASCII."""
    kept = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[\\{}$&#%_^~]", "", kept)


def _indexed(match: re.Match[str]) -> str:
    if match["letter"]:
        return f"${match['letter']}$"
    if match["power"]:
        return f"$^{{{_math(match['power'].strip('{}()'))}}}$"
    base, index = match["base"], match["index"].strip("{}")
    shown = rf"\{base}" if base in _OPERATORS else _math(base)
    word = (
        rf"\{index}"
        if index in _OPERATORS
        else rf"\mathrm{{{_math(index)}}}"
        if len(index) > 1 and index.isalpha()
        else _math(index)
    )
    return f"${shown}_{{{word}}}$"


def _math(text: str) -> str:
    return "".join(
        _SIGNS[char] + " " if char in _SIGNS else _script(char) or _ascii(char) for char in text
    )


def _composed(char: str) -> str:
    """Indices and exponents, fractions, accented letters."""
    script = _script(char)
    if script:
        return f"${script}$"
    parts = unicodedata.normalize("NFKD", char)
    if "\u2044" in parts:
        top, _, bottom = parts.partition("\u2044")
        return rf"$\frac{{{top}}}{{{bottom}}}$"
    if len(parts) == 2 and parts[0].isascii():
        return _accented(parts[0], parts[1])
    raise _unknown(f"character {char!r} (U+{ord(char):04X})")


def _marked(letter: str, mark: str) -> str:
    """A letter and a mark that have no character together: x̂ and x̄ are mathematics."""
    if mark in _MATH_ACCENTS:
        return rf"$\{_MATH_ACCENTS[mark]}{{{letter.strip('$')}}}$"
    return _accented(letter, mark)


def _accented(letter: str, mark: str) -> str:
    if mark not in _ACCENTS:
        raise _unknown(f"accent U+{ord(mark):04X}")
    return rf"\{_ACCENTS[mark]}{{{letter}}}"


def _script(char: str) -> str:
    """An index or exponent that is one character of its own."""
    kind, _, plain = unicodedata.decomposition(char).partition(" ")
    if kind not in ("<sub>", "<super>") or " " in plain:
        return ""
    letter = chr(int(plain, 16))
    inner = _SIGNS.get(letter, letter)
    if not inner.isascii():
        return ""
    return f"{{}}_{{{inner}}}" if kind == "<sub>" else f"{{}}^{{{inner}}}"


def _ascii(char: str) -> str:
    if not char.isascii():
        raise _unknown(f"character {char!r} (U+{ord(char):04X})")
    return _TEXT[char] if char in "_#&%${}" else char


def _unknown(what: str) -> InputError:
    return InputError(f"no LaTeX for the {what}: add it to derivations/book/prose.py")
