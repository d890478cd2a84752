"""Sets the derivation book in LaTeX that plain TeX Live (latex-base) compiles.

Long formulas are broken between pieces (`breaking.py`); diagrams are included from the folder
beside the file, where they lie there.
"""

from collections.abc import Iterable, Mapping

from derivations.book import arrange
from derivations.book.arrange import Data, Section
from derivations.book.line_breaks import pieces
from derivations.book.prose import ascii_only, identifier, prose

HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,array,graphicx,longtable}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}\setlength{\parskip}{5pt plus 2pt}
\setlength{\LTpre}{4pt}\setlength{\LTpost}{8pt}
\setlength{\emergencystretch}{3em}
\renewcommand{\arraystretch}{1.25}
\binoppenalty=10000 \relpenalty=10000 % formulas break where the pieces end, and nowhere else
\newcolumntype{L}[1]{>{\raggedright\arraybackslash\hangindent=1.2em\hangafter=1}p{#1}}
\newcolumntype{W}[1]{>{\raggedright\arraybackslash}p{#1}}
\newcommand{\room}[1]{\par\ifdim\pagegoal<\maxdimen\ifdim\dimexpr\pagegoal-\pagetotal<#1\textheight\newpage\fi\fi}
\newcommand{\topic}[1]{\room{.18}\subsection*{#1}}
\newcommand{\formula}[1]{{\par\nobreak\addvspace{4pt}\leftskip=3em\rightskip=0pt plus 1fil\parindent=-1.5em
  \indent$\displaystyle #1$\par\addvspace{4pt}}}
\newcommand{\diagram}[1]{\IfFileExists{#1}{{\centering\includegraphics{#1}\par}}{}}
\pagestyle{plain}
\begin{document}
"""

GAP = r"@{\hspace{6pt}}"
BREAK_AT = {"text": 66, "step": 42, "bound": 20, "limit": 16}
"""Glyphs beyond which a formula may be broken: in a line of the page, and in the columns of the
tables."""


def latex_book(document: Data) -> str:
    """The document as a LaTeX file; raises InputError for a character without translation."""
    known = arrange.methods(document)
    lines = [
        HEAD,
        r"\title{Derivations}\author{gradbound}\date{}\maketitle",
        *map(prose, arrange.PREFACE),
        *_letters(),
        *_methods(known),
    ]
    lines += ["", prose(arrange.all_passed(document)), r"\tableofcontents"]
    for section in arrange.sections(document):
        lines += _section(section, known)
    lines += [*_verdicts(document), *_theorems(document, known), *_axioms(document)]
    return "\n".join([*lines, r"\end{document}", ""])


def _letters() -> list[str]:
    rows = [rf"${symbol}$ & {prose(text)} \\" for symbol, text in arrange.LETTERS]
    return [r"\begin{longtable}[l]{@{}lW{14cm}@{}}", *rows, r"\end{longtable}"]


def _methods(known: Mapping[str, str]) -> list[str]:
    listed = "; ".join(rf"\textsf{{{letter}}}~{prose(name)}" for name, letter in known.items())
    return [f"Ways of checking a step: {listed}."] if known else []


def _section(section: Section, known: Mapping[str, str]) -> list[str]:
    first = section.readings[0]
    lines = [
        "",
        r"\clearpage",
        _heading("section", section.title, f"block:{section.name}"),
        _subsection("Definition"),
    ]
    lines += [
        _display(first["definition_latex"]),
        rf"\diagram{{{arrange.diagram(section.name, 'pdf')}}}",
        _subsection("Gradient"),
    ]
    for block in section.readings:
        lines += [f"In the {block['reading']} reading:", _display(block["pullback"]["latex"])]
    for block in section.readings:
        lines += [_subsection(f"Derivation, {block['reading']} reading"), *_steps(block, known)]
    if section.bounds:
        lines += [
            _subsection("Bounds"),
            *_bounds(section.bounds),
            *_meanings(section.bounds),
            *_order(section),
            *_attained(section.bounds),
        ]
    lines += [_subsection("What remains when the branch vanishes")]
    for block in section.readings:
        lines += [
            f"In the {block['reading']} reading, of the gradient:",
            _display(block["remains"]["latex"]),
        ]
    if section.equations:
        lines += [_subsection("What the paper says and what holds")]
        lines += [
            line for number, _ in section.equations for line in _equation(number, section, known)
        ]
    return lines


def _steps(part: Data, known: Mapping[str, str]) -> list[str]:
    rows = []
    for index, step in enumerate(part["steps"], 1):
        rule = prose(step["rule"]) + (
            rf"\newline if {prose(step['condition'])}" if step["condition"] else ""
        )
        letters = arrange.letters_of(step, known)
        checks = letters if arrange.passed(step) else _bold(letters)
        rows.append(rf"{index} & {rule} & {_math(step['latex'], 'step')} & {checks} \\")
    table = _table(("r", "W{3.5cm}", "L{10.7cm}", "W{1.4cm}"), r"& rule & line & checks", rows)
    return [*table, *_list(map(_item, arrange.meanings_in_steps(part)), "In these lines")]


def _table(columns: Iterable[str], title: str, rows: Iterable[str]) -> list[str]:
    """A table that may go over pages, its head on each."""
    begin = rf"{{\small\begin{{longtable}}[l]{{@{{}}{GAP.join(columns)}@{{}}}}"
    return [
        begin,
        rf"\hline {title} \\ \hline \endhead",
        r"\hline \endlastfoot",
        *rows,
        r"\end{longtable}}",
    ]


def _list(items: Iterable[str], head: str) -> list[str]:
    listed = list(items)
    begin = r"{\small\begin{itemize}\setlength{\itemsep}{1pt}\raggedright"
    return [rf"\room{{.07}}{head}", begin, *listed, r"\end{itemize}}"] if listed else []


def _item(latex: str) -> str:
    return rf"\item {_math(latex, 'text')}"


def _bounds(bounds: list[Data]) -> list[str]:
    rows = []
    for bound in bounds:
        holds = ", ".join(
            [
                f"for {prose(bound['holds_for'])}",
                *(rf"\mbox{{if {prose(condition)}}}" for condition in bound["conditions"]),
            ]
        )
        name = (
            rf"{{\footnotesize {identifier(bound['id'])}}}\newline {bound['side']}, "
            f"{bound['certainty']}"
        )
        limit = _math(bound["limit"], "limit")
        rows.append(
            rf"{name} & {_math(bound['latex'], 'bound')} & {limit} & {holds}\newline "
            rf"{prose(bound['source'])} \\"
        )
    return _table(
        ("W{3.5cm}", "L{5.2cm}", "L{4.3cm}", "W{3.3cm}"),
        "bound & formula & without the branch & holds",
        rows,
    )


def _meanings(bounds: list[Data]) -> list[str]:
    rows = []
    for meaning in arrange.meanings(bounds):
        where = (
            rf"\quad in {', '.join(map(identifier, arrange.families(meaning.only_in)))}"
            if meaning.only_in
            else ""
        )
        rows.append(_item(meaning.latex) + where)
    return _list(rows, "Here")


def _order(section: Section) -> list[str]:
    rows = [
        rf"\item {identifier(pair['tighter'])} is never looser than {identifier(pair['looser'])}."
        for pair in section.order
    ]
    return _list(rows, "Proved above:")


def _attained(bounds: list[Data]) -> list[str]:
    rows = [
        rf"\item {', '.join(map(identifier, ids))}: {_math(world, 'text')}"
        for world, ids in arrange.attained(bounds)
    ]
    lost = [bound["id"] for bound in bounds if not bound["extremal"]]
    rows += [rf"\item {', '.join(map(identifier, lost))}: no example was found."] if lost else []
    return _list(rows, "Examples in which a bound is attained, found by search:")


def _equation(number: str, section: Section, known: Mapping[str, str]) -> list[str]:
    first, *_ = readings = dict(section.equations)[number]
    lines = [
        rf"\topic{{Equation ({number}) of the paper}}\label{{equation:{first['block']}.{first['id']}}}",
        "As transcribed:",
    ]
    lines.append(_display(first["transcribed_latex"]))
    for equation in readings:
        lines += [
            f"As derived, {equation['reading']} reading:",
            _display(equation["derived_latex"]),
        ]
        if equation["claims"]:
            items = [
                (
                    rf"\item {prose(claim['statement'])}: {_bold(arrange.verdict(claim))}\newline "
                    f"{_math(claim['latex'], 'text')}"
                )
                for claim in equation["claims"]
            ]
            lines += [
                "The paper's statements in this reading:",
                r"\begin{itemize}\raggedright",
                *items,
                r"\end{itemize}",
            ]
        where = arrange.derived_above(section, equation)
        lines += [where, ""] if where else [r"\room{.15}Its derivation:", *_steps(equation, known)]
    return lines


def _verdicts(document: Data) -> list[str]:
    """The paper's statements at a glance; what each is about stands in the section of its block."""
    rows = [
        f"({arrange.number(equation)}) & {equation['reading']} & {prose(claim['statement'])} & "
        f"{_bold(arrange.verdict(claim))} &"
        rf" \ref{{block:{equation['block']}}}, "
        rf"p.~\pageref{{equation:{equation['block']}.{equation['id']}}} \\"
        for equation in document["equations"]
        for claim in equation["claims"]
    ]
    if not rows:
        return []
    table = _table(
        ("l", "l", "L{8.8cm}", "l", "l"), "Eq. & reading & the paper & verdict & section", rows
    )
    return [r"\clearpage", r"\section{The equations of the paper}", *table]


def _theorems(document: Data, known: Mapping[str, str]) -> list[str]:
    if not document["theorems"]:
        return []
    lines = [r"\clearpage", r"\section{Theorems}", "Results that are about no single block."]
    for theorem in document["theorems"]:
        facts = [
            f"{theorem['certainty']}, {theorem['reading']} reading",
            *(f"if {prose(each)}" for each in theorem["conditions"]),
        ]
        facts += [f"exact for {prose(theorem['setting'])}"] if theorem["setting"] else []
        facts += [f"source: {prose(theorem['source'])}"] if theorem["source"] else []
        lines += [
            _heading("subsection", theorem["title"], f"theorem:{theorem['id']}"),
            f"{identifier(theorem['id'])} ({'; '.join(facts)}).",
        ]
        lines += [
            "",
            prose(theorem["statement"]),
            _display(theorem["latex"]),
            *_steps(theorem, known),
        ]
    return lines


def _axioms(document: Data) -> list[str]:
    items = [
        rf"\item[{prose(each['name'])}:] {prose(each['statement'])} ({prose(each['source'])})."
        for each in document["axioms"]
    ]
    cited = "What is cited rather than proved:"
    return (
        [
            r"\section{Axioms}",
            cited,
            r"\begin{description}\raggedright",
            *items,
            r"\end{description}",
        ]
        if items
        else []
    )


def _heading(level: str, title: str, label: str) -> str:
    return rf"\{level}{{\texorpdfstring{{{prose(title)}}}{{{ascii_only(title)}}}}}\label{{{label}}}"


def _subsection(title: str) -> str:
    return rf"\topic{{{title}}}"


def _bold(text: str) -> str:
    return rf"\textbf{{{text}}}"


def _display(latex: str) -> str:
    return rf"\formula{{{_pieces(latex, 'text')}}}"


def _math(latex: str, place: str) -> str:
    style = r"\displaystyle " if place == "text" else ""
    return f"${style}{_pieces(latex, place)}$"


def _pieces(latex: str, place: str) -> str:
    first, *rest = pieces(latex, BREAK_AT[place])
    return first.latex + "".join(
        rf"\penalty{min(piece.price, 3000)} {piece.latex}" for piece in rest
    )
