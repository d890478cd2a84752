"""Reads the protocol of the study: what is trained, measured, tested and decided, as data.

The protocol that comes with the package is `PROTOCOL`; a results folder keeps the text of its own.
"""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from derivations.errors import InputError

PROTOCOL = Path(__file__).with_name("protocol.toml")

Positive = Annotated[int, Field(ge=1)]
Scale = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    """Frozen, without unknown fields; numbers stay what the file says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrainingPart(_Part):
    """What all trials share."""

    dataset: str
    test_samples: Positive
    width: Positive
    reduction: Positive
    batch_size: Positive
    learning_rate: float
    momentum: float
    weight_decay: float
    warmup_epochs: int
    statistics_samples: Positive
    layout: Literal["contiguous", "channels_last"]
    threads: Positive


class Level(_Part):
    """A residual block H = F(x) + skip·x, the weight of F's last BatchNorm starting at `branch`."""

    skip: Scale
    branch: Scale

    @property
    def name(self) -> str:
        return f"skip {self.skip:g}, branch {self.branch:g}"


class FlowPart(_Part):
    """The test of C25: flow is varied, error follows or not."""

    claim: Literal["C25"]
    question: str
    measure: str
    outcome: str
    test: str
    decision: str
    power: str
    pilot: str
    strata: tuple[str, ...]
    levels: tuple[Level, ...]
    seeds: Positive
    first_seed: int
    train_samples: Positive
    epochs: Positive


class Pairs(_Part):
    """So many pairs, shallow and deep, of a family, with one seed each."""

    family: str
    pairs: Positive
    first_seed: int


class Look(_Part):
    """How the number of pairs follows the deviation of the first ones."""

    after: Positive
    planned: float
    most: Positive


class DepthPart(_Part):
    """The test of C24: what depth does to the error."""

    claim: Literal["C24"]
    question: str
    outcome: str
    test: str
    decision: str
    power: str
    pilot: str
    shallow: Positive
    deep: Positive
    gain: Pairs
    gate: Pairs
    margin: float
    train_samples: Positive
    epochs: Positive
    look: Look


class SecondaryPart(_Part):
    """What is described beside, and judges nothing."""

    analyses: tuple[str, ...]


class Protocol(_Part):
    """The whole protocol, and the text that states it."""

    schema_: Literal["gradbound.protocol/1"] = Field(alias="schema")
    level: Annotated[float, Field(gt=0, lt=1)]
    error_of_diverged: Annotated[float, Field(ge=0, le=1)]
    training: TrainingPart
    flow: FlowPart
    depth: DepthPart
    secondary: SecondaryPart
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_protocol(path: Path = PROTOCOL) -> Protocol:
    """The protocol that a file states; raises InputError."""
    try:
        text = path.read_bytes().decode()
        return Protocol.model_validate({**tomllib.loads(text), "text": text})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read the protocol {path} ({error}): get it again") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path} is no valid protocol ({place}: {first['msg']})") from error
