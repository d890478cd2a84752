"""Writes the LaTeX of bounds as plain text, for a terminal.

γ ≥ |t − 1|, not \\gamma \\ge \\left|{t - 1}\\right|. A command that it does not know is written by
its name.
"""

import re

_SIGNS = {
    "ge": "≥", "geq": "≥", "le": "≤", "leq": "≤", "top": "ᵀ", "partial": "∂", "lVert": "‖",
    "rVert": "‖", "angle": "∠", "infty": "∞", "cdot": "·", "to": "→", "ldots": "…", "cdots": "⋯",
    "approx": "≈", "neq": "≠", "ne": "≠", "sum": "Σ", "prod": "Π", "int": "∫", "ell": "ℓ",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "chi": "χ", "omega": "ω", "Gamma": "Γ", "Lambda": "Λ",
    "pm": "±",
    ";": " ", ",": " ", " ": " ", "quad": "  ", "\\": "; ", "left": "", "right": "", "limits": "",
    "{": "{", "}": "}", "|": "‖",
}  # fmt: skip
_GROUPS = {"operatorname", "mathrm", "text", "mathbb", "substack"}
_MARKS = {"tilde": "\N{COMBINING TILDE}", "hat": "\N{COMBINING CIRCUMFLEX ACCENT}"}
_FRACTIONS = {"frac", "tfrac", "dfrac"}
_HALVES = {("1", "2"): "½", ("1", "4"): "¼"}
_ABOVE = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\s+|.", re.DOTALL)


def as_text(latex: str) -> str:
    """The formula without a backslash."""
    tokens = _TOKEN.findall(latex)
    tokens.reverse()  # the next one is the last, to be popped
    text = re.sub(r"\s+", " ", _until(tokens, None)).strip()
    text = re.sub(r"(?<=[(\[,|=]) ?− ", lambda found: found[0].rstrip(), text)  # a sign, no minus
    text = re.sub(r"‖ ([^‖]*?) ‖", r"‖\1‖", text)
    return re.sub(r"([(\[∂]) | (?=[)\],;])", r"\1", text)


def _until(tokens: list[str], end: str | None) -> str:
    """What stands before `end`, which is consumed."""
    parts = []
    while tokens:
        token = tokens.pop()
        if token == end:
            break
        parts.append(_one(token, tokens))
    return "".join(parts)


def _group(tokens: list[str]) -> str:
    """An argument: a group in braces, or one token."""
    while tokens and tokens[-1].isspace():
        tokens.pop()
    if not tokens:
        return ""
    token = tokens.pop()
    return _until(tokens, "}") if token == "{" else _one(token, tokens)


def _one(token: str, tokens: list[str]) -> str:
    if token.startswith("\\"):
        return _command(token[1:], tokens)
    match token:
        case "{":
            return _until(tokens, "}")
        case "^":
            return _raised(_group(tokens))
        case "_":
            return _lowered(_group(tokens))
        case "&":
            return " "
        case "-":
            return "−"
    return token


def _command(name: str, tokens: list[str]) -> str:
    if name in _FRACTIONS:
        above, below = _group(tokens), _group(tokens)
        return _HALVES.get((above, below)) or f"{_bracketed(above)}/{_bracketed(below)}"
    if name == "sqrt":
        return f"√{_bracketed(_group(tokens))}"
    if name == "binom":
        return f"C({_group(tokens)}, {_group(tokens)})"
    if name in _MARKS:
        return _group(tokens) + _MARKS[name]
    if name in ("begin", "end"):
        _group(tokens)
        return ""
    if name in _GROUPS:
        return _group(tokens)
    return _SIGNS.get(name, name)


def _raised(text: str) -> str:
    if text == "ᵀ":
        return text
    return text.translate(_ABOVE) if text.isdigit() else f"^{_bracketed(text)}"


def _lowered(text: str) -> str:
    return text.translate(_BELOW) if text.isdigit() else f"_{_bracketed(text)}"


def _bracketed(text: str) -> str:
    """In parentheses, if it is more than one thing."""
    text = text.strip().replace("∂ ", "∂")
    single = re.fullmatch(r"[^\s()+−/=]*(\([^()]*\))?", text)
    return text if single else f"({text})"
