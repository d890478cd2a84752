"""Defines the segments that networks are made of, with batch normalization as in the papers.

Each forward is written by hand; `term` over `leaves` is a claim about it (in eval mode) that
validation puts to the test.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from derivations.algebra.blocks import BRANCH, DENSE, PLAIN, RESIDUAL, SCALED, SE_RESIDUAL
from derivations.algebra.terms import Add, Linear, Pointwise
from numeric import Leaf, Segment


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias: batch normalization follows or precedes it."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)


def weighted_branch(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """F of plain and residual blocks: conv, BN, ReLU, conv, BN (He et al. 2016, Figure 2)."""
    return nn.Sequential(
        conv3x3(inputs, outputs, stride),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        conv3x3(outputs, outputs),
        nn.BatchNorm2d(outputs),
    )


def projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """W_s: a 1×1 convolution and batch normalization, affine in eval mode (He et al. 2016, option
    B).
    """
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def projected(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity where the shape stays, the projection W_s where it changes."""
    return (
        nn.Identity() if inputs == outputs and stride == 1 else projection(inputs, outputs, stride)
    )


class Activation(Segment):
    """The ReLU after a block: H is defined before it, so it is a segment of its own."""

    kind = PLAIN.kind
    term = Pointwise("relu")

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        return {"relu": torch.relu}

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)


class Shortcut(nn.Module):
    """W_s without parameters: every `stride`-th position, and zeros in place of the maps that x
    lacks (He et al. 2016, option A).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.missing, self.stride = outputs - inputs, stride

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pad(
            x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing)
        )


class Plain(Segment):
    """H = F(x)."""

    kind = PLAIN.kind
    term = PLAIN.term

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        return {"F": self.branch}

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x)


class PlainBlock(Plain):
    """H = F(x): two weighted layers without a skip."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(weighted_branch(inputs, outputs, stride))


class Residual(Segment):
    """H = F(x) + x, or F(x) + W_s x with a linear map W_s where the shape changes."""

    kind = RESIDUAL.kind

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.term = (
            RESIDUAL.term if isinstance(shortcut, nn.Identity) else Add(BRANCH, Linear("W_s"))
        )

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        return {"F": self.branch, "W_s": self.shortcut}

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + self.shortcut(x)


class ResidualBlock(Residual):
    """The residual block of two weighted layers."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            weighted_branch(inputs, outputs, stride), projected(inputs, outputs, stride)
        )


class SEResidual(Segment):
    """H = (B s) ⊙ u + x with u = F(x), s = sigmoid(W₂ relu(W₁ P u)) (Hu et al. 2018).

    W_s x in place of x where the shape changes. `outputs` and `size` are the number of maps of u,
    and their height and width; only the leaf B, which is told no shape, needs the latter.
    """

    kind = SE_RESIDUAL.kind

    def __init__(
        self, branch: nn.Module, shortcut: nn.Module, outputs: int, size: int, reduction: int
    ) -> None:
        super().__init__()
        self.branch = branch
        # A narrow stage may have fewer maps than the reduction.
        self.squeeze = nn.Linear(outputs, max(outputs // reduction, 1))
        self.excite = nn.Linear(max(outputs // reduction, 1), outputs)
        self.shortcut = shortcut
        self.term = (
            SE_RESIDUAL.term if isinstance(shortcut, nn.Identity) else Add(SCALED, Linear("W_s"))
        )
        self.size = size

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        return {
            "F": self.branch,
            "P": global_average,
            "W_1": self.squeeze,
            "relu": torch.relu,
            "W_2": self.excite,
            "sigmoid": torch.sigmoid,
            "B": partial(broadcast, size=self.size),
            "W_s": self.shortcut,
        }

    def forward(self, x: Tensor) -> Tensor:
        u = self.branch(x)
        s = torch.sigmoid(self.excite(torch.relu(self.squeeze(global_average(u)))))
        return u * s[:, :, None, None] + self.shortcut(x)


class SEResidualBlock(SEResidual):
    """The gated residual block of two weighted layers."""

    def __init__(self, inputs: int, outputs: int, stride: int, size: int, reduction: int) -> None:
        super().__init__(
            weighted_branch(inputs, outputs, stride),
            projected(inputs, outputs, stride),
            outputs,
            size,
            reduction,
        )


class DenseStep(Segment):
    """H = (F(y), y)."""

    kind = DENSE.kind
    term = DENSE.term

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        return {"F": self.branch}

    def forward(self, y: Tensor) -> Tensor:
        return torch.cat((self.branch(y), y), dim=1)


class DenseLayer(DenseStep):
    """The dense step of BN, ReLU, conv with k new maps (Huang et al. 2017, without bottleneck)."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__(nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), conv3x3(inputs, growth)))


class Transition(Plain):
    """BN, ReLU, 1×1 convolution, 2×2 average pooling between two dense blocks."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Sequential(
                nn.BatchNorm2d(inputs),
                nn.ReLU(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.AvgPool2d(2),
            )
        )


def global_average(u: Tensor) -> Tensor:
    """P: (batch, C, h, w) → (batch, C)."""
    return u.mean((2, 3))


def broadcast(s: Tensor, size: int) -> Tensor:
    """B: (batch, C) → (batch, C, size, size)."""
    return s[:, :, None, None].expand(-1, -1, size, size)
