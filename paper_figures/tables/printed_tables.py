"""Tabulates what the paper prints, its Tables 1, 2 and A1, beside what is counted or trained here.

Printed numbers are those of `validate.audit.paper`; counts are of the networks as built here. A
number that cannot be recomputed (errors on ImageNet) stands alone, and the caption says so.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from statistics import median

from paper_figures.drawing.plate import data_set
from paper_figures.figures.other_records.parameters_and_error import DRAWN, published_networks
from paper_figures.figures.select import depths, families, runs_of
from paper_figures.tables.table import Cell, Column, Table
from validate.audit.counting import GIGA, MEGA, Counts
from validate.audit.paper import ERRORS, PlainRow, paper, printed
from validate.records.schema import Results
from validate.statistics.survival import test_error

AGREES, DIFFERS = "agrees", "DIFFERS"
CLASSES_OF_TABLE_A1 = 10
_COUNTS = Counts()


def plain_and_residual(results: Results) -> Table:
    """The paper's Table 1: plain networks and ResNets, and the same comparison in the own runs."""
    columns = (
        Column("layers"), Column("errors of"), Column("plain (%)", ".2f"),
        Column("ResNet (%)", ".2f"), Column("difference (points)", ".2f"),
        Column("as stated", ".1f"), Column("the statement"), Column("parameters, plain", ","),
        Column("parameters, ResNet", ","),
    )  # fmt: skip
    rows = [*map(_printed_row, paper().table1), *_own_rows(results)]
    caption = (
        "The paper's Table 1: top-1 error, 10 crops, ImageNet validation, as printed (published "
        "values: He et al. 2016, Table 2; not recomputed, that takes ImageNet), and the same "
        "comparison in the own runs (medians over the seeds). The differences are recomputed and "
        "held against section 5 of the paper; parameters are counted (1000 classes, shortcuts "
        f"without parameters; of the own runs as trained). {_data(results)}"
    )
    return Table(caption, columns, tuple(rows))


def _printed_row(row: PlainRow) -> tuple[Cell, ...]:
    gain, stated = row.plain - row.resnet, paper().gain1
    last = row == paper().table1[-1]
    learned = (_learned(f"plain{row.layers}"), _learned(f"resnet{row.layers}", projections=0))
    return (
        row.layers, "ImageNet, printed", float(row.plain), float(row.resnet), float(gain),
        float(stated) if last else None, _mark(gain, stated) if last else None, *learned,
    )  # fmt: skip


def _own_rows(results: Results) -> Iterator[tuple[Cell, ...]]:
    trained = set(families(results))
    if not {"plain", "residual"} <= trained:
        return
    for depth in sorted(set(depths(results, "plain")) & set(depths(results, "residual"))):
        runs = [runs_of(results, family, depth) for family in ("plain", "residual")]
        plain, residual = (median(100 * test_error(run) for run in each) for each in runs)
        learned = (each[0].config.parameters for each in runs)
        yield (depth, "own runs", plain, residual, plain - residual, None, None, *learned)


def gated_and_residual(_: Results) -> Table:
    """The paper's Table 2: ResNets and SE-ResNets, with their operations counted."""
    columns = (
        Column("network"), Column("top-1 (%)", ".2f"), Column("top-5 (%)", ".2f"),
        Column("below ResNet (points)", ".2f"), Column("as stated", ".2f"),
        Column("the statement"), Column("GFLOPs, printed", ".2f"),
        Column("GFLOPs, counted", ".4f"), Column("the GFLOPs"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for place, row in enumerate(paper().table2):
        name, gain, stated = f"resnet{row.layers}", row.top1 - row.se_top1, paper().gain2
        told: tuple[Cell, ...] = (None, None)
        if place == 0:
            told = (float(stated), _mark(gain, stated))
        rows += [
            (
                printed(name), float(row.top1), float(row.top5), None, None, None,
                *_operations(name, row.gflops),
            ),
            (
                printed(f"se_{name}"), float(row.se_top1), float(row.se_top5), float(gain), *told,
                *_operations(f"se_{name}", row.se_gflops),
            ),
        ]  # fmt: skip
    caption = (
        "The paper's Table 2: single-crop errors on ImageNet validation as printed (published "
        "values: Hu et al. 2018, Table 2; not recomputed, that takes ImageNet), the difference in "
        "top-1 error recomputed and held against section 5, and operations counted on the "
        "networks as built here: multiply–adds, residual additions and gate products of one image "
        "of 224 × 224 pixels, the stride on the 1 × 1 convolution. A count agrees if it rounds to "
        "the printed number."
    )
    return Table(caption, columns, tuple(rows))


def architectures(_: Results) -> Table:
    """The paper's Table A1: numbers of parameters, counted."""
    columns = (
        Column("network"), Column("printed (M)"), Column("learned, counted (M)", ".3f"),
        Column("with BN statistics (M)", ".3f"), Column("learned − printed (M)", "+.2f"),
        Column("the printed number"),
    )  # fmt: skip
    rows = []
    for name, millions in paper().table_a1.items():
        counted = _COUNTS.parameters(name, CLASSES_OF_TABLE_A1)
        learned, total = (Decimal(each) / 10**6 for each in (counted.learned, counted.total))
        agrees = millions in (learned.quantize(millions), total.quantize(millions))
        rows.append(
            (
                printed(name), str(millions), float(learned), float(total),
                float(learned - millions), AGREES if agrees else DIFFERS,
            )
        )  # fmt: skip
    caption = (
        "The paper's Table A1: numbers of parameters as printed, and counted on the networks as "
        "built here (10 classes, VGG-19 for images of 32 × 32 pixels). A printed number agrees if "
        "the learned parameters, or all with the statistics of batch normalization, round to it."
    )
    return Table(caption, columns, tuple(rows))


def published_sizes(_: Results) -> Table:
    """The numbers of the paper's Figure 7, which prints none."""
    columns = (
        Column("network"), Column("learned parameters, counted (M)", ".2f"),
        Column("top-1 error, one crop (%)", ".2f"),
    )  # fmt: skip
    rows = tuple(
        (each.name, each.parameters / MEGA, each.error)
        for family in DRAWN
        for each in published_networks(family)
    )
    caption = (
        "What the paper's Figure 7 is drawn from: parameters counted on the networks as built here "
        f"(1000 classes), errors as published ({ERRORS[0].source})."
    )
    return Table(caption, columns, rows)


def _mark(found: Decimal, like: Decimal) -> str:
    return AGREES if found.quantize(like) == like else DIFFERS


@cache
def _learned(name: str, **settings: int) -> int:
    return _COUNTS.parameters(name, **settings).learned


@cache
def _giga(name: str) -> float:
    counted = _COUNTS.operations(name)
    return (counted.multiply_adds + counted.additions + counted.products) / GIGA


def _operations(name: str, shown: Decimal) -> tuple[Cell, ...]:
    counted = _giga(name)
    agrees = Decimal(counted).quantize(shown) == shown
    return float(shown), counted, AGREES if agrees else DIFFERS


def _data(results: Results) -> str:
    return f"{data_set(results)}." if results.runs else ""
