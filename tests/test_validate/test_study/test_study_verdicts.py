from dataclasses import replace

import numpy as np
import pytest
from test_validate.small_study import drawn_study

from validate.study.primary_effects import DepthTest, depth_test
from validate.study.study_folder import Study
from validate.study.study_verdicts import decide_study


@pytest.mark.parametrize(
    ("rho", "outcome", "words"),
    [(-0.95, "confirmed", "less error"), (0.95, "refuted", "more error")],
)
def test_flow_is_judged_by_the_sign_of_rho(rho, outcome, words):
    verdict = decide_study(drawn_study(rho=rho)).c25
    assert verdict.outcome == outcome
    assert words in verdict.reason
    assert verdict.p <= verdict.adjusted <= 0.05
    assert "ρ = " in verdict.effect


@pytest.mark.parametrize(
    ("gain", "gate", "outcome", "words"),
    [
        (-1.0, 2.0, "confirmed", "residual ones gain"),
        (-0.15, 2.0, "conditional", "less than 0.3 points"),
        (0.0, 2.0, "refuted", "no 0.3 points"),
        (1.0, 2.0, "refuted", "residual networks lose"),
        (-1.0, -2.0, "refuted", "plain networks gain"),
        (-1.0, 0.0, "undecided", "neither"),
    ],
)
def test_depth_is_judged_as_the_protocol_says(gain, gate, outcome, words):
    verdict = decide_study(drawn_study(gain=gain, gate=gate, noise=0.1, seed=2)).c24
    assert verdict.outcome == outcome
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("p", "outcome"),
    [
        ({"within": 0.024}, "refuted"),
        ({"within": 0.026}, "undecided"),
        ({"above": 0.024}, "refuted"),
        ({"above": 0.026}, "undecided"),
        ({"below": 0.024, "within": 0.026}, "confirmed"),
        ({"below": 0.024, "within": 0.024}, "conditional"),
        ({"below": 0.026}, "undecided"),  # twice that is beyond the level
    ],
)
def test_levels_are_halved_where_two_claims_are_judged(p, outcome, monkeypatch):
    study = drawn_study(rho=0.0, noise=1.0, seed=3)
    effects = depth_test(study)
    gain = replace(effects.gain, **{"below": 0.9, "above": 0.9, "within": 0.9} | p)
    gate = replace(effects.gate, above=0.001, below=0.999)
    monkeypatch.setattr(
        "validate.study.study_verdicts.depth_test", lambda study: DepthTest(gain, gate)
    )
    verdict = decide_study(study).c24
    assert verdict.outcome == outcome
    assert (verdict.adjusted <= 0.05) == (outcome != "undecided")


def test_noise_decides_nothing():
    decision = decide_study(drawn_study(rho=0.0, noise=1.0, seed=3))
    assert decision.c25.outcome == decision.c24.outcome == "undecided"


def test_both_p_values_are_adjusted_for_each_other():
    decision = decide_study(drawn_study(rho=0.4, gain=-0.2, gate=1.0, noise=0.3, seed=8))
    p, q = decision.c25.p, decision.c24.p
    small, large = sorted([p, q])
    expected = {small: min(1, 2 * small), large: max(2 * small, large)}
    assert decision.c25.adjusted == pytest.approx(expected[p])
    assert decision.c24.adjusted == pytest.approx(expected[q])


def test_a_claim_whose_trials_are_missing_is_undecided_and_the_other_pays_for_it():
    study = drawn_study(rho=0.95, gain=-1.0, gate=2.0)
    without = Study(
        study.folder,
        study.protocol,
        study.of_claim("C25"),
        tuple(row.trial for row in study.of_claim("C24")),
    )
    decision = decide_study(without)
    assert decision.c24.outcome == "undecided"
    assert "0 of 50 trials" in str(decision.c24)
    assert decision.c25.outcome == "refuted"
    assert decision.c25.adjusted == pytest.approx(2 * decision.c25.p)


@pytest.mark.slow
def test_where_nothing_is_true_few_studies_say_so():
    """Of 400 studies without any effect at most those of the level, and some more by chance."""
    outcomes = [decide_study(drawn_study(noise=1.0, seed=seed)) for seed in range(400)]
    flow = np.mean([each.c25.outcome != "undecided" for each in outcomes])
    depth = np.mean([each.c24.outcome == "confirmed" for each in outcomes])
    assert flow < 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5
    assert depth < 0.05
    assert flow > 0  # a test that never rejects would pass too
