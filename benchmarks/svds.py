"""Times σ_max of 8 samples to 1e-3 against SciPy's svds, sample by sample on the same products; the target is 20 × faster.

Prints one JSON line. The ratio is to svds as it comes (converged to machine precision, as it is without `tol`); beside it stands the one
to svds with tol = 1e-3. Ours encloses σ_max with probability 1 − 1e-6 and stops when the enclosure is that narrow; svds
estimates. Each of its samples has an operator of its own, of batch one. A bottleneck of 256×8×8, batch 8, float32.
"""

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, svds
from shared import DEVICE, bottleneck, linearized, milliseconds, ratio, report, rounds

from numeric import JacobianOperator, sigma_max

RTOL, RUNS = 1e-3, 7


def as_scipy(operator: JacobianOperator) -> LinearOperator:
    """The products of one sample, from and to NumPy."""

    def through(product, shape: tuple[int, ...]):  # type: ignore[no-untyped-def]
        def apply(vector: np.ndarray) -> np.ndarray:
            return product(torch.from_numpy(np.ascontiguousarray(vector)).to(DEVICE).view(1, *shape)).flatten().cpu().numpy()

        return apply

    sizes = (operator.out_dim, operator.in_dim)
    matvec, rmatvec = through(operator._push, operator.in_shape), through(operator._pull, operator.out_shape)
    return LinearOperator(sizes, matvec=matvec, rmatvec=rmatvec, dtype=np.float32)


def main() -> None:
    block, x = bottleneck()
    operator = linearized(block, x)
    samples = [as_scipy(linearized(block, sample)) for sample in x.split(1)]

    def ours() -> torch.Tensor:
        return sigma_max(operator, rtol=RTOL).low

    def scipy(tolerance: float) -> list[float]:
        return [float(svds(sample, k=1, tol=tolerance, return_singular_vectors=False, rng=0)[0]) for sample in samples]

    truth = torch.tensor(scipy(0.0), dtype=torch.float64)
    worst = ((ours().cpu() - truth).abs() / truth).max().item()
    assert worst <= RTOL, worst
    taken = rounds({"ours": ours, "svds": lambda: scipy(0.0), "svds_1e-3": lambda: scipy(RTOL)}, RUNS)
    report(
        "svds",
        times_faster=ratio(taken["svds"], taken["ours"]),
        times_faster_than_tol_1e_3=ratio(taken["svds_1e-3"], taken["ours"]),
        target=20,
        ours_ms=milliseconds(taken["ours"]),
        relative_difference=float(f"{worst:.1e}"),
        steps=int(sigma_max(operator, rtol=RTOL).steps.max()),
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
