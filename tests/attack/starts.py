"""Draws the worlds from which an attack starts: random ones, and extreme ones."""

from dataclasses import dataclass, field

import torch
from attack.worlds import RANGES, Key
from torch import Tensor

MULTIPLES = {
    "minus_identity": -1.0,
    "near_minus_identity": -0.9,
    "identity": 1.0,
    "double": -2.5,
    "aligned": 0.5,
    "against": -0.5,
}
"""Kinds in which every layer is a multiple of the identity and all else is as simple: affine maps
1, values and signals of ones."""
RANDOM = (
    "gaussian",
    "small",
    "rank_one",
    "huge",
    "tiny",
    "orthogonal",
    "nilpotent",
    "skew",
    "spread",
)
KINDS = (*MULTIPLES, *RANDOM, "mixed")
"""In a mixed world every tensor is of a random kind of its own."""


@dataclass
class Starts:
    """`total` worlds of all kinds in turn; `rates` (total,) is how fast each moves, relative to the
    size of what moves.
    """

    total: int
    generator: torch.Generator
    rates: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.rates = 10 ** (-2.5 + 2 * self._uniform(self.total))

    def make(self, key: Key, shape: tuple[int, ...], role: str) -> Tensor:
        """The tensor (total, *shape) of a leaf, a value or a signal."""
        draw = self._matrix if len(shape) == 2 else self._column
        parts = [draw(KINDS[row % len(KINDS)], shape, role) for row in range(self.total)]
        return torch.stack(parts)

    def _matrix(self, kind: str, shape: tuple[int, ...], role: str) -> Tensor:
        kind = self._kind(kind)
        if kind in MULTIPLES:
            return (MULTIPLES[kind] if role == "layer" else 1.0) * torch.eye(
                *shape, dtype=torch.float64
            )
        drawn = self._normal(*shape)
        match kind:
            case "rank_one":
                return drawn[:, :1] @ drawn[:1]
            case "orthogonal":
                side = max(shape)
                return torch.linalg.qr(self._normal(side, side))[0][: shape[0], : shape[1]]
            case "nilpotent":
                return drawn.triu(1)
            case "skew":
                side = max(shape)
                padded = self._normal(side, side)
                return (padded - padded.T)[: shape[0], : shape[1]]
        return drawn * self._scale(kind, shape)

    def _column(self, kind: str, shape: tuple[int, ...], role: str) -> Tensor:
        kind = self._kind(kind)
        if role in RANGES:
            low, high = RANGES[role]
            share = (
                torch.ones(shape, dtype=torch.float64)
                if kind in MULTIPLES
                else (2 * self._uniform(*shape) - 0.5).clamp(0, 1)
            )
            return low + (high - low) * share
        if kind in MULTIPLES:
            return torch.ones(shape, dtype=torch.float64)
        return self._normal(*shape) * self._scale(kind, shape)

    def _scale(self, kind: str, shape: tuple[int, ...]) -> Tensor | float:
        if kind == "spread":
            return 10 ** (6 * self._uniform(*shape) - 3)
        return {"small": 0.3, "huge": 1e4, "tiny": 1e-4}.get(kind, 1.0)

    def _kind(self, kind: str) -> str:
        return (
            RANDOM[int(torch.randint(len(RANDOM), (), generator=self.generator))]
            if kind == "mixed"
            else kind
        )

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64)


def is_random(worlds: int) -> Tensor:
    """Which of the first worlds started from random tensors, (worlds,)."""
    return torch.tensor([KINDS[row % len(KINDS)] not in MULTIPLES for row in range(worlds)])
