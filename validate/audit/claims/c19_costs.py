"""Judges C19–C22: numbers of operations and parameters, from networks that are built and counted.

A mismatch is stated as it is: no way of counting is chosen for its result. Those that were tried
are part of the evidence.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from statistics import median

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.paper import Published, SmallRow, printed
from validate.audit.verdicts import Case, all_of, in_each
from validate.networks.build import parse
from validate.networks.costs import Operations, Parameters

GIGA, MEGA = 1e9, 1e6
CLASSES_OF_TABLE_A1 = 10
TRAINED = "as trained here"
STEM = 16
"""Maps of the first convolution of the small DenseNets (Huang et al. 2017, section 3)."""

KINDS = ("additions", "products", "averaging", "max_pooling", "activations", "normalization")
COUNTED = ("additions", "products")
"""What is counted beside multiply–adds: the additions of branch and shortcut, the products of gate
and branch."""

CLOSE = 0.01
"""GFLOPs: one unit of the last printed digit."""

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
DENSENETS = ("densenet121", "densenet169", "densenet201", "densenet264")


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
    here, whose mismatches are our own.
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


@dataclass(frozen=True)
class Pair:
    """DenseNet-201 beside ResNet-50: learned parameters (1000 classes), layers, and published
    errors with their sources.
    """

    parameters: tuple[int, int]
    layers: tuple[int, int]
    errors: Mapping[str, tuple[Decimal, Decimal]]
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Budget:
    """Multiply–adds (224 px), learned parameters, layers and error of each network: published
    errors of one recipe.
    """

    multiply_adds: Mapping[str, int]
    parameters: Mapping[str, int]
    layers: Mapping[str, int]
    errors: Mapping[str, Decimal]
    source: str


def gflops(sources: Sources) -> Gflops:
    entries = {f"resnet{row.layers}": row.gflops for row in sources.paper.table2}
    entries |= {f"se_resnet{row.layers}": row.se_gflops for row in sources.paper.table2}
    operations = sources.counts.operations
    moved = {name: operations(name, stride_on=3) for name in entries if name.endswith("50")}
    return Gflops(entries, {name: operations(name) for name in entries}, moved)


def judge_gflops(evidence: Gflops) -> Finding:
    shown = {name: float(value) for name, value in evidence.printed.items()}
    bare, ours = _giga(evidence.stride_on_1x1, ()), _giga(evidence.stride_on_1x1, COUNTED)
    common = _giga(evidence.stride_on_3x3, COUNTED)
    off = {name: ours[name] for name in shown if round(ours[name], 2) != shown[name]}
    how = "multiply–adds, residual additions and gate products at 224 px"
    cases = (
        Case(
            f"{how}, stride on the 1×1 convolution, to {CLOSE} G",
            all(abs(ours[name] - shown[name]) <= CLOSE for name in shown),
        ),
        Case("to the last printed digit", not off),
        Case(
            "with the stride on the 3×3 convolution",
            all(abs(common[name] - shown[name]) <= CLOSE for name in common),
        ),
        Case(
            "at two operations per multiply–add",
            all(abs(2 * bare[name] - shown[name]) <= CLOSE for name in shown),
        ),
    )
    rounded, cut = _ways(evidence, round_down=False), _ways(evidence, round_down=True)
    summary = (
        f"{', '.join(f'{printed(name)} {value:.4f}' for name, value in ours.items())} G; "
        "multiply–adds alone "
        f"{', '.join(f'{value:.3f}' for value in bare.values())}; of {2 ** len(KINDS)} ways to "
        "count the rest, "
        f"{len(rounded)} give every printed digit when rounded, {len(cut)} when cut "
        f"off{_named(cut)}"
    )
    wrong = None
    if off:
        name = next(iter(off))
        claims, found = f"{evidence.printed[name]} G", f"{off[name]:.4f} G"
        wrong = Counterexample(
            "every GFLOPs entry to its last digit",
            {"network": printed(name), "counted": how},
            claims,
            found,
        )
    return Finding("what a GFLOP counts", in_each(*cases), summary, wrong)


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
    return f" ({'; '.join(' + '.join(kinds).replace('_', ' ') for kinds in ways)})" if ways else ""


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
        f"{printed(name)} {_mega(each.learned)} learned, {_mega(each.total)} in all"
        for name, each in evidence.counted.items()
    )
    summary = (
        f"{'; '.join(counts)} (convolutions, linear maps, biases, batch normalization); VGG-19 "
        "without the rows that the "
        f"transcription lacks {_mega(evidence.vgg_as_transcribed.learned)}; SE-ResNet-34 "
        f"{_mega(evidence.se_resnet34.learned)}"
        f"{_changed(evidence.small)}"
    )
    wrong = next((_missized(case.name, evidence) for case in cases if not case.holds), None)
    return Finding(
        "10 classes; learned, or with the statistics of batch normalization",
        all_of(*cases),
        summary,
        wrong,
    )


def _changed(small: tuple[Small, ...]) -> str:
    """How the counts of the networks that are trained here become those of the published ones."""
    rows = defaultdict(list)
    for each in small:
        counts = " → ".join(f"{count:,}" for count in each.counted.values())
        rows[" → ".join(each.counted)].append(
            f"{each.network} {counts} (published {each.published} M)"
        )
    return "".join(f"; {changes}: {', '.join(shown)}" for changes, shown in rows.items())


def _millions(count: int, printed: Decimal) -> bool:
    return (Decimal(count) / Decimal(10**6)).quantize(printed) == printed


def _missized(name: str, evidence: Sizes) -> Counterexample:
    counted = evidence.counted[name]
    found = f"{counted.learned:,} learned, {counted.total:,} in all"
    given = {"network": printed(name), "classes": str(CLASSES_OF_TABLE_A1)}
    return Counterexample(
        "the number of parameters of Table A1", given, f"{evidence.printed[name]} M", found
    )


def _mega(count: int) -> str:
    return f"{count / MEGA:.2f} M"


def pair(sources: Sources) -> Pair:
    names = ("densenet201", "resnet50")
    dense, residual = (sources.counts.parameters(name).learned for name in names)
    first, second = (sources.counts.layers(name) for name in names)
    errors = {
        each.name: (each.errors[names[0]], each.errors[names[1]]) for each in sources.paper.errors
    }
    return Pair(
        (dense, residual),
        (first, second),
        errors,
        {each.name: each.source for each in sources.paper.errors},
    )


def judge_pair(evidence: Pair) -> Finding:
    (dense, residual), (deep, shallow) = evidence.parameters, evidence.layers
    cases = [Case("fewer parameters", dense < residual), Case("more layers", deep > shallow)]
    cases += [
        Case(f"lower error ({source})", first < second)
        for source, (first, second) in evidence.errors.items()
    ]
    errors = "; ".join(
        f"{first} against {second} % ({source})"
        for source, (first, second) in evidence.errors.items()
    )
    summary = (
        f"{_mega(dense)} against {_mega(residual)} of parameters, {deep} against {shallow} "
        f"layers, single-crop top-1 error {errors}"
    )
    failed = next((case.name for case in cases if not case.holds), None)
    wrong = (
        Counterexample("DenseNet-201 against ResNet-50", {"compared": failed}, failed, summary)
        if failed
        else None
    )
    return Finding("networks trained by the same recipe", all_of(*cases), summary, wrong)


def budget(sources: Sources) -> Budget:
    names, counts = (*RESNETS, *DENSENETS), sources.counts
    published = _complete(sources.paper.errors)
    return Budget(
        {name: counts.operations(name).multiply_adds for name in names},
        {name: counts.parameters(name).learned for name in names},
        {name: counts.layers(name) for name in names},
        published.errors,
        published.source,
    )


def _complete(published: tuple[Published, ...]) -> Published:
    """The first source that has every network."""
    return next(
        each for each in published if all(name in each.errors for name in (*RESNETS, *DENSENETS))
    )


def judge_budget(evidence: Budget) -> Finding:
    cost = evidence.multiply_adds
    as_good = {
        dense: [name for name in RESNETS if evidence.errors[name] <= evidence.errors[dense]]
        for dense in DENSENETS
    }
    same_error = {
        dense: min(names, key=cost.__getitem__) for dense, names in as_good.items() if names
    }
    readings = {
        "beside the ResNet of the most similar number of parameters": _nearest(evidence.parameters),
        "beside the ResNet of the most similar depth": _nearest(evidence.layers),
        "beside the cheapest ResNet with no higher error": same_error,
    }
    cases = [
        Case(name, all(cost[d] > cost[r] for d, r in pairs.items()) if pairs else None)
        for name, pairs in readings.items()
    ]
    every = [(dense, residual) for dense in DENSENETS for residual in RESNETS]
    cases.append(Case("beside every ResNet", all(cost[d] > cost[r] for d, r in every)))
    ratios = [
        f"{name}: {median(cost[d] / cost[r] for d, r in pairs.items()):.2f} × (median)"
        for name, pairs in readings.items()
        if pairs
    ]
    more = sum(cost[d] > cost[r] for d, r in every)
    summary = (
        f"{'; '.join(ratios)}; more in {more} of {len(every)} pairs; published errors of one recipe"
    )
    cheaper = [
        (d, r) for d, r in every if evidence.errors[d] <= evidence.errors[r] and cost[d] < cost[r]
    ]
    return Finding(
        "multiply–adds at 224 px",
        in_each(*cases),
        summary,
        _cheaper(cheaper[0], evidence) if cheaper else None,
    )


def _nearest(size: Mapping[str, int]) -> dict[str, str]:
    """By DenseNet, the ResNet of the most similar size."""

    def nearest(dense: str) -> str:
        return min(RESNETS, key=lambda name: abs(size[name] - size[dense]))

    return {dense: nearest(dense) for dense in DENSENETS}


def _cheaper(pair: tuple[str, str], evidence: Budget) -> Counterexample:
    dense, residual = pair
    given = {f"error of {printed(name)}": f"{evidence.errors[name]} %" for name in pair}
    found = (
        f"{evidence.multiply_adds[dense] / GIGA:.2f} G against "
        f"{evidence.multiply_adds[residual] / GIGA:.2f} G"
    )
    return Counterexample(
        "DenseNet needs more operations for as low an error", given, "more for DenseNet", found
    )


CLAIMS = (
    Claim("C19", "Table 2", "the GFLOPs of ResNet and SE-ResNet", gflops, judge_gflops),
    Claim(
        "C20",
        "Table A1",
        "the numbers of parameters of VGG-19, ResNet-50, SE-ResNet-50 and DenseNet-121",
        sizes,
        judge_sizes,
    ),
    Claim(
        "C21",
        "Figure 7, section 4",
        "DenseNet-201 has fewer parameters, more layers and a lower error than ResNet-50",
        pair,
        judge_pair,
    ),
    Claim(
        "C22",
        "section 4",
        "DenseNet needs more computation (FLOPs) than ResNet",
        budget,
        judge_budget,
    ),
)
