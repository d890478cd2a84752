"""Mutants of the report's page: its verdicts, formulas, words, links and both schemes."""

from mutants.mutant import Mutant

_PAGES = "paper_figures/pages/"
_TESTS = "tests/test_paper_figures/test_pages/"

REPORT = [
    Mutant(
        "a formula loses what stands in opened parentheses",
        _PAGES + "formula_lines.py",
        "yield from _flat(list(child)[1:-1])",
        "yield from _flat(list(child)[1:-2])",
        _TESTS + "test_formula_lines.py",
    ),
    Mutant(
        "a claim that holds is replaced all the same",
        _PAGES + "what_holds.py",
        "if not set(entry.claims) <= replaced:",
        "if not entry.claims:",
        _TESTS + "test_what_holds.py",
    ),
    Mutant(
        "a refuted claim turns on its condition",
        _PAGES + "verdict_rows.py",
        'if claim.verdict == "refuted":',
        "if False:",
        _TESTS + "test_verdict_rows.py",
    ),
    Mutant(
        "what holds is said before what fails",
        _PAGES + "verdict_rows.py",
        '{"not ": "Fails", "undecided ": "Open", "": "Holds"}',
        '{"": "Holds", "not ": "Fails", "undecided ": "Open"}',
        _TESTS + "test_verdict_rows.py",
    ),
    Mutant(
        "nothing vanishes where the flow may",
        _PAGES + "limits.py",
        "if least > 1:",
        "if most > 1:",
        _TESTS + "test_limits.py",
    ),
    Mutant(
        "bounds of 0 are counted as saying something",
        _PAGES + "what_holds.py",
        "values.count(0)",
        "0",
        _TESTS + "test_what_holds.py",
    ),
    Mutant(
        "words are linked in headings",
        _PAGES + "glossary.py",
        "if tag in _SILENT and tag not in _VOID:",
        "if tag in _VOID:",
        _TESTS + "test_glossary.py",
    ),
    Mutant(
        "numbers behind a table are those that it prints",
        "paper_figures/tables/writers.py",
        "writer.writerows(table.rows)",
        "writer.writerows(table.texts)",
        _TESTS + "test_data_tables.py",
    ),
    Mutant(
        "a figure is dark on dark",
        "paper_figures/drawing/dark_svg.py",
        "target = LIGHTEST - (LIGHTEST - DARKEST) * lightness",
        "target = DARKEST + (LIGHTEST - DARKEST) * lightness",
        "tests/test_paper_figures/test_drawing/test_dark_svg.py",
    ),
    Mutant(
        "σ_max of a branch is printed as that of the whole block",
        "derivations/rules/perturbation.py",
        'most = rf"\\sigma_{{\\max}}({shown})"',
        'most = r"\\sigma_{\\max}(J_{H})"; shown = "J_{H}"',
        "tests/test_derivations/test_book/test_arrange.py",
    ),
]
