"""Tells how much of a study is done, and how long what is left would take."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from validate.comparison.initial_bands import BANDS
from validate.study.protocol import Protocol, read_protocol
from validate.study.recorded_study import RECORDED_STUDY
from validate.study.study_folder import (
    Study,
    is_study,
    read_study,
    refuse_another,
    refuse_others,
)
from validate.study.trials import Trial, TrialRow, differences, planned

HOUR = 3600
Kind = tuple[str, int, int]


def outlook(
    out: Path,
    processes: int,
    *,
    protocol: Protocol | None = None,
    elsewhere: Path = RECORDED_STUDY,
) -> list[str]:
    """What is done and left in the folder, begun or not, part by part; the hours are those of
    trials of the same kind, there or `elsewhere`.

    Raises InputError for a folder that the study cannot be made in.
    """
    study = _study(out, protocol or read_protocol())
    recorded = read_study(elsewhere).rows if is_study(elsewhere) else ()
    seconds = _seconds(recorded) | _seconds(study.rows)
    counted = _counted(len(study.rows), len(study.missing), "trials")
    lines = [f"{out}: {counted}{_hours(study.missing, seconds, processes)}"]
    for part in (study.protocol.flow, study.protocol.depth):
        left = [trial for trial in study.missing if trial.claim == part.claim]
        counted = _counted(len(study.of_claim(part.claim)), len(left), "trials")
        lines.append(f"{part.claim}: {counted}{_hours(left, seconds, 1)}")
    bands = len(study.missing_bands)
    lines.append(f"initial ratios: {_counted(len(BANDS) - bands, bands, 'networks')}")
    if study.missing:
        lines.append("process time: what one process took for such a trial, by the clock")
    depth = study.protocol.depth
    if len(differences(study.protocol, depth.gain, study.rows)) < depth.look.after:
        lines.append(
            f"C24 may ask for more: its first {depth.look.after} pairs of residual networks decide "
            f"whether there are to be {depth.gain.pairs} or up to {depth.look.most}"
        )
    return lines


def _study(out: Path, protocol: Protocol) -> Study:
    if is_study(out):
        study = read_study(out)
        refuse_another(study, protocol)
        return study
    if out.exists():
        refuse_others(out)
    return Study(out, protocol, (), planned(protocol))


def _counted(done: int, left: int, what: str) -> str:
    return f"{done} of {done + left} {what} done, {left} left"


def _hours(trials: Sequence[Trial], seconds: dict[Kind, float], processes: int) -> str:
    if not trials:
        return ""
    if unknown := sorted({trial.network for trial in trials if _kind(trial) not in seconds}):
        return f"; how long is not known: no trial of {', '.join(unknown)} is recorded"
    hours = sum(seconds[_kind(trial)] for trial in trials) / HOUR
    many = f", {hours / processes:.1f} hours for {processes} processes" if processes > 1 else ""
    return f", about {hours:.1f} hours of process time{many}"


def _seconds(rows: Iterable[TrialRow]) -> dict[Kind, float]:
    """The mean over the trials of each kind, for which the level of flow makes no difference."""
    found: dict[Kind, list[float]] = {}
    for row in rows:
        found.setdefault(_kind(row.trial), []).append(row.seconds)
    return {kind: fmean(each) for kind, each in found.items()}


def _kind(trial: Trial) -> Kind:
    return trial.network, trial.train_samples, trial.epochs
