"""Lists what the laws about depth take from the literature: cited, not proved.

Each is tested by simulation. Every law says in its setting which of these it rests on, and for
which limit it is exact.
"""

from derivations.laws.law import Axiom

INDEPENDENCE = Axiom(
    "gradient_independence",
    "As the width n grows, the coordinates of a state become independent and, given the input's, "
    "Gaussian, and the backward pass sees weights as if drawn anew: a gradient is independent of "
    "the masks and of the weights that it meets, and its cross terms with the skip vanish.",
    "Schoenholz et al. 2017 (arXiv 1611.01232); Yang 2020, Tensor Programs II (arXiv 2006.14548)",
)
BATCH_STATISTICS = Axiom(
    "batch_statistics",
    "As the batch B grows, BatchNorm's mean and variance over it tend to those of the law of a "
    "coordinate, and the two directions that its Jacobian removes hold the share 2/B of a signal.",
    "Yang et al. 2019 (arXiv 1902.08129)",
)
HALVED_MASKS = Axiom(
    "halved_masks",
    "For a fixed v ≠ 0 and a row w with independent symmetric entries, E 1[wᵀv > 0] wwᵀ = E wwᵀ / "
    "2: w and −w are alike, and one of them is active.",
    "Hanin & Nica 2020 (arXiv 1812.05994), Proposition 2",
)
SPARRE_ANDERSEN = Axiom(
    "sparre_andersen",
    "A random walk with independent symmetric continuous steps has P(S_1 > 0, …, S_n > 0) = "
    "C(2n, n)/4^n, and stays above all it has been from step a + 1 to b with probability "
    "Σ_{k≤a+1} u_k u_{b+1−k}, reflected at 0, u_k being the former.",
    "Sparre Andersen 1954, Math. Scand. 2:195–223",
)
SPITZER = Axiom(
    "spitzer",
    "E max(0, S_1, …, S_m) = Σ_{k≤m} E S_k⁺/k, and E of its square is Σ_k E (S_k⁺)²/k + "
    "Σ_{j+k≤m} E S_j⁺ E S_k⁺/(jk).",
    "Spitzer 1956, Trans. Amer. Math. Soc. 82:323–339",
)
AXIOMS = (INDEPENDENCE, BATCH_STATISTICS, HALVED_MASKS, SPARRE_ANDERSEN, SPITZER)


def resting_on(*axioms: Axiom) -> str:
    """A sentence that names the axioms of a law."""
    return f"Rests on {', '.join(axiom.id for axiom in axioms)}."
