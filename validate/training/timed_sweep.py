"""Runs as much of a preset as fits into a budget, and leaves a folder that is complete for that.

Whole seeds are listed, in their order; of a first seed that is not whole, its whole runs. What is
not listed waits in its folder, checkpoints and all, for the same command with more time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from validate.comparison.vanishing import experiment
from validate.data.datasets import load
from validate.progress import Progress, silent
from validate.records.folder import complete, held, is_finished, register, settle_for
from validate.records.read import read_results
from validate.records.schema import Results, RunConfig
from validate.training.budget import Budget, OutOfTimeError, by_seed, duration, fitting
from validate.training.dry_run import Cost, costs, table
from validate.training.presets import Preset
from validate.training.process_share import Rank
from validate.training.sweep import check_device, header, open_for, perform_all, units

Tell = Callable[[str], None]


def run_within(
    budget: Budget,
    preset: Preset,
    out: Path,
    *,
    data_folder: Path | None = None,
    progress: Progress = silent,
    processes: int = 1,
    tell: Tell = lambda line: None,
) -> Results | None:
    """As `validate.training.sweep.run`, but it ends in time, with what is whole by then. None if
    nothing is.

    On CUDA a dry run comes first, and of what will not fit nothing is begun: `tell` hears of it.
    """
    check_device(preset.device, Rank())
    dataset = load(preset.dataset, data_folder)
    configs = tuple(preset.configs(dataset))
    manifest = open_for(preset, configs, out)
    with held(out, shared=False):
        finished = {config.run for config in configs if is_finished(out, manifest, config.run)}
        wanted = by_seed([config for config in configs if config.run not in finished])
        try:
            if preset.device != "cpu" and wanted:
                found = costs(wanted, data_folder, processes, budget.left, tell)
                wanted = _that_fit(found, wanted, budget, processes, tell)
            with progress(units(wanted), "epochs") as advance:
                for config in perform_all(
                    wanted, dataset, data_folder, out, advance, processes, budget
                ):
                    register(out, config.run)
                    finished.add(config.run)
        except OutOfTimeError:
            pass
        kept = whole(configs, finished)
        if not kept:
            return None
        if len(kept) < len(configs):
            seeds = tuple(dict.fromkeys(config.seed for config in kept))
            settle_for(out, header(replace(preset, seeds=seeds), kept))
        complete(out, experiment)
        return read_results(out)


def dry_run(
    preset: Preset,
    *,
    data_folder: Path | None = None,
    processes: int = 1,
    budget: Budget | None = None,
    tell: Tell = lambda line: None,
) -> list[str]:
    """What each kind of network takes, all of them together, and what a budget has room for; `tell`
    hears of each kind as it is timed.
    """
    check_device(preset.device, Rank())
    configs = by_seed(tuple(preset.configs(load(preset.dataset, data_folder))))
    found = costs(configs, data_folder, processes, None, tell)
    lines: list[str] = []
    if budget is None:
        lines = [*table(found, configs), _together(configs, found, processes)]
    else:
        _that_fit(found, configs, Budget(budget.seconds), processes, lines.append)
    return lines


def whole(configs: Sequence[RunConfig], finished: set[str]) -> list[RunConfig]:
    """The runs of the seeds up to the first that lacks one; of a first seed that lacks some, the
    others.
    """
    seeds = list(dict.fromkeys(config.seed for config in configs))
    lacking = {config.seed for config in configs if config.run not in finished}
    count = next((n for n, seed in enumerate(seeds) if seed in lacking), len(seeds))
    listed = seeds[: max(count, 1)]
    return [config for config in configs if config.seed in listed and config.run in finished]


def _that_fit(
    found: Sequence[Cost],
    wanted: Sequence[RunConfig],
    budget: Budget,
    processes: int,
    tell: Tell,
) -> list[RunConfig]:
    kinds = {config.network: config for config in wanted}
    seconds = {cost.network: cost.whole(kinds[cost.network]) for cost in found}
    kept = fitting(wanted, seconds, processes, budget.left)
    for line in table(found, wanted):
        tell(line)
    tell(_together(wanted, found, processes))
    kept_runs = {config.run for config in kept}
    dropped = [config.run for config in wanted if config.run not in kept_runs]
    left = f"{budget.left:.0f} seconds are left for training"
    tell(f"{left}: all of it fits" if not dropped else f"{left}: without {', '.join(dropped)}")
    return kept


def _together(configs: Sequence[RunConfig], found: Sequence[Cost], processes: int) -> str:
    kinds = {config.network: config for config in configs}
    seconds = {cost.network: cost.whole(kinds[cost.network]) for cost in found}
    span = duration([seconds[config.network] for config in configs], processes)
    return (
        f"{len(configs)} runs, {min(processes, len(configs))} at a time, take about {span:.0f} "
        "seconds"
    )
