"""Puts what the derivation document says into words that a reader meets nowhere else as names."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from derivations.book.document import BlockRecord, BoundRecord

LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "3": "u = F: what the branch makes; s: the gate, B spreads it over the maps (s · F is Bs · "
        "u); P pools, W_1 and W_2 are the gate's layers, ρ′ and σ′ the slopes of its ReLU and its "
        "sigmoid; ε scales F.",
        "4": "F_i: the new features of layer i, x_0: the input. Counted is how many copies of "
        "features H holds after l + 1 layers.",
        "6": "Scalar: G = |∂L/∂H|, a_i = ∂F_l/∂x_i, b_{j,i} = ∂x_j/∂x_i. Operator: J = ∂H/∂x; g_F "
        "and g_i are the parts of ∂L/∂H on F and on x_i, g_y all g_i together; t = ‖J_Fᵀ g_F‖ / "
        "‖g_y‖; Γ = ‖∂L/∂x‖ / ‖∂L/∂H‖, γ = ‖∂L/∂x‖ / ‖g_y‖, and ‖g_y‖ = √l · r with r the root "
        "mean square of the ‖g_i‖ (elsewhere r is another ratio). The upper bound t + 1 stands at "
        "the dense block, and that no positive lower bound on Γ holds among the theorems.",
    }
)
"""What letters mean in an equation's derivation, by its number."""
_NAME = re.compile(r"(?<![\w.])[a-z]{2,}(?:_[a-z0-9]+)+(?![\w(])")


def named(text: str) -> str:
    """The text with names such as gradient_independence in words."""
    return _NAME.sub(lambda found: found[0].replace("_", " "), text)


def full_stop(text: str) -> str:
    """The text with one full stop at its end."""
    return f"{text.rstrip().rstrip('.')}."


def bound_name(name: str) -> str:
    """A bound's name in words, without its side: residual.alignment_with_t.lower is “residual
    alignment with t”.
    """
    return " ".join(name.replace("_", " ").split(".")[:-1])


def shared(record: BlockRecord) -> list[str]:
    """The conditions under which every bound of a block stands."""
    first, *others = record.bounds
    return [each for each in first.conditions if all(each in bound.conditions for bound in others)]


def own(record: BlockRecord, bound: BoundRecord) -> list[str]:
    """The conditions of a bound that not all bounds of its block have."""
    return [each for each in bound.conditions if each not in shared(record)]
