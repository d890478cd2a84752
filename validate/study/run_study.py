"""Runs the study: trains and measures what is missing, and records each part as it ends."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from validate.data.datasets import load
from validate.progress import Advance, Progress, silent
from validate.study.initial_rows import initial_row
from validate.study.perform_trial import perform_trial
from validate.study.protocol import Protocol, read_protocol
from validate.study.study_folder import Study, open_study, read_study
from validate.study.trials import Trial, TrialRow
from validate.training.workers import Result, Task, spread, tell_parent, told_here


def run_study(
    out: Path,
    *,
    protocol: Protocol | None = None,
    data_folder: Path | None = None,
    progress: Progress = silent,
    processes: int = 1,
) -> Study:
    """Completes the study in `out` and reads it back.

    A trial that is interrupted is made again from its start; the records do not depend on
    `processes`, but for seconds. Raises InputError for missing data, a folder that cannot be
    written or holds something else, and altered records.
    """
    protocol = protocol or read_protocol()
    load(protocol.training.dataset, data_folder)  # before a folder is made for nothing
    with open_study(out, protocol) as add:
        study = read_study(out)
        train = partial(_perform_alone, protocol, data_folder)
        while study.missing:  # once more where the deviation of the first pairs asks for more
            epochs = {trial.trial: trial.epochs for trial in study.missing}
            with progress(epochs, "epochs") as advance:
                for row in _spread(train, study.missing, processes, advance):
                    study = add(row)
        work = partial(initial_row, data_folder=data_folder)
        bands = Counter(band.network for band in study.missing_bands)
        with progress(bands, "networks") as advance:
            for initial in _spread(work, study.missing_bands, processes):
                study = add(initial)
                advance(initial.network)
        return study


def _spread(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    hear: Advance = lambda word: None,
) -> Iterator[Result]:
    if min(processes, len(tasks)) <= 1:
        with told_here(hear):
            yield from map(work, tasks)
    else:
        yield from spread(work, tasks, min(processes, len(tasks)), None, hear)


def _perform_alone(protocol: Protocol, data_folder: Path | None, trial: Trial) -> TrialRow:
    dataset = load(protocol.training.dataset, data_folder)
    return perform_trial(protocol, trial, dataset, tell_parent)
