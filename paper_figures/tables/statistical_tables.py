"""Tabulates what the statistics of many networks say: rankings, slopes and laws."""

from paper_figures.drawing.style import LOOKS, look
from paper_figures.figures.select import MissingRecordsError, families, group_title
from paper_figures.tables.table import Cell, Column, Table
from validate.records.schema import Results
from validate.statistics.before_training import before_training
from validate.statistics.correlation import LEVEL, PERMUTATIONS, RESAMPLES
from validate.statistics.distance_from_law import Spread, law_fits
from validate.statistics.kinds_of_check import COULD_FAIL
from validate.statistics.network_families import held
from validate.statistics.ranking import Ranking, Row, ranking
from validate.statistics.slopes import LAYERS, Slope


def ranks(results: Results) -> Table:
    """Every line of the ranking of networks by gradient survival against that by test error."""
    columns = (
        Column("survival"), Column("networks of"), Column("coefficient"), Column("networks"),
        Column("value", ".2f"), Column("from", ".2f"), Column("to", ".2f"), Column("p", ".2g"),
        Column("least p", ".2g"), Column("test"), Column("p adjusted", ".2g"),
        Column("note"),
    )  # fmt: skip
    families(results)  # refuses an unknown family by name
    found = ranking(results)
    rows = [
        (each.measure, group_title(each.group), *_correlation_cells(each)) for each in found.rows
    ]
    caption = (
        "Rank correlation of gradient survival with the final test error over networks (medians "
        f"over the seeds; below 0: more survival, less error), with its {LEVEL:.0%} interval from "
        f"{RESAMPLES:,} bootstraps of networks. Two-sided permutation test, exact or with "
        f"{PERMUTATIONS:,} drawn; least p is that of the most extreme order of so many networks. "
        f"Lines over several families are adjusted by Holm for each other ({found.tests} tests), "
        "those of a single family are not. Within families: the mean of each family's coefficient, "
        f"permuted within each. {_given_depth(found)}No line judges a claim of the paper: these "
        "networks differ in much else beside their flow. "
        f"{before_training(results.runs)}"
    )
    return Table(caption, columns, tuple(rows))


def _correlation_cells(row: Row) -> tuple[Cell, ...]:
    found = row.found
    numbers = (found.networks, found.value, found.low, found.high, found.p, found.least_p)
    test = None if found.exact is None else "exact" if found.exact else "drawn"
    return (found.coefficient, *numbers, test, row.adjusted, found.missing)


def _given_depth(found: Ranking) -> str:
    if found.given_depth is None:
        return ""
    rho, p = found.given_depth
    text = f"Spearman's ρ of the first measure given depth, over all networks: {rho:+.2f}"
    return f"{text}, p = {p:.2g} by Student's t. ".replace("-", "−")


def trend(results: Results) -> Table:
    """The slopes of the test error with depth, plain and residual, and their difference."""
    found = ranking(results).trends
    named: dict[str, Slope] = {
        **{look(family).title: slope for family, slope in found.slopes.items()},
        "plain − residual": found.beyond,
    }
    columns = (
        Column("networks"), Column(f"points per {LAYERS} layers", "+.2f"), Column("from", "+.2f"),
        Column("to", "+.2f"), Column("p", ".2g"), Column("bend", "+.2f"), Column("its p", ".2g"),
        Column("depths"), Column("seeds"), Column("note"),
    )  # fmt: skip
    caption = (
        f"Change of the final test error with depth: the mean over seeds of each seed's line, with "
        f"the {LEVEL:.0%} interval and two-sided p of Student's t; nothing is adjusted, and no "
        f"claim judged by it. Bend: the coefficient of depth squared, in points per ({LAYERS} "
        "layers)²; where it is not 0 no line tells the whole."
    )
    return Table(caption, columns, tuple(map(_slope_cells, named.items())))


def _slope_cells(named: tuple[str, Slope]) -> tuple[Cell, ...]:
    name, slope = named
    found, bend = slope.found, slope.bend
    line = (None,) * 4 if found is None else (found.value, found.low, found.high, found.p)
    square = (None, None) if bend is None else (bend.value, bend.p)
    note = slope.missing or ("no line" if slope.bent else "")
    return (name, *line, *square, slope.depths, slope.seeds, note)


def laws(results: Results) -> Table:
    """Per family: whether identities and bounds held, and the law of its ratio with depth."""
    families(results)  # refuses an unknown family by name
    rows = []
    for each in sorted(held(results), key=lambda each: list(LOOKS).index(each.family)):
        counts = each.summary
        law: tuple[Cell, ...] = (None,) * 4
        seen, theory = each.measured, each.theory
        if seen is not None:
            law = (seen.law, seen.rate, None if theory is None else theory.rate, seen.r_squared)
        checks = (
            counts.identity_checks,
            counts.identity_failures,
            counts.identity_error,
            counts.bound_checks,
            counts.violations,
        )
        rows.append(
            (look(each.family).title, each.runs, *checks, counts.total_error, *law, each.missing)
        )
    columns = (
        Column("family"), Column("runs"), Column("gains checked", ","),
        Column("beyond rounding", ","), Column("largest identity error", ".1e"),
        Column("bound checks", ","), Column("violations", ","),
        Column("largest telescoping error", ".1e"), Column("depth law"),
        Column("rate, measured", ".4f"), Column("rate, theory", ".4f"), Column("R²", ".3f"),
        Column("note"),
    )  # fmt: skip
    caption = (
        "Identities and bounds over every recorded epoch, and the better of two laws of log₁₀ "
        "‖∂L/∂h₀‖ / ‖∂L/∂hₙ‖ of a training batch at initialization: exponential (linear in the "
        "depth) or power (linear in its log₁₀), fitted to measured ratios, and to those that the "
        "laws of BatchNorm networks foretell from strides, maps and padding, for images of "
        "independent positions; neither weights nor images enter. No theory is about ratios in "
        "eval mode, which records without those of a batch hold."
    )
    return Table(f"{caption} {before_training(results.runs)}", columns, tuple(rows))


def random_laws(results: Results) -> Table:
    """Per family and epoch: how far blocks are from the law of random weights."""
    families(results)  # refuses an unknown family by name
    fits = sorted(law_fits(results), key=lambda fit: list(LOOKS).index(fit.family))
    if not fits:
        raise MissingRecordsError(
            f"no laws of random weights in {results.folder}: run `gradbound validate` again"
        )
    rows = [
        (look(fit.family).title, fit.epoch, fit.runs, fit.blocks, fit.chi, fit.seen, fit.distance,
         fit.p, fit.adjusted, *_alignment_cells(fit.alignment))
        for fit in fits
    ]  # fmt: skip
    columns = (
        Column("family"), Column("epoch"), Column("runs"), Column("blocks", ","),
        Column("χ predicted", ".3g"), Column("χ measured", ".3g"), Column("KS distance", ".3f"),
        Column("p", ".2g"), Column("p adjusted", ".2g"), Column("mean alignment", "+.2f"),
        Column("from", "+.2f"), Column("to", "+.2f"), Column("its r.m.s.", ".2f"),
        Column("from", ".2f"), Column("to", ".2f"), Column("beyond ±1.96 (%)", ".1f"),
        Column("cosine", "+.3f"),
    )  # fmt: skip
    caption = (
        "Each block beside itself with its first convolution drawn anew, one sample per block and "
        "run. χ: medians of E t² and t² (plain: γ²). KS: distance of the law's probabilities of "
        "the measured gains from uniform, p adjusted by Holm over the table. Alignment: ⟨v, ∂L/∂x "
        "− v⟩, v what the skip passes on, in units of its deviation over random weights; under the "
        f"law its mean is 0, its r.m.s. 1 ({LEVEL:.0%} interval from {RESAMPLES:,} bootstraps of "
        "runs), and 5 % are beyond ±1.96. Cosine: median c of the same blocks. Runs of one seed "
        "share images and first weights, so p and intervals are somewhat too small; trained "
        "weights are no independent draws, for which alone gains may leave the law. Before "
        f"training these are {COULD_FAIL}. {before_training(results.runs)}"
    )
    return Table(caption, columns, tuple(rows))


def _alignment_cells(found: Spread | None) -> tuple[Cell, ...]:
    if found is None:  # plain blocks have no skip
        return (None,) * 8
    means = (found.mean, found.mean_low, found.mean_high)
    return (*means, found.rms, found.rms_low, found.rms_high, 100 * found.beyond, found.cosine)
