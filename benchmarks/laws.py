"""Times the laws of random weights where they are costly, in milliseconds of one process.

Prints one JSON line. Against a slow twin in the same run: a masked convolution of 64×28×28, whose
twin takes the singular values of each channel's matrix, masked pixels and all (the target is 5 ×
faster). On their own: a pointwise map of 2,048 entries, bands of 1,000 laws of two components (the
target is 1 s) and BatchNorm networks of 3,000 blocks (1 s).
"""

import numpy as np
import torch
from shared import milliseconds, ratio, report, rounds

from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.convolution_layer import Geometry, convolution_law, unfolded_signal
from numeric.laws.dense_layer import pointwise_law
from numeric.laws.mean_field import batch_norm_v1

RUNS = 3


def main() -> None:
    drawn = torch.Generator().manual_seed(0)
    h, v = torch.randn(2, 1, 64, 28, 28, generator=drawn, dtype=torch.float64)
    active = torch.rand(v.shape, generator=drawn) < 0.5
    geometry = Geometry((3, 3), (1, 1), (1, 1))
    row = torch.randn(1, 2048, generator=drawn, dtype=torch.float64)
    random = np.random.default_rng(0)
    weights, squares = random.uniform(0.2, 2, (2, 1000, 2))
    few = GeneralizedChiSquare(np.zeros(1000), weights, np.ones((1000, 2)), squares)

    def twin() -> None:
        factor = unfolded_signal(h, (28, 28), geometry)[0, 0]
        for mask in active[0].flatten(1):
            torch.linalg.svd(mask[:, None] * factor, full_matrices=False)

    taken = rounds(
        {
            "convolution": lambda: convolution_law(0.05, h, v, geometry, active),
            "singular_values": twin,
            "pointwise": lambda: pointwise_law(0.05, row, row, row),
            "bands": lambda: few.interval(0.95),
            "batch_norm_v1": lambda: batch_norm_v1(3000),
        },
        RUNS,
    )
    report(
        "laws",
        times_faster=ratio(taken["singular_values"], taken["convolution"]),
        target=5,
        **{f"{name}_ms": milliseconds(each) for name, each in taken.items()},
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
