"""Keeps float32 whole: no product is made of numbers that were cut to TF32 or bfloat16 before.

Torch has two ways to say so, and refuses to read the one where they disagree, so both are set.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

_NEW = (("generic", "all"), ("cuda", "matmul"), ("cuda", "conv"), ("cuda", "rnn"))
_NEW_ON_CPU = (("mkldnn", "matmul"), ("mkldnn", "conv"), ("mkldnn", "rnn"))


@contextmanager
def full_float32() -> Iterator[None]:
    """Within it float32 has its 24 binary digits on every device. The settings are restored."""
    products = convolutions = None
    with suppress(RuntimeError):  # they were set by the new way alone
        products = torch.get_float32_matmul_precision()
    with suppress(RuntimeError):
        convolutions = torch.backends.cudnn.allow_tf32
    before = {place: torch._C._get_fp32_precision_getter(*place) for place in _NEW + _NEW_ON_CPU}
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    _set(dict.fromkeys(before, "ieee"))
    try:
        yield
    finally:
        if products is not None:
            torch.set_float32_matmul_precision(products)
        if convolutions is not None:
            torch.backends.cudnn.allow_tf32 = convolutions
        _set(before)


def _set(wanted: dict[tuple[str, str], str]) -> None:
    for place, precision in wanted.items():
        if torch._C._get_fp32_precision_getter(*place) != precision:
            torch._C._set_fp32_precision_setter(*place, precision)
