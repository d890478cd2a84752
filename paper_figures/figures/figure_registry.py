"""Lists every figure by name, with the words that stand beside it, numbered as in the paper and on.

A caption says what is drawn and how it is read; `source` says from what.
"""

from collections.abc import Callable

from matplotlib.figure import Figure

from derivations.algebra.blocks import PAPER_BLOCKS
from paper_figures.drawing.plate import Plate
from paper_figures.figures import (
    agreement,
    block_diagrams,
    bound_envelopes,
    gains_over_training,
    random_laws,
    sqrt_law,
    survival_ranking,
    training_curves,
)
from validate.records.schema import Results
from validate.statistics.kinds_of_check import COULD_FAIL, OF_THE_CODE

__all__ = ["FIGURES", "Plate"]


def _block_plate(number: int, name: str) -> Plate:
    def draw(_: Results) -> Figure:
        return block_diagrams.block_diagram(name)

    title = PAPER_BLOCKS[name].title
    return Plate(
        draw, f"Figure {number}", f"{title}, drawn from its term.", f"Flow diagram. {_FLOWS[name]}"
    )


_FLOWS = {
    "plain": "The input x passes through the weighted layers F to the output.",
    "residual": "The input x passes through the weighted layers F and, on a bypass, is added to "
    "their output.",
    "se_residual": "The output u of the weighted layers F is multiplied by gates computed from u "
    "by pooling, two fully connected layers, ReLU and sigmoid; the input x is added on a bypass.",
    "dense": "One step appends the output of the weighted layers F to the input; three steps in a "
    "row collect x0 to x3.",
}

FIGURES: dict[str, Plate] = {
    **{
        f"block_{name}": _block_plate(number, name)
        for number, name in enumerate(PAPER_BLOCKS, start=1)
    },
    "training_by_depth": Plate(
        training_curves.depth_figure,
        "Figure 5",
        "Test error (solid) and training error (dashed) of residual and plain networks at each "
        "depth, by epoch, on the data set named above (the paper's figure shows CIFAR-10). Medians "
        "over the seeds, bands from the least to the greatest.",
        "Two panels of error curves by epoch, residual networks left, plain networks right, one "
        "tone per depth.",
    ),
    "training_with_gates": Plate(
        training_curves.gate_figure,
        "Figure 6",
        "Test error (solid) and training error (dashed) of residual and SE residual networks of "
        "equal depth, by epoch, on the data set named above (the paper's figure shows ImageNet). "
        "Medians over the seeds, bands from the least to the greatest.",
        "Error curves by epoch of residual and SE residual networks, a panel for each depth that "
        "both have.",
    ),
    "bound_envelopes": Plate(
        bound_envelopes.figure,
        "Gains and their bounds",
        "Gain of every block along the deepest network of each family (first seed), before and "
        "after training. Each step of a bar is one probe sample between its own bounds; samples "
        "are ordered by gain. A bar that reaches the lower edge has a bound near or at zero. "
        "Probable bounds, and those for every signal, come from spectra and hold with the δ given "
        "in the tables, which also count the ReLUs between blocks and, where bounds for every loss "
        f"are drawn, the bounds that use the signal itself. These are {OF_THE_CODE}.",
        "Bars between lower and upper bounds for every block with predicted and measured gains, a "
        "column per family, two rows: before and after training.",
        shows_start=True,
    ),
    "sqrt_law": Plate(
        sqrt_law.figure,
        "The √l law",
        "What is left of the gradient when the branch is scaled by ε. (a) A dense step with l "
        "inputs beside the predicted limit √l; r is the root mean square of the backward signals "
        "on its inputs. (b) The four blocks by ε. Medians over the seeds, bars and bands from the "
        f"least to the greatest. The limits are {OF_THE_CODE}.",
        "Left: measured ratios by number of inputs at several ε beside the curve square root of l. "
        "Right: ratios by ε, a line per family, with dotted lines at the predicted limits.",
    ),
    "gains_over_training": Plate(
        gains_over_training.figure,
        "Gains during training",
        "Measured gains at each family's greatest depth: (a) of single blocks, (b) of the whole "
        "chain of blocks. Medians; bands hold 90 % of the blocks, samples and seeds. Thin lines "
        "without bands, where there are any: the ratio of one training batch in train mode, median "
        "over the seeds.",
        "Two panels of gains by epoch on logarithmic axes, one line with a band per family, and a "
        "thin line for what a training batch sees.",
        shows_start=True,
    ),
    "random_laws": Plate(
        random_laws.figure,
        "Networks and the law of random weights",
        "Each block beside itself with its first convolution drawn anew, all else as it is; one "
        "sample per block and run. (a) How likely the law thinks a smaller gain, before training "
        "(solid) and after (dashed); dotted: what it predicts. (b) The part of the gradient that "
        "arrives through the branch, along that which arrives through the skip, in units of its "
        "deviation over random weights: medians and 5 to 95 % of the blocks; shaded: 90 % of a "
        "standard normal variable, which it is for random weights that the signals do not depend "
        f"on. Before training these are {COULD_FAIL}.",
        "Left: cumulative shares of probabilities, two lines per family, and the diagonal. Right: "
        "alignments by epoch, a mark with a bar per family, and a band about zero.",
        shows_start=True,
    ),
    "survival_ranking": Plate(
        survival_ranking.figure,
        "Gradient survival and test error",
        "(a) Test error after the last epoch by how much of the gradient survives the whole chain "
        "of blocks before training: a mark per network (medians over the seeds), lines from "
        "shallow to deep, with the greatest depth; networks in which nothing arrives are drawn at "
        "the left end. (b) Spearman's ρ of the two; intervals from a bootstrap of networks, "
        "p-values from permutations. Pooled ones are adjusted by Holm for all pooled lines "
        "of the ranking table; those of single families (*) are not adjusted. Within families: "
        "mean over families; across: all networks in one ranking. Below 0: more survival, less "
        "error. These networks differ in much else beside their flow: no claim is judged by them.",
        "Left: test error by end-to-end gradient ratio, a line of networks per family. Right: "
        "correlation coefficients with intervals, two per group of networks, with their p-values.",
        shows_start=True,
    ),
    "agreement": Plate(
        agreement.figure,
        "Agreement",
        "(a) Relative difference of predicted and measured gains over every block, sample and "
        "epoch; differences of exactly zero are drawn at the left end. (b) Measured gain divided "
        "by each bound: median and 5 to 95 % of the samples; at 1 a bound is attained. Both are "
        f"{OF_THE_CODE}: identities and bounds hold for any weights, so that they agree says that "
        "formulas and programs are right, and nothing of networks.",
        "Left: cumulative shares of relative differences, a line per family. Right: ratios of gain "
        "to bound, a row per theorem, a mark per side and certainty.",
    ),
}
