"""Bounds the gain over hard labels, over losses near a given one, and behind many classes.

A hard label y sends a_y = p − e_y = (1 − p_y)(r − e_y), r the softmax over the other classes.
Notation: `every_loss_pencil.py`.
"""

from dataclasses import dataclass

import sympy as sp

from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    GAIN,
    Cosine,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.rules.bound_types import BoundingTheorem, BoundMaker, Products, at_least, at_most
from derivations.rules.remaining import Limits
from derivations.theorems.every_loss_pencil import (
    LOGITS,
    OURS,
    RANK,
    REACHED_LEAST,
    REACHED_MOST,
    THROUGH,
    Reach,
    reach,
)

SHOWN_LABELS = 3
OF_LABEL = sp.symbols(f"gamma_1:{SHOWN_LABELS + 1}", nonnegative=True)
CONE_MOST, CONE_LEAST = sp.symbols("Lambda_S lambda_T", real=True)
IN_CONE, IN_OTHER_CONE = sp.symbols("c_S c_T", real=True)
IN_OUTER_CONE = sp.Symbol("c_Z", real=True)
S_LEMMA = (
    "S-lemma",
    "If aᵀCa > 0 for some a: aᵀXa ≥ 0 where aᵀCa ≥ 0 exactly if X − κC ⪰ 0 for some κ ≥ 0.",
    "Pólik & Terlaky 2007, A Survey of the S-Lemma, SIAM Review 49:371–418, Theorem 2.2",
)
"""What makes the bounds over a cone sharp: cited, not proved."""

_I = sp.Symbol("i", integer=True, positive=True)


def theorems() -> tuple[Theorem, ...]:
    """Labels, cones, sizes, many classes."""
    return (_softmax(), _labels(), _label(), _sizes(), _cone(), _angle(), _many_classes())


def _softmax() -> Theorem:
    """E_k = e^z_k, E_y = e^z_y, E the sum of the e^z over the classes that are not y."""
    one, own, others = sp.symbols("E_k E_y E", positive=True)
    p_y = own / (own + others)
    result = Step(
        "p_k = (1 − p_y) r_k for k ≠ y",
        one / (own + others),
        "=",
        (1 - p_y) * (one / others),
        "r_k = E_k/E",
    )
    steps = (result, Step("p_y − 1", p_y - 1, "=", -others / (own + others)))
    return Theorem(
        "every_loss.softmax",
        "What a hard label sends",
        "p − e_y = (1 − p_y)(r − e_y), r the softmax over k ≠ y (E_k = e^(z_k), "
        "E their sum over k ≠ y): the direction of "
        "cross-entropy's signal is that of r − e_y, which loses no digits where p_y → 1. The "
        "gain does not feel the factor, so measured gains are to be compared with r − e_y.",
        Derivation("every_loss.softmax", Notation(Identity(), {}, "operator"), steps),
        result,
        ("K ≥ 2",),
        source="definition of the softmax",
    )


def _labels() -> Theorem:
    """Three labels; v_y = A_Hᵀ(r⁽ʸ⁾ − e_y). The label that is met is the first."""
    it = reach()
    sent = [it.notation.free(f"v_{y}", it.jacobian.shape[0]) for y in range(1, SHOWN_LABELS + 1)]
    quantities = (
        Quantity(GAIN, NormRatio(adjoint_image(it.jacobian, sent[0]), sent[0])),
        *(
            Quantity(symbol, NormRatio(adjoint_image(it.jacobian, v), v))
            for symbol, v in zip(OF_LABEL, sent, strict=True)
        ),
    )
    least, most = sp.Min(*OF_LABEL), sp.Max(*OF_LABEL)
    limits = Limits(it.notation, quantities)
    steps = (
        Step("the label that is met", GAIN, "=", OF_LABEL[0], "g = v_1"),
        at_least("least of all labels", least, ((OF_LABEL[0] - least,),)),
        at_most("greatest of all labels", most, ((most - OF_LABEL[0],),)),
        *limits.steps((least, most)),
    )
    make = BoundMaker(
        "every_loss", limits, sent[0], ("v_y = A_Hᵀ(r − e_y) ≠ 0", THROUGH), "every hard label"
    )
    return BoundingTheorem(
        "every_loss.labels",
        "Bounds over hard labels",
        "Cross-entropy with a hard label can send K directions, one for each label. The gain is "
        "one of K numbers: their least and greatest are the bounds, exact and attained. Here "
        f"for {SHOWN_LABELS} labels; for a set of labels, as many backward passes as it has.",
        Derivation(
            "every_loss.labels", it.notation, steps, (*quantities, *limits.remaining.values())
        ),
        steps[1],
        ("v_y ≠ 0", THROUGH),
        source=OURS,
        bounds=(
            make("labels", "lower", least, "one number per label"),
            make("labels", "upper", most, "one number per label"),
        ),
    )


def _label() -> Theorem:
    it = reach()
    v = it.notation.free("v", it.jacobian.shape[0])
    ratio = NormRatio(adjoint_image(it.jacobian, v), v)
    multiple = sp.MatMul(_SHARE, v)
    scaled = NormRatio(adjoint_image(it.jacobian, multiple), multiple)
    quantities = (
        Quantity(GAIN, ratio),
        Quantity(OF_LABEL[0], ratio),
        Quantity(BRANCH_GAIN, scaled),
    )
    limits = Limits(it.notation, quantities[:2])
    steps = (
        Step("the factor 1 − p_y cancels", BRANCH_GAIN**2, "=", OF_LABEL[0] ** 2, "v ≠ 0"),
        Step("one direction", GAIN, "=", OF_LABEL[0], "g = v"),
        at_least("one direction", OF_LABEL[0], ()),
        at_most("one direction", OF_LABEL[0], ()),
        *limits.steps((OF_LABEL[0],)),
    )
    make = BoundMaker(
        "every_loss", limits, v, ("v = A_Hᵀ(r − e_y) ≠ 0", THROUGH), "this hard label"
    )
    return BoundingTheorem(
        "every_loss.label",
        "The gain of one hard label",
        "One hard label sends one direction, v = A_Hᵀ(r − e_y), of whatever length (here times "
        f"{_SHARE}): lower and upper bound are one number, at one backward pass.",
        Derivation(
            "every_loss.label",
            it.notation,
            steps,
            (*quantities, *limits.remaining.values()),
            (multiple,),
        ),
        steps[1],
        ("v ≠ 0", THROUGH),
        source="linearity of the backward pass",
        bounds=(
            make("label", "lower", OF_LABEL[0], "one direction"),
            make("label", "upper", OF_LABEL[0], "one direction"),
        ),
    )


_SHARE = sp.Rational(3, 7)


def _sizes() -> Theorem:
    """10(e). r has l = K − 1 entries r_i = 1/l + d_i, Σ d = 0; also r_i = f_i², 1 − r_i = j_i²."""
    d, f, j = (sp.IndexedBase(name, real=True) for name in "dfj")
    run = (_I, 1, LAYERS)
    spread, above = sp.Sum(d[_I] ** 2, run), sp.Sum(f[_I] ** 2 * j[_I] ** 2, run)
    result = Step(
        "‖r − e_y‖² ≥ K/(K − 1)",
        1 + 1 / LAYERS + spread,
        ">=",
        (LAYERS + 1) / LAYERS,
        "l = K − 1",
        (Certificate(((spread,),)),),
    )
    steps = (
        Step(
            "‖r‖²",
            sp.Sum((1 / LAYERS + d[_I]) ** 2, run),
            "=",
            1 / LAYERS + 2 / LAYERS * sp.Sum(d[_I], run) + spread,
            "r_i = 1/l + d_i; Σ d_i = 0 as Σ r_i = 1",
        ),
        result,
        Step(
            "‖r‖² ≤ Σ r_i = 1",
            sp.Sum(f[_I] ** 4, run),
            "<=",
            sp.Sum(f[_I] ** 2 * (f[_I] ** 2 + j[_I] ** 2), run),
            "r_i = f_i², 1 = f_i² + j_i²",
            (Certificate(((above,),)),),
        ),
    )
    return Theorem(
        "every_loss.sizes",
        "How large a gradient a loss level allows",
        "K/(K − 1) ≤ ‖r − e_y‖² ≤ 2. With cross-entropy at level ℓ, p_y = e^(−ℓ), and σ_min, σ_max "
        "those of A_kᵀ on 1⊥: (1 − e^(−ℓ))√(K/(K − 1)) σ_min ≤ ‖∂L/∂h_k‖ ≤ (1 − e^(−ℓ))√2 σ_max.",
        Derivation("every_loss.sizes", Notation(Identity(), {}, "operator"), steps),
        result,
        ("hard label", "h_k reaches L through z alone"),
        source="Cauchy–Schwarz inequality; " + OURS,
        result_label=r"\lVert r - e_y\rVert^2 = ",
    )


def _cone() -> Theorem:
    """10(d), weak duality on all of ℝᴷ. √τ is part of D = √τ A_H, κ part of Z = κC."""
    notation = Notation(Identity(), {}, "operator")
    d, to_x = notation.free("D", LOGITS, "m"), notation.free("A_x", LOGITS, "n")
    z, a = notation.free("Z", LOGITS, LOGITS), notation.free("a", LOGITS)
    x = sp.MatAdd(
        sp.MatMul(d, sp.Transpose(d)), sp.MatMul(-1, to_x, sp.Transpose(to_x)), sp.MatMul(-1, z)
    )
    out, inner, t_z, t_x = sp.symbols("o i t_Z t_X", nonnegative=True)
    c_x, least = sp.symbols("c_X mu_X", real=True)
    quantities = (
        Quantity(out, NormRatio(adjoint_image(d, a), a)),
        Quantity(inner, NormRatio(adjoint_image(to_x, a), a)),
        Quantity(t_z, NormRatio(adjoint_image(z, a), a)),
        Quantity(IN_OUTER_CONE, Cosine(a, adjoint_image(z, a))),
        Quantity(t_x, NormRatio(adjoint_image(x, a), a)),
        Quantity(c_x, Cosine(a, adjoint_image(x, a))),
        Quantity(least, NumericalRange(x, -1)),
    )
    within = inner**2 + IN_OUTER_CONE * t_z
    result = Step(
        "weak duality", out**2, ">=", within + least, "", (Certificate(((c_x * t_x - least,),)),)
    )
    steps = (
        Step("aᵀXa, X = DDᵀ − A_xA_xᵀ − Z", out**2, "=", within + c_x * t_x, "a ≠ 0"),
        result,
    )
    return Theorem(
        "every_loss.cone",
        "Bounds over a cone of losses",
        "A cone of losses is given by a symmetric K × K matrix C: those with aᵀCa ≥ 0, a = ∂L/∂z. "
        "For τ and κ ≥ 0 with τG_out − G_in − κC ⪰ 0 on all of ℝᴷ (or on 1⊥), each of them has γ² "
        "≤ τ; with G_in − τG_out − κC ⪰ 0 it has γ² ≥ τ. Not on ℝᴷ/ker G_out, to which C does not "
        "descend. Here D = √τ A_H, Z = κC, X the matrix that is to be ⪰ 0, and μ_X ≥ 0 says that "
        "it is: then o ≥ i, which is γ² ≤ τ. By the axiom S-lemma the best κ loses nothing where "
        "some a has aᵀCa > 0, as an infimum.",
        Derivation("every_loss.cone", notation, steps, quantities),
        result,
        ("κ ≥ 0", THROUGH),
        source="weak duality; " + OURS,
        result_label=(
            r"o = \lVert D^{\top} a\rVert / \lVert a\rVert,\; "
            r"i = \lVert A_x^{\top} a\rVert / \lVert a\rVert: \quad "
        ),
    )


def _angle() -> Theorem:
    """Where G_out is regular on the class, b = Ra is any column: the cone is bᵀSb ≥ 0 (bᵀTb ≥ 0
    below), S = κR⁻ᵀCR⁻¹ and T = κ′R⁻ᵀCR⁻¹.
    """
    it = reach()
    above = _side(it, "S", IN_CONE, CONE_MOST, +1)
    below = _side(it, "T", IN_OTHER_CONE, CONE_LEAST, -1)
    it.notation.latex_names |= {CONE_MOST: r"\Lambda_{S}", CONE_LEAST: r"\lambda_{T}"}
    gain = Quantity(GAIN, NormRatio(it.pulled, it.g))
    quantities = (gain, *above.quantities, *below.quantities)
    limits = Limits(it.notation, quantities)
    lower, upper = sp.sqrt(sp.Max(below.value, 0)), sp.sqrt(sp.Max(above.value, 0))
    steps = (*_angle_steps(above, below), *limits.steps((lower, upper)))
    make = BoundMaker(
        "every_loss",
        limits,
        it.g,
        ("g = Qb, b = Ra, G_out regular", THROUGH),
        "every loss within an angle of a given one",
    )
    return BoundingTheorem(
        "every_loss.angle",
        "Bounds for losses near a given one",
        "Where ∂L/∂z makes an angle of at most θ with a given a_0 or with −a_0, aᵀCa ≥ 0 for "
        "C = (a_0)(a_0)ᵀ − cos²θ ‖a_0‖² I. With S = κR⁻ᵀCR⁻¹, κ ≥ 0, such a signal has c_S "
        "≥ 0, so γ² ≤ Λ_S, the largest eigenvalue of QᵀJJᵀQ + S; with T = κ′R⁻ᵀCR⁻¹, κ′ ≥ 0, it "
        "has c_T ≥ 0, so γ² ≥ λ_T, the least eigenvalue of QᵀJJᵀQ − T. Each side takes the κ that "
        "makes it tightest. Outside the cone the bounds pay −c_S t_S and "
        "−c_T t_T. θ = 0 is a limit only.",
        Derivation(
            "every_loss.angle", it.notation, steps, (*quantities, *limits.remaining.values())
        ),
        next(step for step in steps if step.before == GAIN and step.relation == "<="),
        ("G_out regular", "κ, κ′ ≥ 0", THROUGH),
        source="weak duality; sharp by the S-lemma; " + OURS,
        bounds=(
            make("angle", "lower", lower, "weak duality"),
            make("angle", "upper", upper, "weak duality"),
        ),
    )


@dataclass(frozen=True)
class _Side:
    """One side of the bound: γ² = sign · (c_w t_w − c t) with the quantities of bᵀSb (c, t) and of
    bᵀ(S ± QᵀJJᵀQ)b (c_w, t_w), of which `end` is an eigenvalue.
    """

    quantities: tuple[Quantity, ...]
    value: sp.Expr
    square: sp.Expr
    size: sp.Symbol
    cosine: sp.Symbol
    rayleigh: sp.Expr
    end: sp.Symbol


def _side(it: Reach, name: str, cosine: sp.Symbol, end: sp.Symbol, sign: int) -> _Side:
    inner = sp.MatMul(it.operator, sp.Transpose(it.operator))
    cone = it.notation.free(name, RANK, RANK)
    whole = sp.MatAdd(inner, sp.MatMul(sign, cone))
    size, t = (sp.Symbol(f"t_{each}", nonnegative=True) for each in (name, f"M{name}"))
    c = sp.Symbol(f"c_M{name}", real=True)
    in_cone, in_whole = adjoint_image(cone, it.b), adjoint_image(whole, it.b)
    quantities = (
        Quantity(size, NormRatio(in_cone, it.b)),
        Quantity(cosine, Cosine(it.b, in_cone)),
        Quantity(t, NormRatio(in_whole, it.b)),
        Quantity(c, Cosine(it.b, in_whole)),
        Quantity(end, NumericalRange(whole, sign)),
    )
    value = end - sign * sp.Min(cosine, 0) * size
    square = c * t - sign * cosine * size
    return _Side(quantities, value, square, size, cosine, c * t, end)


def _angle_steps(above: _Side, below: _Side) -> tuple[Step, ...]:
    """Both sides, squared and then as roots."""
    over, under = above.end - above.rayleigh, below.rayleigh - below.end
    least, most = sp.Max(below.value, 0), sp.Max(above.value, 0)
    square = GAIN**2
    return (
        Step("γ² = bᵀ(M + S)b − bᵀSb over ‖b‖², M = QᵀJJᵀQ", square, "=", above.square, "g ≠ 0"),
        Step("weak duality", square, "<=", above.value, "", _by_cone(above, over)),
        at_most("weak duality", sp.sqrt(most), ((most - above.value,), (above.value - square,)), 2),
        Step("γ² = bᵀ(M − T)b + bᵀTb over ‖b‖²", square, "=", below.square, "g ≠ 0"),
        Step("weak duality", square, ">=", below.value, "", _by_cone(below, under)),
        Step("larger of two lower bounds", square, ">=", least),
        at_least("weak duality", sp.sqrt(least), ((square - least,),), 2),
    )


def _by_cone(side: _Side, gap: sp.Expr) -> tuple[Certificate, ...]:
    """Outside the cone c ≤ 0, and what it adds is in the bound; within, it is left out."""
    outside: Products = ((gap,),)
    return (
        Certificate(outside, 1, -side.cosine),
        Certificate((*outside, (side.cosine, side.size)), 1, side.cosine),
    )


def _many_classes() -> Theorem:
    """10(j). z = V f + bias behind d features f; A_f = V, A_H = V B with B = ∂f/∂H."""
    it = reach()
    features = sp.Symbol("d", integer=True, positive=True)
    v, c = (
        it.notation.free("V", LOGITS, features),
        it.notation.free("B", features, it.jacobian.shape[0]),
    )
    a = it.notation.free("a", LOGITS)
    t, least, most = BRANCH_GAIN, REACHED_LEAST, REACHED_MOST
    quantities = (
        Quantity(t, NormRatio(adjoint_image(it.operator, it.b), it.b)),
        Quantity(least, SigmaMinAdjoint(it.operator)),
        Quantity(most, SigmaMax(it.operator)),
    )
    head = sp.MatMul(v, c)
    result = Step(
        "d passes",
        adjoint_image(head, a),
        "=",
        sp.MatMul(sp.Transpose(c), adjoint_image(v, a)),
        "A_H = VB",
    )
    steps = (
        result,
        Step(
            "G_out",
            sp.MatMul(head, sp.Transpose(head)),
            "=",
            sp.MatMul(v, c, sp.Transpose(c), sp.Transpose(v)),
        ),
        Step(
            "a value that is met is none above", t, "<=", most, "", (Certificate(((most - t,),)),)
        ),
        Step("nor below", t, ">=", least, "", (Certificate(((t - least,),)),)),
    )
    return Theorem(
        "every_loss.many_classes",
        "Many classes behind few features",
        "Behind d pooled features every signal is a linear combination of the d columns of ∂f/∂H "
        "transposed, so min(K, d) backward passes give the pencil, and min(K − 1, d) that of the "
        "shift-invariant losses. A gain that some loss has, as an iteration "
        "finds it, lies between the ends: attainable, and never a bound.",
        Derivation("every_loss.many_classes", it.notation, steps, quantities),
        result,
        ("z = Vf + bias", THROUGH),
        source="chain rule",
        result_label=r"g = ",
    )
