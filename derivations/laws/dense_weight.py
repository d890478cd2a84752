"""Derives the laws of ‖∂L/∂x‖² for a dense random weight, and the blocks that use them.

W has independent N(0, ω²) entries. The conditional laws are exact for every draw of a real network,
in which the signal h follows from u = Wφ(x): given u, the component of W along φ(x) is known, and
the rest is Gaussian as before.
"""

from dataclasses import replace

import sympy as sp

from derivations.algebra.letters import squared, stacked
from derivations.algebra.notation import Notation
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise
from derivations.laws.law import (
    FREEZING,
    LINEAR_IMAGE,
    NONCENTRAL,
    OMEGA,
    ORTHONORMAL_BASIS,
    Axiom,
    NoncentralLaw,
    Scalar,
    in_letters,
)

SIGNAL_SQUARE, SKIP_SQUARE = sp.symbols("h2 v2", nonnegative=True)
ACTIVE_SQUARE, INACTIVE_SQUARE = sp.symbols("va2 vi2", nonnegative=True)
ALONG, RESPONSE = sp.symbols("v_phi u_h", real=True)
SHIFT = (ALONG + RESPONSE) ** 2 + INACTIVE_SQUARE
ACROSS_SQUARE = ACTIVE_SQUARE - ALONG**2

GAUSSIAN = "the weight W of the law has independent N(0, ω²) entries"
INDEPENDENT = "h, v and the mask are independent of W"
SUPPORTED = "φ(x) ≠ 0, and φ(x) is 0 outside the active coordinates, as behind a ReLU"
FOLLOWS = "W is independent of φ(x); h and v depend on W through u = W φ(x) alone"
ACTIVE = "a: the number of active coordinates; v_a, v_i: v on the active and on the inactive ones"
GIVEN = (
    "‖v + D Wᵀh‖² ~ ‖v_i‖² + (v·φ̂ + uᵀh/‖φ(x)‖)² + ω²‖h‖² χ′²_{a−1}((‖v_a‖² − (v·φ̂)²) / "
    "(ω²‖h‖²)), φ̂ = φ(x)/‖φ(x)‖"
)
ACROSS = "given û, κ + C h ~ N(κ, ω²‖h‖² I)"
CONDITIONING = (LINEAR_IMAGE, FREEZING, NONCENTRAL, ORTHONORMAL_BASIS)
DEFINITION = "definition of the noncentral chi-square"
OURS = "this toolkit; the conditioning is that of Bolthausen 2014, Commun. Math. Phys. 325:333–366"

_WEIGHT, _RELU = Linear("W"), Pointwise("relu")


def dense_laws() -> tuple[NoncentralLaw, ...]:
    """The laws of a dense weight, in the order in which they build on each other."""
    conditional = _conditional()
    return (
        *_independent_laws(),
        _masked(),
        conditional,
        _two_layer(conditional),
        _squeeze_and_excitation(conditional),
    )


def _independent_laws() -> tuple[NoncentralLaw, ...]:
    plain = Notation(_WEIGHT, {"W": ("m", "n")}, "operator")
    residual = Notation(Add(_WEIGHT, Identity()), {"W": ("n", "n")}, "operator")
    dense = Notation(Concat(_WEIGHT, Identity()), {"W": ("k", "n")}, "operator")
    g = residual.signal()
    return (
        _independent(
            "independent.plain",
            "Plain block, signal independent of the weights",
            plain,
            plain.signal(),
            None,
        ),
        _independent(
            "independent.residual",
            "Residual block, signal independent of the weights",
            residual,
            g,
            g,
        ),
        _independent(
            "independent.dense",
            "Dense step, signal independent of the weights",
            dense,
            dense.signal((0,)),
            dense.signal((1,)),
        ),
    )


def _independent(
    identifier: str, title: str, notation: Notation, h: sp.Expr, v: sp.Expr | None
) -> NoncentralLaw:
    """∂L/∂x = v + Wᵀh with h and v independent of W."""
    image = sp.MatMul(sp.Transpose(notation.jacobian(_WEIGHT, Identity())), h)
    size, length = Scalar(SIGNAL_SQUARE, r"\lVert h \rVert^2", squared(h)), "ω²‖h‖²"
    if v is None:
        scalars: tuple[Scalar, ...] = (size,)
        square, mean, total, statement = (
            sp.S.Zero,
            sp.ZeroMatrix(*image.shape),
            image,
            f"‖Wᵀh‖² ~ {length} χ²_n",
        )
    else:
        scalars = (size, Scalar(SKIP_SQUARE, r"\lVert v \rVert^2", squared(v)))
        square, mean, total, statement = (
            SKIP_SQUARE,
            v,
            sp.MatAdd(v, image),
            f"‖v + Wᵀh‖² ~ {length} χ′²_n(‖v‖² / ({length}))",
        )
    pullback = Step("pullback, v + Wᵀh", notation.gradient(), "=", total)
    norm = Step("square of the mean", squared(mean), "=", in_letters(square, scalars))
    # Where v is one letter, ‖v‖² is its square, and there is nothing to show.
    shown = (norm,) if norm.before != norm.after else ()
    derivation = Derivation(identifier, notation, (pullback, *shown))
    theorem = Theorem(
        identifier,
        title,
        statement,
        derivation,
        pullback,
        (GAUSSIAN, INDEPENDENT),
        "law",
        DEFINITION,
    )
    return _law(
        theorem, scalars, (LINEAR_IMAGE, FREEZING, NONCENTRAL), sp.S.Zero, square, image.shape[0]
    )


class _Letters:
    """The letters of v + D Wᵀh with the active coordinates first: Wᵀ = [A; B], v = [v_a; v_i], φ̂ =
    φ(x)/‖φ(x)‖, û = W φ̂.

    In the proofs φ̂ is the first column of an orthogonal R, A = R [ûᵀ; C] and v_a = R [ν; κ]: the
    entries of û and C are independent N(0, ω²), as those of A are.
    """

    def __init__(self, notation: Notation) -> None:
        free = notation.free
        self.h, self.u = free("h", "m"), free("u", "m", latex=r"\hat{u}")
        self.v_a, self.v_i = free("v_a", "a"), free("v_i", "b")
        self.phi = free("phi", "a", unit=True, latex=r"\hat{\varphi}")
        self.weight_a, self.weight_i = free("A", "a", "m"), free("B", "b", "m")
        self.size = self.weight_a.shape[0]
        self.nu, self.kappa, self.rest = (
            free("nu", 1, latex=r"\nu"),
            free("kappa", self.size - 1, latex=r"\kappa"),
            free("C", self.size - 1, "m"),
        )
        self.basis = free("R", "a", "a", unit=True)
        self.turned = {
            self.phi: sp.MatMul(
                self.basis, stacked(sp.Identity(1), sp.ZeroMatrix(self.size - 1, 1))
            ),
            self.weight_a: sp.MatMul(self.basis, stacked(self.u.T, self.rest)),
            self.v_a: sp.MatMul(self.basis, stacked(self.nu, self.kappa)),
        }
        self.norms = (
            Scalar(SIGNAL_SQUARE, r"\lVert h \rVert^2", squared(self.h)),
            Scalar(INACTIVE_SQUARE, r"\lVert v_i \rVert^2", squared(self.v_i)),
            Scalar(ACTIVE_SQUARE, r"\lVert v_a \rVert^2", squared(self.v_a)),
        )
        self.scalars = (
            *self.norms,
            Scalar(ALONG, r"v_a^\top \hat{\varphi}", sp.MatMul(self.v_a.T, self.phi)),
            Scalar(RESPONSE, r"h^\top \hat{u}", sp.MatMul(self.h.T, self.u)),
        )

    def masked(self) -> tuple[Step, Step]:
        """What the mask D = E Eᵀ leaves of v + D Wᵀh, and its square."""
        active = sp.MatAdd(self.v_a, sp.MatMul(self.weight_a, self.h))
        squares = sp.MatAdd(in_letters(INACTIVE_SQUARE, self.norms), squared(active))
        return (
            Step("mask, active coordinates first", self._total(), "=", stacked(active, self.v_i)),
            Step(
                "Pythagoras over active and inactive coordinates",
                squared(self._total()),
                "=",
                squares,
            ),
        )

    def conditional(self) -> tuple[Step, ...]:
        """‖v + D Wᵀh‖², where given û means given the first row of RᵀA."""
        phi, weight, v = (self.turned[letter] for letter in (self.phi, self.weight_a, self.v_a))
        identity = sp.Identity(self.size)
        across = sp.MatAdd(identity, sp.MatMul(-1, phi, sp.Transpose(phi)))
        along = sp.MatAdd(self.nu, sp.MatMul(self.u.T, self.h))
        others = sp.MatAdd(self.kappa, sp.MatMul(self.rest, self.h))
        unknown = sp.MatMul(self.basis, stacked(sp.ZeroMatrix(1, self.h.shape[0]), self.rest))
        shift, square = (
            in_letters(part, self.scalars).xreplace(self.turned) for part in (SHIFT, ACROSS_SQUARE)
        )
        return (
            Step(
                "covariance of the rotated weights, over ω²",
                sp.MatMul(self.basis.T, self.basis),
                "=",
                identity,
            ),
            Step("what is given, W φ̂", sp.MatMul(sp.Transpose(weight), phi), "=", self.u),
            Step(
                "orthogonal decomposition along φ̂",
                weight,
                "=",
                sp.MatAdd(sp.MatMul(phi, self.u.T), sp.MatMul(across, weight)),
            ),
            Step(
                "covariance with W φ̂, over ω²",
                sp.MatMul(across, phi),
                "=",
                sp.ZeroMatrix(self.size, 1),
            ),
            Step("the part across φ̂ does not hold û", sp.MatMul(across, weight), "=", unknown),
            Step(
                "rotate",
                sp.MatAdd(v, sp.MatMul(weight, self.h)),
                "=",
                sp.MatMul(self.basis, stacked(along, others)),
            ),
            Step("square of the mean across φ̂", squared(self.kappa), "=", square),
            Step(
                "Pythagoras",
                squared(self._total().xreplace(self.turned)),
                "=",
                sp.MatAdd(shift, squared(others)),
                ACROSS,
            ),
        )

    def _total(self) -> sp.Expr:
        select = stacked(sp.Identity(self.size), sp.ZeroMatrix(self.v_i.shape[0], self.size))
        behind = sp.MatMul(
            select, sp.Transpose(select), stacked(self.weight_a, self.weight_i), self.h
        )
        return sp.MatAdd(stacked(self.v_a, self.v_i), behind)


def _masked() -> NoncentralLaw:
    notation = _behind_relu()
    letters = _Letters(notation)
    steps = (_pullback(notation, _mask(notation), _WEIGHT, notation.signal()), *letters.masked())
    title, statement = (
        "Behind a ReLU, signal independent of the weights",
        "‖v + D Wᵀh‖² ~ ‖v_i‖² + ω²‖h‖² χ′²_a(‖v_a‖² / (ω²‖h‖²))",
    )
    theorem = Theorem(
        "masked",
        title,
        statement,
        Derivation("masked", notation, steps),
        steps[-1],
        (GAUSSIAN, INDEPENDENT),
        "law",
        DEFINITION,
        ACTIVE,
    )
    axioms = (LINEAR_IMAGE, FREEZING, NONCENTRAL)
    return _law(theorem, letters.norms, axioms, INACTIVE_SQUARE, ACTIVE_SQUARE, letters.size)


def _conditional() -> NoncentralLaw:
    """The law behind a ReLU for a signal h that may be any function of u = W φ(x)."""
    notation = _behind_relu()
    letters = _Letters(notation)
    steps = (
        _pullback(notation, _mask(notation), _WEIGHT, notation.signal()),
        *letters.conditional(),
    )
    derivation = Derivation("conditional", notation, steps)
    title, statement = "Inside a real network, behind a ReLU, given u = W φ(x)", f"given u, {GIVEN}"
    theorem = Theorem(
        "conditional",
        title,
        statement,
        derivation,
        steps[-1],
        (GAUSSIAN, FOLLOWS, SUPPORTED),
        "law",
        OURS,
        ACTIVE,
    )
    return _law(theorem, letters.scalars, CONDITIONING, SHIFT, ACROSS_SQUARE, letters.rest.shape[0])


def _two_layer(conditional: NoncentralLaw) -> NoncentralLaw:
    """W₁ of a two-layer branch given W₁x: no mask stands in front of it, so every coordinate of x
    is active.
    """
    first, second = Linear("W_1"), Linear("W_2")
    notation = Notation(
        Add(Chain(first, _RELU, second), Identity()),
        {"W_1": ("m", "n"), "W_2": ("n", "m")},
        "operator",
    )
    h = sp.MatMul(
        notation.jacobian(_RELU, first),
        sp.Transpose(notation.jacobian(second, Chain(first, _RELU))),
        notation.signal(),
    )
    pullback = _pullback(notation, (), first, h)
    title, statement = (
        "First weight of a two-layer branch, given u = W₁x",
        f"given u, with φ(x) = x and all n coordinates active, {GIVEN}",
    )
    conditions = (
        GAUSSIAN,
        "W₁ is independent of x; h = D W₂ᵀg and v = g depend on W₁ through u = W₁x alone",
        "x ≠ 0",
    )
    theorem = Theorem(
        "conditional.two_layer",
        title,
        statement,
        Derivation("conditional.two_layer", notation, (pullback,)),
        pullback,
        conditions,
        "law",
        OURS,
    )
    scalars = tuple(scalar for scalar in conditional.scalars if scalar.symbol != INACTIVE_SQUARE)
    dof = conditional.dof.subs(sp.Symbol("a", integer=True, positive=True), notation.inputs)
    return replace(
        conditional,
        theorem=theorem,
        scalars=scalars,
        shift=SHIFT.subs(INACTIVE_SQUARE, 0),
        dof=dof,
        rests_on=(conditional.id,),
    )


def _squeeze_and_excitation(conditional: NoncentralLaw) -> NoncentralLaw:
    """H = S(u) ⊙ u + x, S any gate computed from u, as Bs is: h = Mᵀg, where M = diag(S) + diag(u)
    J_S holds nothing but u.
    """
    gate = Chain(_WEIGHT, Layer("S"))
    notation = Notation(
        Add(Gate(_WEIGHT, gate), Identity()),
        {"W": ("n", "n"), "S": ("n", "n")},
        "operator",
        {_WEIGHT: "u"},
    )
    slope = notation.jacobian(gate.parts[-1], _WEIGHT)
    modulation = sp.MatAdd(notation.diagonal(gate), sp.MatMul(notation.diagonal(_WEIGHT), slope))
    pullback = _pullback(
        notation, (), _WEIGHT, sp.MatMul(sp.Transpose(modulation), notation.signal())
    )
    title = "Squeeze-and-excitation residual block, given u = W φ(x)"
    statement = (
        f"given u, with h = Mᵀg and v = g, {GIVEN}; the pullback is written for φ(x) = x, a mask "
        "D stands before Wᵀ"
    )
    derivation = Derivation("conditional.se", notation, (pullback,))
    theorem = Theorem(
        "conditional.se",
        title,
        statement,
        derivation,
        pullback,
        (GAUSSIAN, FOLLOWS, SUPPORTED),
        "law",
        OURS,
        ACTIVE,
    )
    return replace(conditional, theorem=theorem, rests_on=(conditional.id,))


def _law(
    theorem: Theorem,
    scalars: tuple[Scalar, ...],
    axioms: tuple[Axiom, ...],
    shift: sp.Expr,
    square: sp.Expr,
    dof: sp.Expr,
) -> NoncentralLaw:
    return NoncentralLaw(
        theorem=theorem,
        scalars=scalars,
        axioms=axioms,
        shift=shift,
        scale=OMEGA**2 * SIGNAL_SQUARE,
        square=square,
        dof=dof,
    )


def _behind_relu() -> Notation:
    return Notation(Add(Chain(_RELU, _WEIGHT), Identity()), {"W": ("n", "n")}, "operator")


def _pullback(notation: Notation, mask: tuple[sp.Expr, ...], weight: Linear, h: sp.Expr) -> Step:
    """∂L/∂x = g + D Wᵀ h of a block with a skip connection."""
    behind = sp.MatMul(*mask, sp.Transpose(notation.jacobian(weight, Identity())), h)
    return Step(
        "pullback, v + D Wᵀh" if mask else "pullback, v + Wᵀh",
        notation.gradient(),
        "=",
        sp.MatAdd(notation.signal(), behind),
    )


def _mask(notation: Notation) -> tuple[sp.Expr, ...]:
    return (notation.jacobian(_RELU, Identity()),)
