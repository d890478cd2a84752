"""Lists the sizes of validation: what each preset trains, how long, and what it measures.

A preset and a data set determine every run's configuration; nothing else does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from derivations.errors import InputError, way_out
from validate.data.datasets import DATASETS
from validate.data.splits import Dataset
from validate.networks.build import build
from validate.records.schema import RunConfig
from validate.training.train import Schedule


@dataclass(frozen=True)
class Sweep:
    """Networks of one family: every depth at one width (the growth of a dense network)."""

    family: str
    depths: tuple[int, ...]
    width: int


@dataclass(frozen=True)
class Preset:
    """A named validation. Spectra are enclosed at the first and the last epoch.

    `train_samples`, `test_samples`: how many, from the front of the files; None: all. BatchNorm's
    statistics are of the first `statistics_samples` training images, or of all if there are fewer.
    After every epoch the whole gain is measured and predicted; the blocks' are recorded at the
    `measure_epochs` (None: at each), which must hold the first and the last.
    """

    name: str
    dataset: str
    sweeps: tuple[Sweep, ...]
    schedule: Schedule
    seeds: tuple[int, ...] = (0,)
    reduction: int = 4
    train_samples: int | None = None
    test_samples: int | None = None
    measure_epochs: tuple[int, ...] | None = None
    probe_size: int = 8
    statistics_samples: int = 512
    spectra_steps: int = 40
    delta: float = 1e-6
    threads: int = 1
    device: str = "cpu"

    @property
    def command(self) -> str:
        """The command line that asks for it."""
        return (
            f"gradbound validate --preset {self.name} --dataset {self.dataset} --seeds "
            f"{len(self.seeds)} --device {self.device}"
        )

    @property
    def runs(self) -> int:
        """How many there are."""
        return len(self.seeds) * sum(len(sweep.depths) for sweep in self.sweeps)

    def configs(self, dataset: Dataset) -> Iterator[RunConfig]:
        """The configuration of every run, seed by seed."""
        used = dataset.first(self.train_samples, self.test_samples)
        digests, copied = (used.train.digest, used.test.digest), used.copied
        for seed in self.seeds:
            for sweep in self.sweeps:
                for depth in sweep.depths:
                    yield self._config(used, digests, copied, sweep, depth, seed)

    def _config(
        self,
        used: Dataset,
        digests: tuple[str, str],
        copied: int,
        sweep: Sweep,
        depth: int,
        seed: int,
    ) -> RunConfig:
        name, image_size = f"{sweep.family}-{depth}", used.image_size
        # To count its parameters alone, in no time and no memory.
        with torch.device("meta"):
            network = build(
                name,
                num_classes=used.classes,
                in_channels=used.in_channels,
                image_size=image_size,
                width=sweep.width,
                reduction=self.reduction,
            )
        return RunConfig(
            run=f"{sweep.family}-d{depth}-w{sweep.width}-s{seed}",
            family=sweep.family,
            depth=depth,
            width=sweep.width,
            reduction=self.reduction,
            seed=seed,
            dataset=used.name,
            data=digests,
            in_channels=used.in_channels,
            num_classes=used.classes,
            image_size=image_size,
            train_samples=len(used.train),
            test_samples=len(used.test),
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            **vars(replace(self.schedule, augment=used.augment)),
            probe_size=min(self.probe_size, len(used.test)),
            measure_epochs=self.measure_epochs,
            spectra_epochs=tuple(sorted({0, self.schedule.epochs})),
            spectra_steps=self.spectra_steps,
            delta=self.delta,
            threads=self.threads,
            device=self.device,
            statistics_samples=min(self.statistics_samples, len(used.train)),
            copied_samples=copied,
        )


def preset(
    name: str, *, dataset: str | None = None, seeds: int | None = None, device: str | None = None
) -> Preset:
    """The named preset, on another data set, with `seeds` seeds counted from its first, or on
    another device where asked. Raises InputError.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}: {way_out(name, PRESETS)}")
    chosen = PRESETS[name]
    if dataset is not None:
        if dataset not in DATASETS:
            raise InputError(f"unknown data set {dataset!r}: {way_out(dataset, DATASETS)}")
        chosen = replace(chosen, dataset=dataset)
    if seeds is not None:
        if seeds < 1:
            raise InputError(f"cannot run {seeds} seeds: ask for at least 1")
        first = chosen.seeds[0]
        chosen = replace(chosen, seeds=tuple(range(first, first + seeds)))
    return chosen if device is None else replace(chosen, device=device)


_SMOKE = Preset(
    name="smoke",
    dataset="digits",
    sweeps=(
        Sweep("plain", (8, 20, 32), 8),
        Sweep("residual", (8, 20, 32), 8),
        Sweep("se_residual", (8, 20), 8),
        Sweep("dense", (10, 16), 8),
    ),
    schedule=Schedule(epochs=12, layout="channels_last"),
)
_CPU = Preset(
    name="cpu",
    dataset="fashion-mnist",
    sweeps=(
        Sweep("plain", (8, 20, 32, 44), 8),
        Sweep("residual", (8, 20, 32, 44), 8),
        Sweep("se_residual", (8, 14, 20, 26), 8),
        Sweep("dense", (10, 16, 22, 28), 8),
    ),
    schedule=Schedule(epochs=10, layout="channels_last"),
    seeds=(100, 101, 102),
    train_samples=1536,
    test_samples=1000,
    measure_epochs=(0, 5, 10),
    probe_size=9,
    spectra_steps=20,
)
_GPU = Preset(
    name="gpu",
    dataset="fashion-mnist",
    # As narrow as those of `cpu`, to be set beside them. So a step is a thousand small kernels, and
    # to launch them takes longer than to run them: several processes share the device.
    sweeps=(
        Sweep("plain", (20, 44, 110), 8),
        Sweep("residual", (20, 44, 110), 8),
        Sweep("se_residual", (20, 44, 110), 8),
        Sweep("dense", (22, 40, 100), 8),
    ),
    schedule=Schedule(epochs=8, batch_size=128, layout="channels_last"),
    seeds=(100, 101, 102),
    train_samples=12_000,
    measure_epochs=(0, 8),
    spectra_steps=12,
    device="cuda",
)
PRESETS = {chosen.name: chosen for chosen in (_SMOKE, _CPU, _GPU)}
