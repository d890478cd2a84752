"""The judge helpers: what follows from cases that hold, fail or are undecided.

And that nothing else in the audit writes a verdict.
"""

import ast
import re
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

import validate.audit
from validate.audit.verdicts import MARKS, Case, Verdict, all_of, in_each

ROOM = Path(validate.audit.__file__).parent
YES, NO, OPEN = Case("yes", True), Case("no", False), Case("open", None, "more data")
NOTHING = Case("blank", None, "records", data=False)


def test_all_of():
    assert all_of(YES, YES).verdict == "confirmed"
    assert all_of(YES, NO, OPEN).verdict == all_of(NO, NOTHING).verdict == "refuted"
    assert all_of(YES, OPEN).verdict == "undecided"
    assert all_of(YES, OPEN).condition == "open: more data"
    assert all_of().verdict == "untestable"


def test_in_each():
    assert in_each(YES, YES).verdict == "confirmed"
    assert in_each(NO, NO).verdict == "refuted"
    assert in_each(OPEN, OPEN).verdict == "undecided"
    assert in_each(YES, OPEN) == in_each(OPEN, YES)
    assert in_each(YES, NO, OPEN).condition == "yes; not no; undecided open"
    assert in_each(YES, NO).verdict == in_each(YES, OPEN).verdict == "conditional"
    assert in_each().verdict == "untestable"


def test_what_may_hold_in_a_reading_that_is_open_is_not_refuted():
    assert in_each(NO, OPEN).verdict == "undecided"
    assert in_each(NO, OPEN).condition == "not no; open: more data"


@pytest.mark.parametrize("judge", [all_of, in_each])
def test_untestable_is_what_there_is_nothing_to_judge_by(judge):
    assert judge(NOTHING).verdict == judge(NOTHING, NOTHING).verdict == "untestable"
    assert judge(NOTHING, OPEN).verdict == judge(OPEN).verdict == "undecided"
    assert judge(NOTHING).condition == "blank: records"


@pytest.mark.parametrize("judge", [all_of, in_each])
@pytest.mark.parametrize("cases", list(product((YES, NO, OPEN, NOTHING), repeat=3)))
def test_a_condition_is_stated_where_and_only_where_there_is_one(judge, cases):
    judgement = judge(*cases)
    with_one = ("conditional", "undecided", "untestable")
    assert bool(judgement.condition) == (judgement.verdict in with_one)


def test_what_is_missing_is_said_once():
    twice = (Case("a", None, "more data"), Case("b", None, "more data"))
    assert all_of(*twice).condition == "more data"
    assert all_of(twice[0], Case("b", None, "a key")).condition == "a: more data; b: a key"


def test_the_way_out_is_told_where_something_is_missing():
    assert (
        all_of(YES, OPEN, way_out="get it").condition
        == in_each(OPEN, way_out="get it").condition
        == "open: more data; get it"
    )
    assert all_of(YES, way_out="get it").condition == in_each(NO, way_out="get it").condition == ""


def test_every_verdict_has_a_mark():
    assert set(MARKS) == set(get_args(Verdict))


def constants(tree: ast.AST) -> list[str]:
    """Every text in a module but its docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False)
    }
    docs |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_no_verdict_is_written_outside_the_judge(path):
    tree = ast.parse(path.read_text())
    words = re.compile("|".join(get_args(Verdict)))
    written = [text for text in constants(tree) if words.search(text)]
    made = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Judgement"
    ]
    assert bool(written) == bool(made) == (path.stem == "verdicts"), written


def test_the_scan_sees_a_verdict_that_is_written():
    """Negative control."""
    tree = ast.parse(
        '"""A docstring may say refuted."""\n\ndef judge(evidence):\n    return f"C{1} is '
        'refuted"\n'
    )
    assert any("refuted" in text for text in constants(tree))
    assert not any("docstring" in text for text in constants(tree))
