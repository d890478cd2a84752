"""Statements about laws are held in one table: what is missed is named, nothing else is."""

import json
import re
from dataclasses import asdict, replace

import pytest

from validate.comparison import law_checks
from validate.comparison.compare_depth import BlockGain, DepthProfile, DepthRow
from validate.comparison.compare_published import PublishedRow
from validate.comparison.law_checks import FAMILIES, LawTables, check_laws
from validate.measure.deep_stacks import DepthRatio

STATEMENT = PublishedRow("a norm", "Someone 2020", "n = 8", 0.3, 0.25, 0.251, 0.001, 0.004)
STACK = DepthProfile(
    DepthRow("residual", 2, 64, 9, 4.0, 4.2, 0.05, 0.01, 0.1),
    (BlockGain(1, 2.0, DepthRatio(1.81, 0.02, 9)), BlockGain(2, 2.0, DepthRatio(2.1, 0.02, 9))),
)
GOOD = LawTables((STATEMENT,), (STACK,))


def wide(profile: DepthProfile, width: int, measured: float) -> DepthProfile:
    """The stack at another width, with another gain of its first block."""
    whole = replace(profile.whole, width=width)
    return DepthProfile(whole, (BlockGain(1, 2.0, DepthRatio(measured, 0.02, 9)),))


def test_what_holds_is_told_in_every_form():
    assert GOOD.document.ok
    assert GOOD.failures == []
    for text in (GOOD.text(), GOOD.markdown()):
        assert "a norm" in text
        assert "residual" in text
        assert "0.251" in text
    assert "0 of 3 missed" in GOOD.text()
    assert re.search(r"a norm +n = 8 +0.3 +0.25 +0.251 +± 0.001 +yes", GOOD.text())
    checks = json.loads(json.dumps(asdict(GOOD.document), allow_nan=False))["checks"]
    assert [each["published"] for each in checks] == [0.3, None, None]
    assert [each["holds"] for each in checks] == [True, True, True]
    assert checks[1]["expected"] * (1 + 0.05) == pytest.approx(checks[1]["measured"])


def test_a_statement_that_is_missed_is_named():
    missed = LawTables((replace(STATEMENT, reproduced=0.26),), (STACK,))
    assert not missed.document.ok
    assert missed.failures == ["a norm, n = 8: measured 0.26 ± 0.001, expected 0.25"]
    assert "NO" in missed.text()
    assert "1 of 3 missed" in missed.text()


@pytest.mark.parametrize(
    ("width", "measured", "judged", "missed"),
    [(64, 1.7, True, 1), (128, 1.7, True, 1), (32, 1.7, False, 0), (64, 1.9, True, 0)],
)
def test_blocks_are_judged_in_wide_stacks_alone(width, measured, judged, missed):
    found = LawTables(depth=(wide(STACK, width, measured),))
    assert found.document.checks[1].judged is judged
    assert len(found.failures) == missed
    assert found.document.ok is (missed == 0)
    assert ("which is not judged" in found.text()) is (not judged)


def test_a_whole_stack_is_judged_at_every_width():
    narrow = replace(wide(STACK, 32, 2.0), whole=replace(STACK.whole, width=32, deviation=0.5))
    (line,) = LawTables(depth=(narrow,)).failures
    assert line.startswith("ratio along residual")


def test_only_what_is_asked_for_is_simulated(monkeypatch):
    monkeypatch.setattr(law_checks, "published_checks", lambda *, progress: (STATEMENT,))
    monkeypatch.setattr(law_checks, "depth_profiles", lambda *, progress: (STACK,))
    assert check_laws(["published"]) == LawTables((STATEMENT,), ())
    assert check_laws(["depth"]) == LawTables((), (STACK,))
    assert check_laws(FAMILIES) == GOOD
    assert "law of depth" not in LawTables((STATEMENT,)).text()
