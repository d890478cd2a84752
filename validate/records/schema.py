"""Defines the records of a validation, one model per kind of row, and how they lie in a folder.

Records are frozen and admit no unknown field, no NaN and no infinity; the manifest lists each file
with its SHA-256 digest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from validate.records.codec import encode
from validate.records.storage import sha256
from validate.records.versions import Record, Versioned

WEIGHTS = "checkpoint.safetensors"
RUN_FILES = ("config.json", "epochs.jsonl", "blocks.jsonl", WEIGHTS)
VANISHING_FILE = "vanishing.jsonl"
MANIFEST_FILE = "manifest.json"

RunId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(-[a-z0-9_]+)*$", max_length=100)]
FileName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(vanishing\.jsonl|runs/[a-z0-9_-]+/(config\.json|(epochs|blocks)\.jsonl|checkpoint\.safetensors))$"
    ),
]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Side = Literal["lower", "upper"]
Gains = tuple[float | None, ...]
"""One number per probe sample; null where the backward signal had vanished."""


LOSS_CLASSES: tuple[Literal["shift_invariant", "labels"], ...] = ("shift_invariant", "labels")
EVERY_LOSS = "every_loss."
"""Before the class of losses it is the id of a bound that holds whatever the loss."""

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class RunConfig(Versioned):
    """What one training is made from. `width`: maps of the first stage, or growth of a dense
    network; `reduction`: of an SE squeeze.

    The first `train_samples` and `test_samples` of the data set are used, `data`: the digests of
    these splits. `measure_epochs`: those with block rows; null: all. Since version 2:
    `statistics_samples`, the number of training images that the statistics of BatchNorm are of
    whenever something is measured; `copied_samples`, the number of test images that are copies of
    training images; `layout` of images and weights in memory.
    """

    since = MappingProxyType({"statistics_samples": 2, "copied_samples": 2, "layout": 2})

    schema_: Literal["gradbound.config/1", "gradbound.config/2"] = Field(
        default="gradbound.config/2", alias="schema"
    )
    run: RunId
    family: str
    depth: int
    width: int
    reduction: int
    seed: int
    dataset: str
    data: tuple[Digest, Digest]
    in_channels: int
    num_classes: int = 10
    image_size: int
    train_samples: int
    test_samples: int
    parameters: int
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    warmup_epochs: int
    augment: bool
    precision: Literal["float32", "bfloat16"] = "float32"
    probe_size: int
    measure_epochs: tuple[int, ...] | None = None
    spectra_epochs: tuple[int, ...]
    spectra_steps: int
    delta: float
    threads: int
    device: str
    statistics_samples: Annotated[int, Field(ge=1)] = 512
    copied_samples: Count = 0
    layout: Literal["contiguous", "channels_last"] = "contiguous"

    @property
    def network(self) -> str:
        """The name that `validate.networks.build.build` takes."""
        return f"{self.family}-{self.depth}"

    @property
    def hash(self) -> str:
        """The digest that a checkpoint must carry."""
        return sha256(encode(self))

    def measures(self, epoch: int) -> bool:
        """Whether the epoch has block rows."""
        return self.measure_epochs is None or epoch in self.measure_epochs


class Total(Record):
    """‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ of the probe samples: measured, and as the product of the predicted
    gains. In eval mode, in version 1 of the rows with running statistics, which at epoch 0 make
    BatchNorm the identity, since version 2 with recalibrated ones.
    """

    measured: Gains
    telescoped: Gains
    relative_error: float | None


class BoundRow(Record):
    """One bound on one segment, or from end to end. `value` is null where the bound says nothing
    (infinite) or the signal had vanished; of a bound for every loss both sides are also null where
    the measured signal could be rounding.

    `violations` are counted in float64; then the value is rounded away from the gain, to DIGITS
    digits: what is stored is a bound still.
    """

    id: str
    side: Side
    certainty: str
    delta: float | None
    value: Gains
    violations: Count
    tightness: float | None

    @property
    def checks(self) -> int:
        """How many samples were held against the bound."""
        return len(self.value) - self.value.count(None)

    @property
    def losses(self) -> str:
        """The class of losses that it holds for, one of LOSS_CLASSES; empty of a bound for whatever
        signal.
        """
        return self.id.removeprefix(EVERY_LOSS) if self.id.startswith(EVERY_LOSS) else ""


class EpochRow(Versioned):
    """The scores after an epoch.

    Epoch 0 is the network as initialized. A diverged epoch has none, and is the last. Since version
    2 losses and errors are those with recalibrated statistics of BatchNorm, as is `total`, and
    there are: `batch_ratio`, ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ of one training batch in train mode, as a step of
    training sees it, norms over the whole batch, and `batch_gains`, that of every segment, by
    `BlockRow.index` (null where no signal arrives); `vanished` and `faint`, how many gains of
    probe samples were not measured since a signal was exactly zero, or too small for digits to be
    left; `bounds` on the measured gains of `total` that hold for every loss, at the epochs with
    spectra; `made_on`, the kind of processor; and `float32_error`, how far gains computed in
    float32 on the device are from float64: of the segment where it is largest, the median over the
    probe samples (null where none has a gain).
    """

    since = MappingProxyType(
        dict.fromkeys(
            (
                *("batch_ratio", "batch_gains", "vanished", "faint", "bounds", "made_on"),
                "float32_error",
            ),
            2,
        )
    )

    schema_: Literal["gradbound.epoch/1", "gradbound.epoch/2"] = Field(
        default="gradbound.epoch/2", alias="schema"
    )
    run: RunId
    epoch: Count
    status: Literal["ok", "diverged"]
    train_loss: float | None
    train_error: Share | None
    test_error: Share | None
    total: Total | None
    batch_ratio: Annotated[float, Field(ge=0)] | None = None
    batch_gains: tuple[Annotated[float, Field(ge=0)] | None, ...] = ()
    vanished: Count = 0
    faint: Count = 0
    bounds: tuple[BoundRow, ...] = ()
    made_on: str = ""
    float32_error: Share | None = None


class LawRow(Record):
    """A segment beside one whose first convolution has its weights drawn anew, N(0, `weight_std`²),
    all else as it is; certainty: law.

    `chi`: E t², as predicted (for a plain block, E γ²). `probability`: that of a gain up to the
    measured one; null where the law is a point. `alignment`: the measured ⟨v, ∂L/∂x − v⟩ in units
    of its predicted standard deviation, v what reaches x beside the convolution; null where v = 0.
    Were the weights such draws and the signals independent of them, the one would be uniform on [0,
    1] and the other standard normal.
    """

    weight_std: Annotated[float, Field(ge=0)]
    chi: tuple[Annotated[float, Field(ge=0)] | None, ...]
    probability: tuple[Annotated[float, Field(ge=0, le=1)] | None, ...]
    alignment: Gains


Masked = Literal["zero", "faint"]


class BlockRow(Versioned):
    """One segment after one epoch: gains of the probe samples, predicted and measured, the bounds
    on them, and the law of random weights.

    `identity_error` is the largest |predicted − measured| / max(predicted, measured),
    `identity_failures` counts the samples where it is more than rounding, `vanished` those without
    a gain. `terms` are rounded to DIGITS digits, the gains are not. Since version 2 `masked` says
    of every sample why it has no gain: its backward signal was "zero", or on either side too
    "faint" for digits to be left; null where it has one, and empty where all have.
    """

    since = MappingProxyType({"masked": 2})

    schema_: Literal["gradbound.block/1", "gradbound.block/2"] = Field(
        default="gradbound.block/2", alias="schema"
    )
    run: RunId
    epoch: Count
    index: Count
    name: str
    kind: str
    term: str
    measured: Gains
    predicted: Gains
    vanished: Count
    identity_error: float | None
    identity_failures: Count
    terms: dict[str, Gains]
    bounds: tuple[BoundRow, ...]
    law: LawRow | None
    masked: tuple[Masked | None, ...] = ()


class VanishingRow(Record):
    """‖∂L/∂x‖ / r of a block whose branch is scaled by ε, r the root mean square of the signals on
    its inputs, and the limit for ε → 0.
    """

    schema_: Literal["gradbound.vanishing/1"] = Field(
        default="gradbound.vanishing/1", alias="schema"
    )
    family: str
    inputs: int
    epsilon: float
    seed: int
    predicted: float
    measured: float


class Manifest(Record):
    """What the folder holds and how it was made.

    It holds nothing that differs between an unbroken and a resumed run. `seal` is the digest of all
    the rest, as `write_manifest` states it.
    """

    schema_: Literal["gradbound.manifest/1"] = Field(default="gradbound.manifest/1", alias="schema")
    status: Literal["running", "complete"]
    versions: dict[str, str]
    device: str
    threads: int
    preset: str
    dataset: str
    seeds: tuple[int, ...]
    command: str
    config: Digest
    runs: tuple[RunId, ...]
    files: dict[FileName, Digest]
    seal: str = ""


@dataclass(frozen=True)
class Run:
    """One training: its configuration, its epochs 0, 1, …, and its segments at every epoch."""

    config: RunConfig
    epochs: tuple[EpochRow, ...]
    blocks: tuple[BlockRow, ...]


@dataclass(frozen=True)
class Results:
    """A finished validation, everything of it but the weights."""

    folder: Path
    manifest: Manifest
    runs: tuple[Run, ...]
    vanishing: tuple[VanishingRow, ...]


def run_files(run: str) -> tuple[str, ...]:
    """The files of one run, relative to the results folder."""
    return tuple(f"runs/{run}/{name}" for name in RUN_FILES)


def config_digest(configs: Iterable[RunConfig]) -> str:
    """What a manifest states of the configurations of its runs."""
    return sha256("".join(config.hash for config in configs).encode())
