"""Decides C24 and C25 by the two primary tests, as the protocol says, and by nothing else.

The two p-values are adjusted for each other (Holm 1979). A claim whose trials are not complete is
undecided; the other is then judged as if that test had failed, which no outcome of it undoes.
"""

from dataclasses import dataclass
from typing import Literal

from validate.statistics.holm_adjustment import holm
from validate.study.primary_effects import DepthTest, FlowTest, depth_test, flow_test
from validate.study.study_folder import Study

Outcome = Literal["confirmed", "refuted", "conditional", "undecided"]


@dataclass(frozen=True)
class StudyVerdict:
    """A verdict, by the primary test: its p-value, adjusted too, the effect with its interval, and
    the reason in words. Numbers are None where trials are missing.
    """

    claim: str
    outcome: Outcome
    effect: str
    reason: str
    p: float | None = None
    adjusted: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the claim does; None where that is not decided, or holds in part."""
        return {"confirmed": True, "refuted": False}.get(self.outcome)

    @property
    def in_part(self) -> bool:
        """Whether what the claim says is there, and too small to matter."""
        return self.outcome == "conditional"

    @property
    def grounds(self) -> str:
        """The reason, with effect and p-values where there is a test."""
        if self.p is None:
            return self.reason
        numbers = f"p = {self.p:.2g}, {self.adjusted:.2g} adjusted".replace("e-", "e−")
        return f"{self.reason}; {self.effect}; {numbers}"

    def __str__(self) -> str:
        return f"{self.outcome}: {self.grounds}"


@dataclass(frozen=True)
class Decision:
    """Both verdicts, and the tests that they follow from (a text: why there is none yet)."""

    flow: FlowTest | str
    depth: DepthTest | str
    c25: StudyVerdict
    c24: StudyVerdict


def decide_study(study: Study) -> Decision:
    """Both verdicts."""
    flow, depth = flow_test(study), depth_test(study)
    p_flow = None if isinstance(flow, str) else flow.found.p
    p_depth = None if isinstance(depth, str) else depth.p
    flow_adjusted, depth_adjusted = holm([1.0 if p is None else p for p in (p_flow, p_depth)])
    return Decision(
        flow,
        depth,
        _judge_flow(study, flow, p_flow, flow_adjusted),
        _judge_depth(study, depth, p_depth, depth_adjusted),
    )


def _judge_flow(
    study: Study, test: FlowTest | str, p: float | None, adjusted: float
) -> StudyVerdict:
    claim = study.protocol.flow.claim
    if isinstance(test, str):
        return StudyVerdict(claim, "undecided", "", test)
    if p is None or test.found.value is None:
        return StudyVerdict(claim, "undecided", "", test.found.missing)
    outcome: Outcome = "undecided"
    reason = "no trend of error with flow is excluded"
    if adjusted <= study.protocol.level:
        outcome = "confirmed" if test.found.value < 0 else "refuted"
        reason = f"more flow goes with {'less' if test.found.value < 0 else 'more'} error"
    effect = str(test.found).replace("networks", "levels")  # the unit of this test
    return StudyVerdict(claim, outcome, effect, reason, p, adjusted)


def _judge_depth(
    study: Study, test: DepthTest | str, p: float | None, adjusted: float
) -> StudyVerdict:
    claim = study.protocol.depth.claim
    if isinstance(test, str):
        return StudyVerdict(claim, "undecided", "", test)
    outcome, reason, p, adjusted = _depth_outcome(study, test, p, adjusted)
    effect = f"{test.gain.family}: {test.gain}; {test.gate.family}: {test.gate}"
    return StudyVerdict(claim, outcome, effect, reason, p, adjusted)


def _depth_outcome(
    study: Study, test: DepthTest, p: float | None, adjusted: float
) -> tuple[Outcome, str, float | None, float]:
    """Outcome and reason, and the p-value that they follow from, adjusted too."""
    margin, level = study.protocol.depth.margin, study.protocol.level
    gain, gate = test.gain, test.gate
    if adjusted <= level:
        both = f"{gate.family} networks lose by depth, {gain.family} ones gain"
        if gain.within <= level / 2:
            return "conditional", f"{both}, but less than {margin} points", p, adjusted
        return "confirmed", both, p, adjusted
    against = {
        f"{gain.family} networks gain no {margin} points by depth, nor lose them": gain.within,
        f"{gain.family} networks lose by depth": gain.above,
        f"{gate.family} networks gain by depth": gate.below,
    }
    for reason, each in against.items():
        # Doubled, the most that an adjustment for two tests asks for.
        if each <= level / 2:
            return "refuted", reason, each, 2 * each
    reason = "neither a gain of the one with a loss of the other, nor their absence, is shown"
    return "undecided", reason, p, adjusted
