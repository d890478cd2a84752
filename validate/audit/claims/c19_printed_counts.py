"""Judges C19 and C20: printed operations and parameters, against networks that are counted.

A mismatch is stated as it is: no way of counting is chosen for its result. Those that were tried
are part of the evidence.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from validate.audit.counting import GIGA, mega
from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.paper import SmallRow, printed
from validate.audit.verdicts import Case, all_of, in_each
from validate.networks.build import parse
from validate.networks.costs import Operations, Parameters

CLASSES_OF_TABLE_A1 = 10
TRAINED = "as trained here"
STEM = 16
"""Maps of the first convolution of the small DenseNets (Huang et al. 2017, section 3)."""

KINDS = ("additions", "products", "averaging", "max_pooling", "activations", "normalization")
NAMES: Mapping[str, str] = {
    "additions": "residual additions",
    "products": "gate products",
    "averaging": "average pooling per input",
    "max_pooling": "max pooling per input",
    "activations": "ReLU and sigmoid",
    "normalization": "batch normalization per output",
}
COUNTED = ("additions", "products")
"""What is counted beside multiply–adds: the additions of branch and shortcut, the products of gate
and branch."""

COUNT = "multiply–adds, residual additions and gate products at 224 px"
CLOSE = 0.01
"""GFLOPs: one unit of the last printed digit."""


@dataclass(frozen=True)
class Gflops:
    """Printed GFLOPs by network, and the operations counted with the stride on the 1×1 convolution,
    and for 50 layers on the 3×3 one.
    """

    printed: Mapping[str, Decimal]
    stride_on_1x1: Mapping[str, Operations]
    stride_on_3x3: Mapping[str, Operations]


@dataclass(frozen=True)
class Sizes:
    """Printed millions of parameters by network, and the parameters counted (10 classes).
    `vgg_as_transcribed` lacks the rows that the transcription of Table A1 lacks; `se_resnet34` is a
    network of about the size printed for SE-ResNet-50; `small` are the networks that are trained
    here, whose mismatches are our own and no part of the claim.
    """

    printed: Mapping[str, Decimal]
    counted: Mapping[str, Parameters]
    vgg_as_transcribed: Parameters
    se_resnet34: Parameters
    small: tuple["Small", ...]


@dataclass(frozen=True)
class Small:
    """A network that is trained here, and the `published` millions of parameters of the one that it
    is a variant of.

    `counted` are learned parameters (10 classes, 32 px): as trained here, and after one change
    after another, the last of which leads to the published network.
    """

    network: str
    published: Decimal
    counted: Mapping[str, int]


def gflops(sources: Sources) -> Gflops:
    entries = {f"resnet{row.layers}": row.gflops for row in sources.paper.table2}
    entries |= {f"se_resnet{row.layers}": row.se_gflops for row in sources.paper.table2}
    operations = sources.counts.operations
    moved = {name: operations(name, stride_on=3) for name in entries if name.endswith("50")}
    return Gflops(entries, {name: operations(name) for name in entries}, moved)


def judge_gflops(evidence: Gflops) -> Finding:
    shown = {name: float(value) for name, value in evidence.printed.items()}
    bare, ours = _giga(evidence.stride_on_1x1, ()), _giga(evidence.stride_on_1x1, COUNTED)
    off = {name: ours[name] for name in shown if round(ours[name], 2) != shown[name]}
    ways = {
        "rounded": _ways(evidence, round_down=False),
        "cut off": _ways(evidence, round_down=True),
    }
    rounded, cut = ways.values()
    summary = (
        f"{', '.join(f'{printed(name)} {value:.4f}' for name, value in ours.items())} G; "
        "multiply–adds alone "
        f"{', '.join(f'{value:.3f}' for value in bare.values())}; of the {2 ** len(KINDS)} ways to "
        f"add some of {', '.join(NAMES[kind] for kind in KINDS)}, one operation each, "
        f"{len(rounded)} give every printed digit when rounded, {len(cut)} when cut "
        f"off{_named(cut)}"
    )
    wrong = None
    if off:
        name = next(iter(off))
        wrong = Counterexample(
            "every GFLOPs entry to its last digit",
            {"network": printed(name), "counted": COUNT},
            f"{evidence.printed[name]} G",
            f"{off[name]:.4f} G",
        )
    cases = [*_near(evidence, shown), *_to_the_digit(not off, ways)]
    return Finding("what a GFLOP counts", in_each(*cases), summary, wrong)


def _near(evidence: Gflops, shown: Mapping[str, float]) -> list[Case]:
    """The counts that need not give the last printed digit."""
    bare, ours = _giga(evidence.stride_on_1x1, ()), _giga(evidence.stride_on_1x1, COUNTED)
    common = _giga(evidence.stride_on_3x3, COUNTED)
    return [
        Case(
            f"{COUNT}, stride on the 1×1 convolution, to {CLOSE} G",
            all(abs(ours[name] - shown[name]) <= CLOSE for name in shown),
        ),
        Case(
            "with the stride on the 3×3 convolution",
            all(abs(common[name] - shown[name]) <= CLOSE for name in common),
        ),
        Case(
            "at two operations per multiply–add",
            all(abs(2 * bare[name] - shown[name]) <= CLOSE for name in shown),
        ),
    ]


def _to_the_digit(ours: bool, ways: Mapping[str, list[tuple[str, ...]]]) -> list[Case]:
    """The count of `_near`, and any of those that add other operations."""
    cases = [Case("the first of these counts, rounded, to the last printed digit", ours)]
    return cases + [
        Case(
            f"{len(found) or 'any'} of {2 ** len(KINDS)} counts of operations, {how}, to the last "
            "printed digit",
            bool(found),
        )
        for how, found in ways.items()
    ]


def _giga(counted: Mapping[str, Operations], kinds: tuple[str, ...]) -> dict[str, float]:
    return {
        name: (each.multiply_adds + sum(getattr(each, kind) for kind in kinds)) / GIGA
        for name, each in counted.items()
    }


def _ways(evidence: Gflops, round_down: bool) -> list[tuple[str, ...]]:
    """The ways of counting, beside multiply–adds, some of KINDS in which every printed digit comes
    out.
    """

    def shown(value: float) -> float:
        return math.floor(100 * value) / 100 if round_down else round(value, 2)

    ways = [kinds for size in range(len(KINDS) + 1) for kinds in combinations(KINDS, size)]
    counted = {kinds: _giga(evidence.stride_on_1x1, kinds) for kinds in ways}
    return [
        kinds
        for kinds in ways
        if all(
            shown(counted[kinds][name]) == float(text) for name, text in evidence.printed.items()
        )
    ]


def _named(ways: list[tuple[str, ...]]) -> str:
    shown = "; ".join(" + ".join(NAMES[kind] for kind in kinds) for kinds in ways)
    return f" ({shown})" if ways else ""


def sizes(sources: Sources) -> Sizes:
    counts = sources.counts
    counted = {
        name: counts.parameters(name, CLASSES_OF_TABLE_A1) for name in sources.paper.table_a1
    }
    vgg = counts.vgg(sources.paper.vgg_rows, CLASSES_OF_TABLE_A1)
    small = tuple(_small(row, sources) for row in sources.paper.small)
    return Sizes(
        sources.paper.table_a1,
        counted,
        vgg,
        counts.parameters("se_resnet34", CLASSES_OF_TABLE_A1),
        small,
    )


def _small(row: SmallRow, sources: Sources) -> Small:
    """A residual network whose shortcuts have no parameters has as many as the plain one."""
    family, depth = parse(row.network)
    counts = sources.counts
    if family == "dense":
        made = {
            TRAINED: (row.width, True),
            f"a stem of {STEM} maps": (STEM, True),
            "transitions that keep all maps": (STEM, False),
        }
        dense = {
            change: counts.dense(depth, row.width, *how).learned for change, how in made.items()
        }
        return Small(f"{row.network} with k = {row.width}", row.millions, dense)
    settings = {"in_channels": 3, "image_size": 32, "width": row.width}
    like = {TRAINED: family, "shortcuts without parameters": "plain"}
    residual = {
        change: counts.parameters(f"{name}-{depth}", CLASSES_OF_TABLE_A1, **settings).learned
        for change, name in like.items()
    }
    return Small(row.network, row.millions, residual)


def judge_sizes(evidence: Sizes) -> Finding:
    """A number is right if it is that of the learned parameters, or of all with the statistics of
    batch normalization.
    """
    cases = [
        Case(
            name,
            _millions(each.learned, evidence.printed[name])
            or _millions(each.total, evidence.printed[name]),
        )
        for name, each in evidence.counted.items()
    ]
    counts = (
        f"{printed(name)} {mega(each.learned, 3)} learned, {mega(each.total, 3)} in all"
        for name, each in evidence.counted.items()
    )
    right = [printed(case.name) for case in cases if case.holds]
    summary = (
        f"right for {len(right)} of {len(cases)} ({', '.join(right) or 'none'}): "
        f"{'; '.join(counts)} (convolutions, linear maps, biases, batch normalization); "
        f"{_added(evidence)}VGG-19 without the rows that the transcription lacks "
        f"{mega(evidence.vgg_as_transcribed.learned, 3)}; a network of about the size printed for "
        f"SE-ResNet-50 is SE-ResNet-34 with {evidence.se_resnet34.learned:,} learned"
    )
    wrong = next((_missized(case.name, evidence) for case in cases if not case.holds), None)
    return Finding(
        "10 classes, VGG-19 with images of 32 × 32 pixels (512 inputs of its first FC layer); "
        "right is what rounds to the printed number, as learned parameters or with the statistics "
        "of batch normalization; all four must be right",
        all_of(*cases),
        summary,
        wrong,
    )


def _added(evidence: Sizes) -> str:
    """SE-ResNet-50 is ResNet-50 plus gates; empty where they are not both printed."""
    names = ("resnet50", "se_resnet50")
    if not all(name in evidence.printed for name in names):
        return ""
    (bare, gated), (printed_bare, printed_gated) = (
        [evidence.counted[name].learned for name in names],
        [evidence.printed[name] for name in names],
    )
    change = printed_gated - printed_bare
    return (
        f"SE-ResNet-50 is ResNet-50 plus SE layers of {mega(gated - bare, 3)}, yet printed "
        f"{abs(change)} M {'smaller' if change < 0 else 'larger'}; "
    )


def _millions(count: int, printed: Decimal) -> bool:
    return (Decimal(count) / Decimal(10**6)).quantize(printed) == printed


def _missized(name: str, evidence: Sizes) -> Counterexample:
    counted = evidence.counted[name]
    found = f"{counted.learned:,} learned, {counted.total:,} in all"
    given = {"network": printed(name), "classes": str(CLASSES_OF_TABLE_A1)}
    return Counterexample(
        "the number of parameters of Table A1", given, f"{evidence.printed[name]} M", found
    )


CLAIMS = (
    Claim("C19", "Table 2", "the GFLOPs of ResNet and SE-ResNet", gflops, judge_gflops),
    Claim(
        "C20",
        "Table A1",
        "the numbers of parameters of VGG-19 (38.9 M), ResNet-50 (23.6 M), SE-ResNet-50 (21.4 M) "
        "and DenseNet-121 (7 M)",
        sizes,
        judge_sizes,
    ),
)
