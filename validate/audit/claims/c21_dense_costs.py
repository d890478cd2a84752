"""Judges C21 and C22: DenseNets beside ResNets in parameters, layers, operations and errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from validate.audit.counting import GIGA, mega
from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.paper import Published, printed
from validate.audit.verdicts import Case, all_of, in_each

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
DENSENETS = ("densenet121", "densenet169", "densenet201", "densenet264")


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
        f"{mega(dense)} against {mega(residual)} of parameters, {deep} against {shallow} "
        f"layers, single-crop top-1 error {errors}"
    )
    failed = next((case.name for case in cases if not case.holds), None)
    wrong = (
        Counterexample("DenseNet-201 against ResNet-50", {"compared": failed}, failed, summary)
        if failed
        else None
    )
    return Finding(
        "networks trained by the same recipe; Figure 7 prints no numbers, so errors are those that "
        "its networks' authors published; not judged: that it errs less because its gradients "
        "vanish less",
        all_of(*cases),
        summary,
        wrong,
    )


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
    more = sum(1 for d, r in every if cost[d] > cost[r])
    summary = (
        "multiply–adds of the DenseNet per multiply–add of the ResNet, "
        f"{'; '.join(_ratios(cost, readings))}; more in {more} of {len(every)} pairs of "
        f"{_listed(DENSENETS)} and {_listed(RESNETS)}; errors: Huang et al. 2017 and "
        "fb.resnet.torch, by one recipe"
    )
    cheaper = [
        (d, r) for d, r in every if evidence.errors[d] <= evidence.errors[r] and cost[d] < cost[r]
    ]
    return Finding(
        "multiply–adds at 224 px; the paper does not say beside which ResNet, so each way to "
        "choose one is a reading, in which every DenseNet must need more",
        in_each(*cases),
        summary,
        _cheaper(cheaper[0], evidence) if cheaper else None,
    )


def _ratios(cost: Mapping[str, int], readings: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [
        f"{name}: {median(cost[d] / cost[r] for d, r in pairs.items()):.2f} × (median)"
        f"{_alone(pairs)}"
        for name, pairs in readings.items()
        if pairs
    ]


def _alone(pairs: Mapping[str, str]) -> str:
    """The DenseNets without a partner."""
    alone = [name for name in DENSENETS if name not in pairs]
    return f", no partner for {_listed(alone)}" if alone else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printed, names))


def _nearest(size: Mapping[str, int]) -> dict[str, str]:
    """By DenseNet, the ResNet of the most similar size."""

    def nearest(dense: str) -> str:
        return min(RESNETS, key=lambda name: abs(size[name] - size[dense]))

    return {dense: nearest(dense) for dense in DENSENETS}


def _cheaper(pair: tuple[str, str], evidence: Budget) -> Counterexample:
    dense, residual = pair
    given = {f"error of {printed(name)}": f"{evidence.errors[name]} %" for name in pair}
    found = (
        f"{printed(dense)} needs {evidence.multiply_adds[dense] / GIGA:.2f} G, {printed(residual)} "
        f"{evidence.multiply_adds[residual] / GIGA:.2f} G"
    )
    return Counterexample(
        "DenseNet needs more operations for as low an error", given, "more for DenseNet", found
    )


CLAIMS = (
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
