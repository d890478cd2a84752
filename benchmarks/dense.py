"""Times σ_max at n = 4096 against the dense way, torch.func.jacrev and svdvals; the target is 1000 × faster.

Prints one JSON line: the ratio of seconds per sample. Ours takes a batch of 8 to 1e-3, the dense way one sample (whose Jacobian alone
holds 64 MiB), and runs once beside each of ours in so few rounds that all takes minutes. A bottleneck of 64×8×8, float32.
"""

import torch
from shared import bottleneck, linearized, milliseconds, ratio, report, rounds

from numeric import sigma_max

RTOL, RUNS, BATCH = 1e-3, 3, 8


def main() -> None:
    block, x = bottleneck(channels=64, batch=BATCH)
    operator = linearized(block, x)

    def ours() -> torch.Tensor:
        return sigma_max(operator, rtol=RTOL).low

    def dense() -> torch.Tensor:
        jacobian = torch.func.jacrev(block, chunk_size=256)(x[:1])
        return torch.linalg.svdvals(jacobian.reshape(x[0].numel(), -1))[0]

    worst = abs(ours()[0].item() / dense().item() - 1)
    assert worst <= RTOL, worst
    taken = rounds({"ours": ours, "dense": dense}, RUNS)
    report(
        "dense",
        times_faster=round(BATCH * ratio(taken["dense"], taken["ours"])),
        target=1000,
        n=x[0].numel(),
        ours_ms_per_sample=milliseconds(taken["ours"]) / BATCH,
        dense_ms_per_sample=milliseconds(taken["dense"]),
        relative_difference=float(f"{worst:.1e}"),
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
