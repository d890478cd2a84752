"""Lists every figure by name, with the words that stand beside it, numbered as in the paper and on.

A caption says what is drawn and how it is read; `source` says from what.
"""

from matplotlib.figure import Figure

from derivations.algebra.blocks import PAPER_BLOCKS
from paper_figures.drawing.backward_words import backward_words
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
from paper_figures.figures.other_records import (
    depth_law_curves,
    law_histograms,
    parameters_and_error,
    verdict_overview,
)
from paper_figures.figures.over_training import alignment_law, whole_network_bounds
from validate.audit.paper import ERRORS
from validate.records.schema import Results
from validate.statistics.kinds_of_check import COULD_FAIL, OF_THE_CODE

__all__ = ["FIGURES", "Plate"]

DERIVED = "own derivation"
RUNS = "own runs"


def _block_plate(number: int, name: str) -> Plate:
    def draw(_: Results) -> Figure:
        return block_diagrams.block_diagram(name)

    block = PAPER_BLOCKS[name]
    return Plate(
        draw,
        f"Figure {number}",
        f"{block.title}, drawn from its term; arrows run forward. "
        f"{backward_words(block.term, block.labels)}",
        f"Flow diagram. {_FLOWS[name]}",
        number=number,
        source=f"{DERIVED} of Eq. ({number if number < 4 else '5'})",
        of_runs=False,
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
        "(a, b) Test error (solid, marks) and training error (dashed) of residual and plain "
        "networks by epoch, a tone and a mark per depth, on a logarithmic axis: medians over the "
        "seeds, bands from the least to the greatest test error. (c) Test error after the last "
        "epoch by depth, of every family: means, 95 % intervals of the mean (Student's t), and a "
        "stroke per seed; depths are drawn a little apart. The paper's figure shows CIFAR-10.",
        "Three panels: error curves by epoch of residual and of plain networks, one tone per "
        "depth, and the final test error by depth with intervals, a line per family.",
        number=5,
        source=RUNS,
    ),
    "training_with_gates": Plate(
        training_curves.gate_figure,
        "Figure 6",
        "Test error (solid, marks) and training error (dashed) of residual and SE residual "
        "networks by epoch, a panel for every depth that both have, on a logarithmic axis. Medians "
        "over the seeds, bands from the least to the greatest test error. The paper's figure shows "
        "ImageNet.",
        "Error curves by epoch of residual and SE residual networks, a panel for each depth that "
        "both have.",
        number=6,
        source=RUNS,
    ),
    "parameters_and_error": Plate(
        parameters_and_error.figure,
        "Figure 7",
        "(a) Single-crop top-1 error on ImageNet validation by learned parameters (1000 classes), "
        "of ResNets and DenseNets: parameters counted on the networks as built here, errors as "
        "published. (b) The same of the own runs: medians of the test error over the seeds, lines "
        "from the least to the greatest, depths beside the marks. Further left: fewer parameters; "
        "further down: less error.",
        "Left: two falling lines of networks, error against millions of parameters. Right: a line "
        "of networks per family, error against thousands of parameters.",
        number=7,
        source=f"published values in (a): {ERRORS[0].source}; {RUNS} in (b)",
    ),
    "verdict_overview": Plate(
        verdict_overview.recorded,
        "The verdicts",
        "Every claim of the paper in few words, a row each, and its verdict: the column of its "
        "mark. Above, how many claims have each verdict. Confirmed: holds in every reading that is "
        "judged; conditional: holds in some; refuted: holds in none, or a part is wrong without "
        "which it does not hold; undecided: the evidence supports neither side; untestable: there "
        "is nothing to judge by.",
        "A matrix of marks: rows C1 to C25, columns confirmed, conditional, refuted, undecided, "
        "untestable.",
        number=8,
        source="the recorded audit: own derivations, own study, printed and published numbers",
        of_runs=False,
    ),
    "bound_envelopes": Plate(
        bound_envelopes.figure,
        "Gains and their bounds",
        "Gain of every block along the deepest network of each family (first seed), before and "
        "after training; block 1 is at the input, all panels have one scale. Each step of a bar "
        "is one probe sample between its own bounds; samples are ordered by gain. The fainter a "
        "bar, the weaker its bounds: faintest, for every signal that may arrive; middle, for the "
        "signals of every loss that does not feel a shift of all outputs; strongest, for those of "
        "every hard label (one right class). Of records without these: probable (faint) and "
        "exact bounds. A bar that reaches the lower edge has a bound near or at zero. Black "
        "dots: measured; the white line below them: predicted. Bounds for every signal are "
        "computed from singular values and may be wrong with a probability δ, given in the "
        "tables. There too, not here: ReLUs between blocks, and bounds that use the signal "
        f"itself. These are {OF_THE_CODE}.",
        "Bars between lower and upper bounds for every block with predicted and measured gains, a "
        "column per family, two rows: before and after training.",
        shows_start=True,
        lead="Gain of every block of the deepest networks, before and after training (dots), "
        "within its proved bounds: faint bars for every signal, middle for every "
        "shift-invariant loss, strong for every hard label. A dot outside its bar would be an "
        "error of ours. That none is says nothing of networks: bounds hold for any weights.",
        number=9,
        source=f"{RUNS}, bounds of the {DERIVED}",
    ),
    "whole_network_bounds": Plate(
        whole_network_bounds.figure,
        "Whole networks between their bounds for every loss",
        "What arrives at the input of the first block, relative to the output of the last, at "
        "every depth (first seed): left of each depth before training, right after. A dot per "
        "probe sample, within the bounds that hold for it whatever the loss: wide bars for every "
        "shift-invariant loss, thin ones of a stronger shade for every hard label. Bars that "
        f"reach the lower edge have a bound near or at zero. These are {OF_THE_CODE}.",
        "A panel per family; at every depth two groups of dots with bars on a logarithmic axis.",
        shows_start=True,
        number=10,
        source=f"{RUNS}, bounds of the {DERIVED}",
    ),
    "gains_over_training": Plate(
        gains_over_training.figure,
        "Gains during training",
        "Measured gains at each family's greatest depth, a column per family: above of single "
        "blocks, below of the whole chain of blocks. Medians in colour; bands hold 90 % of the "
        "blocks, samples and seeds; grey lines: the medians of the other families. The networks "
        "are measured at fewer epochs block by block (above) than as a whole (below). Crosses, "
        "where there are any: the ratio of one training batch in train mode, median over the "
        "seeds.",
        "Two rows of panels of gains by epoch on logarithmic axes, a column per family with its "
        "line and band.",
        shows_start=True,
        number=11,
        source=RUNS,
    ),
    "sqrt_law": Plate(
        sqrt_law.figure,
        "The √l law",
        "What is left of the gradient when the branch is scaled by ε. (a) A dense step with l "
        "inputs beside the predicted limit √l; r is the root mean square of the backward signals "
        "on its inputs, of a block with one input the norm of ∂L/∂H. √l comes from dividing by "
        "r: a residual block with l numbers as input has it too, and divided by the norm on all "
        "inputs 1 remains of both. (b) The four blocks by ε. Medians over the seeds, bars and "
        f"bands from the least to the greatest. The limits are {OF_THE_CODE}.",
        "Left: measured ratios by number of inputs at several ε beside the curve square root of l. "
        "Right: ratios by ε, a line per family, with dotted lines at the predicted limits.",
        lead="What remains of the gradient as the branch is scaled down (ε → 0), divided by the "
        "root mean square r of the signals on the block's inputs: √l of a dense step with l "
        "inputs. √l comes from dividing by r (a residual block with l numbers has it too): that "
        "dense blocks pass more is not shown.",
        number=12,
        source=f"own measurements of single blocks, limits of the {DERIVED}",
        of_runs=False,
    ),
    "law_histograms": Plate(
        law_histograms.recorded,
        "Random layers and their exact laws",
        "Gain γ of a residual block whose branch is one layer, over draws of its Gaussian weights, "
        "all else fixed: (a) a dense layer of 24 features, (b) the same behind a ReLU, (c) a "
        "zero-padded convolution of two channels of 6 × 6. Bars: autograd; line: the density that "
        "the law states, fitted to nothing. D: the Kolmogorov–Smirnov distance of the two, p: the "
        f"chance of a greater one if the law is right. These are {COULD_FAIL}.",
        "Three histograms, each with the curve of a density upon it.",
        number=13,
        source=f"own simulation, laws of the {DERIVED}",
        of_runs=False,
    ),
    "depth_laws": Plate(
        depth_law_curves.recorded,
        "Laws of depth",
        "How the mean square of the gradient grows from block to block at initialization (χ = 1), "
        "seen from the input: lines are the laws of infinitely wide networks, marks autograd at "
        "width 64 with two standard errors, bands the deviation that is stated for this width; "
        "without a band the law is exact at every width. Of the dense network whose last map alone "
        "has a signal, the last block is not drawn. In (b) four laws lie upon each other: x + "
        "W·BN(x), x + BN(Wx) and two of the dense ones.",
        "Two panels of rising curves on logarithmic axes with marks upon them.",
        number=14,
        source=f"own simulation, laws of the {DERIVED}",
        of_runs=False,
    ),
    "random_laws": Plate(
        random_laws.figure,
        "Networks and the law of random weights",
        "Each block beside itself with its first convolution drawn anew, all else as it is; one "
        "sample per block and run. (a) How likely the law thinks a smaller gain, before training "
        "(solid) and after (dashed); dotted: what it predicts. (b) The part of the gradient that "
        "arrives through the branch, along that which arrives through the skip, in units of its "
        "deviation over random weights: medians and 5 to 95 % of the blocks, at up to five epochs; "
        "shaded: 90 % of a standard normal variable, which it is for random weights that the "
        f"signals do not depend on. Before training these are {COULD_FAIL}; how many of the laws "
        "in (a) are rejected is counted under Validation.",
        "Left: cumulative shares of probabilities, two lines per family, and the diagonal. Right: "
        "alignments by epoch, a mark with a bar per family, and a band about zero.",
        shows_start=True,
        number=15,
        source=f"{RUNS}, laws of the {DERIVED}",
    ),
    "alignment_law": Plate(
        alignment_law.figure,
        "Alignment of branch and skip, and its law",
        "The alignment of Figure 15 (b) in full, of the families with a skip. Above: its "
        "distribution over blocks and runs before training (outline) and after (filled; the "
        "outermost bins hold all beyond), beside the density of a standard normal variable, which "
        "it has for random weights that the signals do not depend on. Below: by epoch, median and "
        f"5 to 95 %, beside the 90 % of the law. Before training these are {COULD_FAIL}.",
        "Two rows of panels, a column per family: histograms beside a bell curve, and medians with "
        "bands by epoch beside a grey band about zero.",
        shows_start=True,
        number=16,
        source=f"{RUNS}, laws of the {DERIVED}",
    ),
    "survival_ranking": Plate(
        survival_ranking.figure,
        "Gradient survival and test error",
        "(a) Test error after the last epoch by how much of the gradient survives the whole "
        "chain of blocks before training: a mark per network (medians over the seeds, lines from "
        "the least to the greatest seed both ways), joined from shallow to deep, with the least "
        "and the greatest depth; networks in which nothing arrives are drawn at the left end. "
        "(b) Spearman's ρ of the two; intervals from a bootstrap of networks, p-values from "
        "permutations. Strokes without an interval: so few networks that no order of them could "
        "give p below 0.05, hence no test. Those over all networks are adjusted (Holm) for all "
        "such lines of the ranking table; those of single families are not, and have a star "
        "where they are tested. Within families: mean over families; over all networks: one "
        "ranking. Below 0: more survival, less error. These networks differ in much else beside "
        "their flow: no claim is judged by them.",
        "Left: test error by end-to-end gradient ratio, a line of networks per family. Right: "
        "correlation coefficients with intervals, two per group of networks, with their p-values.",
        shows_start=True,
        number=17,
        source=RUNS,
    ),
    "agreement": Plate(
        agreement.figure,
        "Agreement",
        "(a) Relative difference of predicted and measured gains over every block, sample and "
        "epoch; differences of exactly zero stand apart, left of the break. (b) Measured gain "
        "divided by each bound: median and 5 to 95 % of the samples, a triangle per side (lower "
        "bounds point right, upper ones left) and certainty (exact filled, probable open, whatever "
        f"its δ); at 1 a bound is attained. Both are {OF_THE_CODE}: identities and bounds hold for "
        "any weights, so that they agree says that formulas and programs are right, and nothing of "
        "networks.",
        "Left: cumulative shares of relative differences, a line per family. Right: ratios of gain "
        "to bound, a row per theorem, a mark per side and certainty.",
        number=18,
        source=f"{RUNS}, bounds of the {DERIVED}",
    ),
}
