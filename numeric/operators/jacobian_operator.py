"""Applies the Jacobian of a torch function without forming it: Jv and Jᵀu, by autograd.

Products are exact up to rounding. Never imports a term.
"""

from contextlib import suppress
from functools import cached_property

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.nn.attention import SDPBackend, sdpa_kernel

from derivations.errors import InputError
from numeric.checks import Function, call, check_function, check_input, check_output
from numeric.operators.linear_operator import LinearOperator
from numeric.operators.recorded_push import RecordedPush, recorded_push
from numeric.operators.recorded_steps import REFUSALS
from numeric.operators.upcast import in_single
from numeric.operators.vector_norms import inner, norm
from numeric.runs.full_float32 import full_float32
from numeric.runs.hooks import has_hooks
from numeric.runs.independent_samples import check_samples, quiet
from numeric.runs.watched_run import watched
from numeric.tolerances import tolerances

_COPIES = {"CloneBackward0", "AliasBackward0", "ViewBackward0", "UnsafeViewBackward0"}
_ENTRYWISE = _COPIES | {
    f"{name}Backward0" for name in ("Relu", "LeakyRelu", "Hardtanh", "Silu", "Gelu")
}
"""What autograd calls steps that keep or bend the entries of one tensor."""


class JacobianOperator(LinearOperator):
    """The Jacobian of `function` at x, block-diagonal over the batch.

    Sample i's output must depend on sample i only, which up to 2⌈log₂ batch⌉ further passes forward
    find out. The function is evaluated once more only where it has hooks: they fire in the first
    pass alone, unless they change the value. The graph is kept. x (batch, *in) is float32 or
    float64, or float16 or bfloat16 and then taken to float32 with a PrecisionWarning (see
    `numeric.operators.upcast`); `value` is the output at x. The function's weights, gradients, mode
    and buffers stay as they are. Raises InputError for an x, an output or a module that
    `numeric.checks` and `numeric.runs` refuse, and where the function fails; `push` also where
    autograd cannot differentiate the function twice.
    """

    def __init__(self, function: Function, x: Tensor) -> None:
        function, x = in_single(function, x)
        check_input(x)
        check_function(function, x)
        with watched("the function", function) as watch:
            self._linearize(function, x)

        def values(v: Tensor) -> list[Tensor]:
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
                return [call(function, v)]

        with torch.inference_mode(False), torch.no_grad():
            x = x.detach().clone()
            without_hooks = quiet(watch.modules, values, x, [self.value])
            with without_hooks():
                check_samples("the function", values, x, [self.value])
        if has_hooks(watch.modules):
            with without_hooks():
                self._linearize(function, x)

    @classmethod
    def checked(cls, function: Function, x: Tensor) -> "JacobianOperator":
        """That of a function which is known to be fixed, and to act on each sample by itself."""
        operator = cls.__new__(cls)
        operator._linearize(function, x)
        return operator

    @full_float32()
    def _linearize(self, function: Function, x: Tensor) -> None:
        # Fused attention has no second derivative. The clone lets the function start with an
        # in-place operation.
        with torch.inference_mode(False), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            self._leaf = x.detach().clone().requires_grad_()
            self._output = call(function, self._leaf.clone())
        check_output(self._output, x)
        self.value = self._output.detach().clone()
        super().__init__(
            tuple(x.shape[1:]), tuple(self.value.shape[1:]), x.shape[0], x.dtype, x.device
        )

    def joins_its_input(self) -> bool:
        """Whether the function ends by adding or appending its input, as it is, to something.

        An activation may follow. Read off the graph of autograd; what hides it is not seen.
        """
        node = self._output.grad_fn
        while node is not None and node.name() in _ENTRYWISE:
            node = node.next_functions[0][0]
        if node is None or node.name() not in ("AddBackward0", "CatBackward0"):
            return False
        return any(map(self._is_input, node.next_functions))

    def _is_input(self, edge: tuple[Node | None, int]) -> bool:
        node = edge[0]
        # The function is given a clone of the leaf.
        while node is not None and node.name() in _COPIES:
            node = node.next_functions[0][0]
        return getattr(node, "variable", None) is self._leaf

    def _pull(self, u: Tensor) -> Tensor:
        return _derivative(self._output, self._leaf, u).detach()

    def _push(self, v: Tensor) -> Tensor:
        if self._recorded is not None:
            with suppress(*REFUSALS):  # autograd's own words are better, where it refuses too
                return self._recorded(v)
        return self._push_twice(v)

    @cached_property
    def _recorded(self) -> RecordedPush | None:
        """The push along the recorded steps, if it does what the one by autograd does.

        Both are linear, so a random vector of independent entries tells them apart; and in every
        entry, for what is wrong may be small. None where they differ, or a step has no rule.
        """
        recorded = recorded_push(self._output, self._leaf)
        v = self._drawn(self._leaf, seed=1)
        expected = self._push_twice(v)
        if recorded is None:
            return None
        try:
            found = recorded(v)
        except REFUSALS:
            return None
        if found.shape != expected.shape or found.dtype != expected.dtype:
            return None
        size, error = (
            each.reshape(self.batch, -1).abs().amax(1) for each in (expected, found - expected)
        )
        if not (error <= tolerances(self.dtype).identity * size).all():  # False also for NaN
            return None
        del self._transpose  # its graph holds as much again as that of the function
        return recorded

    def _drawn(self, like: Tensor, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(like.shape, generator=generator, dtype=self.dtype).to(self.device)

    def _push_twice(self, v: Tensor) -> Tensor:
        """By differentiating the pull, which autograd makes three times as dear as that."""
        direction, pulled = self._transpose
        return _derivative(pulled, direction, v).detach()

    @cached_property
    def _transpose(self) -> tuple[Tensor, Tensor]:
        """(u, Jᵀu) with the graph of the second: Jᵀu is linear in u, so its pullback by v is Jv.

        Not torch.func.linearize: it is silently wrong behind an in-place SiLU and fails on
        BatchNorm with trained weights.
        """
        with torch.inference_mode(False), torch.enable_grad():
            direction = torch.zeros_like(self._output).requires_grad_()
            transpose = (
                direction,
                _derivative(self._output, self._leaf, direction, differentiable=True),
            )
        self._verify(*transpose)
        return transpose

    def _verify(self, direction: Tensor, pulled: Tensor) -> None:
        """Refuses a push that is no transpose of the pull.

        Autograd leaves out, silently, what is differentiable once only.
        """
        u = self._drawn(direction, seed=0)
        v = self._pull(u)
        size = norm(v)
        v = v / torch.where(size > 0, size, 1).view(-1, *[1] * len(self.in_shape))
        error = (inner(_derivative(pulled, direction, v), u) - size).abs()
        table = tolerances(self.dtype)
        if not (error <= table.eps**0.5 * size + table.breakdown * norm(u)).all():
            raise InputError(
                "the function is not twice differentiable by autograd: give its custom or "
                "fused parts a second derivative"
            )


def _derivative(
    output: Tensor, source: Tensor, weights: Tensor, differentiable: bool = False
) -> Tensor:
    """The gradient of ⟨output, weights⟩ by source, zero where output does not depend on source."""
    if not output.requires_grad:
        return torch.zeros_like(source)
    try:
        (gradient,) = torch.autograd.grad(
            output,
            source,
            weights,
            retain_graph=True,
            create_graph=differentiable,
            allow_unused=True,
            materialize_grads=True,
        )
    except RuntimeError as error:
        raise InputError(
            f"autograd cannot differentiate the function here: {str(error).splitlines()[0]}"
        ) from error
    return gradient
