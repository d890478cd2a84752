"""Attacks bounds: an optimiser moves thousands of worlds at once to where a bound fails.

Every bound of a term gets worlds of its own, from random and extreme starts, in each of several
assignments of sizes to the dimensions. Half of them push the bound past the gain; the other half
push the ratio of gain and bound past 1, kept where the branch matters. Whatever is met on the way
is judged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
import torch
from attack.starts import Starts, is_random
from attack.worlds import RANGES, TINY, Key, Worlds, length, number, quantity, rounding
from torch import Tensor

from derivations.algebra.notation import Notation
from derivations.algebra.quantities import Cosine, Definition
from derivations.rules.bound_types import Bound

COSINE_ALLOWANCE = 128 * torch.finfo(torch.float64).eps
"""What `numeric.evaluation.evaluate` allows on a cosine: near c = −1 the alignment bound √(1 − c²)
turns 1e-16 into 1e-8."""
ROUNDING = 1e-13
"""A margin above this, relative to the numbers involved, is a violation. Bounds that are square
roots are compared by squares: a root loses half its digits where it vanishes."""
MATTERS = 0.1
"""A tight case counts where ‖(J − J₀)ᵀg‖ is at least this part of ‖base‖, J₀ being J without the
Jacobians of the layers, …"""
LEAST_BOUND = 0.05
"""… and the bound is at least this, …"""
MOST = 5.0
"""… and bound and branch at most this many times ‖base‖: far above, whatever a bound adds to the
norm of the branch is lost in it."""


@dataclass(frozen=True)
class Target:
    """A term with its bounds; `sizes` are the assignments of numbers to the symbols of dimensions
    that are tried.
    """

    notation: Notation
    bounds: tuple[Bound, ...]
    sizes: tuple[dict[sp.Symbol, int], ...]


@dataclass(frozen=True)
class Effort:
    """`worlds` per bound and assignment of sizes, moved `steps` times."""

    worlds: int = 32
    steps: int = 44
    seed: int = 0


@dataclass
class Finding:
    """What the attack on one bound met: valid evaluations, the largest margin (relative to the
    numbers involved), how near it is attained.

    `gap` is the least |gain/bound − 1| where the case counts, `unaided` that among worlds that
    started from random tensors, every dimension 2 or more; `greatest` is the largest value of the
    bound, `floor` the least |gain − bound| where ‖J − J₀‖_F is as large.
    """

    bound: Bound
    evaluations: int = 0
    margin: float = -math.inf
    gap: float = math.inf
    unaided: float = math.inf
    greatest: float = 0.0
    floor: float = math.inf
    worst: str = ""

    @property
    def violated(self) -> bool:
        return self.margin > ROUNDING

    def attained(self, within: float) -> bool:
        """Whether gain/bound came as near to 1; for a bound that is 0 everywhere, whether the gain
        came as near to it.
        """
        return self.gap <= within or (self.greatest < LEAST_BOUND and self.floor <= within)


@dataclass(frozen=True)
class Judged:
    """One bound on its worlds, each (worlds,): `margin` relative to the numbers involved, `value`,
    `gain`, `moved` = ‖(J − J₀)ᵀg‖/‖base‖, `reach` = ‖J − J₀‖_F, whether the world is `valid` (its
    base is not 0), and its row among all worlds.
    """

    margin: Tensor
    value: Tensor
    gain: Tensor
    moved: Tensor
    reach: Tensor
    valid: Tensor
    rows: Tensor


def attack(target: Target, effort: Effort) -> list[Finding]:
    """Searches for a violation of every bound of the target, and for where it is attained."""
    findings = [Finding(bound) for bound in target.bounds]
    for index, sizes in enumerate(target.sizes):
        generator = torch.Generator().manual_seed(1000 * effort.seed + index)
        _ascend(target, sizes, effort, generator, findings)
    return findings


def _ascend(
    target: Target,
    sizes: dict[sp.Symbol, int],
    effort: Effort,
    generator: torch.Generator,
    findings: list[Finding],
) -> None:
    starts = Starts(len(target.bounds) * effort.worlds, generator)
    worlds = Worlds(target.notation, sizes, {}, starts.make)
    worlds.jacobian()
    worlds.signal()
    tensors = {key: tensor.requires_grad_() for key, tensor in worlds.tensors.items()}
    climber = Climber(tensors, starts.rates, effort.steps)
    for _ in range(effort.steps):
        judged = judge(target, sizes, tensors)
        for finding, found in zip(findings, judged, strict=True):
            _record(finding, found, tensors, sizes)
        climber.descend(
            torch.cat(
                [
                    _loss(found, finding.bound)
                    for finding, found in zip(findings, judged, strict=True)
                ]
            ).sum()
        )


class Climber:
    """Adam (Kingma & Ba 2015), each world with a rate of its own relative to its tensors' sizes,
    projected onto the ranges of slopes.
    """

    def __init__(self, tensors: dict[Key, Tensor], rates: Tensor, steps: int) -> None:
        self.tensors, self.steps, self.step = tensors, steps, 0
        self.rates = {
            key: rates.view(-1, *[1] * (t.dim() - 1)) * _rms(t.detach())
            for key, t in tensors.items()
        }
        self.first, self.second = (
            {key: torch.zeros_like(t) for key, t in tensors.items()} for _ in range(2)
        )

    def descend(self, loss: Tensor) -> None:
        """One step down the sum of the worlds' losses, shorter towards the end."""
        self.step += 1
        if not loss.requires_grad:
            return
        gradients = torch.autograd.grad(loss, list(self.tensors.values()), allow_unused=True)
        with torch.no_grad():
            for key, gradient in zip(self.tensors, gradients, strict=True):
                if gradient is not None:
                    self._move(key, gradient.nan_to_num(0, 0, 0).clamp(-1e50, 1e50))

    def _move(self, key: Key, gradient: Tensor) -> None:
        self.first[key].lerp_(gradient, 0.2)
        self.second[key].lerp_(gradient**2, 0.05)
        mean, square = (
            self.first[key] / (1 - 0.8**self.step),
            self.second[key] / (1 - 0.95**self.step),
        )
        self.tensors[key] -= (
            self.rates[key] * mean / (square.sqrt() + TINY) * (1 - 0.9 * self.step / self.steps)
        )
        if key[0] == "slope" and key[1] in RANGES:
            self.tensors[key].clamp_(*RANGES[key[1]])  # type: ignore[index]


def judge(target: Target, sizes: dict[sp.Symbol, int], tensors: dict[Key, Tensor]) -> list[Judged]:
    """Every bound on its share of the worlds: the gain from the worlds' own Jacobians, the bound
    from the quantities it names.
    """
    worlds = Worlds(target.notation, sizes, tensors)
    frozen = Worlds(target.notation, sizes, tensors, frozen=True)
    with torch.no_grad():
        large = Worlds(
            target.notation,
            sizes,
            {key: t.detach().abs() for key, t in tensors.items()},
            absolute=True,
        )
        large_pullback = (large.jacobian().mT @ large.signal()[:, :, None])[:, :, 0]
    jacobian, g = worlds.jacobian(), worlds.signal()
    branch = jacobian - frozen.jacobian()
    pullback, pushed = ((each.mT @ g[:, :, None])[:, :, 0] for each in (jacobian, branch))
    shares = torch.arange(len(g)).chunk(len(target.bounds))
    values, errors = _quantities(target.bounds, shares, worlds, large)
    reach = torch.linalg.matrix_norm(branch.detach())
    judged = []
    for index, (bound, rows) in enumerate(zip(target.bounds, shares, strict=True)):
        base, large_base = worlds.column(bound.base)[rows], large.column(bound.base)[rows]
        gain = torch.linalg.vector_norm(pullback[rows], dim=1) / length(base)
        moved = torch.linalg.vector_norm(pushed[rows], dim=1) / length(base)
        named = [(q.symbol, q.definition) for q in bound.quantities]
        at = {symbol: values[index, definition] for symbol, definition in named}
        wrong = {symbol: errors[index, definition] for symbol, definition in named}
        low, value, high = (each.expand(len(rows)) for each in _corners(bound, at, wrong))
        with torch.no_grad():
            scale = number(bound.expr, _magnitudes(bound, at, wrong), size=True) + TINY
            scale = scale + length(large_pullback[rows]) / length(base) * (
                length(large_base) / length(base)
            )
        valid = torch.linalg.vector_norm(base, dim=1) > TINY**0.5
        judged.append(
            Judged(
                _margin(bound, gain, low, high, scale), value, gain, moved, reach[rows], valid, rows
            )
        )
    return judged


def _quantities(
    bounds: Sequence[Bound], shares: Sequence[Tensor], worlds: Worlds, large: Worlds
) -> tuple[dict[tuple[int, Definition], Tensor], dict[tuple[int, Definition], Tensor]]:
    """For each bound, by its number, the quantities on its own worlds, and the sizes of their
    rounding errors.
    """
    users: dict[Definition, list[int]] = {}
    for index, bound in enumerate(bounds):
        for each in bound.quantities:
            users.setdefault(each.definition, []).append(index)
    values, errors = {}, {}
    for definition, indices in users.items():
        rows = torch.cat([shares[index] for index in indices])
        parts = quantity(definition, worlds, rows).chunk(len(indices))
        with torch.no_grad():
            sizes = rounding(definition, worlds, large, rows).chunk(len(indices))
        values |= {(index, definition): part for index, part in zip(indices, parts, strict=True)}
        errors |= {(index, definition): size for index, size in zip(indices, sizes, strict=True)}
    return values, errors


def _corners(
    bound: Bound, at: dict[sp.Symbol, Tensor], wrong: dict[sp.Symbol, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The least, the nominal and the greatest value of a bound as its cosine moves by what rounding
    may have done to it.
    """
    nominal = number(bound.expr, at)
    cosines = [q.symbol for q in bound.quantities if isinstance(q.definition, Cosine)]
    if not cosines:
        return nominal, nominal, nominal
    (c,) = cosines
    ends = [
        number(bound.expr, at | {c: (at[c] + sign * COSINE_ALLOWANCE * wrong[c]).clamp(-1, 1)})
        for sign in (-1, 1)
    ]
    return torch.minimum(*ends), nominal, torch.maximum(*ends)


def _magnitudes(
    bound: Bound, at: dict[sp.Symbol, Tensor], wrong: dict[sp.Symbol, Tensor]
) -> dict[sp.Symbol, Tensor]:
    cosines = {q.symbol for q in bound.quantities if isinstance(q.definition, Cosine)}
    return {
        symbol: torch.ones_like(value) if symbol in cosines else wrong[symbol]
        for symbol, value in at.items()
    }


def _margin(bound: Bound, gain: Tensor, low: Tensor, high: Tensor, scale: Tensor) -> Tensor:
    if bound.expr.is_Pow:
        gain, low, high, scale = gain**2, low**2, high**2, scale**2
    match bound.side:
        case "lower":
            return (low - gain) / scale
        case "upper":
            return (gain - high) / scale
    return torch.maximum(low - gain, gain - high) / scale


def _loss(found: Judged, bound: Bound) -> Tensor:
    """The first half of the worlds push the margin up; the second half the ratio, where the branch
    matters and the bound is not 0.
    """
    half = len(found.gain) // 2
    ratio = (found.gain + 1e-6).log() - (found.value + 1e-6).log()
    signed = {"lower": ratio, "upper": -ratio, "equal": -found.margin}[bound.side]
    kept = 10 * (
        (1.5 * MATTERS - found.moved).clamp(min=0) + (2 * LEAST_BOUND - found.value).clamp(min=0)
    )
    kept = (
        kept
        + (found.value / (0.9 * MOST)).clamp(min=1).log()
        + (found.moved / (0.9 * MOST)).clamp(min=1).log()
    )
    return torch.cat((-found.margin[:half], (signed + kept)[half:]))


def _record(
    finding: Finding, found: Judged, tensors: dict[Key, Tensor], sizes: dict[sp.Symbol, int]
) -> None:
    with torch.no_grad():
        finding.evaluations += int(found.valid.sum())
        margin = torch.where(found.valid, found.margin, -math.inf)
        if margin.isnan().any():
            raise AssertionError(
                f"{finding.bound.id} is NaN in "
                f"{_description(found, tensors, sizes, int(margin.isnan().nonzero()[0]))}"
            )
        worst = int(margin.argmax())
        if margin[worst] > finding.margin:
            finding.margin = float(margin[worst])
            finding.worst = _description(found, tensors, sizes, worst) if finding.violated else ""
        matters = found.valid & (found.moved >= MATTERS) & (found.moved <= MOST)
        gaps = torch.where(
            matters & (found.value >= LEAST_BOUND) & (found.value <= MOST),
            (found.gain / found.value.clamp(min=LEAST_BOUND) - 1).abs(),
            math.inf,
        )
        finding.gap = min(finding.gap, float(gaps.min()))
        if min(shape for tensor in tensors.values() for shape in tensor.shape[1:]) > 1:
            finding.unaided = min(finding.unaided, float(gaps[is_random(len(gaps))].min()))
        finding.greatest = max(finding.greatest, float(found.value.max()))
        reaches = found.valid & (found.reach >= MATTERS) & (found.reach <= MOST)
        finding.floor = min(
            finding.floor,
            float(torch.where(reaches, (found.gain - found.value).abs(), math.inf).min()),
        )


def _description(
    found: Judged, tensors: dict[Key, Tensor], sizes: dict[sp.Symbol, int], world: int
) -> str:
    lines = [f"{key} = {tensor[found.rows[world]].tolist()}" for key, tensor in tensors.items()]
    numbers = (
        f"γ = {float(found.gain[world])!r}, bound = {float(found.value[world])!r}, margin "
        f"{float(found.margin[world]):.3g}"
    )
    return "\n  ".join([f"{numbers}, sizes {sizes}:", *lines])


def _rms(tensor: Tensor) -> Tensor:
    """The size of each world's tensor, (worlds, 1, …); that of a zero tensor is the one it is to
    move by.
    """
    size = tensor.flatten(1).square().mean(1).sqrt()
    return torch.where(size == 0, 0.1, size).view(-1, *[1] * (tensor.dim() - 1))
