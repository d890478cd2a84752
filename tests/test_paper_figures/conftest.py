"""Makes small results folders whose numbers are drawn, not trained, but obey the formulas.

Gains, bounds and the √l law are as they would be.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_paper_figures.with_every_loss import around

from validate.records.codec import DIGITS, write_json, write_jsonl
from validate.records.manifest import write_manifest
from validate.records.read import read_results
from validate.records.schema import (
    BlockRow,
    BoundRow,
    EpochRow,
    LawRow,
    Manifest,
    Results,
    RunConfig,
    Total,
    VanishingRow,
    config_digest,
    run_files,
)
from validate.records.storage import sha256

SAMPLES = 4
EPOCHS = 3
DELTA = 1e-6
KINDS = {
    "plain": "plain",
    "residual": "residual",
    "se_residual": "gated_residual",
    "dense": "dense",
}
EPSILONS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.0)


def make_config(
    family: str, depth: int, seed: int, dataset: str = "digits", version: int = 2
) -> RunConfig:
    """A configuration like that of a small validation."""
    return RunConfig(
        schema_=f"gradbound.config/{version}",
        run=f"{family}-d{depth}-w8-s{seed}",
        family=family,
        depth=depth,
        width=8,
        reduction=4,
        seed=seed,
        dataset=dataset,
        data=("0" * 64, "1" * 64),
        in_channels=1,
        image_size=8,
        train_samples=1437,
        test_samples=360,
        parameters=1000 * depth,
        epochs=EPOCHS,
        batch_size=64,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        warmup_epochs=1,
        augment=False,
        probe_size=SAMPLES,
        spectra_epochs=(0, EPOCHS),
        spectra_steps=20,
        delta=DELTA,
        threads=1,
        device="cpu",
    )


def bound(
    name: str, side: str, value: np.ndarray, measured: np.ndarray, certainty: str
) -> BoundRow:
    """A bound's row, its violations and tightness counted from the numbers."""
    excess = value - measured if side == "lower" else measured - value
    return BoundRow(
        id=f"{name}.{side}",
        side=side,
        certainty=certainty,
        delta=None if certainty == "exact" else DELTA,
        value=tuple(value.tolist()),
        violations=int((excess > 1e-9).sum()),
        tightness=float(f"{np.median(measured / value):.{DIGITS}g}") if (value > 0).all() else None,
    )


def both_sides(
    name: str, lower: np.ndarray, upper: np.ndarray, measured: np.ndarray, certainty: str
) -> list[BoundRow]:
    """A lower and an upper bound."""
    return [
        bound(name, "lower", lower, measured, certainty),
        bound(name, "upper", upper, measured, certainty),
    ]


def make_block(config: RunConfig, epoch: int, index: int, random: np.random.Generator) -> BlockRow:
    """One block with random t and c: γ² = 1 + 2ct + t² with a skip, γ = t without."""
    t, c = random.uniform(0.2, 0.9, SAMPLES), random.uniform(-0.5, 0.8, SAMPLES)
    skip = config.family != "plain"
    gain = np.sqrt(1 + 2 * c * t + t**2) if skip else t
    measured = gain * (1 + 1e-15 * random.integers(-3, 4, SAMPLES))
    if skip:
        exact, probable = (
            ("residual.triangle", abs(1 - t), 1 + t),
            ("residual.uniform", 0 * t, 1 + 2 * t),
        )
        bounds = [
            *both_sides(*exact, measured, "exact"),
            *both_sides(*probable, measured, "probable"),
        ]
    else:
        bounds = both_sides("singular", 0.1 * t, 3 * t, measured, "probable")
    if config.version > 1 and epoch in config.spectra_epochs:
        bounds += around(tuple(measured.tolist()))
    return BlockRow(
        schema_=f"gradbound.block/{config.version}",
        run=config.run,
        epoch=epoch,
        index=index,
        name=f"stage1_block{index + 1}",
        kind=KINDS[config.family],
        term="Layer(name='F')",
        measured=tuple(measured.tolist()),
        predicted=tuple(gain.tolist()),
        vanished=0,
        identity_failures=0,
        identity_error=float((abs(gain - measured) / np.maximum(gain, measured)).max()),
        terms={"t": tuple(t.tolist()), "c": tuple(c.tolist())} if skip else {},
        bounds=tuple(bounds),
        law=make_law(epoch, c if skip else None, random),
    )


def make_law(epoch: int, cosine: np.ndarray | None, random: np.random.Generator) -> LawRow:
    """Gains that are the greater, the longer the network was trained.

    Alignments have the sign of the cosine, if there is one.
    """
    probability = random.uniform(size=SAMPLES) ** (1 / (1 + epoch))
    return LawRow(
        weight_std=0.1,
        chi=tuple(random.uniform(0.5, 2, SAMPLES).tolist()),
        probability=tuple(probability.tolist()),
        alignment=(None,) * SAMPLES if cosine is None else tuple(((1 + epoch) * cosine).tolist()),
    )


def make_run(config: RunConfig) -> tuple[list[EpochRow], list[BlockRow]]:
    """The rows of one run; errors fall with the epoch, faster with a skip."""
    random = np.random.default_rng([config.depth, config.seed, len(config.family)])
    blocks = [
        make_block(config, epoch, index, random)
        for epoch in range(EPOCHS + 1)
        for index in range(config.depth // 3)
    ]
    epochs = []
    for epoch in range(EPOCHS + 1):
        rows = [row for row in blocks if row.epoch == epoch]
        measured, telescoped = (
            np.prod([row.measured for row in rows], axis=0),
            np.prod([row.predicted for row in rows], axis=0),
        )
        error = (
            0.9 * math.exp(-epoch * (0.5 if config.family == "plain" else 1.0)) + 0.01 * config.seed
        )
        test, train = (
            round(each * images) / images
            for each, images in ((error, config.test_samples), (0.8 * error, config.train_samples))
        )
        worst = float((abs(measured - telescoped) / np.maximum(measured, telescoped)).max())
        total = Total(
            measured=tuple(measured.tolist()),
            telescoped=tuple(telescoped.tolist()),
            relative_error=worst,
        )
        scores = {"train_loss": 2 * error, "train_error": train, "test_error": test}
        epochs.append(
            EpochRow(
                schema_=f"gradbound.epoch/{config.version}",
                run=config.run,
                epoch=epoch,
                status="ok",
                total=total,
                **scores,
                **(_since_the_second(config, epoch, rows, total) if config.version > 1 else {}),
            )
        )
    return epochs, blocks


def _since_the_second(
    config: RunConfig, epoch: int, rows: Sequence[BlockRow], total: Total
) -> dict[str, Any]:
    """A batch whose every gain is that of the first sample, a little more; its ratio, their
    product.
    """
    gains = tuple(1.1 * (row.measured[0] or 0.0) for row in rows)
    return {
        "batch_ratio": math.prod(gains),
        "batch_gains": gains,
        "bounds": around(total.measured) if epoch in config.spectra_epochs else (),
        "made_on": "cpu AVX2",
        "vanished": 0,
        "faint": 0,
    }


def make_vanishing() -> list[VanishingRow]:
    """√(l + ε²) for dense steps, ε for plain, 1 + ε/4 and 1 + ε/8 for residual blocks.

    All with a little spread over the seeds.
    """
    rows = []
    cases = [
        ("plain", 1, 0.0, lambda e: e),
        ("residual", 1, 1.0, lambda e: 1 + e / 4),
        ("se_residual", 1, 1.0, lambda e: 1 + e / 8),
    ]
    cases += [("dense", l, math.sqrt(l), lambda e, l=l: math.sqrt(l + e * e)) for l in range(1, 13)]
    for family, inputs, limit, measure in cases:
        for epsilon in EPSILONS:
            for seed in (0, 1, 2):
                value = measure(epsilon) * (1 + 0.05 * epsilon * (seed - 1))
                rows.append(
                    VanishingRow(
                        family=family,
                        inputs=inputs,
                        epsilon=epsilon,
                        seed=seed,
                        predicted=limit,
                        measured=value,
                    )
                )
    return rows


def write_results(
    folder: Path, configs: Sequence[RunConfig], change: Callable[[Any], Any] = lambda row: row
) -> Path:
    """A complete results folder; every row passes through `change` before it is written."""
    for config in configs:
        place = folder / "runs" / config.run
        place.mkdir(parents=True)
        epochs, blocks = make_run(config)
        write_json(place / "config.json", config)
        write_jsonl(place / "epochs.jsonl", list(map(change, epochs)))
        write_jsonl(place / "blocks.jsonl", list(map(change, blocks)))
        (place / "checkpoint.safetensors").write_bytes(b"")
    write_jsonl(folder / "vanishing.jsonl", list(map(change, make_vanishing())))
    names = ["vanishing.jsonl", *(name for config in configs for name in run_files(config.run))]
    files = {name: sha256((folder / name).read_bytes()) for name in sorted(names)}
    manifest = Manifest(
        status="complete",
        versions={"torch": "2.13.0", "numpy": "2.4.6"},
        device="cpu",
        threads=1,
        preset="smoke",
        dataset="digits",
        seeds=tuple(sorted({config.seed for config in configs})),
        command="gradbound validate --preset smoke",
        config=config_digest(configs),
        runs=tuple(config.run for config in configs),
        files=files,
    )
    write_manifest(folder, change(manifest))
    return folder


def configs(version: int) -> list[RunConfig]:
    """Four families, two depths and two seeds."""
    return [
        make_config(family, depth, seed, version=version)
        for family in KINDS
        for depth in (8, 14)
        for seed in (0, 1)
    ]


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """`write(folder, change)` makes a small results folder of the first version and returns it.

    It has no second seed and no second depth.
    """
    few = [config for config in configs(1) if config.seed == 0 and config.depth == 8]
    return lambda folder, change=lambda row: row: write_results(folder, few, change)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of the first version, without bounds for every loss."""
    return write_results(tmp_path_factory.mktemp("results"), configs(1))


@pytest.fixture(scope="session")
def results(folder: Path) -> Results:
    """The records in `folder`."""
    return read_results(folder)


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The same of the second version, with all that it demands."""
    return read_results(write_results(tmp_path_factory.mktemp("second"), configs(2)))
