"""Puts into the records of parameters what every loss must send to them, beside what one sends."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from derivations.errors import GradboundError
from numeric import CapturedModel, sample_weights, untouched
from numeric.every_loss.reachable import LOGITS
from validate.analysis.analysis_document import ParameterRecord, Spread
from validate.analysis.every_loss_records import bound_values
from validate.measure.model_gains import ModelMeasurement
from validate.measure.sample_ratios import sample_ratios

SAMPLES = 32
"""A backward pass of the whole batch for each: more are not measured."""
NAMED = 4
"""So many parameters are named of those that something is said of."""
UNSEEN = "no backward pass from the logits reaches them"
HOOKED = "with a hook that may change its gradient, whose norm is what the hook makes of it"
RATIO = "‖∂L/∂W‖/‖∂L/∂z‖ of each sample's own part"


def parameters_of(measured: ModelMeasurement) -> tuple[ParameterRecord, ...]:
    """The records of the batch's gradients."""
    return tuple(
        ParameterRecord(name, norm, norm / size if size else None)
        for name, (norm, size) in measured.parameters.items()
        if math.isfinite(norm)
    )


def with_every_loss(
    records: Sequence[ParameterRecord],
    captured: CapturedModel,
    model: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    loss: Callable[[Any], Tensor],
) -> tuple[tuple[ParameterRecord, ...], tuple[str, ...]]:
    """The records with bounds of ‖∂L/∂W‖/‖∂L/∂z‖ for every loss, and what is to be said of them.

    For samples that are apart and logits (batch, K) that the blocks have bounds of.
    """
    if not isinstance(model, nn.Module):
        return tuple(records), ()
    named = dict(model.named_parameters())
    absent = _absent(named, {each.name for each in records})
    if not records:
        return (), tuple(absent)
    try:
        wanted = {each.name: named[each.name] for each in records}
        hooked = {name: HOOKED for name, each in wanted.items() if each._backward_hooks}
        free = {name: each for name, each in wanted.items() if name not in hooked}
        found, others = sample_weights(captured, free)
    except GradboundError as error:
        return tuple(records), (f"no bounds of parameters for every loss: {error}",)
    bounds = {
        each.name: bound_values(found, each.name, LOGITS, f"{RATIO}: ")
        for each in records
        if each.name in found.columns
    }
    measured, remarks = _measured(
        model, args, kwargs, loss, {name: found.rounding[name] for name in bounds}
    )
    remarks += _left_out({**others, **hooked}) + absent
    if bounds and len(found.logits) > SAMPLES:
        remarks.append(
            f"{RATIO} is measured of the first {SAMPLES} samples, its bounds hold of all"
        )
    made = [
        replace(each, sample_ratio=measured.get(each.name), bounds=bounds.get(each.name, ()))
        for each in records
    ]
    return tuple(made), tuple(remarks)


def _measured(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    loss: Callable[[Any], Tensor],
    rounding: Mapping[str, Tensor],
) -> tuple[dict[str, Spread], list[str]]:
    """Of the parameters in `rounding`; smaller ratios than that of a sample count as 0."""
    if not rounding:
        return {}, []
    try:
        with untouched(model):
            ratios = sample_ratios(model, args, kwargs, loss, list(rounding), SAMPLES)
    except (RuntimeError, ValueError) as error:
        why = next(iter(str(error).splitlines()), "")
        return {}, [f"{RATIO} could not be measured: {why}"]
    told = {
        name: torch.where(each < rounding[name][: len(each)], 0.0, each)
        for name, each in ratios.items()
    }
    kept = {name: each[each.isfinite()] for name, each in told.items()}
    unseen = len(rounding) - len(kept)
    return {
        name: Spread(float(each.min()), float(each.quantile(0.5)), float(each.max()))
        for name, each in kept.items()
        if len(each)
    }, [f"{RATIO} is not measured of {unseen} parameters: {UNSEEN}"] if unseen else []


def _left_out(others: Mapping[str, str]) -> list[str]:
    """Which parameters have no bounds, by the reason."""
    said = "; ".join(
        f"{_names([name for name, each in others.items() if each == why])}: {why}"
        for why in dict.fromkeys(others.values())
    )
    total = len(others)
    return [f"{total} parameters have no bounds for every loss: {said}"] if total else []


def _absent(named: Mapping[str, nn.Parameter], recorded: Collection[str]) -> list[str]:
    """Which parameters have no record at all, and why."""
    missing = {name: each for name, each in named.items() if name not in recorded}
    frozen = [name for name, each in missing.items() if not each.requires_grad]
    others = [name for name, each in missing.items() if each.requires_grad]
    return [
        f"{_names(names)}: {why}, and not among the parameters"
        for names, why in ((frozen, "frozen"), (others, "unused, or of no finite gradient"))
        if names
    ]


def _names(names: Sequence[str]) -> str:
    """The first few."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
