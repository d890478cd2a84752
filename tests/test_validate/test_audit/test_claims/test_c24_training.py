"""C24 and C25: what planted, absent and inverted effects in a study lead to, and what does not."""

import math
from dataclasses import replace

import pytest
from test_validate.audited import rejudged
from test_validate.drawn_results import as_claimed, drawn, flow
from test_validate.small_study import drawn_study

from validate.audit.adjudicate import CLAIMS, adjudicate, sources
from validate.audit.evidence import Sources
from validate.records.codec import write_jsonl
from validate.records.schema import Results
from validate.study.study_folder import Study

CLAIMED = {"rho": -0.95, "gain": -1.0, "gate": 2.0}
REVERSED = {"rho": 0.95, "gain": 1.0, "gate": -2.0}


def judged(claim: str, study: Study | None, results: Results | None = None):
    return rejudged(claim, Sources(study=study, results=results))


@pytest.mark.parametrize("claim", ["C24", "C25"])
def test_a_study_as_claimed_and_one_the_other_way(claim):
    found = judged(claim, drawn_study(**CLAIMED))
    assert (found.verdict, found.counterexample) == ("confirmed", None)
    found = judged(claim, drawn_study(**REVERSED))
    assert found.verdict == "refuted"
    assert "interval" in found.counterexample["found"]
    assert found.evidence["study"]["verdict"]["adjusted"] <= 0.05


@pytest.mark.parametrize("claim", ["C24", "C25"])
def test_noise_decides_nothing_and_says_how_little(claim):
    found = judged(claim, drawn_study(noise=1.0, seed=3))
    assert found.verdict == "undecided"
    assert "interval" in found.condition
    assert "p = " in found.condition
    assert "gradbound" not in found.condition  # more of the same would not be the study


def test_a_gain_too_small_to_matter_is_conditional():
    found = judged("C24", drawn_study(gain=-0.15, gate=2.0, noise=0.1, seed=2))
    assert found.verdict == "conditional"
    assert found.condition == (
        "a gain of any size; not plain networks lose by depth, residual ones gain, but less than "
        "0.3 points"
    )


def test_no_gain_is_a_refutation():
    found = judged("C24", drawn_study(gain=0.0, gate=2.0, noise=0.1))
    assert found.verdict == "refuted"
    assert "no 0.3 points" in found.counterexample["found"]


@pytest.mark.parametrize("claim", ["C24", "C25"])
def test_without_trials_the_command_is_named(claim):
    for results in (None, drawn(as_claimed, flow)):
        found = judged(claim, None, results)
        assert found.verdict == "untestable"
        assert "gradbound validate --preset study --out DIR" in found.condition


@pytest.mark.parametrize("claim", ["C24", "C25"])
def test_an_unfinished_study_is_undecided_and_says_how_to_go_on(claim):
    study = drawn_study(**CLAIMED)
    last = study.of_claim(claim)[-1]
    rows = tuple(row for row in study.rows if row is not last)
    found = judged(claim, replace(study, rows=rows, missing=(last.trial,)))
    assert found.verdict == "undecided"
    assert f"of {len(study.of_claim(claim))} trials are there" in found.condition
    assert "--resume" in found.condition
    assert found.evidence["study"]["test"] is None


@pytest.mark.parametrize("claim", ["C24", "C25"])
def test_records_of_other_networks_and_table_1_judge_nothing(claim):
    for study in (drawn_study(**CLAIMED), drawn_study(noise=1.0, seed=3)):
        alone = judged(claim, study)
        for error in (as_claimed, lambda *run: 1 - as_claimed(*run)):
            beside = judged(claim, study, drawn(error, flow))
            assert (beside.verdict, beside.condition) == (alone.verdict, alone.condition)
            assert beside.summary != alone.summary
            assert "judged by nothing" in beside.summary
    evidence = CLAIMS["C24"].gather(Sources(study=drawn_study(**CLAIMED)))
    swapped = dict(zip(evidence.printed, reversed(evidence.printed.values()), strict=True))
    assert adjudicate(CLAIMS["C24"], replace(evidence, printed=swapped)).verdict == "confirmed"


@pytest.mark.parametrize("version", [1, 2])
def test_what_stands_beside_says_how_it_was_measured(version):
    found = judged("C25", drawn_study(**CLAIMED), drawn(as_claimed, flow, version=version))
    assert ("a network that training never runs" in found.summary) == (version == 1)
    assert ("recalibrated on 512 training images" in found.summary) == (version == 2)
    assert ("as training sees it" in found.summary) == (version == 2)
    assert found.summary.count("over all networks: ρ") == 2
    assert found.summary.count("given their depth") == 1
    assert len(found.evidence["ranking"]["rows"]) > 20


def test_table_1_is_shown():
    """z from wrong images of 50,000: 13,970 to 14,270 and 13,940 to 12,515."""
    evidence = CLAIMS["C24"].gather(Sources())
    for name, (first, last) in {"plain": (13970, 14270), "residual": (13940, 12515)}.items():
        variance = sum(count * (1 - count / 50_000) for count in (first, last))
        printed = evidence.printed[name]
        assert printed.z == pytest.approx((last - first) / math.sqrt(variance), rel=1e-9)
        assert float(printed.difference) == pytest.approx((last - first) / 500)
    found = judged("C24", None)
    assert "plain +0.60 points, z = 2.1" in found.summary
    assert "residual −2.85 points, z = −10.2" in found.summary


def test_the_evidence_holds_the_whole_test():
    study = drawn_study(**CLAIMED)
    flow_test = judged("C25", study).evidence["study"]["test"]
    assert len(flow_test["points"]) == 32
    assert len(flow_test["strata"]) == 4
    depth_test = judged("C24", study).evidence["study"]["test"]
    assert len(depth_test["gain"]["differences"]) == 20
    assert "nan" not in str(judged("C25", study).evidence).lower()


def test_a_protocol_that_was_changed_since_is_told():
    study = drawn_study(**CLAIMED)
    assert "changed since" not in judged("C25", study).reading
    text = study.protocol.text + "\n# later\n"
    later = replace(study, protocol=study.protocol.model_copy(update={"text": text}))
    found = judged("C25", later)
    assert "changed since" in found.reading
    assert found.evidence["study"]["amended"] is True
    assert later.protocol.digest[:12] in found.reading


def test_the_study_in_the_folder_that_is_given_is_the_one_that_judges(tmp_path, monkeypatch):
    for name, effects in {"claimed": CLAIMED, "reversed": REVERSED}.items():
        study = drawn_study(**effects)
        (tmp_path / name).mkdir()
        (tmp_path / name / "protocol.toml").write_text(study.protocol.text)
        write_jsonl(tmp_path / name / "trials.jsonl", study.rows)
    monkeypatch.setattr("validate.audit.adjudicate.RECORDED_STUDY", tmp_path / "reversed")

    def verdict(folder):
        return rejudged("C25", sources(folder)).verdict

    assert verdict(tmp_path / "claimed") == "confirmed"
    assert verdict(None) == "refuted"
