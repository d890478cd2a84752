"""Losses of every kind, small classifiers, and what autograd alone measures of their signals."""

from collections.abc import Callable, Mapping, Sequence

import torch
from strategies import gaussian
from torch import Tensor, nn
from torch.nn import functional

Loss = Callable[[Tensor], Tensor]  # logits (batch, K) -> one number, a sum over the samples


def labels(z: Tensor, seed: int = 0) -> Tensor:
    return torch.randint(z.shape[1], (len(z),), generator=torch.Generator().manual_seed(seed))


def soft(z: Tensor, seed: int = 0, sharpness: float = 1.0) -> Tensor:
    return (sharpness * gaussian(*z.shape, seed=seed).to(z)).softmax(1)


def chosen(z: Tensor) -> Tensor:
    """log p_y."""
    return z.log_softmax(1).gather(1, labels(z)[:, None])[:, 0]


def one_hot(z: Tensor) -> Tensor:
    return functional.one_hot(labels(z), z.shape[1]).to(z)


SHIFT_INVARIANT: Mapping[str, Loss] = {
    "cross-entropy": lambda z: functional.cross_entropy(z, labels(z), reduction="sum"),
    "soft labels": lambda z: functional.cross_entropy(z, soft(z), reduction="sum"),
    "smoothed labels": lambda z: functional.cross_entropy(
        z, labels(z), label_smoothing=0.1, reduction="sum"
    ),
    "focal": lambda z: -((1 - chosen(z).exp()) ** 2 * chosen(z)).sum(),
    "distillation": lambda z: functional.kl_div(
        (z / 4).log_softmax(1), soft(z, 1, 0.5), reduction="sum"
    ),
    "Brier": lambda z: (z.softmax(1) - one_hot(z)).square().sum(),
    "multi-class hinge": lambda z: functional.multi_margin_loss(z, labels(z), reduction="sum"),
    "generalized cross-entropy": lambda z: ((1 - chosen(z).exp() ** 0.7) / 0.7).sum(),
    "poly-1": lambda z: (-chosen(z) + 1 - chosen(z).exp()).sum(),
    "entropy": lambda z: -(z.softmax(1) * z.log_softmax(1)).sum(),
    "pairwise logistic": lambda z: functional.softplus(
        z[:, :, None] - z[:, None, :]
    )[:, 0].sum(),
    "centered squares": lambda z: (z - z.mean(1, keepdim=True)).square().sum(),
}  # fmt: skip
OTHERS: Mapping[str, Loss] = {
    "squared error": lambda z: (z - one_hot(z)).square().sum(),
    "one against the rest": lambda z: functional.binary_cross_entropy_with_logits(
        z, one_hot(z), reduction="sum"
    ),
    "squared hinge": lambda z: (1 - (2 * one_hot(z) - 1) * z).clamp(min=0).square().sum(),
    "absolute error": lambda z: (z - 3 * one_hot(z)).abs().sum(),
    "exponential": lambda z: (-(2 * one_hot(z) - 1) * z).exp().sum(),
}


class Skip(nn.Module):
    """x + αF(x)."""

    def __init__(self, branch: nn.Module, by: float = 0.5) -> None:
        super().__init__()
        self.branch, self.by = branch, by

    def forward(self, x: Tensor) -> Tensor:
        return x + self.by * self.branch(x)


def classifier(seed: int = 0, classes: int = 5, width: int = 12) -> nn.Sequential:
    """Linear, tanh, skip, ReLU, skip and a head: (batch, 6) -> (batch, classes), float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = nn.Sequential(
            nn.Sequential(nn.Linear(6, width), nn.Tanh()),
            Skip(nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))),
            nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.3)),
            Skip(nn.Linear(width, width)),
            nn.Linear(width, classes),
        )
    return made.double().eval().requires_grad_(False)


def chain(model: nn.Sequential) -> list[nn.Module]:
    return list(model)


def inputs(batch: int = 4, seed: int = 0) -> Tensor:
    return gaussian(batch, 6, seed=seed)


def signals(links: Sequence[nn.Module], x: Tensor, loss: Loss) -> list[Tensor]:
    """∂L/∂h_k of every boundary, by one backward pass: (batch, n) each."""
    values = [x.clone().requires_grad_()]
    for link in links:
        values.append(link(values[-1]))
    found = torch.autograd.grad(loss(values[-1]), values[:-1])
    return [each.flatten(1) for each in found]


def gain(found: Sequence[Tensor], i: int, j: int) -> Tensor:
    return torch.linalg.vector_norm(found[i], dim=1) / torch.linalg.vector_norm(found[j], dim=1)


def linear_loss(a: Tensor) -> Loss:
    """The loss whose ∂L/∂z is a (batch, K)."""
    return lambda z: (a.to(z) * z).sum()
