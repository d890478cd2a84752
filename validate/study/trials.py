"""Lists the trials that a protocol asks for, and defines their records."""

from collections.abc import Iterator, Sequence
from math import ceil
from statistics import stdev
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from validate.records.schema import Digest, RunId, Share
from validate.records.versions import Record
from validate.study.protocol import Level, Pairs, Protocol

Claim = Literal["C24", "C25"]
PERCENT = 100
UNVARIED = Level(skip=1.0, branch=1.0)


class Trial(Record):
    """One network to be trained: `network` as `build` names it, at a level of flow, for a claim."""

    trial: RunId
    claim: Claim
    network: str
    skip: Annotated[float, Field(ge=0)]
    branch: Annotated[float, Field(ge=0)]
    seed: int
    train_samples: int
    epochs: int

    @property
    def level(self) -> Level:
        return Level(skip=self.skip, branch=self.branch)


class TrialRow(Record):
    """What a trial gave. `protocol`: the digest of the text that it was made under; `data`: of the
    images that it used; `batch_ratios`: the measure before training and after the last epoch, null
    where no signal leaves the last block, or no finite one. A diverged trial has no scores, and was
    measured before training alone.
    """

    schema_: Literal["gradbound.trial/1"] = Field(default="gradbound.trial/1", alias="schema")
    trial: Trial
    protocol: Digest
    data: tuple[Digest, Digest]
    parameters: int
    made_on: str
    versions: dict[str, str]
    status: Literal["ok", "diverged"]
    batch_ratios: tuple[Annotated[float, Field(ge=0)] | None, ...]
    train_loss: float | None
    train_error: Share | None
    test_error: Share | None
    seconds: float
    seal: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        scores = {each is None for each in (self.train_loss, self.train_error, self.test_error)}
        diverged = self.status == "diverged"
        if scores != {diverged} or len(self.batch_ratios) != (1 if diverged else 2):
            raise ValueError(f"the scores and ratios do not go with a status {self.status!r}")
        return self


def planned(protocol: Protocol, rows: Sequence[TrialRow] = ()) -> tuple[Trial, ...]:
    """All trials, in the order in which they are made; `rows`: what is there, whose deviation may
    ask for more.
    """
    return (*_flow_trials(protocol), *_depth_trials(protocol, residual_pairs(protocol, rows)))


def residual_pairs(protocol: Protocol, rows: Sequence[TrialRow]) -> int:
    """How many pairs of residual networks are to be trained, by the deviation of the first ones'
    differences, which says nothing of their mean.
    """
    look, asked = protocol.depth.look, protocol.depth.gain.pairs
    # Those of the first seeds, and not the first that are there: the plan changes once at most.
    early = protocol.depth.gain.model_copy(update={"pairs": look.after})
    first = differences(protocol, early, rows)
    if len(first) < look.after:
        return asked
    return min(max(asked, ceil(asked * (stdev(first) / look.planned) ** 2)), look.most)


def differences(protocol: Protocol, pairs: Pairs, rows: Sequence[TrialRow]) -> list[float]:
    """Test error of the deep less that of the shallow network, in points, of each of these pairs
    that is whole, by seed.
    """
    part = protocol.depth
    errors = {
        (row.trial.network, row.trial.seed): error_of(protocol, row)
        for row in rows
        if row.trial.claim == part.claim
    }
    shallow, deep = (f"{pairs.family}-{depth}" for depth in (part.shallow, part.deep))
    return [
        PERCENT * (errors[deep, seed] - errors[shallow, seed])
        for seed in range(pairs.first_seed, pairs.first_seed + pairs.pairs)
        if (deep, seed) in errors and (shallow, seed) in errors
    ]


def error_of(protocol: Protocol, row: TrialRow) -> float:
    """The test error, of a diverged trial as the protocol counts it."""
    return protocol.error_of_diverged if row.test_error is None else row.test_error


def _flow_trials(protocol: Protocol) -> Iterator[Trial]:
    part, seed = protocol.flow, protocol.flow.first_seed
    # Seeds outermost: whatever is there when it stops has every level equally often.
    for _ in range(part.seeds):
        for network in part.strata:
            for level in part.levels:
                yield _trial(part.claim, network, level, seed, part.train_samples, part.epochs)
                seed += 1


def _depth_trials(protocol: Protocol, residual: int) -> Iterator[Trial]:
    part = protocol.depth
    for number in range(max(residual, part.gate.pairs)):
        for pairs, count in ((part.gain, residual), (part.gate, part.gate.pairs)):
            if number < count:
                for depth in (part.deep, part.shallow):
                    yield _trial(
                        part.claim,
                        f"{pairs.family}-{depth}",
                        UNVARIED,
                        pairs.first_seed + number,
                        part.train_samples,
                        part.epochs,
                    )


def _trial(
    claim: Claim, network: str, level: Level, seed: int, train_samples: int, epochs: int
) -> Trial:
    varied = (
        "" if level == UNVARIED else f"-skip{_digits(level.skip)}-branch{_digits(level.branch)}"
    )
    return Trial(
        trial=f"{claim.lower()}-{network}{varied}-s{seed}",
        claim=claim,
        network=network,
        skip=level.skip,
        branch=level.branch,
        seed=seed,
        train_samples=train_samples,
        epochs=epochs,
    )


def _digits(scale: float) -> str:
    """A scale as a file name may hold it: 0.25 is 0_25."""
    return f"{scale:g}".replace(".", "_")
