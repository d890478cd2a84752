"""Says what a reader of an audit must know beforehand: readings, verdicts, what evidence is.

Plain text by heading. What a verdict means is told by `verdicts.py`.
"""

from collections.abc import Mapping

from validate.audit.verdicts import RULES

GUIDE: Mapping[str, str] = {
    "scalar": "the reading in which every symbol is a number",
    "operator": "the reading in which x, F, H are vectors, ∂F/∂x and ∂H/∂x Jacobian matrices, "
    "1 beside a matrix is the identity, and ∂L/∂x = (∂H/∂x)ᵀ · ∂L/∂H",
    "gain": "γ = ‖∂L/∂x‖ / ‖∂L/∂H‖ of one block: how much of the gradient it passes on",
    "verdicts": "; ".join(f"{name}: {rule}" for name, rule in RULES.items())
    + ". Readings are ways to understand the words of the paper; parts are what it says in one "
    "sentence. A condition lists readings: those that hold, then “not” those that fail, then "
    "those that are open",
    "proved": "a symbolic checker accepts the statement, and each step that leads to it, by two or "
    "more methods, which are named: numbers or matrices multiplied out (polynomial zero test, "
    "noncommutative expansion), derivatives of explicit functions by dual numbers, limits "
    "(continuity at 0; convergence along randomly drawn numbers), inequalities as sums of products "
    "that cannot be negative (certificate) and on random matrices, sums of l numbers written out "
    "(expansion for l = 1…12)",
    "numbers": "a counterexample is the smallest that a search finds, few dimensions first, then "
    "small fractions, in exact arithmetic; “autograd” is the same evaluated again by automatic "
    "differentiation, dL/dx_i being an entry of ∂L/∂x",
    "not judged": "why error rates differ: no table of the paper tells the flow of gradients from "
    "other causes; the error rates that the introduction quotes; Figure 6, curves without numbers; "
    "that SE-ResNet needs slightly more computation than ResNet (sections 1, 4 and 5; Table 2: "
    "+0.01 to +0.02 G); that DenseNet “effectively overcomes the gradient vanishing problem even "
    "when the depth of a neural network is deeper” (section 1)",
}
"""Text by heading, in the order of reading."""
