"""Arranges what a page says of the study: verdicts, figures, tables, protocol, and what it took."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff

from markupsafe import Markup

from paper_figures.figures.select import MissingRecordsError
from paper_figures.pages.data_tables import data_table
from paper_figures.pages.pictures import Picture, drawn
from paper_figures.study.study_plates import study_figures
from paper_figures.study.study_tables import STUDY_TABLES
from validate.statistics.kinds_of_check import Outcome
from validate.study.counted_checks import counted_checks
from validate.study.primary_effects import FlowTest
from validate.study.protocol import Protocol, read_protocol
from validate.study.study_folder import Study
from validate.study.study_verdicts import StudyVerdict, decide_study


@dataclass(frozen=True)
class Judged:
    """A verdict on the page, with what the protocol says of its test; `trials`: how many there are,
    and how many there are to be.
    """

    verdict: StudyVerdict
    question: str
    outcome: str
    test: str
    decision: str
    trials: tuple[int, int]
    beside: str = ""


@dataclass(frozen=True)
class StudySection:
    """The study on a page. `kinds`: trials by kind of processor; `changed`: the lines in which the
    protocol that comes with gradbound differs by now; `counted`: by name of the check.
    """

    judged: tuple[Judged, ...]
    pictures: tuple[Picture, ...]
    tables: tuple[Markup, ...]
    time: str
    kinds: Mapping[str, int]
    protocol: Protocol
    changed: tuple[str, ...]
    counted: Mapping[str, Outcome]


def study_section(study: Study) -> StudySection:
    """What a page shows of the study, whole or not."""
    decision, protocol = decide_study(study), study.protocol
    return StudySection(
        tuple(
            Judged(verdict, part.question, part.outcome, part.test, part.decision,
                   _trials(study, part.claim), beside)
            for verdict, part, beside in (
                (decision.c25, protocol.flow, _by_lever(decision.flow)),
                (decision.c24, protocol.depth, ""),
            )
        ),
        tuple(drawn(name, plate, plate) for name, plate in study_figures(study).items()),
        tuple(_tables(study)),
        _time(sum(row.seconds for row in study.rows)),
        dict(sorted(Counter(row.made_on for row in study.rows).items())),
        protocol,
        changed_lines(protocol, read_protocol()),
        counted_checks(study, decision),
    )  # fmt: skip


def _by_lever(test: FlowTest | str) -> str:
    return "" if isinstance(test, str) else f"{test.by_lever}; the protocol asks for no such line"


def changed_lines(study: Protocol, shipped: Protocol) -> tuple[str, ...]:
    """The lines that differ, the study's with a minus, those that come with gradbound with a plus;
    empty where none does.
    """
    before, after = (each.text.splitlines() for each in (study, shipped))
    lines = list(unified_diff(before, after, n=0, lineterm=""))[2:]
    return tuple(line for line in lines if not line.startswith("@@"))


def _trials(study: Study, claim: str) -> tuple[int, int]:
    there = len(study.of_claim(claim))
    return there, there + sum(trial.claim == claim for trial in study.missing)


def _tables(study: Study) -> list[Markup]:
    made = []
    for name, make in STUDY_TABLES.items():
        try:
            made.append(data_table(name, make(study)))
        except MissingRecordsError as error:
            made.append(Markup("<p>{}</p>").format(str(error)))
    return made


def _time(seconds: float) -> str:
    """As one says it: 3 h 12 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
