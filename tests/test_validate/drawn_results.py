"""Makes records of training in memory whose errors and gradients are given, not trained."""

import math
from collections.abc import Callable
from pathlib import Path

from validate.records.schema import BlockRow, EpochRow, Manifest, Results, Run, RunConfig, Total

DEPTHS = {
    "plain": (8, 14, 20, 32, 44),
    "residual": (8, 14, 20, 32, 44),
    "se_residual": (8, 14, 20, 32, 44),
    "dense": (10, 16, 22, 34),
}
SEEDS = (0, 1, 2)
BLOCKS = 4

Number = Callable[[str, int, int], float | None]
"""Of (family, depth, seed)."""


def drawn(
    error: Number,
    ratio: Number,
    depths: dict[str, tuple[int, ...]] | None = None,
    seeds: tuple[int, ...] = SEEDS,
    version: int = 2,
) -> Results:
    """Results whose runs end with this test error (None: diverged) and start with this ‖∂L/∂h₀‖ /
    ‖∂L/∂h_n‖ (None: no gradient), of single samples and of a training batch alike.
    """
    runs = tuple(
        _run(family, depth, seed, error(family, depth, seed), ratio(family, depth, seed), version)
        for family, each in (depths or DEPTHS).items()
        for depth in each
        for seed in seeds
    )
    manifest = Manifest(
        status="complete", versions={}, device="cpu", threads=1, preset="cpu", dataset="digits",
        seeds=seeds, command="gradbound validate", config="0" * 64,
        runs=tuple(run.config.run for run in runs), files={},
    )  # fmt: skip
    return Results(Path("drawn"), manifest, runs, ())


def _run(
    family: str, depth: int, seed: int, error: float | None, ratio: float | None, version: int
) -> Run:
    name = f"{family}-d{depth}-w8-s{seed}"
    config = RunConfig(
        run=name, family=family, depth=depth, width=8, reduction=4, seed=seed, dataset="digits",
        data=("0" * 64, "1" * 64), in_channels=1, image_size=8, train_samples=10, test_samples=10,
        parameters=1, epochs=1, batch_size=1, learning_rate=0.1, momentum=0.9, weight_decay=0.0,
        warmup_epochs=0, augment=False, probe_size=2, spectra_epochs=(0,), spectra_steps=8,
        delta=1e-6, threads=1, device="cpu",
        schema_=f"gradbound.config/{version}",
    )  # fmt: skip
    batch = {"batch_ratio": ratio} if version > 1 else {}
    schema = f"gradbound.epoch/{version}"
    total = Total(measured=(ratio, ratio), telescoped=(ratio, ratio), relative_error=0.0)
    first = EpochRow(
        schema_=schema, run=name, epoch=0, status="ok", train_loss=1.0, train_error=0.9,
        test_error=0.9, total=total, **batch,
    )  # fmt: skip
    status = "diverged" if error is None else "ok"
    last = EpochRow(
        schema_=schema,
        run=name,
        epoch=1,
        status=status,
        train_loss=None,
        train_error=None,
        test_error=error,
        total=None if error is None else total,
        **({} if error is None else batch),
    )
    epochs = (0,) if error is None else (0, 1)
    return Run(
        config,
        (first, last),
        tuple(_block(name, epoch, index, ratio) for epoch in epochs for index in range(BLOCKS)),
    )


def _block(run: str, epoch: int, index: int, ratio: float | None) -> BlockRow:
    """One of BLOCKS equal blocks, whose gains multiply to the ratio.

    The last has a ReLU's term, which counts as no block.
    """
    gain = None if ratio is None else ratio ** (1 / BLOCKS)
    return BlockRow(
        run=run, epoch=epoch, index=index, name=f"block{index}", kind="plain",
        measured=(gain, gain), predicted=(gain, gain), vanished=0, identity_error=0.0,
        term="Pointwise(name='relu')" if index == BLOCKS - 1 else "Layer(name='F')",
        identity_failures=0, terms={}, bounds=(), law=None,
    )  # fmt: skip


def jitter(depth: int, seed: int) -> float:
    """A small difference between runs, the same every time."""
    return 0.001 * ((7 * depth + 3 * seed) % 5)


def as_claimed(family: str, depth: int, seed: int) -> float:
    """Plain networks degrade, the others gain."""
    return 0.1 + jitter(depth, seed) + (0.01 * depth if family == "plain" else -0.002 * depth)


def flow(family: str, depth: int, seed: int) -> float:
    """A gradient that survives better, the lower the claimed error is."""
    return math.exp(-20 * as_claimed(family, depth, seed))
