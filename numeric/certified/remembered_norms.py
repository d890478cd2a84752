"""Remembers certified norms of weights by what they are of: the stored bytes, whoever holds them.

A network is certified again and again, block by block and batch by batch, and the norms of its
weights are most of what that costs. Version counters miss what is written through `.data`; a digest
of the content does not.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from hashlib import sha256

import torch
from torch import Tensor

from numeric.certified.matrix_norms import check_subnormals

MOST = 4096
"""Norms that are kept of a function, those that were asked for last: a float and a digest each."""


def remembered(norm: Callable[..., float]) -> Callable[..., float]:
    """The function of a weight and hashable settings, which computes nothing twice.

    Refusals are not remembered.
    """
    known: OrderedDict[Hashable, float] = OrderedDict()

    @wraps(norm)
    def asked(weight: Tensor, *settings: Hashable) -> float:
        check_subnormals()
        key = (_content(weight), settings)
        if key not in known:
            known[key] = norm(weight, *settings)
            if len(known) > MOST:
                known.popitem(last=False)
        known.move_to_end(key)
        return known[key]

    return asked


def _content(weight: Tensor) -> Hashable:
    stored = weight.detach().cpu().contiguous()
    digest = sha256(stored.view(-1).view(torch.uint8).numpy().tobytes()).digest()
    return digest, stored.dtype, tuple(stored.shape)
