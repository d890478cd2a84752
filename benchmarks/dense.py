"""Times σ_max at n = 4096 against the dense way, torch.func.jacrev and svdvals.

The target is 1000 × faster. Prints one JSON line: the ratio of seconds per sample. Ours takes a
batch of 8, and one of 64, in STEPS steps that bring the Ritz value within 1e-3 of the truth
(asserted); the dense way takes one sample, whose Jacobian alone holds 64 MiB, and runs once beside
each of ours in so few rounds that all takes minutes. A bottleneck of 64×8×8, float32.
"""

import torch
from shared import bottleneck, linearized, milliseconds, ratio, report, rounds

from numeric import JacobianOperator, sigma_max

RTOL, STEPS, RUNS, BATCH, LARGE = 1e-3, 24, 3, 8, 64


def main() -> None:
    block, x = bottleneck(channels=64, batch=LARGE)
    few, many = linearized(block, x[:BATCH]), linearized(block, x)

    def ours(operator: JacobianOperator) -> torch.Tensor:
        return sigma_max(operator, steps=STEPS).low

    def dense() -> torch.Tensor:
        jacobian = torch.func.jacrev(block, chunk_size=256)(x[:1])
        return torch.linalg.svdvals(jacobian.reshape(x[0].numel(), -1))[0]

    worst = abs(ours(few)[0].item() / dense().item() - 1)
    assert worst <= RTOL, worst
    taken = rounds({"few": lambda: ours(few), "many": lambda: ours(many), "dense": dense}, RUNS)
    report(
        "dense",
        times_faster=round(BATCH * ratio(taken["dense"], taken["few"])),
        times_faster_batch_64=round(LARGE * ratio(taken["dense"], taken["many"])),
        target=1000,
        n=x[0].numel(),
        ours_ms_per_sample=round(milliseconds(taken["few"]) / BATCH, 2),
        ours_ms_per_sample_batch_64=round(milliseconds(taken["many"]) / LARGE, 2),
        dense_ms_per_sample=milliseconds(taken["dense"]),
        steps=STEPS,
        relative_difference=float(f"{worst:.1e}"),
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
