"""Lists what theory foretells of training batches at initialisation, each in a band fixed before.

log₁₀ ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ of the first BATCH training images of DATASET, networks of width WIDTH
in BatchNorm's train mode: the mean over ten seeds is foretold within `half_width`. The theory is
`numeric.laws.batch_norm_ratios`, for images of independent positions and width → ∞. The widths were
fixed from theory and from seeds 0–9, which are exploratory (v and the shares per layer below are
read off them): no band is to be judged by a seed below FIRST_FRESH. half_width is the sum of

- D(a)·(1 − s^(2L)), for images that are correlated: v = 0.15 the mean square correlation of two
  values of the stem, a layer divides by variances of few directions, so its gain is more by the
  share (2 + (1 − a)²/(2π(1 + a²)κ))·v, and v falls by s² = ((1 + a)²/(2κ(1 + a²)))² a layer:
  D = 0.157, 0.200, 0.374 for a = 0, 0.1, 0.3. Only upwards. First order and one v for all slopes:
  heuristic (behind the stem's ReLU 0.2 to 0.27 is seen, from the fourth layer on 0.04).
- 0.002 a layer of a plain network, 0.001 of another: of finite width the norms of samples
  grow apart (downwards), and images stay correlated by 1/n (upwards).
  From 110 layers of ReLU on they are too far apart: theorem `depth.norms_apart`, no law is left.
- 0.03 for the mean over ten seeds, whose deviation is 0.1.
- gated networks: half of what a gate adds that is not held at ½, at most.
"""

from dataclasses import dataclass

DATASET, BATCH = "fashion-mnist", 64
WIDTH, REDUCTION = 8, 4
FIRST_FRESH = 100

PLAIN = (
    "padding and positions exact as n, B → ∞ for independent images (what two images share at a "
    "border is neglected, 1 %); the width of the band is heuristic"
)
RESIDUAL = (
    "a walk reflected at 0, exact far from a border as n, B → ∞ for independent images; that its "
    "moments scale with the variance at a position, and the width of the band, are heuristic"
)
GATED = f"gates held at ½, which is heuristic, as is what follows: {RESIDUAL}"
DENSE = (
    "sums over maps, exact as n, B → ∞ for independent images, positions as in plain networks; "
    "neighbours in a pool are correlated in images, which cancels from end to end to first order; "
    "the width of the band is heuristic"
)


@dataclass(frozen=True)
class Band:
    """A network by name and slope below 0 of its ReLUs, what is foretold, and why so wide.

    `explored` and `spread`: mean and standard deviation over the seeds 0–9. `works`: False where
    these had left the band already, so that no law of ours works there.
    """

    network: str
    slope: float
    predicted: float
    half_width: float
    reason: str
    explored: float
    spread: float
    works: bool = True


# fmt: off
BANDS: tuple[Band, ...] = (
    Band("plain-8", 0.0, 0.455, 0.20, PLAIN, 0.580, 0.077),
    Band("plain-20", 0.0, 1.373, 0.23, PLAIN, 1.485, 0.114),
    Band("plain-32", 0.0, 2.286, 0.25, PLAIN, 2.389, 0.143),
    Band("plain-44", 0.0, 3.195, 0.28, PLAIN, 3.212, 0.154),
    Band("plain-56", 0.0, 4.099, 0.30, PLAIN, 4.045, 0.142),
    Band("plain-110", 0.0, 8.116, 0.41, PLAIN, 7.570, 0.338, works=False),
    Band("plain-8", 0.1, 0.349, 0.23, PLAIN, 0.503, 0.088),
    Band("plain-20", 0.1, 1.054, 0.27, PLAIN, 1.215, 0.100),
    Band("plain-44", 0.1, 2.453, 0.32, PLAIN, 2.612, 0.122),
    Band("plain-110", 0.1, 6.241, 0.45, PLAIN, 6.193, 0.265),
    Band("plain-8", 0.3, 0.180, 0.31, PLAIN, 0.377, 0.103),
    Band("plain-20", 0.3, 0.548, 0.43, PLAIN, 0.771, 0.077),
    Band("plain-44", 0.3, 1.279, 0.49, PLAIN, 1.581, 0.095),
    Band("plain-110", 0.3, 3.263, 0.62, PLAIN, 3.673, 0.123),
    Band("residual-8", 0.0, 0.482, 0.19, RESIDUAL, 0.623, 0.082),
    Band("residual-20", 0.0, 1.059, 0.21, RESIDUAL, 1.157, 0.080),
    Band("residual-32", 0.0, 1.446, 0.22, RESIDUAL, 1.547, 0.099),
    Band("residual-44", 0.0, 1.734, 0.23, RESIDUAL, 1.807, 0.116),
    Band("residual-56", 0.0, 1.964, 0.25, RESIDUAL, 2.015, 0.124),
    Band("residual-110", 0.0, 2.640, 0.30, RESIDUAL, 2.670, 0.142),
    Band("se_residual-8", 0.0, 0.276, 0.21, GATED, 0.405, 0.064),
    Band("se_residual-14", 0.0, 0.443, 0.23, GATED, 0.562, 0.088),
    Band("se_residual-20", 0.0, 0.601, 0.25, GATED, 0.744, 0.075),
    Band("se_residual-26", 0.0, 0.744, 0.26, GATED, 0.867, 0.103),
    Band("se_residual-32", 0.0, 0.874, 0.27, GATED, 0.992, 0.119),
    Band("se_residual-44", 0.0, 1.099, 0.29, GATED, 1.196, 0.112),
    Band("se_residual-110", 0.0, 1.885, 0.37, GATED, 2.009, 0.173),
    Band("dense-10", 0.0, 0.594, 0.19, DENSE, 0.575, 0.110),
    Band("dense-16", 0.0, 0.816, 0.20, DENSE, 0.801, 0.154),
    Band("dense-22", 0.0, 0.961, 0.21, DENSE, 0.988, 0.101),
    Band("dense-28", 0.0, 1.069, 0.22, DENSE, 1.056, 0.109),
    Band("dense-40", 0.0, 1.227, 0.23, DENSE, 1.232, 0.085),
)
# fmt: on
