"""Defines the analysis of a model: its frozen dataclasses are the schema `gradbound.analyze/1`.

Their attributes are the keys of the JSON, in this order. No number is computed here.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter

from validate.inside.cause_words import LOSES
from validate.records.codec import document_of

SCHEMA: Literal["gradbound.analyze/1"] = "gradbound.analyze/1"
SOME_LOSSES = ("every_loss.shift_invariant", "every_loss.labels")
ZERO_BRANCH = "the branch passes nothing: kernel: the weight of "
"""So begins what is said of a branch that has a weight of zeros."""
KEEPS = 1e-6
"""A gain nearer to 1 is that of an isometry in float32."""
Kind = Literal[
    "plain", "residual", "gated_residual", "input_gate", "gate", "product", "dense", "concat",
    "sum", "state", "linear", "identity", "other",
]  # fmt: skip


class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class Spread(_Strict):
    """A number of each sample, over the samples that a signal reaches."""

    min: float
    median: float
    max: float


@dataclass(frozen=True)
class Terms(_Strict):
    """Medians over the samples: t = ‖J_Fᵀg‖/‖g‖ and c = cos∠(J_Fᵀg, g) of a block with a skip;
    null where it has none.
    """

    t: float | None
    c: float | None


@dataclass(frozen=True)
class BoundValue(_Strict):
    """What holds of the gain of every sample: the least of the lower bounds, the greatest of the
    upper ones; null where an upper bound says nothing. `delta` is the chance of error of a probable
    one, per sample.
    """

    id: str
    side: Literal["lower", "upper"]
    value: float | None
    certainty: str
    holds_for: str
    delta: float | None


@dataclass(frozen=True)
class SpectrumRecord(_Strict):
    """Ends of the singular values of the block's Jacobian, over the samples: bounds that hold."""

    sigma_min_lower: float | None
    sigma_max_upper: float | None
    delta: float | None


@dataclass(frozen=True)
class BlockAnalysis(_Strict):
    """One block. `gain` is γ = ‖∂L/∂x‖₂/‖∂L/∂H‖₂, null where no signal reaches it; `lost_by` is
    what takes the gradient away, or the cause of a gain that is large or of a branch that passes
    nothing, and `advice` what the theory says would help.

    `term` is the block as a function of x, `where` says what its letters are in the user's model,
    and `structure` is the term itself, from which the block can be drawn. `averaged` is over how
    many entries its averages take the mean, one after the other; `constant` says that it is the
    first block whose result is the same for all of the different samples.
    """

    index: int
    name: str
    kind: Kind
    tags: tuple[str, ...]
    term: str
    where: dict[str, str]
    pullback_latex: str
    gain: Spread | None
    terms: Terms
    lost_by: str | None
    advice: str | None
    bounds: tuple[BoundValue, ...]
    spectrum: SpectrumRecord | None
    structure: str
    averaged: Annotated[int, Field(ge=1)] = 1
    constant: bool = False

    @property
    def judged(self) -> float | None:
        """The median gain without what its averages take by construction: of a mean over n entries
        every signal leaves with exactly 1/√n.
        """
        return self.gain.median * math.sqrt(self.averaged) if self.gain else None

    @property
    def by_construction(self) -> str:
        """What its averages take of every signal, in words; "" where there are none."""
        if self.averaged == 1:
            return ""
        part = 1 / math.sqrt(self.averaged)
        n = f"{self.averaged:,}"
        return f"average over {n} entries: 1/√{n} = {part:.2g} by construction"

    @property
    def moves(self) -> bool:
        """Whether it is a linear block that keeps every signal's length, as a reshape does."""
        ends = (self.gain.min, self.gain.max) if self.gain else (0.0, 0.0)
        return self.kind == "linear" and all(abs(end - 1) <= KEEPS for end in ends)


@dataclass(frozen=True)
class ParameterRecord(_Strict):
    """‖∂L/∂W‖₂ of the batch and its ratio to ‖W‖₂, null where W is zero.

    `sample_ratio` is ‖∂L_b/∂W‖/‖∂L/∂z_b‖ over the samples b, L_b the sample's own part of the loss
    and z_b its logits: measured, null where it was not asked for. `bounds` are of that ratio.
    """

    name: str
    gradient_norm: float
    relative: float | None
    sample_ratio: Spread | None = None
    bounds: tuple[BoundValue, ...] = ()


@dataclass(frozen=True)
class Total(_Strict):
    """Median over the samples of ‖∂L/∂x₀‖/‖∂L/∂x_n‖, x₀ and x_n the ends of the chain of blocks.

    `measured` is the original model's, `predicted` the product of the gains of the captured terms,
    each run alone. `relative_error` is the worst of any block's own pullback.
    """

    measured: float | None
    predicted: float | None
    relative_error: float | None


@dataclass(frozen=True)
class CaptureRecord(_Strict):
    """How the model was read. `remarks` say what the numbers are good for."""

    method: Literal["recording"]
    nodes: int
    seconds: float
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Analysis(_Strict):
    """What is to be said of one model at one input and one signal."""

    schema: Literal["gradbound.analyze/1"]
    target: str
    device: str
    dtype: str
    input_shape: tuple[tuple[int, ...], ...]
    signal: str
    capture: CaptureRecord
    blocks: tuple[BlockAnalysis, ...]
    parameters: tuple[ParameterRecord, ...]
    total: Total

    def __iter__(self) -> Iterator[BlockAnalysis]:
        return iter(self.blocks)

    def __getitem__(self, name: str) -> BlockAnalysis:
        """The block of this name; raises KeyError for none."""
        for block in self.blocks:
            if block.name == name:
                return block
        raise KeyError(name)

    @property
    def worst(self) -> tuple[BlockAnalysis, ...]:
        """The blocks by median gain, what averages take apart, the least first; those that no
        signal reaches come last.
        """
        return tuple(
            sorted(self.blocks, key=lambda each: math.inf if each.judged is None else each.judged)
        )

    @property
    def losing(self) -> tuple[BlockAnalysis, ...]:
        """The blocks that a signal enters and leaves weaker for a cause, the worst first."""
        return tuple(each for each in self.worst if each.lost_by and _below(each, LOSES))

    @property
    def noted(self) -> tuple[BlockAnalysis, ...]:
        """The blocks that lose nothing and have a cause: a branch that passes nothing, or a signal
        that grows; in their order.
        """
        return tuple(
            each for each in self.blocks if each.gain and each.lost_by and not _below(each, LOSES)
        )

    @property
    def averaging(self) -> tuple[BlockAnalysis, ...]:
        """The blocks that would seem to lose the signal, were it not for their averages."""
        kept = {each.index for each in self.losing}
        return tuple(
            each
            for each in self.blocks
            if each.gain and each.averaged > 1 and each.gain.median < LOSES
            if each.index not in kept
        )

    @property
    def origin(self) -> BlockAnalysis | None:
        """The first block behind which nothing depends on the input; None where there is none."""
        return next((each for each in self.blocks if each.constant), None)

    @property
    def shown(self) -> tuple[BlockAnalysis, ...]:
        """The blocks that a reader wants to see: all but those that only move entries."""
        return tuple(each for each in self.blocks if not each.moves)

    @property
    def unreached(self) -> tuple[BlockAnalysis, ...]:
        """The blocks that no signal reaches, but for the one that makes a constant of its input."""
        return tuple(each for each in self.blocks if each.gain is None and not each.constant)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, in Python's types."""
        return asdict(self)

    def rows(self) -> list[dict[str, Any]]:
        """One flat dict a block, as pandas.DataFrame takes them."""
        return [
            {
                "index": block.index,
                "name": block.name,
                "kind": block.kind,
                "gain_min": block.gain.min if block.gain else None,
                "gain": block.gain.median if block.gain else None,
                "gain_max": block.gain.max if block.gain else None,
                "t": block.terms.t,
                "c": block.terms.c,
                "lower": block_bound(block, "lower"),
                "upper": block_bound(block, "upper"),
                "lost_by": block.lost_by,
            }
            for block in self.blocks
        ]

    def json(self) -> str:
        return _ADAPTER.dump_json(self, indent=2).decode()

    @classmethod
    def of(cls, text: str | bytes) -> Self:
        """The analysis of its JSON. Raises InputError for anything else."""
        return document_of(cls, text, SCHEMA)


def _below(block: BlockAnalysis, limit: float) -> bool:
    return block.judged is not None and block.judged < limit


def block_bound(block: BlockAnalysis, side: str) -> float | None:
    """The bound of this side that says most of the gain, None where there is none.

    Those that hold for some losses alone may not be of the signal that was measured.
    """
    values = [
        bound.value
        for bound in block.bounds
        if bound.side == side and bound.value is not None and bound.id not in SOME_LOSSES
    ]
    return (max if side == "lower" else min)(values, default=None)


_ADAPTER = TypeAdapter(Analysis)
