"""Holds bounds of small networks, within a radius and everywhere, against what is reached.

Prints one JSON line per network. For five radii of the box and of the ball: what
`local_lipschitz_upper` says, with seconds, and the largest norm found by drawing and climbing. Then
what holds everywhere, beside the product of norms and ECLipsE-Fast (Xu & Sivaranjani 2024), written
here from its formulas in plain float64. Where auto_LiRPA (github.com/Verified-Intelligence) is
installed, its bounds of the Jacobian's entries as ‖middle‖₂ + ‖radii‖₂; where eclipse_nn
(github.com/YuezhuXu/ECLipsE) is, its local estimate on boxes.
"""

import contextlib
import importlib.util
import logging
import math
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Any

import torch
from shared import report
from torch import Tensor, nn
from torch.func import jacrev, vmap

from numeric import lipschitz_upper, local_lipschitz_upper, sequence_lipschitz_upper

RADII = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
NORMS = {"box": math.inf, "ball": 2.0}


def perceptron(activation: type[nn.Module], *sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def networks() -> dict[str, tuple[nn.Sequential, tuple[int, ...]]]:
    torch.manual_seed(0)
    images = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, stride=2, padding=1),
        nn.ReLU(), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    return {
        "relu 32-64-64-10": (perceptron(nn.ReLU, 32, 64, 64, 10), (32,)),
        "tanh 32-64-64-10": (perceptron(nn.Tanh, 32, 64, 64, 10), (32,)),
        "relu 16-48-48-48-8": (perceptron(nn.ReLU, 16, 48, 48, 48, 8), (16,)),
        "convolutions 1x8x8": (images, (1, 8, 8)),
    }


def unrolled(network: nn.Sequential, shape: tuple[int, ...]) -> nn.Sequential:
    """The same map of flat inputs, convolutions written out as matrices."""
    layers: list[nn.Module] = []
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            shape, dense = _dense(layer, shape)
            layers.append(dense)
        elif not isinstance(layer, nn.Flatten):
            layers.append(layer)
    return nn.Sequential(*layers)


def _dense(layer: nn.Conv2d, shape: tuple[int, ...]) -> tuple[tuple[int, ...], nn.Linear]:
    size = math.prod(shape)
    at_zero = layer(torch.zeros(1, *shape))
    columns = layer(torch.eye(size).view(size, *shape)) - at_zero
    dense = nn.Linear(size, at_zero.numel())
    dense.weight.data, dense.bias.data = columns.flatten(1).mT.clone(), at_zero.flatten().clone()
    return tuple(at_zero.shape[1:]), dense


def reached(network: nn.Sequential, x: Tensor, radius: float, norm: float) -> float:
    """The largest ‖J‖₂ of 512 drawn points and of 40 steps uphill from the best: from below."""
    drawn = torch.randn(512, x.shape[1], generator=torch.Generator().manual_seed(0)).double()
    unit = drawn / drawn.norm(dim=1, keepdim=True) if norm == 2 else drawn.sign()
    unit[::2] *= torch.rand(256, 1, generator=torch.Generator().manual_seed(1)).double()
    points = torch.cat([x, x + radius * unit])
    jacobian = jacrev(lambda point: network(point[None])[0])
    norms = torch.linalg.matrix_norm(vmap(jacobian)(points), 2)
    best, point = norms.max().item(), points[norms.argmax()][None]
    for _ in range(40 if radius else 0):
        leaf = point.detach().requires_grad_()
        size = torch.linalg.matrix_norm(jacobian(leaf[0]), 2)
        best = max(best, size.item())
        (uphill,) = torch.autograd.grad(size, leaf, allow_unused=True, materialize_grads=True)
        step = leaf.detach() + 0.1 * radius * uphill / (uphill.norm() + 1e-30) - x
        over = step.norm() / radius if norm == 2 else step.abs() / radius
        point = x + step / torch.as_tensor(over).clamp(min=1)
    return best


def eclipse_fast(weights: list[Tensor]) -> float:
    """Its recursion for slopes in [0, 1]: λᵢ = 2/λ_max(W X⁻¹ Wᵀ), X ← λI − λ² W X⁻¹ Wᵀ / 4."""
    x = torch.eye(weights[0].shape[1]).double()
    for weight in weights[:-1]:
        seen = weight @ torch.linalg.solve(x, weight.mT)
        factor = 2 / torch.linalg.eigvalsh((seen + seen.mT) / 2)[-1]
        x = factor * torch.eye(len(seen)) - factor**2 * seen / 4
    last = weights[-1] @ torch.linalg.solve(x, weights[-1].mT)
    return torch.linalg.eigvalsh((last + last.mT) / 2)[-1].sqrt().item()


def timed(function: Callable[[], float]) -> tuple[float, float]:
    begin = perf_counter()
    value = function()
    return float(f"{value:.5g}"), round(perf_counter() - begin, 2)


def entries_of_lirpa(network: nn.Sequential, x: Tensor) -> Callable[[float, float], float]:
    from auto_LiRPA import BoundedModule, BoundedTensor  # type: ignore[import-not-found]
    from auto_LiRPA.jacobian import JacobianOP  # type: ignore[import-not-found]
    from auto_LiRPA.perturbations import PerturbationLpNorm  # type: ignore[import-not-found]

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> Any:
            return JacobianOP.apply(self.network(x), x)

    logging.disable(logging.INFO)
    bounded = BoundedModule(Wrapped(), x)

    def bound(radius: float, norm: float) -> float:
        within = BoundedTensor(x, PerturbationLpNorm(norm=norm, eps=radius))
        low, high = (
            each.detach().double().view(-1, x.numel())
            for each in bounded.compute_jacobian_bounds(within)
        )
        parts = ((low + high) / 2, (high - low) / 2)
        return sum(torch.linalg.matrix_norm(each, 2).item() for each in parts)

    return bound


def local_of_eclipse(network: nn.Sequential, x: Tensor) -> Callable[[float, float], float]:
    from eclipse_nn.local_lipschitz import get_lip_estimates  # type: ignore[import-not-found]

    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    kind = type(network[1]).__name__.lower()

    def bound(radius: float, norm: float) -> float:
        return float(
            get_lip_estimates(
                [layer.weight.detach().double() for layer in linear],
                x.double().view(-1, 1),
                radius,
                kind,
                [layer.bias.detach().double() for layer in linear],
                "Fast",
            )
        )

    return bound


PEERS = {
    "auto_LiRPA": (entries_of_lirpa, tuple(NORMS)),
    "eclipse_nn": (local_of_eclipse, ("box",)),
}


def of_peers(flat: nn.Sequential, x: Tensor) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, (built, norms) in PEERS.items():
        if importlib.util.find_spec(name) is None:
            found[name] = "not installed"
            continue
        with contextlib.redirect_stdout(sys.stderr):
            bound = built(flat, x)
            found[name] = {
                norm: [_or_failure(bound, radius, NORMS[norm]) for radius in RADII]
                for norm in norms
            }
    return found


def _or_failure(bound: Callable[[float, float], float], radius: float, norm: float) -> object:
    try:
        return timed(lambda: bound(radius, norm))
    except Exception as error:  # noqa: BLE001  (a peer's own troubles are part of the table)
        return type(error).__name__


def compared(name: str, network: nn.Sequential, shape: tuple[int, ...]) -> None:
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))
    flat = unrolled(network, shape)
    found = of_peers(flat, x.flatten(1))
    exact, twin, point = network.double().eval(), flat.double(), x.double()

    def near(radius: float, norm: float) -> float:
        return local_lipschitz_upper(exact, point, radius, norm).item()

    for kind, norm in NORMS.items():
        found[kind] = [timed(partial(near, radius, norm)) for radius in RADII]
        found[f"{kind}_reached"] = [
            float(f"{reached(twin, point.flatten(1), radius, norm):.5g}") for radius in RADII
        ]
    weights = [layer.weight.detach() for layer in twin if isinstance(layer, nn.Linear)]
    everywhere = {
        "ours": timed(lambda: sequence_lipschitz_upper(exact, shape)),
        "product": timed(lambda: lipschitz_upper(exact, shape)),
        "eclipse_fast": timed(lambda: eclipse_fast(weights)),
    }
    report("lipschitz_near", network=name, radii=RADII, **found, everywhere=everywhere)


def main() -> None:
    for name, (network, shape) in networks().items():
        compared(name, network, shape)


if __name__ == "__main__":
    main()
