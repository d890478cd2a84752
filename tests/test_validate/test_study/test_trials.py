from collections import Counter

import pytest
from test_validate.small_study import drawn_row, drawn_study

from validate.study.protocol import read_protocol
from validate.study.trials import differences, planned, residual_pairs

PROTOCOL = read_protocol()


def test_the_plan_holds_every_level_of_every_stratum_equally_often():
    flow = [trial for trial in planned(PROTOCOL) if trial.claim == "C25"]
    counts = Counter((trial.network, trial.level) for trial in flow)
    assert set(counts.values()) == {PROTOCOL.flow.seeds}
    assert len(counts) == 32
    assert len({trial.seed for trial in flow}) == len(flow)


def test_two_depths_that_are_compared_share_their_seed():
    depth = [trial for trial in planned(PROTOCOL) if trial.claim == "C24"]
    seeds = {
        network: {trial.seed for trial in depth if trial.network == network}
        for network in ("residual-20", "residual-44", "plain-20", "plain-44")
    }
    assert seeds["residual-20"] == seeds["residual-44"] == set(range(100, 120))
    assert seeds["plain-20"] == seeds["plain-44"] == set(range(150, 155))
    assert len(depth) == 50


def test_names_of_trials_differ():
    names = [trial.trial for trial in planned(PROTOCOL)]
    assert len(set(names)) == len(names) == 146


@pytest.mark.parametrize(("noise", "pairs"), [(0.05, 20), (0.3, 24), (9, 28)])
def test_the_number_of_pairs_follows_the_deviation_of_the_first(noise, pairs):
    study = drawn_study(noise=noise, seed=4)
    assert residual_pairs(PROTOCOL, study.rows) == pytest.approx(pairs, abs=2)
    deep = [row for row in study.of_claim("C24") if row.trial.network == "residual-44"]
    assert len(deep) == residual_pairs(PROTOCOL, study.rows)


def test_the_look_is_blind_to_the_mean_and_to_later_pairs():
    rows = drawn_study(noise=0.3, seed=4).rows
    shifted = [
        row
        if row.trial.network != "residual-44"
        else drawn_row(PROTOCOL, row.trial, 1.0, row.test_error + 0.3)
        for row in rows
    ]
    early = [row for row in rows if row.trial.seed < 110 or row.trial.claim == "C25"]
    assert 20 < residual_pairs(PROTOCOL, rows) < 28
    assert residual_pairs(PROTOCOL, shifted) == residual_pairs(PROTOCOL, rows)
    assert residual_pairs(PROTOCOL, early) == residual_pairs(PROTOCOL, rows)


def test_no_look_before_the_first_pairs_are_whole():
    rows = [row for row in drawn_study(noise=9).rows if row.trial.seed != 103]
    assert residual_pairs(PROTOCOL, rows) == 20


def test_differences_are_deep_less_shallow_in_points():
    study = drawn_study(gain=-1.5, noise=0)
    found = differences(PROTOCOL, PROTOCOL.depth.gain, study.rows)
    assert found == pytest.approx([-1.5] * 20)
    lacking = [row for row in study.rows if row.trial.trial != "c24-residual-20-s107"]
    assert len(differences(PROTOCOL, PROTOCOL.depth.gain, lacking)) == 19


def test_a_diverged_trial_counts_as_the_protocol_says():
    study = drawn_study(noise=0)
    rows = [
        row.model_copy(update={"test_error": None, "status": "diverged"})
        if row.trial.trial == "c24-residual-44-s100"
        else row
        for row in study.rows
    ]
    assert differences(PROTOCOL, PROTOCOL.depth.gain, rows)[0] == pytest.approx(70.0)
