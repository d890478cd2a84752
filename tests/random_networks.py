"""Draws many whole random networks at once and measures their gradients with autograd.

One row is one network. Nothing here knows a law: `Draws` holds what autograd and the forward pass
say of one weight in its network.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Block = Callable[["Net", Tensor], tuple[Tensor, "Use"]]


@dataclass(frozen=True)
class Use:
    """Where a block's weight W is used: u = W phi, and whether phi was made from the block's input
    by a ReLU.
    """

    phi: Tensor
    u: Tensor
    relu: bool = True


@dataclass(frozen=True)
class Draws:
    """Per network: ‖∂L/∂x‖² at the input x of one block (draws,), what its weight saw and gave, and
    the signals.

    h = ∂L/∂u; v: what reaches x beside the weight; active: where x > 0 behind a ReLU, else None.
    """

    squares: Tensor
    phi: Tensor
    u: Tensor
    h: Tensor
    v: Tensor
    active: Tensor | None

    def where(self, kept: Tensor) -> "Draws":
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        return Draws(*(part if part is None else part[kept] for part in parts))


class Net:
    """The generator and sizes of a batch of random networks: float64, every weight N(0, std²), a
    new one for each draw.
    """

    def __init__(self, draws: int, width: int, std: float, seed: int) -> None:
        self.draws, self.width, self.std = draws, width, std
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.draws, *shape, generator=self.generator, dtype=torch.float64)

    def apply(self, inputs: Tensor, outputs: int | None = None, std: float | None = None) -> Tensor:
        """A fresh Gaussian weight on (draws, n)."""
        weight = self.normal(outputs or self.width, inputs.shape[1]) * (
            self.std if std is None else std
        )
        return torch.einsum("dmn,dn->dm", weight, inputs)


def residual(net: Net, x: Tensor) -> tuple[Tensor, Use]:
    phi = x.relu()
    u = net.apply(phi)
    return x + u, Use(phi, u)


def plain(net: Net, x: Tensor) -> tuple[Tensor, Use]:
    phi = x.relu()
    u = net.apply(phi)
    return u, Use(phi, u)


def squeeze_and_excitation(net: Net, x: Tensor) -> tuple[Tensor, Use]:
    """Channels of 4 positions; the gate is computed from u."""
    phi = x.relu()
    u = net.apply(phi)
    channels = net.width // 4
    hidden = net.apply(u.unflatten(1, (channels, 4)).mean(2), 3, 1.0).relu()
    gate = torch.sigmoid(net.apply(hidden, channels, 1.0)).repeat_interleave(4, 1)
    return x + gate * u, Use(phi, u)


def two_layer(net: Net, x: Tensor) -> tuple[Tensor, Use]:
    """The law is that of the first weight, in front of which there is no ReLU."""
    u = net.apply(x)
    return x + net.apply(u.relu()), Use(x, u, relu=False)


def post_activation(net: Net, x: Tensor) -> tuple[Tensor, Use]:
    u = net.apply(x)
    return (x + u).relu(), Use(x, u, relu=False)


def dense_step(net: Net, x: Tensor) -> tuple[Tensor, Use]:
    """The new features first, then the old state; the next block reads both."""
    phi = x.relu()
    u = net.apply(phi, 4)
    return torch.cat((u, x), 1), Use(phi, u)


def draw(
    block: Block,
    *,
    depth: int,
    at: int,
    draws: int,
    width: int,
    seed: int,
    scale: float = 1.0,
    loss: str = "quadratic",
) -> Draws:
    """Networks of `depth` such blocks; what is measured is block `at`. Weights have variance scale²
    · 2/width.

    The loss makes the signal follow H: "quadratic" ½‖H‖², or the "cross entropy" of ten classes
    read from H.
    """
    net = Net(draws, width, scale * (2 / width) ** 0.5, seed)
    values = [net.normal(width).requires_grad_()]
    uses = []
    for _ in range(depth):
        value, use = block(net, values[-1])
        values.append(value)
        uses.append(use)
    total = _loss(net, values[-1], loss)
    x, use, out = values[at], uses[at], values[at + 1]
    gradient, h, g = torch.autograd.grad(total, (x, use.u, out))
    return Draws(
        gradient.square().sum(1),
        use.phi.detach(),
        use.u.detach(),
        h,
        _beside(block, out, g, x),
        x > 0 if use.relu else None,
    )


def _loss(net: Net, out: Tensor, loss: str) -> Tensor:
    if loss == "quadratic":
        return out.square().sum() / 2
    logits = net.apply(out, 10, 1.0)
    return F.cross_entropy(logits, torch.zeros(net.draws, dtype=torch.long), reduction="sum")


def _beside(block: Block, out: Tensor, g: Tensor, x: Tensor) -> Tensor:
    """What reaches x beside the weight."""
    if block is plain:
        return torch.zeros_like(x)
    if block is dense_step:
        return g[:, 4:]
    return torch.where(out > 0, g, 0) if block is post_activation else g


def convolve(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """x (draws, c_in, H, W) with a weight (draws, c_out, c_in, k, k) of its own for each draw."""
    images = x.reshape(1, -1, *x.shape[2:])
    return F.conv2d(images, weight.flatten(0, 1), None, stride, padding, groups=len(x)).unflatten(
        1, weight.shape[:2]
    )[0]
