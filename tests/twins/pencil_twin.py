"""The slow twin of certified ratios: one direction and one member of the enclosure, in 128 bits."""

import torch
from flint import arb, arb_mat
from torch import Tensor

from numeric.certified.balls import precise


def exact(values: Tensor) -> arb_mat:
    return arb_mat(values.tolist())


def length(v: arb_mat) -> arb:
    return sum((v[i, 0] ** 2 for i in range(v.nrows())), arb(0)).sqrt()


def ratio(top: Tensor, bottom: Tensor, a: Tensor) -> arb | None:
    """‖Nᵀa‖/‖Dᵀa‖ of stored N (c, n), D (c, m) and a (c,); None where the second may be zero."""
    with precise():
        direction = exact(a[:, None])
        above, below = (length(exact(each.mT) * direction) for each in (top, bottom))
        return above / below if below > 0 else None


def worst_member(
    top: tuple[Tensor, Tensor], bottom: tuple[Tensor, Tensor], a: Tensor, share: float
) -> tuple[Tensor, Tensor]:
    """Stored N and D within a share of their radii that make the ratio at a the greatest."""
    members = []
    for (mid, rad), sign in ((top, 1.0), (bottom, -1.0)):
        outward = sign * a.sign()[:, None] * (a @ mid).sign()[None]
        members.append(mid + share * outward * rad)
    return members[0], members[1]


def greatest_direction(top: Tensor, bottom: Tensor) -> Tensor:
    """What floating point takes for the a of the greatest ratio."""
    r = torch.linalg.qr(bottom.mT, mode="r").R
    s = torch.linalg.qr(top.mT, mode="r").R
    quotient = torch.linalg.solve_triangular(r, s, upper=True, left=False)
    if not quotient.isfinite().all():
        return torch.linalg.svd(bottom.mT)[2][-1]
    found = torch.linalg.solve_triangular(
        r, torch.linalg.svd(quotient)[2][:1].mT, upper=True
    )[:, 0]  # fmt: skip
    return found / found.abs().max()
