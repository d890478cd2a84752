"""Bounds spectral norms of stored matrices beyond doubt: guesses with floating point, then verifies the guess.

No eigenvalue routine is trusted: a Cholesky factorization that runs to completion proves that a matrix is almost positive
definite, by an amount that is known (Rump 2006, BIT 46: Verification of positive definiteness). Never imports a network or a term.
"""

import math

import torch
from flint import arb
from torch import Tensor

from derivations.errors import InputError
from numeric import balls
from numeric.balls import float_above, gamma, precise, root, up
from numeric.enclosed import Enclosed

_ATTEMPTS = 4


def spectral_norm_upper(matrices: Tensor, error: Tensor | None = None) -> Tensor:
    """No less than ‖M + E‖₂ for every ‖E‖₂ ≤ error: (batch, m, n) and (batch,) -> (batch,), float64 on the CPU.

    `matrices` are real floating point of any precision, taken as they are. Within about n²·2⁻⁵² of ‖M‖₂ + error, relatively.
    Raises InputError if they are empty, not finite, or their norm is beyond the range of float64.
    """
    stored = Enclosed.exactly(matrices).mid
    if stored.dim() != 3 or stored.numel() == 0:
        raise InputError(f"no norm of {tuple(stored.shape)}: give matrices (batch, m, n), not empty")
    tall = stored if stored.shape[1] >= stored.shape[2] else stored.mT
    exponents = torch.frexp(tall.abs().amax((1, 2))).exponent.clamp(-1000, 1000).tolist()
    scaled = tall * torch.tensor([math.ldexp(1.0, -e) for e in exponents], dtype=torch.float64)[:, None, None]
    beyond = [0.0] * len(tall) if error is None else error.double().tolist()
    with precise():
        lost = arb(tall[0].numel()) * balls.TINY  # by scaling small entries down
        lengths = [root(arb(square)) + lost for square in _squared_norms(scaled).tolist()]
        return torch.tensor(
            [float_above(length * arb(2) ** e + arb(extra)) for length, e, extra in zip(lengths, exponents, beyond, strict=True)],
            dtype=torch.float64,
        )


def _squared_norms(tall: Tensor) -> Tensor:
    """No less than ‖M‖₂² for M with entries of at most order one: (batch, m, n), m ≥ n -> (batch,)."""
    _, rows, columns = tall.shape
    gram = tall.mT @ tall
    frobenius = up(tall.square().sum((1, 2)), rows * columns)
    # |fl(MᵀM) − MᵀM| ≤ γ_m |M|ᵀ|M| entrywise, and ‖|M|ᵀ|M|‖₂ ≤ ‖M‖_F².
    gram_error = up(gamma(rows) * frobenius + rows * columns * balls.TINY, 3)
    best, proved = frobenius, torch.zeros(len(tall), dtype=torch.bool)
    guess = torch.linalg.eigvalsh(gram)[:, -1].clamp(min=0)
    for attempt in range(_ATTEMPTS):
        shift = guess * (1 + 4.0 * columns * (columns + 8) * 2.0**-53 * 16**attempt)
        bound = _proved(gram, shift)
        holds = ~proved & bound.isfinite()
        best = torch.where(holds, torch.minimum(up(bound + gram_error, 2), frobenius), best)
        proved = proved | holds
        if proved.all():
            break
    return best


def _proved(gram: Tensor, shift: Tensor) -> Tensor:
    """No less than the largest eigenvalue of each symmetric matrix, if sI − G has a Cholesky factor; else infinity.

    A factorization of A that runs to completion is one of A + E with ‖E‖₂ ≤ α tr A, α = γ_k/(1 − γ_k), for k = n + 1 (Rump 2006,
    Theorem 2.3); k is larger here because kernels may multiply by reciprocals. Only the lower triangles are read.
    """
    columns = gram.shape[1]
    shifted = shift[:, None, None] * torch.eye(columns, dtype=torch.float64) - gram
    _, failed = torch.linalg.cholesky_ex(shifted)
    terms = gamma(2 * columns + 10)
    trace = up(shifted.diagonal(dim1=1, dim2=2).abs().sum(1), columns)
    # On the diagonal the subtraction rounds, too; what underflows is far below the last term.
    slack = up(2 * terms * trace + 2 * balls.UNIT * shift + 8 * columns * columns * balls.TINY, 6)
    return torch.where(failed == 0, up(shift + slack, 2), torch.inf)
