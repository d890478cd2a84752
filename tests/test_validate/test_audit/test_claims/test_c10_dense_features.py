"""C10: Eq. (4) as it is written, against closed forms, and with its lines repaired."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged, rejudged

from derivations.errors import ViolationError
from validate.audit.claims.c10_dense_features import judge_copies
from validate.audit.evidence import Sources
from validate.audit.paper import paper


def test_equation_4_read_literally():
    """Against the closed forms 3·2^(l−2) − 1 and (3l − 2)·2^(l−3)."""
    copies, literal = gathered("C10").copies, gathered("C14").literal
    assert copies == tuple(3 * 2 ** (l - 2) - 1 for l in range(2, 13))
    assert literal == tuple((3 * l - 2) * 2**l // 8 for l in range(2, 13))


def test_repaired_lines_of_equation_4():
    lines = paper().equation4
    agreeing = (replace(lines[0], top=0), lines[1], replace(lines[2], top=-2), lines[3])
    found = rejudged("C10", Sources(paper=replace(paper(), equation4=agreeing)))
    assert found.verdict == "refuted"  # features are still repeated
    assert found.evidence["conflict"] is None
    assert found.counterexample["given"] == {"l": "2"}


def test_the_first_layers_whose_lines_contradict_each_other():
    found = judged("C10").counterexample
    assert found["given"] == {"l": "3"}
    assert found["found"].endswith("5 copies of earlier features: F_2, F_1, x_0, F_1, x_0")
    assert found["claims"] == "3, each of F_2, F_1, x_0 once"
    assert "where l = 3" in judged("C10").summary


def test_where_nothing_is_repeated_is_said():
    assert judged("C10").summary.endswith("for l = 2 none is repeated")
    twice = replace(gathered("C10"), copies=tuple(2 * l for l in range(2, 13)))
    assert "none is repeated" not in judged("C10", twice).summary
    assert "Eq. (5) does not rest on it" in judged("C10").reading


def test_a_proof_excludes_a_repetition():
    evidence = gathered("C10")
    proved = replace(evidence.once, passed=("a", "b"), failed=(), derived=True)
    unique = replace(evidence, once=proved, repeated=None, conflict=None)
    assert judge_copies(unique).judgement.verdict == "confirmed"
    with pytest.raises(ViolationError, match="is proved, and there is a counterexample"):
        judge_copies(replace(evidence, once=proved))
