"""Trains a network by stochastic gradient descent, with momentum, as in the papers.

Everything is a function of (settings, seed, epoch): no random state is carried along, so a resumed
training is bit-identical.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional

from derivations.errors import InputError
from numeric import full_float32
from validate.data.splits import Split
from validate.networks.build import Network

EVALUATION_BATCH = 512
CROP_PADDING = 4


@dataclass(frozen=True)
class Schedule:
    """The settings of a training. The learning rate rises linearly over the warm-up epochs and
    drops to a tenth at 50 % and 75 %.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup_epochs: int = 1
    augment: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: mixed precision and channels-last layout, on CUDA only."""
    layout: Literal["contiguous", "channels_last"] = "contiguous"
    """Of weights and images in memory: the same numbers but for rounding."""

    def rate(self, epoch: int, progress: float) -> float:
        """The learning rate in epoch 1, 2, … when the share `progress` of it is done."""
        done = epoch - 1 + progress
        if done < self.warmup_epochs:
            return self.learning_rate * max(done / self.warmup_epochs, 0.01)
        drops = sum(1 for milestone in (0.5, 0.75) if done >= milestone * self.epochs)
        return self.learning_rate * 0.1**drops


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy and share of wrong answers over a split."""

    loss: float
    error: float


class Training:
    """A network under training. `run_epoch(e)` for e = 1, 2, … must be called in order; `state` and
    `restore` carry it across processes.

    Raises InputError for mixed precision on another device than CUDA.
    """

    def __init__(self, network: Network, split: Split, schedule: Schedule, seed: int) -> None:
        self.device = split.images.device.type
        self.mixed = schedule.precision == "bfloat16"
        if self.mixed and self.device != "cuda":
            raise InputError(f"mixed precision needs CUDA, not {self.device}: choose float32")
        self.channels_last = self.mixed or schedule.layout == "channels_last"
        self.network = network
        if self.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        self.split = split
        self.schedule = schedule
        self.seed = seed
        self.velocity = {
            name: torch.zeros_like(parameter) for name, parameter in network.named_parameters()
        }

    def run_epoch(self, epoch: int) -> bool:
        """One pass over the split in an order drawn from (seed, epoch).

        False if the loss stopped being finite.
        """
        self.network.train()
        generator = epoch_generator(self.seed, epoch)
        order = torch.randperm(len(self.split), generator=generator).to(self.split.labels.device)
        batches = order.split(self.schedule.batch_size)
        for number, batch in enumerate(batches):
            images, labels = self.split.images[batch], self.split.labels[batch]
            if self.schedule.augment:
                images = crop_and_flip(images, generator)
            loss = self._loss(images, labels)
            # The loss is read at every step: a gradient of NaN must not reach the weights.
            if not math.isfinite(loss.item()):
                return False
            self._step(loss, self.schedule.rate(epoch, number / len(batches)))
        return True

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy, itself in float32 in either precision."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16) if self.mixed else nullcontext():
            return functional.cross_entropy(self.network(images), labels)

    def _step(self, loss: Tensor, rate: float) -> None:
        """v ← momentum·v + ∇ + decay·w, w ← w − rate·v, as torch.optim.SGD does."""
        # Not by it: it rounds ∇ + decay·w before v is added. The last bits differ, training makes
        # more of them (losses differ by up to 15 % after one epoch of the `cpu` preset), and the
        # recorded results could not be made again. A step takes as long either way.
        parameters: list[Tensor] = list(self.network.parameters())
        velocities = list(self.velocity.values())
        gradients = torch.autograd.grad(loss, parameters)
        # All tensors at once: on a GPU, where a step waits for its launches, a kernel for many.
        with torch.no_grad():
            torch._foreach_mul_(velocities, self.schedule.momentum)
            torch._foreach_add_(velocities, gradients)
            torch._foreach_add_(velocities, parameters, alpha=self.schedule.weight_decay)
            torch._foreach_sub_(parameters, velocities, alpha=rate)

    def state(self) -> dict[str, Tensor]:
        """Every tensor that the next epoch depends on: weights, batch statistics, velocities."""
        network = {
            f"network.{name}": value.detach() for name, value in self.network.state_dict().items()
        }
        return network | {f"velocity.{name}": value for name, value in self.velocity.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over the `state` of a training of the same network."""
        with torch.no_grad():
            for name, value in self.state().items():
                value.copy_(state[name])


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """The source of everything random in an epoch: distinct for all (seed, epoch) with fewer than a
    million epochs.
    """
    # On the CPU, so that a seed draws the same order on every device.
    return torch.Generator("cpu").manual_seed(seed * 1_000_000 + epoch)


def crop_and_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image (batch, channels, h, w) shifted by up to 4 pixels, zeros moving in, and mirrored
    or not (He et al. 2016, section 4.2).
    """
    count, channels, height, width = images.shape
    shifts = torch.randint(2 * CROP_PADDING + 1, (count, 2), generator=generator)
    mirrored = torch.rand(count, generator=generator) < 0.5
    rows = shifts[:, :1] + torch.arange(height)
    columns = shifts[:, 1:] + torch.arange(width)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    places = (
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[:, None, None],
        rows[:, None, :, None],
        columns[:, None, None],
    )
    return functional.pad(images, (CROP_PADDING,) * 4)[
        tuple(place.to(images.device) for place in places)
    ]


def evaluate(network: nn.Module, split: Split) -> Score:
    """The score in eval mode; the network's mode is left as found."""
    was_training = network.training
    network.eval()
    loss, wrong = 0.0, 0
    with torch.no_grad():
        for images, labels in zip(
            split.images.split(EVALUATION_BATCH), split.labels.split(EVALUATION_BATCH), strict=True
        ):
            logits = network(images)
            # In float64: in float32 the sum would depend on how the split is cut into batches.
            loss += functional.cross_entropy(logits.double(), labels, reduction="sum").item()
            wrong += int((logits.argmax(dim=1) != labels).sum())
    network.train(was_training)
    return Score(loss / len(split), wrong / len(split))


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Deterministic algorithms, whole float32, and so many threads, of torch and of NumPy.

    The global settings are restored on leaving.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_num_threads(),
    )
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads), full_float32():
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.set_num_threads(before[2])
