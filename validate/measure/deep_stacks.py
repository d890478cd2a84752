"""Measures how the mean square of the gradient changes through deep networks at initialisation.

With autograd alone. Imports torch and nothing else: the laws that these numbers judge share no code
with them. One draw is a fresh network, a fresh batch of inputs and fresh signals g ~ N(0, I); fully
connected, float64, BatchNorm in train mode.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Setup:
    """What one draw is made of. `gain` is χ; weights are N(0, gain_variance/fan-in), see each
    block.

    `slope` is that of the nonlinearity φ below 0 (0: ReLU), `first_width` that of x₀ in dense
    networks (0: as all others), `reduction` the factor by which a squeeze-and-excitation gate
    narrows.
    """

    depth: int
    width: int
    batch: int
    gain: float = 1.0
    slope: float = 0.0
    first_width: int = 0
    reduction: int = 1


@dataclass(frozen=True)
class DepthRatio:
    """The mean ‖∂L/∂x‖² at one state over that at another, each per coordinate, over `draws`
    networks; `error` is its standard error.
    """

    value: float
    error: float
    draws: int


class Matrix(nn.Module):
    """x ↦ Wx, W (rows, columns) with i.i.d. N(0, variance) entries. x: (batch, columns)."""

    def __init__(self, rows: int, columns: int, variance: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(rows, columns, dtype=torch.float64).mul_(variance**0.5), requires_grad=False
        )

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


class Skip(nn.Module):
    """x ↦ after(x + branch(x))."""

    def __init__(self, branch: nn.Module, after: nn.Module | None = None) -> None:
        super().__init__()
        self.branch, self.after = branch, after or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.after(x + self.branch(x))


class Gated(nn.Module):
    """u = branch(x) ↦ s ⊙ u, s = sigmoid(W₂ ReLU(W₁ u)), each channel one position; `mode`: live,
    detached, or held (s = ½).
    """

    def __init__(self, branch: nn.Module, setup: Setup, mode: str) -> None:
        super().__init__()
        narrow = setup.width // setup.reduction
        squeeze, excite = (
            Matrix(narrow, setup.width, 1 / setup.width),
            Matrix(setup.width, narrow, 2 / narrow),
        )
        self.branch, self.mode, self.gate = (
            branch,
            mode,
            nn.Sequential(squeeze, nn.ReLU(), excite, nn.Sigmoid()),
        )

    def forward(self, x: Tensor) -> Tensor:
        u = self.branch(x)
        if self.mode == "held":
            return u / 2
        s = self.gate(u)
        return u * (s.detach() if self.mode == "detached" else s)


class Dense(nn.Module):
    """x_j = Wφ([x₀ … x_{j−1}]), j = 1 … depth; Var W = 2·gain/fan-in. Returns every x_j."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        first = setup.first_width or setup.width
        fans = [first + j * setup.width for j in range(setup.depth)]
        self.layers = nn.ModuleList(
            nn.Sequential(_phi(setup), Matrix(setup.width, fan, 2 * setup.gain / fan))
            for fan in fans
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        states = [x]
        for layer in self.layers:
            states.append(layer(torch.cat(states, dim=1)))
        return states


def _phi(setup: Setup) -> nn.Module:
    return nn.LeakyReLU(setup.slope) if setup.slope else nn.ReLU()


def _linear(setup: Setup, gain: float) -> Matrix:
    return Matrix(setup.width, setup.width, gain * setup.gain / setup.width)


def _norm(setup: Setup) -> nn.Module:
    return nn.BatchNorm1d(setup.width, affine=False, dtype=torch.float64)


def _after(*parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(*parts)


def _rectified(s: Setup) -> nn.Module:
    return _after(_phi(s), _linear(s, 2))


BLOCKS: Mapping[str, Callable[[Setup], nn.Module]] = {
    "plain": _rectified,
    "residual": lambda s: Skip(_rectified(s)),
    "se_held": lambda s: Skip(Gated(_rectified(s), s, "held")),
    "se_detached": lambda s: Skip(Gated(_rectified(s), s, "detached")),
    "se_live": lambda s: Skip(Gated(_rectified(s), s, "live")),
    "norm_then_linear": lambda s: Skip(_after(_norm(s), _linear(s, 1))),
    "linear_then_norm": lambda s: Skip(_after(_linear(s, 1), _norm(s))),
    "norm_relu_linear": lambda s: Skip(_after(_norm(s), _phi(s), _linear(s, 2))),
    "relu_linear_norm": lambda s: Skip(_after(_phi(s), _linear(s, 2), _norm(s))),
    "pre_activation": lambda s: Skip(
        _after(_norm(s), _phi(s), _linear(s, 2), _norm(s), _phi(s), _linear(s, 2))
    ),
    "post_activation": lambda s: Skip(_linear(s, 1), _phi(s)),
    "post_activation_masked": lambda s: Skip(_after(_phi(s), _linear(s, 2)), _phi(s)),
    "norm_v1_one": lambda s: Skip(_after(_linear(s, 1), _norm(s)), _phi(s)),
    "norm_v1_two": lambda s: Skip(
        _after(_linear(s, 1), _norm(s), _phi(s), _linear(s, 1), _norm(s)), _phi(s)
    ),
}
INPUTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gaussian": lambda z: z,
    "rectified": torch.relu,
    "half_normal": torch.abs,
}


def measure_stack(
    block: str, setup: Setup, draws: int, seed: int, inputs: str = "gaussian"
) -> DepthRatio:
    """The ratio through `depth` blocks, the signal g ~ N(0, I) at the output."""
    return ratio(stack_squares(block, setup, draws, seed, inputs), 0, setup.depth)


def measure_dense(
    setup: Setup, draws: int, seed: int, block: int = 0, everywhere: bool = True
) -> DepthRatio:
    """The ratio between x_block and x_l of a dense network, see `dense_squares`."""
    return ratio(dense_squares(setup, draws, seed, everywhere), block, setup.depth)


def stack_squares(
    block: str, setup: Setup, draws: int, seed: int, inputs: str = "gaussian"
) -> Tensor:
    """mean ‖∂L/∂x_ℓ‖² per coordinate at ℓ = 0 … depth, (draws, depth + 1).

    The signal g ~ N(0, I) at the output.
    """
    torch.manual_seed(seed)
    return torch.stack([_stack_draw(block, setup, inputs) for _ in range(draws)])


def dense_squares(setup: Setup, draws: int, seed: int, everywhere: bool = True) -> Tensor:
    """The same at every x_i of a dense network; signals on every x_i, or at x_l only."""
    torch.manual_seed(seed)
    return torch.stack([_dense_draw(setup, everywhere) for _ in range(draws)])


def ratio(squares: Tensor, start: int, end: int) -> DepthRatio:
    """The quotient of the means at x_start and x_end, with the standard error that its
    linearisation gives.
    """
    top, bottom = squares[:, start], squares[:, end]
    value = float(top.mean() / bottom.mean())
    # By the delta method: top and bottom come from the same draws and vary together.
    error = float((top - value * bottom).std() / bottom.mean() / len(squares) ** 0.5)
    return DepthRatio(value, error, len(squares))


def _stack_draw(block: str, setup: Setup, inputs: str) -> Tensor:
    blocks = [BLOCKS[block](setup) for _ in range(setup.depth)]
    states = [
        INPUTS[inputs](torch.randn(setup.batch, setup.width, dtype=torch.float64)).requires_grad_()
    ]
    for each in blocks:
        states.append(each(states[-1]))
    return _mean_squares(torch.autograd.grad(states[-1], states, torch.randn_like(states[-1])))


def _dense_draw(setup: Setup, everywhere: bool) -> Tensor:
    x = torch.randn(
        setup.batch, setup.first_width or setup.width, dtype=torch.float64
    ).requires_grad_()
    states = Dense(setup)(x)
    signals = [
        torch.randn_like(state) if everywhere or state is states[-1] else torch.zeros_like(state)
        for state in states
    ]
    loss = sum(
        ((state * signal).sum() for state, signal in zip(states, signals, strict=True)),
        torch.zeros((), dtype=torch.float64),
    )
    return _mean_squares(torch.autograd.grad(loss, states))


def _mean_squares(gradients: Sequence[Tensor]) -> Tensor:
    return torch.stack([gradient.square().mean() for gradient in gradients])
