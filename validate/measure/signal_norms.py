"""Reduces a signal to numbers on its own device: its norm, and how many of its units get nothing.

Nothing is read back but on the CPU, where that costs no waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vector_norm

_SAFE = {torch.float32: (1e-15, 1e18), torch.float64: (1e-140, 1e150)}
"""Norms between which no square that matters has left the range of the format."""
_ROW = 256


@dataclass(frozen=True)
class Passing:
    """The values between which an activation has a slope; with `closed` at the lower end, too."""

    low: float
    high: float = torch.inf
    closed: bool = False


RELU = Passing(0.0)


def signal_norm(signal: Tensor) -> Tensor:
    """‖signal‖₂, one number in float64: no square under- or overflows, NaN and infinity stay.

    In float32, and with its range, on a device that has no float64.
    """
    found = _plain(signal)
    if found.device.type == "mps":
        return vector_norm(found, dtype=torch.float32)
    if found.device.type != "cpu":
        return _scaled(found) if found.dtype == torch.float64 else _widened(found)
    narrow = found if found.dtype in _SAFE else found.float()
    length = _by_rows(narrow) if narrow.dtype == torch.float32 else vector_norm(narrow)
    return length if _is_safe(length, narrow.dtype) else _scaled(narrow)


def sample_norms(signal: Tensor) -> Tensor:
    """‖·‖₂ of every sample of a signal (batch, …), (batch,) like `signal_norm`."""
    rows = _plain(signal).reshape(len(signal), -1)
    if rows.dtype == torch.float64:
        scale = rows.abs().amax(1, keepdim=True)
        scale = torch.where(scale > 0, scale, 1.0)
        return scale[:, 0] * vector_norm(rows / scale, dim=1)
    return vector_norm(rows, dim=1, dtype=torch.float32 if rows.is_mps else torch.float64)


def tensor_norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """‖·‖₂ of each tensor, in one call for all of them where the device allows it; float32 sums in
    float32, so to five digits on a CPU.
    """
    plain = [_plain(each) for each in tensors]
    if any(each.device.type != "cpu" for each in plain):
        return [signal_norm(each) for each in plain]
    lengths = list(torch._foreach_norm(plain))
    return [
        length.double() if _is_safe(length, each.dtype) else signal_norm(each)
        for length, each in zip(lengths, plain, strict=True)
    ]


def idle_share(signal: Tensor) -> Tensor:
    """The share of units whose signal is exactly zero in every sample and everywhere.

    Units are channels, the axis 1, of (batch, channels, h, w, …), entries of the last axis in
    shorter shapes.
    """
    found = _plain(signal)
    if found.ndim < 4:
        return 1 - found.reshape(-1, found.shape[-1]).ne(0).any(0).double().mean()
    if found.device.type != "cpu":
        alive = found.ne(0).flatten(2).any(2).any(0)
        return 1 - alive.to(torch.float32 if found.device.type == "mps" else torch.float64).mean()
    # A norm that is not zero is proof, and many times faster than asking every entry.
    silent = vector_norm(found, dim=tuple(range(2, found.ndim))).amax(0) == 0
    if silent.any():
        silent[silent.clone()] = ~found[:, silent].ne(0).flatten(2).any(2).any(0)
    return silent.double().mean()


def shut_share(values: Tensor, passing: Passing) -> Tensor:
    """The share of units, counted as `idle_share` does, at whose values an activation has no slope,
    in every sample and everywhere. NaN is no such value.
    """
    found = values.detach()
    units = 1 if found.ndim > 3 else found.ndim - 1
    others = [axis for axis in range(found.ndim) if axis != units]
    if passing.high < torch.inf:
        shut = ((found <= passing.low) | (found >= passing.high)).all(tuple(others))
    else:
        most = found.amax(others) if others else found
        shut = most < passing.low if passing.closed else most <= passing.low
    return shut.to(torch.float32 if found.is_mps else torch.float64).mean()


def unit_count(signal: Tensor) -> int:
    """How many units `idle_share` counts in a signal."""
    return signal.shape[1] if signal.ndim > 3 else signal.shape[-1]


def _plain(signal: Tensor) -> Tensor:
    found = signal.detach()
    if found.is_sparse:
        found = found.coalesce().values()
    return torch.view_as_real(found) if found.is_complex() else found


def _widened(found: Tensor) -> Tensor:
    return vector_norm(found, dtype=torch.float64)


def _by_rows(found: Tensor) -> Tensor:
    """Rows in float32, together in float64: a sum over all of it would lose digits."""
    if found.ndim == 4 and found.is_contiguous(memory_format=torch.channels_last):
        found = found.permute(0, 2, 3, 1)
    flat = found.reshape(-1)
    even = len(flat) - len(flat) % _ROW
    rows = vector_norm(flat[:even].view(-1, _ROW), dim=1)
    return vector_norm(torch.cat([rows, flat[even:]]), dtype=torch.float64)


def _is_safe(length: Tensor, dtype: torch.dtype) -> bool:
    low, high = _SAFE.get(dtype, (torch.inf, 0))
    return low < length.item() < high


def _scaled(found: Tensor) -> Tensor:
    if not found.numel():
        return torch.zeros((), dtype=torch.float64, device=found.device)
    scale = vector_norm(found, torch.inf).double()
    return scale * vector_norm(found / torch.where(scale > 0, scale, 1.0), dtype=torch.float64)
