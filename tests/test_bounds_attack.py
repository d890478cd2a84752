"""An optimiser searches for a violation of every bound, and for where tight ones are attained.

Each bound is evaluated in at least 10,000 worlds; broken bounds must fall to the same attack.
"""

import logging
import random
from dataclasses import replace
from functools import cache

import pytest
import sympy as sp
import torch
from attack.search import Effort, Finding, Target, attack
from attack.starts import KINDS, Starts
from attack.worlds import Worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from term_strategies import DrawnTerm, drawn_terms

from derivations.algebra.blocks import BLOCKS, PAPER_BLOCKS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    LAMBDA,
    LEAST,
    MU,
    SIGMA_MAX,
    SIGMA_MIN,
    Quantity,
    SigmaMinAdjoint,
)
from derivations.algebra.shapes import dimension
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.rules.bound_types import Bound
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize
from derivations.worlds.attaining_worlds import examples

LOG = logging.getLogger(__name__)
"""Takes the table of what was found: `pytest --log-cli-level=INFO` shows it."""
EVALUATIONS = 10_000
WITHIN = 0.01
NORMAL = Effort(worlds=64, steps=28)
THOROUGH = Effort(worlds=64, steps=60, seed=1)
QUICK = Effort(worlds=32, steps=16)
WRONG = 1e-3
"""A broken bound must be found wrong by at least this, relative to the numbers involved."""

F, G, K = Layer("F"), Layer("G"), Layer("K")
W, RELU, SKIP = Linear("W"), Pointwise("relu"), Identity()
SQUARE = dict.fromkeys(("F", "G", "K", "W"), ("n", "n"))
Sizes = dict[str, tuple[int | str, int | str]]
DRAWN: dict[str, tuple[Term, Sizes]] = {
    "two residual blocks": (Chain(Add(F, SKIP), Add(G, SKIP)), SQUARE),
    "three residual blocks": (Chain(Add(F, SKIP), Add(G, SKIP), Add(SKIP, K)), SQUARE),
    "dense steps": (Chain(Concat(F, SKIP), G), {"F": (2, 3), "G": (4, 5)}),
    "gate of two layers": (Gate(F, G), {"F": ("m", "n"), "G": ("m", "n")}),
    "gate that carries": (Gate(SKIP, Chain(F, Pointwise("sigmoid"), Complement())), SQUARE),
    "two branches and a projection": (
        Add(F, W, G),
        {"F": ("m", "n"), "G": ("m", "n"), "W": ("m", "n")},
    ),
    "projection, then a slope": (
        Chain(Add(W, F), Pointwise("tanh")),
        {"F": ("m", "n"), "W": ("m", "n")},
    ),
    "residual, then a projection": (
        Chain(Add(F, SKIP), W, RELU),
        {"F": ("n", "n"), "W": ("m", "n")},
    ),
    "three parts": (Concat(F, SKIP, G), {"F": ("k", "n"), "G": ("m", "n")}),
    "the old state first": (Concat(SKIP, F), {"F": ("k", "n")}),
    "one layer met twice": (Add(Chain(F, F), SKIP), SQUARE),
    "one affine map met twice": (Add(Chain(W, W), Chain(F, W)), SQUARE),
    "bottleneck": (Add(Chain(F, RELU, G), SKIP), {"F": ("r", "n"), "G": ("n", "r")}),
    "slopes of any size": (Chain(Pointwise("phi"), F, Pointwise("sigmoid")), {"F": ("m", "n")}),
}


def assignments(notation: Notation, count: int = 6) -> tuple[dict[sp.Symbol, int], ...]:
    """Sizes 1 … 6 for the symbols of dimensions: all equal, ascending, descending, then random."""
    named = [dimension(size) for pair in notation.dims.values() for size in pair]
    symbols = sorted({symbol for size in named for symbol in size.free_symbols}, key=str)
    draw = random.Random(0)
    if len(symbols) < 2:  # of none there is one assignment, which is tried from as many starts
        return tuple(dict.fromkeys(symbols, size) for size in (3, 1, 6, 2, 5, 4, 2, 3)[:count])
    ascending = sorted(draw.sample(range(1, 7), len(symbols)))
    rows = [[3] * len(symbols), ascending, ascending[::-1]]
    rows += [[draw.randint(1, 6) for _ in symbols] for _ in range(count - len(rows))]
    return tuple(dict(zip(symbols, row, strict=True)) for row in rows)


def target_of(name: str, count: int = 6) -> Target:
    notation = (
        notation_of(BLOCKS[name], "operator") if name in BLOCKS else term_notation(*DRAWN[name])
    )
    return Target(notation, bounds(notation).bounds, assignments(notation, count))


def term_notation(term: Term, dims: Sizes) -> Notation:
    return Notation(term, dims, "operator", inputs=dims["F"][1])


def declared_tight(notation: Notation) -> set[Bound]:
    """The bounds for which `attaining_worlds` shows a world where they are attained."""
    theorems = bounds(notation).theorems
    shown = {
        theorem: examples(theorem.derivation, [bound.expr for bound in theorem.bounds])
        for theorem in theorems
    }
    return {
        bound
        for theorem, found in shown.items()
        for bound, example in zip(theorem.bounds, found, strict=True)
        if example
    }


def stands(target: Target, effort: Effort, evaluations: int = EVALUATIONS) -> list[Finding]:
    findings = attack(target, effort)
    for finding in findings:
        LOG.info(report(finding))
        assert finding.evaluations >= evaluations, finding.bound.id
        assert not finding.violated, (
            f"{finding.bound.id} is violated (seed {effort.seed}): {finding.worst}"
        )
    return findings


def report(finding: Finding) -> str:
    row = (
        f"{finding.evaluations:7d}",
        f"{finding.margin:9.1e}",
        f"{finding.gap:8.1e}",
        f"{finding.unaided:8.1e}",
    )
    return f"{finding.bound.id:35s} {' '.join(row)}" + (
        f"   0 everywhere, gain {finding.floor:.1e}" if finding.greatest < 0.05 else ""
    )


@pytest.mark.parametrize("name", PAPER_BLOCKS)
def test_no_world_violates_a_bound_and_tight_bounds_are_attained(name):
    target = target_of(name)
    tight = declared_tight(target.notation)
    assert tight
    for finding in stands(target, NORMAL):
        assert finding.bound not in tight or finding.attained(WITHIN), report(finding)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BLOCKS, *DRAWN])
def test_no_world_violates_a_bound_of_any_term(name):
    target = target_of(name, 8)
    tight = declared_tight(target.notation)
    for finding in stands(target, THOROUGH):
        assert finding.bound not in tight or finding.attained(WITHIN), report(finding)


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in BLOCKS if name not in PAPER_BLOCKS),
        "two residual blocks",
        "dense steps",
        "gate of two layers",
    ],
)
def test_no_world_found_quickly_violates_a_bound(name):
    stands(target_of(name, 3), QUICK, 0)


@pytest.mark.slow
@settings(max_examples=100)
@given(drawn_terms(), st.integers(0, 999))
def test_no_world_violates_a_bound_of_a_drawn_term(drawn: DrawnTerm, seed: int):
    notation = Notation(drawn.term, drawn.dims, "operator", inputs=drawn.inputs)
    stands(Target(notation, bounds(notation).bounds, ({},)), replace(QUICK, seed=seed), 0)


@pytest.mark.parametrize("name", [*BLOCKS, *DRAWN])
def test_two_chain_rules_give_one_jacobian(name):
    """The worlds' forward recursion against the Jacobian that `derivations` derived, and the base
    against the pull through the term.
    """
    target = target_of(name)
    derived = linearize(target.notation).jacobian
    for index, sizes in enumerate(target.sizes):
        worlds = Worlds(
            target.notation,
            sizes,
            {},
            Starts(len(KINDS), torch.Generator().manual_seed(index)).make,
        )
        jacobian = worlds.jacobian()
        worlds.signal()
        assert torch.allclose(
            jacobian,
            worlds.matrix(derived).expand_as(jacobian),
            rtol=1e-11,
            atol=1e-11 * float(jacobian.abs().max()),
        )
        for bound in target.bounds:
            assert torch.allclose(worlds.column(bound.base), own_base(bound, worlds), rtol=1e-11), (
                bound.id
            )


def own_base(bound: Bound, worlds: Worlds) -> torch.Tensor:
    """The signal that the gain is relative to: at a sum what the rest of the chain leaves of g,
    then its affine part, or a slice of g.
    """
    term, g = worlds.notation.term, worlds.signal()
    if bound.theorem in ("singular", "norms"):
        return g
    if bound.theorem == "dense":
        return worlds.signal((term.parts.index(SKIP),))  # type: ignore[attr-defined]
    head = term.parts[0] if isinstance(term, Chain) else term
    x = worlds.values[(head,)]
    if isinstance(term, Chain):
        eye = torch.eye(x.shape[1], dtype=torch.float64).expand(len(x), -1, -1)
        g = (worlds.push(Chain(*term.parts[1:]), (head,), x, eye)[1].mT @ g[:, :, None])[:, :, 0]
    if bound.theorem == "shortcut":
        (affine,) = [part for part in head.parts if isinstance(part, Linear)]
        g = (worlds.tensors["weight", affine.name].mT @ g[:, :, None])[:, :, 0]
    return g


def stated(name: str, bound_id: str) -> Bound:
    (bound,) = [bound for bound in known(name).bounds if bound.id == bound_id]
    return bound


@cache
def known(name: str) -> Target:
    return target_of(name, 3)


def put(name: str, bound_id: str, expr: sp.Expr) -> Bound:
    """The bound with another expression in its theorem's quantities."""
    theorem = next(
        each
        for each in bounds(known(name).notation).theorems
        if any(bound.id == bound_id for bound in each.bounds)
    )
    used = tuple(
        q for q in theorem.derivation.quantities if q.symbol in sp.sympify(expr).free_symbols
    )
    return replace(stated(name, bound_id), expr=sp.sympify(expr), quantities=used)


def sigma(operator: str, end: str = "max") -> sp.Symbol:
    return sp.Symbol(f"sigma_{end}({operator})", nonnegative=True)


def without(name: str, bound_id: str, **zero: str) -> Bound:
    """The bound of the factors' norms with one of them dropped."""
    return put(
        name,
        bound_id,
        stated(name, bound_id).expr.xreplace(
            {sigma(zero["operator"]): sp.Integer(int(zero["by"]))}
        ),
    )


def least_of_either_side() -> Bound:
    """The last of svdvals(J_F), also where J_F has more rows than columns and J_Fᵀ a kernel."""
    bound = stated("plain", "singular.min.lower")
    (quantity,) = bound.quantities
    return replace(
        bound,
        quantities=(Quantity(LEAST, SigmaMinAdjoint(sp.Transpose(quantity.definition.operator))),),
    )  # type: ignore[union-attr]


BROKEN = {
    "half of t": (
        "residual",
        lambda: put("residual", "residual.triangle.lower", 1 - BRANCH_GAIN / 2),
    ),
    "half of the largest singular value": (
        "residual",
        lambda: put("residual", "residual.uniform.lower", 1 - SIGMA_MAX / 2),
    ),
    "half of the squared cosine": (
        "residual",
        lambda: put(
            "residual", "residual.alignment.lower", sp.sqrt(1 - sp.Min(COSINE, 0) ** 2 / 2)
        ),
    ),
    "no angle": (
        "residual",
        lambda: put("residual", "residual.alignment.lower", sp.sqrt(1 + BRANCH_GAIN**2)),
    ),
    "least singular value not less 1": (
        "residual",
        lambda: put("residual", "residual.uniform.lower", sp.Max(1 - SIGMA_MAX, SIGMA_MIN, 0)),
    ),
    "ends of the numerical range swapped": (
        "residual",
        lambda: put("residual", "residual.numerical_range.lower", sp.Max(1 + LAMBDA, -1 - MU, 0)),
    ),
    "sign of the cosine": (
        "residual",
        lambda: put(
            "residual",
            "residual.cosine_law.equal",
            sp.sqrt(1 - 2 * COSINE * BRANCH_GAIN + BRANCH_GAIN**2),
        ),
    ),
    "right angle assumed": (
        "residual",
        lambda: put("residual", "residual.triangle.upper", sp.sqrt(1 + BRANCH_GAIN**2)),
    ),
    "gate's norm dropped": (
        "se_residual",
        lambda: without("se_residual", "norms.factors.upper", operator="W_2", by="0"),
    ),
    "gate's norm dropped below": (
        "se_residual",
        lambda: without("se_residual", "norms.factors.lower", operator="W_2", by="0"),
    ),
    "gate taken for open": (
        "se_residual",
        lambda: without("se_residual", "norms.factors.upper", operator="diag(Bs)", by="1"),
    ),
    "root of the norm": (
        "dense",
        lambda: put("dense", "norms.factors.upper", sp.sqrt(1 + sigma("J_F"))),
    ),
    "whole signal for the old state's": (
        "dense",
        lambda: replace(
            stated("dense", "dense.triangle.lower"), base=stated("dense", "singular.min.lower").base
        ),
    ),
    "ratio of the slices dropped": (
        "dense",
        lambda: put("dense", "dense.uniform.lower", sp.Max(1 - SIGMA_MAX, 0)),
    ),
    "ratio of the slices dropped above": (
        "dense",
        lambda: put("dense", "dense.uniform.upper", 1 + SIGMA_MAX),
    ),
    "largest for least of the projection": (
        "projection",
        lambda: put("projection", "norms.factors.lower", sp.Max(sigma("W_s") - sigma("J_F"), 0)),
    ),
    "signal before the slope": (
        "post_activation",
        lambda: replace(
            stated("post_activation", "residual.triangle.lower"),
            base=stated("post_activation", "singular.min.lower").base,
        ),
    ),
    "branch dropped": (
        "resnext",
        lambda: without("resnext", "norms.factors.upper", operator="J_F_2", by="0"),
    ),
    "carry taken for open": (
        "highway",
        lambda: without("highway", "norms.factors.upper", operator="diag(1 - T(x))", by="1"),
    ),
    "kernel of a tall operator": ("plain", least_of_either_side),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_bounds_fall(case):
    name, build = BROKEN[case]
    (finding,) = attack(replace(known(name), bounds=(build(),)), QUICK)
    assert finding.margin > WRONG, report(finding)
    assert finding.worst.startswith("γ = ")


def test_a_bound_that_is_never_attained_is_not_found_tight():
    loose = put("residual", "residual.uniform.upper", 2 + SIGMA_MAX)
    (finding,) = attack(replace(known("residual"), bounds=(loose,)), NORMAL)
    assert not finding.violated
    assert finding.gap > WITHIN, finding
