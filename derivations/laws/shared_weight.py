"""Derives the laws of ‖∂L/∂x‖² that are generalized chi-squares: weights used in many places.

Given the outputs of all its uses, a weight is known on the span of their inputs and Gaussian as
before on the complement. A convolution uses its weight at every position, a batch at every sample;
seen through K, the complement has eigenvalues of all sizes.
"""

import sympy as sp

from derivations.algebra.letters import squared, stacked
from derivations.algebra.notation import Notation
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Add, Chain, Identity, Linear, Pointwise
from derivations.laws.dense_weight import (
    GAUSSIAN,
    INACTIVE_SQUARE,
    INDEPENDENT,
    OURS,
    SIGNAL_SQUARE,
)
from derivations.laws.law import (
    FREEZING,
    LINEAR_IMAGE,
    NONCENTRAL,
    OMEGA,
    SINGULAR_VALUES,
    UNCORRELATED,
    GeneralizedLaw,
    Scalar,
    in_letters,
)

IMHOF = "Imhof 1961, Biometrika 48:419–426 (quadratic forms in Gaussian variables)"
SPAN = (
    "every input of W is independent of W, or follows from the outputs of its earlier uses; the "
    "columns of V are an orthonormal basis "
    "of the span of all inputs Φ"
)
DELIMITED = "a point where Φ has full row rank: then the outputs determine W"
UNFOLDED = (
    "A: the unfolded stride-dilated h, padded by dilation·(k−1)−p and by the output padding; one "
    "A, and independent weights, for every "
    "input channel of a group: eigenvalues of ω²AAᵀ have the multiplicity of the channels"
)
CITED = (LINEAR_IMAGE, FREEZING, NONCENTRAL, SINGULAR_VALUES)


def shared_laws() -> tuple[GeneralizedLaw, ...]:
    """The norm of any Gaussian vector, the laws for signals independent of the weight, and those
    given all outputs of W.
    """
    return (_gaussian(), _pointwise(), _convolution(), _masked_convolution(), _batch(), _shared())


def _gaussian() -> GeneralizedLaw:
    """‖μ + A w‖² for fixed μ and A = Q S Zᵀ: independent squares along the columns of Q, and what μ
    has outside their span.
    """
    notation = _notation()
    rank, free = sp.Symbol("t", integer=True, positive=True), notation.free
    p, n = (rank + sp.Symbol(name, integer=True, positive=True) for name in "pn")
    mu, w, a = free("mu", p, latex=r"\mu"), free("w", n), free("A", p, n)
    q, s, z = free("Q", p, rank, unit=True), free("S", rank, rank), free("Z", n, rank, unit=True)
    decomposed = sp.MatMul(q, s, z.T)
    known, drawn = sp.MatMul(q.T, mu), sp.MatMul(s, z.T, w)
    outside = sp.MatAdd(mu, sp.MatMul(-1, q, q.T, mu))
    total = sp.MatAdd(mu, sp.MatMul(decomposed, w))
    steps = (
        Step("covariance of Zᵀw, over ω²", sp.MatMul(z.T, z), "=", sp.Identity(rank)),
        Step("coordinates along Q", sp.MatMul(q.T, total), "=", sp.MatAdd(known, drawn)),
        Step("outside the span of Q", sp.MatAdd(total, sp.MatMul(-1, q, q.T, total)), "=", outside),
        Step(
            "Pythagoras",
            squared(total),
            "=",
            sp.MatAdd(squared(sp.MatAdd(known, drawn)), squared(outside)),
            "A = Q S Zᵀ",
        ),
    )
    statement = (
        "‖μ + A w‖² ~ ‖μ − QQᵀμ‖² + Σ_j ω²s_j² χ′²_1((q_jᵀμ)² / (ω²s_j²)), s_j ≠ 0 the singular "
        "values of A"
    )
    theorem = _theorem(
        "gaussian",
        "Norm of a Gaussian vector",
        statement,
        notation,
        steps,
        ("w ~ N(0, ω² I); μ and A are independent of w",),
    )
    return _law(theorem, mu, _nothing(mu), a, rests_on=())


def _pointwise() -> GeneralizedLaw:
    """Behind a pointwise nonlinearity φ the covariance is weighted by φ′²: K = diag φ′(x)."""
    phi, weight = Pointwise("phi"), Linear("W")
    notation = Notation(Add(Chain(phi, weight), Identity()), {"W": ("n", "n")}, "operator")
    slopes, g = notation.jacobian(phi, Identity()), notation.signal()
    image = sp.MatMul(slopes, sp.Transpose(notation.jacobian(weight, phi)), g)
    step = Step("pullback, v + K Wᵀh", notation.gradient(), "=", sp.MatAdd(g, image))
    title, statement = (
        "Behind any nonlinearity, signal independent of the weights",
        "‖v + K Wᵀh‖² ~ ‖N(v, ω²‖h‖² K²)‖², K = diag φ′(x)",
    )
    theorem = _theorem("pointwise", title, statement, notation, (step,), (GAUSSIAN, INDEPENDENT))
    v, k, h = notation.free("v", "n"), notation.free("K", "n", "n"), notation.free("h", "n")
    return _law(theorem, v, _nothing(v), k, scalars=_size_of(h))


def _convolution() -> GeneralizedLaw:
    """∂L/∂x of one input channel is v + A w, w the weights that read that channel: one slice of A
    per output channel.
    """
    notation = _notation()
    free = notation.free
    v, a = free("v", "p"), free("A", "p", "n")
    slices = [free(f"A_{i}", "p", "k", latex=f"A_{i}") for i in (1, 2)]
    weights = [free(f"w_{i}", "k", latex=f"w_{i}") for i in (1, 2)]
    unfolded = sp.Transpose(stacked(*(piece.T for piece in slices)))
    summed = sp.MatAdd(
        *(sp.MatMul(piece, part) for piece, part in zip(slices, weights, strict=True))
    )
    covariance = sp.MatAdd(*(sp.MatMul(piece, piece.T) for piece in slices))
    steps = (
        Step(
            "covariance over ω²",
            sp.MatMul(unfolded, sp.Transpose(unfolded)),
            "=",
            covariance,
            "A_1: one output channel; A_2: the others",
        ),
        Step(
            "one input channel",
            sp.MatAdd(v, sp.MatMul(unfolded, stacked(*weights))),
            "=",
            sp.MatAdd(v, summed),
        ),
    )
    title, statement = (
        "Convolution, signal independent of the weights",
        "‖v + Wᵀh‖² ~ Σ_channels ‖N(v_c, ω² A Aᵀ)‖²",
    )
    conditions = (GAUSSIAN, "h and v are independent of W")
    theorem = _theorem(
        "convolution", title, statement, notation, steps, conditions, setting=UNFOLDED
    )
    return _law(theorem, v, _nothing(v), a, sums_over="channels")


def _masked_convolution() -> GeneralizedLaw:
    """Active positions of a channel first: A = [A_a; A_i], v = [v_a; v_i]."""
    notation = _notation()
    free = notation.free
    v_a, v_i, w = free("v_a", "a"), free("v_i", "b"), free("w", "n")
    a_a, a_i = free("A_a", "a", "n"), free("A_i", "b", "n")
    select = stacked(sp.Identity(v_a.shape[0]), sp.ZeroMatrix(v_i.shape[0], v_a.shape[0]))
    total = sp.MatAdd(
        stacked(v_a, v_i), sp.MatMul(select, sp.Transpose(select), stacked(a_a, a_i), w)
    )
    active = sp.MatAdd(v_a, sp.MatMul(a_a, w))
    inactive = (Scalar(INACTIVE_SQUARE, r"\lVert v_i \rVert^2", squared(v_i)),)
    steps = (
        Step("mask, active positions first", total, "=", stacked(active, v_i)),
        Step(
            "Pythagoras",
            squared(total),
            "=",
            sp.MatAdd(in_letters(INACTIVE_SQUARE, inactive), squared(active)),
        ),
    )
    theorem = _theorem(
        "convolution.masked",
        "Convolution behind a ReLU, signal independent of the weights",
        "‖v + D Wᵀh‖² ~ Σ_channels ‖v_i‖² + ‖N(v_a, ω² A_a A_aᵀ)‖²",
        notation,
        steps,
        (GAUSSIAN, INDEPENDENT),
        setting=UNFOLDED,
    )
    return _law(
        theorem,
        v_a,
        _nothing(v_a),
        a_a,
        scalars=inactive,
        shift=INACTIVE_SQUARE,
        sums_over="channels",
        rests_on=("gaussian", "convolution"),
    )


def _batch() -> GeneralizedLaw:
    """One sample of a batch whose signals depend on the outputs of all samples, or one sample
    behind any nonlinearity.
    """
    notation = _notation()
    free, (rank, n) = notation.free, _span()
    v, k, weight, h = free("v", "p"), free("K", "p", n), free("W", "m", n), free("h", "m")
    basis, seen = free("V", n, rank, unit=True), free("U", "m", rank, latex=r"\hat{U}")
    across = _complement(basis)
    response, factor = sp.MatMul(k, basis, seen.T, h), sp.MatMul(k, across)
    given = {seen: sp.MatMul(weight, basis)}
    steps = (
        *_splitting(weight.T, basis),
        Step(
            "pullback, given Û = W V",
            sp.MatAdd(v, sp.MatMul(k, weight.T, h)),
            "=",
            sp.MatAdd(v, response.xreplace(given), sp.MatMul(factor, weight.T, h)),
        ),
        Step(
            "covariance over ω²‖h‖²",
            sp.MatMul(factor, sp.Transpose(factor)),
            "=",
            sp.MatMul(k, across, k.T),
        ),
    )
    theorem = _theorem(
        "conditional.batch",
        "Inside a real network, given W Φ for the inputs Φ of a whole batch",
        "given U = W Φ: v + K Wᵀh ~ N(v + K V Ûᵀh, ω²‖h‖² K (I − VVᵀ) Kᵀ), Û = W V",
        notation,
        steps,
        (
            GAUSSIAN,
            SPAN,
            (
                "h, v and K depend on W through W Φ alone; K = ∂φ/∂xᵀ of the sample: diag φ′(x), "
                "or any Jacobian"
            ),
        ),
        setting=DELIMITED,
        source=OURS,
    )
    return _law(theorem, v, response, factor, scalars=_size_of(h), given=True)


def _shared() -> GeneralizedLaw:
    """Every linear dependence of ∂L/∂x on W: v + Σ_o L_o w_o over the rows w_o of W, as in a
    convolution.
    """
    notation = _notation()
    free, (rank, n) = notation.free, _span()
    v, pull, row = free("v", "p"), free("L", "p", n), free("w", n)
    basis, seen = free("V", n, rank, unit=True), free("u", rank, latex=r"\hat{u}")
    across = _complement(basis)
    response, factor = sp.MatMul(pull, basis, seen), sp.MatMul(pull, across)
    given = {seen: sp.MatMul(basis.T, row)}
    steps = (
        *_splitting(row, basis),
        Step(
            "one row, given û = Vᵀw",
            sp.MatMul(pull, row),
            "=",
            sp.MatAdd(response.xreplace(given), sp.MatMul(factor, row)),
        ),
        Step(
            "covariance over ω²",
            sp.MatMul(factor, sp.Transpose(factor)),
            "=",
            sp.MatMul(pull, across, pull.T),
        ),
    )
    theorem = _theorem(
        "conditional.shared",
        "Inside a real network, given all outputs of a weight used in many places",
        "given U = W Φ: v + Σ_o L_o w_o ~ N(v + Σ_o L_o V û_o, ω² Σ_o L_o (I − VVᵀ) L_oᵀ), "
        "û_o = Vᵀw_o",
        notation,
        steps,
        (
            GAUSSIAN,
            SPAN,
            (
                "v and L_o depend on W through W Φ alone; in a convolution Φ holds the patches of "
                "all positions"
            ),
        ),
        setting=DELIMITED,
        source=OURS,
    )
    return _law(theorem, v, response, factor, sums_over="outputs", given=True)


def _splitting(weights: sp.Expr, basis: sp.Expr) -> tuple[Step, Step]:
    """The weights along the span of the inputs and across it, and that the two are uncorrelated."""
    across = _complement(basis)
    along = sp.MatMul(basis, basis.T, weights)
    return (
        Step(
            "orthogonal decomposition along the inputs",
            weights,
            "=",
            sp.MatAdd(along, sp.MatMul(across, weights)),
        ),
        Step(
            "covariance of the parts, over ω²",
            sp.MatMul(across, basis),
            "=",
            sp.ZeroMatrix(*basis.shape),
        ),
    )


def _complement(basis: sp.Expr) -> sp.Expr:
    return sp.MatAdd(sp.Identity(basis.shape[0]), sp.MatMul(-1, basis, basis.T))


def _span() -> tuple[sp.Expr, sp.Expr]:
    """The rank r of the inputs and the dimension n = r + s of one of them."""
    rank, rest = sp.symbols("r s", integer=True, positive=True)
    return rank, rank + rest


def _notation() -> Notation:
    return Notation(Identity(), {}, "operator")


def _nothing(base: sp.Expr) -> sp.Expr:
    return sp.ZeroMatrix(*base.shape)


def _size_of(h: sp.Expr) -> tuple[Scalar, ...]:
    return (Scalar(SIGNAL_SQUARE, r"\lVert h \rVert^2", squared(h)),)


def _theorem(
    identifier: str,
    title: str,
    statement: str,
    notation: Notation,
    steps: tuple[Step, ...],
    conditions: tuple[str, ...],
    setting: str = "",
    source: str = IMHOF,
) -> Theorem:
    return Theorem(
        identifier,
        title,
        statement,
        Derivation(identifier, notation, steps),
        steps[-1],
        conditions,
        "law",
        source,
        setting,
    )


def _law(
    theorem: Theorem,
    base: sp.Expr,
    response: sp.Expr,
    factor: sp.Expr,
    *,
    scalars: tuple[Scalar, ...] = (),
    shift: sp.Expr = sp.S.Zero,
    sums_over: str = "",
    given: bool = False,
    rests_on: tuple[str, ...] = ("gaussian",),
) -> GeneralizedLaw:
    sized = any(scalar.symbol == SIGNAL_SQUARE for scalar in scalars)
    return GeneralizedLaw(
        theorem=theorem,
        scalars=scalars,
        axioms=(*CITED, UNCORRELATED) if given else CITED,
        shift=shift,
        rests_on=rests_on,
        scale=OMEGA**2 * SIGNAL_SQUARE if sized else OMEGA**2,
        base=base,
        response=response,
        factor=factor,
        sums_over=sums_over,
    )
