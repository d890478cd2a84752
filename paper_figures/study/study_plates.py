"""Lists the figures and tables of a study by name."""

from functools import partial

from paper_figures.drawing.plate import DATA_SETS
from paper_figures.figures.model_plates import ModelPlate
from paper_figures.study.study_effects import figure
from paper_figures.study.study_tables import STUDY_TABLES
from validate.study.study_folder import Study

STUDY_FIGURES = ("study_effects",)
STUDY_PLATES = (*STUDY_FIGURES, *STUDY_TABLES)


def study_figures(study: Study) -> dict[str, ModelPlate]:
    """The figures of STUDY_FIGURES by name; what is missing is said below each."""
    flow, depth, data = study.protocol.flow, study.protocol.depth, study.protocol.training
    effects = ModelPlate(
        partial(figure, study),
        "What the study varies, and the test error",
        f"(a) {flow.claim}: means over seeds of every level in every stratum, bars from the least "
        "to the greatest seed, lines in order of flow, rings around networks that are not varied, "
        "open marks where the skip is scaled, filled ones where the branch is (logarithmic axes). "
        f"(b) {depth.claim}: the difference in test error of {depth.deep} and {depth.shallow} "
        "layers, below 0 where the deeper network is better; dots: pairs in order of their seeds; "
        f"grey: less than {depth.margin:g} points, which counts as no gain. Drawn from: own runs. "
        f"Data: {DATA_SETS.get(data.dataset, data.dataset)}, {data.test_samples:,} test images "
        "(study preset).",
        "Left: points joined by lines, one line per stratum, test error against the ratio of "
        "gradient norms on a logarithmic axis. Right: a row of dots for residual and one for plain "
        "networks on an axis of differences, with a line at 0.",
        _missing(study),
        "Figure 19",
        f"(a) {flow.claim}: flow varied on purpose (skip and branch rescaled) and the test error "
        f"that follows. (b) {depth.claim}: what {depth.deep} layers add to the error of "
        f"{depth.shallow}; left of 0 the deeper network is better. Networks of one width, on "
        "one data set, in (a) residual ones alone: of the paper's four families as such it shows "
        "nothing.",
    )
    return dict(zip(STUDY_FIGURES, (effects,), strict=True))


def _missing(study: Study) -> tuple[str, ...]:
    claims = (study.protocol.flow.claim, study.protocol.depth.claim)
    left = {claim: sum(trial.claim == claim for trial in study.missing) for claim in claims}
    return tuple(
        f"{claim}: {count} of {count + len(study.of_claim(claim))} trials are not there yet, and "
        "its test is not made"
        for claim, count in left.items()
        if count
    )
