"""Defines what an operator is: a linear map of a batch, one independent block per sample.

Values keep their natural shapes (batch, *shape). Never imports a term.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import check_product, check_vector
from numeric.tolerances import tolerances

Shape = tuple[int, ...]


class LinearOperator(ABC):
    """A linear map of (batch, *in_shape) to (batch, *out_shape), each sample by itself.

    `push` applies the map (Jv), `pull` its transpose (Jᵀu). Both take and return finite tensors of
    the operator's dtype and device and raise InputError for any other. Shapes have at least one
    entry, and a batch at least one sample.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        batch: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        tolerances(dtype)
        if not all(isinstance(size, int) and size > 0 for size in (batch, *in_shape, *out_shape)):
            raise InputError(
                f"an operator from {in_shape} to {out_shape} on {batch} samples is empty: "
                "give at least one of each"
            )
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        self.batch, self.dtype, self.device = batch, dtype, device

    def push(self, v: Tensor) -> Tensor:  # (batch, *in) -> (batch, *out)
        """Jv."""
        check_vector(v, (self.batch, *self.in_shape), self.dtype, self.device)
        return check_product(self._push(v.detach()))

    def pull(self, u: Tensor) -> Tensor:  # (batch, *out) -> (batch, *in)
        """Jᵀu."""
        check_vector(u, (self.batch, *self.out_shape), self.dtype, self.device)
        return check_product(self._pull(u.detach()))

    def magnitude(self) -> Tensor:  # -> (batch,)
        """What the norms of the parts that a product adds up reach at least.

        Where they cancel, it rounds relative to this.
        """
        return torch.zeros(self.batch, dtype=self.dtype, device=self.device)

    @property
    def in_dim(self) -> int:
        """n, the number of entries of one sample's input."""
        return torch.Size(self.in_shape).numel()

    @property
    def out_dim(self) -> int:
        """m, the number of entries of one sample's output."""
        return torch.Size(self.out_shape).numel()

    @abstractmethod
    def _push(self, v: Tensor) -> Tensor: ...

    @abstractmethod
    def _pull(self, u: Tensor) -> Tensor: ...


def check_operator(operator: object) -> None:
    """Refuses what is no operator, such as a function that was not linearized."""
    if not isinstance(operator, LinearOperator):
        raise InputError(
            f"the operator is a {type(operator).__name__}: linearize a function with "
            "JacobianOperator(function, x)"
        )
