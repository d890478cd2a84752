"""The recorded study, computed again from its lines by other means: nothing of statistics here."""

import json
import math
import tomllib
from collections import defaultdict
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from root import ROOT

from validate.study.protocol import read_protocol
from validate.study.recorded_study import RECORDED_STUDY
from validate.study.study_folder import read_study
from validate.study.study_verdicts import decide_study

PROTOCOL = tomllib.loads((RECORDED_STUDY / "protocol.toml").read_text())
ROWS = [json.loads(line) for line in (RECORDED_STUDY / "trials.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def study():
    return read_study(RECORDED_STUDY)


@pytest.fixture(scope="module")
def decision(study):
    return decide_study(study)


def error(row):
    found = row["test_error"]
    return PROTOCOL["error_of_diverged"] if found is None else found


def ranks(values):
    """Mid-ranks, doubled, so that they are whole."""
    return [
        2 * sum(other < value for other in values) + sum(other == value for other in values) + 1
        for value in values
    ]


def levels():
    """By stratum: of each level the mean log-ratio and the mean error over its trials."""
    found = defaultdict(lambda: defaultdict(list))
    for row in ROWS:
        trial = row["trial"]
        if trial["claim"] == "C25":
            ratio = row["batch_ratios"][0]
            flow = math.log10(ratio) if ratio else -math.inf
            found[trial["network"]][trial["skip"], trial["branch"]].append((flow, error(row)))
    return {
        network: [tuple(np.mean(each, axis=0)) for each in by_level.values()]
        for network, by_level in found.items()
    }


def spearman(points):
    x, y = (ranks(each) for each in zip(*points, strict=True))
    n, mean = len(points), len(points) + 1
    products = sum((a - mean) * (b - mean) for a, b in zip(x, y, strict=True))
    squares = [sum((a - mean) ** 2 for a in side) for side in (x, y)]
    assert n == len(PROTOCOL["flow"]["levels"])
    return products, math.sqrt(squares[0] * squares[1]), x, y


def test_every_trial_is_of_the_protocol(study):
    flow, depth = PROTOCOL["flow"], PROTOCOL["depth"]
    counts = defaultdict(int)
    for row in ROWS:
        assert row["trial"]["seed"] >= 100
        counts[row["trial"]["claim"]] += 1
    asked = flow["seeds"] * len(flow["levels"]) * len(flow["strata"])
    assert counts["C25"] == asked == 96
    assert counts["C24"] >= 2 * (depth["gain"]["pairs"] + depth["gate"]["pairs"])
    assert not study.missing


def test_rho_and_its_p_value_are_those_of_all_permutations_within_strata(decision):
    """Sums of products of ranks are whole numbers where no stratum has ties: convolved exactly."""
    strata = levels()
    rhos, total, null = [], 0, {0: 1}
    for points in strata.values():
        products, scale, x, y = spearman(points)
        rhos.append(products / scale)
        assert len(set(x)) == len(set(y)) == 8  # else scales differ, and sums are no sums of ρ
        mean = len(x) + 1
        counts = defaultdict(int)
        left = np.array(x) - mean
        for order in permutations(np.array(y) - mean):
            counts[int(left @ np.array(order))] += 1
        total += products
        wider = defaultdict(int)
        for sum_, ways in null.items():
            for value, count in counts.items():
                wider[sum_ + value] += ways * count
        null = wider
    beyond = sum(ways for sum_, ways in null.items() if abs(sum_) >= abs(total))
    p = float(Fraction(beyond, math.factorial(8) ** len(strata)))
    assert decision.flow.found.value == pytest.approx(np.mean(rhos), abs=1e-12)
    assert list(decision.flow.strata.values()) == pytest.approx(rhos, abs=1e-12)
    assert decision.c25.p == pytest.approx(p, rel=1e-9)


def student_tail(t, freedom):
    """P(T ≥ t), by trapezoids over the angle that makes Student's density a power of a cosine."""
    angle = math.atan(t / math.sqrt(freedom))
    grid = np.linspace(angle, math.pi / 2, 200_001)
    whole = np.linspace(-math.pi / 2, math.pi / 2, 400_001)
    part, all_ = (np.trapezoid(np.cos(each) ** (freedom - 1), each) for each in (grid, whole))
    return part / all_


def differences(family, pairs, first_seed):
    errors = {
        (row["trial"]["network"], row["trial"]["seed"]): error(row)
        for row in ROWS
        if row["trial"]["claim"] == "C24"
    }
    deep, shallow = (f"{family}-{PROTOCOL['depth'][depth]}" for depth in ("deep", "shallow"))
    return np.array(
        [
            100 * (errors[deep, seed] - errors[shallow, seed])
            for seed in range(first_seed, first_seed + pairs)
        ]
    )


def test_depth_effects_are_those_of_paired_t_tests(study, decision):
    depth = PROTOCOL["depth"]
    for part, found in (("gain", decision.depth.gain), ("gate", decision.depth.gate)):
        d = np.array(found.differences)
        assert d == pytest.approx(
            differences(depth[part]["family"], len(d), depth[part]["first_seed"])
        )
        scale, freedom = d.std(ddof=1) / math.sqrt(len(d)), len(d) - 1
        assert found.mean == pytest.approx(d.mean())
        reach = (found.mean - found.low) / scale
        assert student_tail(reach, freedom) == pytest.approx(PROTOCOL["level"] / 2, rel=1e-4)
        assert found.high - found.mean == pytest.approx(found.mean - found.low)
        assert found.below == pytest.approx(student_tail(-d.mean() / scale, freedom), rel=1e-5)
        assert found.above == pytest.approx(student_tail(d.mean() / scale, freedom), rel=1e-5)
        ends = [
            student_tail((depth["margin"] - sign * d.mean()) / scale, freedom) for sign in (1, -1)
        ]
        assert found.within == pytest.approx(max(ends), rel=1e-5)


def test_verdicts_follow_from_the_numbers_as_the_protocol_says(study, decision):
    level = PROTOCOL["level"]
    p, other = decision.c25.p, 1.0 if decision.c24.p is None else decision.c24.p
    adjusted = 2 * p if p <= other else max(p, 2 * other)
    assert decision.c25.adjusted == pytest.approx(min(1.0, adjusted))
    if decision.c25.adjusted > level:
        assert decision.c25.outcome == "undecided"
    else:
        more = decision.flow.found.value > 0
        assert decision.c25.outcome == ("refuted" if more else "confirmed")


def test_depth_is_decided_as_the_protocol_says(decision):
    gain, gate = decision.depth.gain, decision.depth.gate
    level = PROTOCOL["level"]
    assert decision.c24.p == pytest.approx(max(gain.below, gate.above))
    other = decision.c25.p
    p = decision.c24.p
    assert decision.c24.adjusted == pytest.approx(2 * p if p <= other else max(p, 2 * other))
    if decision.c24.adjusted <= level:
        expected = "conditional" if gain.within <= level else "confirmed"
    else:
        against = (gain.within, gain.above, gate.below)
        expected = "refuted" if min(against) <= level / 2 else "undecided"
    assert decision.c24.outcome == expected


def test_fresh_networks_are_where_they_were_foretold_but_one(study):
    outside = {(row.network, row.slope) for row in study.initial if not row.inside}
    assert len(study.initial) == 32
    assert not study.missing_bands
    assert outside == {("plain-110", 0.0)}
    assert not any(row.amended for row in study.initial)


def test_it_is_small_and_its_protocol_is_the_one_that_comes_along(study):
    assert sum(path.stat().st_size for path in RECORDED_STUDY.iterdir()) < 400_000
    assert study.protocol.digest == read_protocol().digest


def points(value):
    return f"{value:+.2f}".replace("-", "−")


def test_the_readme_says_what_it_says(study, decision):
    text = " ".join((ROOT / "README.md").read_text().split())
    found, p = (
        decision.flow.found,
        f"p = {decision.c25.p:.2g}, {decision.c25.adjusted:.2g} adjusted",
    )
    assert f"**C25 is {decision.c25.outcome}**" in text
    assert (
        f"mean ρ = {found.value:.2f} over 32 levels (95 % interval {found.low:.2f} to "
        f"{found.high:.2f}), {p}" in text
    )
    assert not study.missing
    assert f"**C24 is {decision.c24.outcome}**" in text
    gain, gate = decision.depth.gain, decision.depth.gate
    for said in (
        (
            f"change the test error of residual networks by {points(gain.mean)} points beside 20 "
            f"layers (95 % interval {points(gain.low)} to {points(gain.high)}, "
            f"{len(gain.differences)} pairs)"
        ),
        (
            f"That depth gains has p = {gain.below:.2g}; that it neither gains nor loses "
            f"{study.protocol.depth.margin} points has p = {gain.within:.2g}, where the protocol "
            f"asks for {PROTOCOL['level'] / 2}"
        ),
        f"deviation over pairs was {np.std(gain.differences, ddof=1):.2f} points",
        (
            f"the error rises by {gate.mean:.2f} points by that depth ({points(gate.low)} to "
            f"{points(gate.high)}, {len(gate.differences)} pairs)"
        ),
    ):
        assert said in text
    inside = sum(row.inside for row in study.initial)
    assert f"in {inside} of {len(study.initial)} networks of fresh seeds" in text
    by_network = {
        network: [point for point in decision.flow.points if point.network == network]
        for network in decision.flow.strata
    }
    best = [10 ** min(each, key=lambda p: p.error).flow for each in by_network.values()]
    assert f"least error lies at ratios of {min(best):.0f} to {max(best):.0f}," in text
    closed = [10**p.flow for p in decision.flow.points if p.level == "skip 1, branch 0"]
    assert f"not at the {np.mean(closed):.1f} of a branch that starts at 0" in text
    hours = sum(row["seconds"] for row in ROWS) / 3600
    assert f"({hours:.1f} hours of process time" in text


def test_the_readme_says_how_levels_lie_and_what_each_lever_did(decision):
    text = " ".join((ROOT / "README.md").read_text().split())
    points = decision.flow.points
    for network in decision.flow.strata:
        flow = {point.level: point.flow for point in points if point.network == network}
        unchanged = flow.pop("skip 1, branch 1")
        assert sum(value > unchanged for value in flow.values()) == 5
        assert sum(value < unchanged for value in flow.values()) == 2
    assert "five of eight have more flow than the network that nothing was changed in" in text
    varied = {"skip": ", branch 1", "branch": "skip 1, "}
    rhos = {lever: np.mean([of_some(network, fixed) for network in decision.flow.strata])
            for lever, fixed in varied.items()}  # fmt: skip
    assert decision.flow.levers == pytest.approx(rhos)
    assert f"ρ is +{rhos['skip']:.2f} where the skip alone was scaled down" in text
    assert f"and +{rhos['branch']:.2f} where the branch alone was" in text


def of_some(network, fixed):
    """ρ between flow and error over the levels of a network whose name has this part."""
    rows = [
        (f"skip {trial['skip']:g}, branch {trial['branch']:g}", row)
        for row in ROWS
        if (trial := row["trial"])["claim"] == "C25" and trial["network"] == network
    ]
    named = defaultdict(list)
    for name, row in rows:
        if fixed in name:
            named[name].append((math.log10(row["batch_ratios"][0]), error(row)))
    x, y = (ranks(side) for side in np.array([np.mean(each, axis=0) for each in named.values()]).T)
    return np.corrcoef(x, y)[0, 1]
