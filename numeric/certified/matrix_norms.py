"""Bounds spectral norms of stored matrices beyond doubt: guesses, then verifies the guess.

Neither an eigenvalue nor a factor is trusted: whatever s and L are, λ_max(MᴴM) ≤ s + ‖sI − MᴴM −
LLᴴ‖, because LLᴴ ≥ 0, and that residual is computed with its rounding errors (cf. Rump 2006, BIT
46, where the factorization itself is analysed). What is trusted are sums and products of float64 on
the CPU, in whatever order. Never imports a network or a term.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from derivations.errors import InputError
from numeric.certified import balls
from numeric.certified.balls import gamma, up
from numeric.certified.enclosed_tensors import Enclosed

_ATTEMPTS = 4
_STEPS = 60
"""Of power iteration, where one guess serves many matrices."""

LARGE = 1024
"""Columns beyond which the largest eigenvalue is guessed by that many steps of Lanczos's method."""

_LANCZOS = 200


def spectral_norm_upper(matrices: Tensor, error: Tensor | None = None) -> Tensor:
    """No less than ‖M + E‖₂ for every ‖E‖₂ ≤ error.

    (batch, m, n) and (batch,) -> (batch,), float64 on the CPU. `matrices` are real floating point
    of any precision, taken as they are. For ordinary matrices up to n = 1024 within 1e-10 of ‖M‖₂ +
    error, relatively; beyond, as near as 200 steps of Lanczos's method come. Raises InputError if
    they are empty or not finite, the errors are no norms, or the result is beyond the range of
    float64.
    """
    return _norms_upper(Enclosed.exactly(matrices).mid, error)


def complex_norm_upper(real: Tensor, imaginary: Tensor, error: Tensor | None = None) -> Tensor:
    """No less than ‖A + iB + E‖₂ for every complex ‖E‖₂ ≤ error.

    Like `spectral_norm_upper`, but within 1e-9.
    """
    return _norms_upper(
        torch.complex(Enclosed.exactly(real).mid, Enclosed.exactly(imaginary).mid), error
    )


def largest_norm_upper(real: Tensor, imaginary: Tensor, error: Tensor) -> float:
    """No less than the largest of the norms that `complex_norm_upper` bounds, and many times
    faster: no eigenvalue is sought but of those matrices that have one beyond the first guess.
    """
    matrices = torch.complex(Enclosed.exactly(real).mid, Enclosed.exactly(imaginary).mid)
    return _norms_upper(matrices, error, together=True).max().item()


def enclosed_norm_upper(matrix: Enclosed) -> float:
    """No less than ‖M‖₂ of every matrix (m, n) within the radii.

    |E| ≤ R entry by entry, so ‖E‖₂ ≤ ‖R‖₂, and that is at most √(largest row sum · largest column
    sum), which will do where the radii are nothing but rounding.
    """
    rad = matrix.rad
    sums = [up(rad.sum(axis), rad.shape[axis]).max() for axis in (0, 1)]
    beyond = up(up(sums[0] * sums[1]).sqrt(), 2)[None]
    if beyond > 2.0**-30 * matrix.mid.abs().max():
        beyond = torch.minimum(beyond, spectral_norm_upper(rad[None]))
    return spectral_norm_upper(matrix.mid[None], beyond).item()


def about_largest_norm(real: Tensor, imaginary: Tensor) -> float:
    """About the largest ‖A + iB‖₂ of a batch, in single precision: it proves nothing."""
    matrices = torch.complex(real.float(), imaginary.float())
    tall = matrices if matrices.shape[1] >= matrices.shape[2] else matrices.mH
    return math.sqrt(_about_the_largest(tall.mH @ tall)[0].item())


def check_subnormals() -> None:
    """Refuses to certify while torch takes subnormal numbers for zero: scaled up, they matter."""
    if not torch.tensor(2.0**-1074, dtype=torch.float64, device="cpu") * 2.0**60 > 0:
        raise InputError(
            "subnormal numbers are flushed to zero, so nothing can be certified: call "
            "torch.set_flush_denormal(False) first"
        )


def _norms_upper(matrices: Tensor, error: Tensor | None, *, together: bool = False) -> Tensor:
    """With `together` the largest is as near to the truth as otherwise each is."""
    check_subnormals()
    if matrices.dim() != 3 or matrices.numel() == 0:
        raise InputError(
            f"no norm of {tuple(matrices.shape)}: give matrices (batch, m, n), not empty"
        )
    beyond = (
        torch.zeros(len(matrices), dtype=torch.float64)
        if error is None
        else Enclosed.exactly(error).mid
    )
    if beyond.shape != matrices.shape[:1] or not (beyond >= 0).all():
        raise InputError(
            f"the errors of {len(matrices)} matrices are not {tuple(beyond.shape)} norms: "
            "give as many numbers of at least 0"
        )
    tall = matrices if matrices.shape[1] >= matrices.shape[2] else matrices.mH
    scaled, factors = _scaled(tall, together)
    lost = tall[0].numel() * 2 * balls.TINY  # by scaling small entries down
    lengths = up(up(_squared_norms(scaled, together).sqrt() + lost, 2) * factors)
    # Of zero the norm is exact, though rounding upward has made a tiny number of it.
    norms = torch.where((matrices == 0).flatten(1).all(1), 0, lengths)
    norms = torch.where(beyond > 0, up(norms + beyond), norms)
    if not norms.isfinite().all():
        raise InputError("a norm is beyond the range of float64: rescale the matrices")
    return norms


def _scaled(matrices: Tensor, together: bool) -> tuple[Tensor, Tensor]:
    """M/f with entries of at most order one, and f (batch,), powers of two, equal if `together`.

    Exact but for entries that underflow.
    """
    parts = torch.view_as_real(matrices.resolve_conj()) if matrices.is_complex() else matrices
    sizes = parts.abs().flatten(1).amax(1)
    sizes = sizes.amax().expand_as(sizes) if together else sizes
    exponents = torch.frexp(sizes).exponent.clamp(-1000, 1000).tolist()
    # Not torch.exp2 or ldexp: their powers of two may be off in the last place.
    down, factors = (
        torch.tensor([math.ldexp(1.0, sign * e) for e in exponents], dtype=torch.float64)
        for sign in (-1, 1)
    )
    scaled = parts * down.view(-1, *[1] * (parts.dim() - 1))
    return torch.view_as_complex(scaled) if matrices.is_complex() else scaled, factors


def _squared_norms(tall: Tensor, together: bool) -> Tensor:
    """No less than ‖M‖₂² for M with entries of at most order one.

    (batch, m, n), m ≥ n -> (batch,).
    """
    _, rows, columns = tall.shape
    frobenius = _squares(tall)
    if columns == 1:
        return frobenius
    gram = tall.mH @ tall
    # ‖fl(MᴴM) − MᴴM‖₂ ≤ c ‖|M|ᴴ|M|‖₂ ≤ c ‖M‖_F², c of a product of matrices
    gram_error = up(_product_error(tall) * frobenius + 8 * rows * columns * balls.TINY, 3)
    best, proved = frobenius, torch.zeros(len(tall), dtype=torch.bool)
    guess = _about_the_largest(gram) if together else _largest_eigenvalues(gram)
    for attempt in range(_ATTEMPTS):
        left = ~proved
        if together and attempt == 1:
            guess[left] = _largest_eigenvalues(gram[left])
        shift = guess[left] * (1 + 2.0**-50 * columns * 32**attempt)
        bound = up(_eigenvalue_upper(gram[left], shift) + gram_error[left])
        proved[left] = bound.isfinite()
        best[left] = torch.fmin(bound, best[left])
        if proved.all():
            break
    return best


def _largest_eigenvalues(gram: Tensor) -> Tensor:
    if gram.shape[1] > LARGE:
        return torch.stack([_lanczos(each) for each in gram])
    return torch.linalg.eigvalsh(gram)[:, -1].clamp(min=0)


def _lanczos(gram: Tensor) -> Tensor:
    """About the largest eigenvalue, or a little more, by as much as the steps leave open."""
    v = torch.randn(len(gram), generator=torch.Generator().manual_seed(0)).to(gram)
    basis = [v / v.norm()]
    diagonal, beside = [], []
    for _ in range(min(_LANCZOS, len(gram))):
        w = gram @ basis[-1]
        diagonal.append((basis[-1].conj() @ w).real)
        for _ in range(2):  # against all, twice, as rounding asks
            all_before = torch.stack(basis)
            w = w - all_before.mT @ (all_before.conj() @ w)
        beside.append(w.norm())
        if beside[-1] <= 1e-12 * torch.stack(diagonal).abs().max():  # nothing new
            break
        basis.append(w / beside[-1])
    tridiagonal = torch.diag(torch.stack(diagonal))
    if len(diagonal) > 1:
        off = torch.stack(beside[: len(diagonal) - 1])
        tridiagonal += torch.diag(off, 1) + torch.diag(off, -1)
    values, vectors = torch.linalg.eigh(tridiagonal)
    return (values[-1] + beside[-1] * vectors[-1, -1].abs()).clamp(min=0)


def _about_the_largest(gram: Tensor) -> Tensor:
    """One guess for all matrices, by power iteration."""
    drawn = torch.Generator().manual_seed(0)
    v = torch.randn(*gram.shape[:2], 1, generator=drawn).to(gram)
    for _ in range(_STEPS):
        v = functional.normalize(gram @ v, dim=1)
    return (gram @ v).flatten(1).norm(dim=1).max().expand(len(gram)).clone()


def _eigenvalue_upper(gram: Tensor, shift: Tensor) -> Tensor:
    """No less than Re xᴴGx for every unit x, for each matrix.

    Infinite where sI − G has no Cholesky factor.
    """
    columns = gram.shape[1]
    shifted = shift[:, None, None] * torch.eye(columns, dtype=torch.float64) - gram
    factor, failed = torch.linalg.cholesky_ex(shifted)
    residual = shifted - factor @ factor.mH
    rounding = balls.UNIT * (
        shifted.diagonal(dim1=1, dim2=2).abs().amax(1) + _squares(residual).sqrt()
    )  # of the two subtractions
    product = _product_error(factor) * _squares(factor) + 16 * columns * columns * balls.TINY
    return torch.where(
        failed == 0, up(shift + _squares(residual).sqrt() + rounding + product, 8), torch.inf
    )


def _squares(matrices: Tensor) -> Tensor:
    """No less than ‖M‖_F²: (batch, m, n) -> (batch,)."""
    parts = torch.view_as_real(matrices.resolve_conj()) if matrices.is_complex() else matrices
    return up(parts.square().flatten(1).sum(1), parts[0].numel())


def _product_error(left: Tensor) -> float:
    """c with |fl(Σ aᵢbᵢ) − Σ aᵢbᵢ| ≤ c Σ|aᵢbᵢ| for the products of Lᴴ L, whichever side sums.

    A complex product is 2k real terms per part, or, in kernels that multiply three times for four,
    as many with factors twice as large: off by at most √10 γ in either case.
    """
    terms = max(left.shape[1:])
    return 4 * gamma(2 * terms + 4) if left.is_complex() else gamma(terms)
