"""Turns LaTeX into MathML that is safe to put into a page.

The converter's output is parsed and rebuilt from an allowed set of elements and attributes; what
does not fit is shown as source text.
"""

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup, escape

ELEMENTS = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mfrac", "msqrt", "mroot",
    "msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mpadded",
}  # fmt: skip
ATTRIBUTES = {
    "display", "displaystyle", "scriptlevel", "form", "fence", "stretchy", "minsize", "maxsize",
    "movablelimits", "accent", "width", "height", "depth", "linethickness", "columnalign",
    "mathvariant",
}  # fmt: skip
LIMITS = {"lim", "max", "min", "sup", "inf"}
SIDES = {"l": "left", "r": "right"}
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


def mathml(latex: str, *, block: bool = True) -> Markup:
    """One formula as a `math` element, or as `code` if it cannot be converted completely."""
    root = element(latex, block=block)
    return source(latex) if root is None else written(root)


def element(latex: str, *, block: bool = True) -> ElementTree.Element | None:
    """The same as an element; None if it cannot be converted completely."""
    try:
        root = ElementTree.fromstring(
            convert(_prepare(latex), display="block" if block else "inline")
        )
    except Exception:  # noqa: BLE001
        # The converter raises whatever its parser meets, and the source is still worth showing.
        return None
    return root if all(_clean(each) for each in root.iter()) else None


def written(root: ElementTree.Element) -> Markup:
    """An element that `element` made, or one of its parts, as it stands in a page."""
    return Markup(
        ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    )  # every part of it is in the allowed sets


def source(latex: str) -> Markup:
    """The formula as it was written."""
    return Markup("<code>{}</code>").format(escape(latex))


def subscripts(text: str) -> Markup:
    """Plain text, escaped: F_l, x_{l−1}, ‖J‖_F and σ_max are set with a subscript, (1 + χ)^L and
    2^(l−1) with a superscript.
    """
    shown = re.sub(r"(?<=[\w‖])_\{([^{}<>]*)\}", r"<sub>\1</sub>", str(escape(text)))
    shown = re.sub(r"(?<=[\w‖′])_([A-Za-z0-9])(?![A-Za-z0-9])", r"<sub>\1</sub>", shown)
    shown = re.sub(r"(?<![A-Za-z])([A-Zσλ])_(\w{2,4})(?!\w)", r"\1<sub>\2</sub>", shown)
    return Markup(re.sub(r"\^(?:\(([^()<>]*)\)|([\w−-]+))", _raised, shown))


def _raised(found: re.Match[str]) -> str:
    return f"<sup>{found[1] if found[1] is not None else found[2]}</sup>"


def _prepare(latex: str) -> str:
    r"""Replaces what the converter misreads.

    `aligned` becomes an array, \bigl and its kin go where they would swallow a bar, and bare \lVert
    … \rVert become fences, so that an index belongs to the norm and not to its closing bar.
    """
    latex = re.sub(r"\\begin\{aligned\}", r"\\begin{array}{rl}", latex)
    latex = re.sub(r"\\end\{aligned\}", r"\\end{array}", latex)
    latex = re.sub(r"\\[bB]igg?[lrm]?(?=\s*(\\[lr]?[vV]ert(?![A-Za-z])|\\\||\|))", "", latex)
    return re.sub(
        r"(?<!\\left)(?<!\\right)\\([lr][vV]ert)(?![A-Za-z])",
        lambda bar: rf"\{SIDES[bar[1][0]]}\{bar[1]}",
        latex,
    )


def _clean(element: ElementTree.Element) -> bool:
    """Leaves of an element what is allowed; False for a foreign one, or for leftover source.

    Limits go below their operators.
    """
    element.tag = element.tag.removeprefix(NAMESPACE)
    for name in element.attrib.keys() - ATTRIBUTES:
        del element.attrib[name]
    if element.tag == "msub" and len(element) and element[0].text in LIMITS:
        element.tag = "munder"
    return element.tag in ELEMENTS and "\\" not in (element.text or "")
