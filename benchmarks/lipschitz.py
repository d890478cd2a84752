"""Holds the bounds of the eleven kinds of convolution in ResNet-18 against the truth.

Prints one JSON line: how far the bound is above the norm that power iteration finds, at weights as
PyTorch draws them and at decaying spectra (singular values 0.9ᵏ), and seconds per layer. Beside it
what others give: the least norm of the kernel's unfoldings times the root of its taps (Singla &
Feizi 2021), and the product of row and column sums (Schur).
"""

import math
from time import perf_counter

import torch
from shared import report
from torch import Tensor
from torch.nn import functional

from numeric.certified.convolution_norms import zero_padded_norm_upper

LAYERS = (  # (out, in, kernel, stride, size of the image)
    (64, 3, 7, 2, 224), (64, 64, 3, 1, 56), (128, 64, 3, 2, 56), (128, 64, 1, 2, 56),
    (128, 128, 3, 1, 28), (256, 128, 3, 2, 28), (256, 128, 1, 2, 28), (256, 256, 3, 1, 14),
    (512, 256, 3, 2, 14), (512, 256, 1, 2, 14), (512, 512, 3, 1, 7),
)  # fmt: skip
STEPS = 200


def truth(weight: Tensor, size: int, stride: int, padding: int) -> float:
    """By power iteration, in float64: from below."""
    x = torch.randn(1, weight.shape[1], size, size, generator=torch.Generator().manual_seed(1))
    x, found, before = x.double(), 0.0, -1.0
    for _ in range(STEPS):
        y = functional.conv2d(x / x.norm(), weight, stride=stride, padding=padding)
        before, found = found, y.norm().item()
        if found - before < 1e-6 * found:
            break
        left = size - ((y.shape[2] - 1) * stride - 2 * padding + weight.shape[2])
        x = functional.conv_transpose2d(
            y, weight, stride=stride, padding=padding, output_padding=left
        )
    return found


def unfolded(weight: Tensor) -> float:
    """√(taps) · the least norm of four unfoldings: a bound for any image."""
    out, into, rows, columns = weight.shape
    shapes = (
        weight.permute(2, 3, 0, 1).reshape(rows * columns * out, into),
        weight.permute(0, 2, 3, 1).reshape(out, -1),
        weight.permute(0, 2, 1, 3).reshape(out * rows, -1),
        weight.permute(0, 3, 1, 2).reshape(out * columns, -1),
    )
    return math.sqrt(rows * columns) * min(
        torch.linalg.matrix_norm(each, 2).item() for each in shapes
    )


def schur(weight: Tensor) -> float:
    sums = (weight.abs().sum((1, 2, 3)).max(), weight.abs().sum((0, 2, 3)).max())
    return math.sqrt(sums[0].item() * sums[1].item())


def decaying(weight: Tensor) -> Tensor:
    left, values, right = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    return ((left * 0.9 ** torch.arange(len(values))) @ right).view_as(weight)


def main() -> None:
    torch.manual_seed(0)
    ours: dict[str, list[float]] = {"random": [], "decaying": []}
    others: dict[str, list[float]] = {"unfoldings": [], "schur": []}
    taken = []
    for out, into, kernel, stride, size in LAYERS:
        drawn = torch.nn.Conv2d(into, out, kernel).weight.detach().double()
        padding = kernel // 2
        outputs = (size + 2 * padding - kernel) // stride + 1
        for name, weight in (("random", drawn), ("decaying", decaying(drawn))):
            begin = perf_counter()
            bound = zero_padded_norm_upper(
                weight, (size,) * 2, (outputs,) * 2, (stride,) * 2, (padding,) * 2, (1, 1), 1
            )
            taken.append(round(perf_counter() - begin, 2))
            exact = truth(weight, size, stride, padding)
            ours[name].append(round(bound / exact, 4))
            for other, value in (("unfoldings", unfolded(weight)), ("schur", schur(weight))):
                others[other].append(round(value / exact, 2))
    report("lipschitz", **ours, **others, seconds=taken, layers=LAYERS)


if __name__ == "__main__":
    main()
