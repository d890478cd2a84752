"""C24 and C25: rank correlations with bootstrap intervals, and the verdicts that follow from records."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from test_validate.audited import rejudged
from test_validate.drawn_results import DEPTHS, as_claimed, drawn, flow, jitter

from validate.audit.evidence import Sources
from validate.audit.ranks import NETWORKS, RUNS, correlation
from validate.audit.training import POOLED, survival


def judged(claim, results):
    return rejudged(claim, Sources(results=results))


def samples(networks, seeds, noise, slope=1.0):
    random = np.random.default_rng([networks, seeds])
    return {str(n): [(float(n), slope * n + noise * random.standard_normal()) for _ in range(seeds)] for n in range(networks)}


@pytest.mark.parametrize(("networks", "seeds", "noise"), [(5, 3, 2.0), (12, 1, 5.0), (19, 3, 10.0)])
def test_rho_is_that_of_scipy_on_the_medians(networks, seeds, noise):
    drawn_samples = samples(networks, seeds, noise)
    found = correlation(drawn_samples)
    medians = np.array([np.median(values, axis=0) for values in drawn_samples.values()])
    assert found.rho == pytest.approx(spearmanr(medians).statistic, abs=1e-12)
    assert found.low <= found.rho <= found.high
    assert correlation(drawn_samples) == found


def test_the_interval_covers_zero_for_unrelated_measures_most_of_the_time():
    """100 draws of 12 networks with unrelated measures, seed 5: a 95 % interval misses 0 in 5 of them on average, here in under 15."""
    random = np.random.default_rng(5)
    misses = 0
    for _ in range(100):
        unrelated = {str(n): [tuple(random.standard_normal(2))] for n in range(12)}
        misses += correlation(unrelated).sign is not None
    assert misses < 15, misses


def test_related_measures_have_a_sign():
    assert correlation(samples(8, 3, 0.5)).sign == 1
    assert correlation(samples(8, 3, 0.5, slope=-1.0)).sign == -1


def test_many_seeds_of_few_networks_make_the_interval_narrow():
    """25 seeds each, whose medians are far less noisy than they are: the interval (seed 4) is that of medians, not of single runs."""
    random = np.random.default_rng(4)
    found = correlation({str(n): [(float(n), n + random.standard_normal()) for _ in range(25)] for n in range(8)})
    assert found.low > 0.85


def test_too_little_is_said_to_be_too_little():
    few = correlation(samples(NETWORKS - 1, 10, 0.1))
    assert few.rho is None
    assert f"needs {NETWORKS}" in few.missing
    assert f"and {RUNS}" in correlation(samples(NETWORKS, 2, 0.1)).missing
    constant = {str(n): [(1.0, float(n))] * 3 for n in range(6)}
    assert correlation(constant).missing == "one of the two measures does not vary"


def test_records_as_claimed():
    results = drawn(as_claimed, flow)
    assert judged("C24", results).verdict == "confirmed"
    found = judged("C25", results)
    assert found.verdict == "confirmed"
    assert set(found.evidence["survival"]) == {POOLED, *DEPTHS}
    assert "digits" in found.reading


def test_records_that_rank_the_other_way():
    results = drawn(lambda *run: 1 - as_claimed(*run), flow)
    for claim in ("C24", "C25"):
        found = judged(claim, results)
        assert found.verdict == "refuted"
        assert "ρ = " in found.counterexample["found"]
    assert judged("C24", results).counterexample["given"]["family"] == "plain"


def test_agreement_of_the_pool_alone_is_conditional():
    """Families in the claimed order, but within each the other way round."""
    order = {"plain": 0.8, "residual": 0.5, "se_residual": 0.3, "dense": 0.1}

    def error(family, depth, seed):
        return order[family] + 0.001 * depth + jitter(depth, seed) / 100

    found = judged("C25", drawn(error, lambda family, depth, seed: math.exp(-5 * order[family] + 0.01 * depth)))
    assert found.verdict == "conditional"
    assert found.condition.startswith(POOLED)
    assert "not plain" in found.condition


def test_noise_decides_nothing():
    random = np.random.default_rng(11)
    found = judged("C25", drawn(lambda *_: float(random.uniform(0.1, 0.2)), lambda *_: float(random.uniform(0.1, 10))))
    assert found.verdict == "untestable"
    assert "--seeds" in found.condition


def test_without_records_the_command_is_named():
    for claim in ("C24", "C25"):
        found = judged(claim, None)
        assert found.verdict == "untestable"
        assert "gradbound validate --preset cpu --out DIR" in found.condition


def test_too_few_networks_are_named():
    results = drawn(as_claimed, flow, {"plain": (8, 20, 32), "residual": (8, 20, 32)}, seeds=(0,))
    found = judged("C24", results)
    assert found.verdict == "untestable"
    assert found.condition.startswith("has 3 networks and 3 runs, needs 4 and 10; run `gradbound validate --preset cpu --out DIR`")


def test_a_family_that_is_not_there_is_missing():
    results = drawn(as_claimed, flow, {"plain": DEPTHS["plain"]})
    found = judged("C24", results)
    assert found.verdict == "untestable"
    assert "ResNets" in found.condition
    assert "0 networks" in found.condition


def test_a_run_that_diverged_has_lost_everything():
    results = drawn(lambda family, depth, seed: None if (family, depth) == ("plain", 44) else as_claimed(family, depth, seed), flow)
    found = judged("C24", results)
    assert found.verdict == "confirmed"
    assert found.evidence["errors"]["plain"]["44"] == 1.0


def test_survival_is_the_logarithm_of_the_median_ratio():
    run = drawn(as_claimed, lambda *_: 100.0).runs[0]
    assert survival(run) == pytest.approx(2.0)
    assert survival(drawn(as_claimed, lambda *_: None).runs[0]) == -math.inf
    assert survival(drawn(as_claimed, lambda *_: 0.0).runs[0]) == -math.inf


def test_networks_without_any_gradient_rank_last():
    results = drawn(as_claimed, lambda family, depth, seed: None if family == "plain" else flow(family, depth, seed))
    found = judged("C25", results)
    assert found.evidence["survival"][POOLED]["rho"] < 0
    assert "undecided plain" in found.condition
