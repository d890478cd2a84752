"""Does the job behind the verb `validate`, and says what it found."""

from pathlib import Path

import torch

from derivations.errors import InputError
from validate.comparison.compare_network import fails_to_telescope, misses_limit, summarize
from validate.progress import for_terminal
from validate.records.schema import MANIFEST_FILE, Results
from validate.training.presets import Preset
from validate.training.process_share import Rank
from validate.training.sweep import run, run_share


def validate(
    preset: Preset, out: Path, *, data_dir: Path | None = None, resume: bool, quiet: bool
) -> Results:
    """Runs the preset in the folder; raises InputError if that holds results already and `resume`
    is not set.

    On the CPU it takes as many processes as torch would take threads, which OMP_NUM_THREADS limits.
    """
    if not resume and (out / MANIFEST_FILE).exists():
        raise InputError(
            f"{out} holds results already: give --resume to carry on with them, or choose "
            "another --out"
        )
    return run(
        preset,
        out,
        data_folder=data_dir,
        progress=for_terminal(quiet),
        processes=_processes(preset),
    )


def validate_share(
    preset: Preset, out: Path, rank: Rank, *, data_dir: Path | None = None, quiet: bool
) -> Results | None:
    """The same by one of several processes, which carries on with what it finds, for another may
    have come first.

    None in all but the one that completes the folder; the first alone shows its progress.
    """
    progress = for_terminal(quiet or rank.number > 0)
    return run_share(
        preset, out, rank, data_folder=data_dir, progress=progress, processes=_processes(preset)
    )


def _processes(preset: Preset) -> int:
    return torch.get_num_threads() if preset.device == "cpu" else 1


def tally(results: Results) -> str:
    """How many checks the records hold, how many failed, and the largest errors, in one line."""
    blocks = (row for each in results.runs for row in each.blocks)
    found = summarize(blocks, (row for each in results.runs for row in each.epochs))
    limits = [misses_limit(row) for row in results.vanishing if row.epsilon == 0]
    return (
        f"{found.bound_checks} bound checks, {found.violations} violations; "
        f"{found.identity_checks} gains, {found.identity_failures} not as predicted; "
        f"largest relative error {found.identity_error:.1e} (block), {found.total_error:.1e} "
        "(network); "
        f"{len(limits)} limits of vanishing branches, {sum(limits)} missed"
    )


def failures(results: Results) -> list[str]:
    """One line per bound that is violated, and per gain, product of gains or limit that is not the
    predicted one.
    """
    lines = []
    for row in (row for each in results.runs for row in each.blocks):
        broken = [
            f"bound {bound.id} in {bound.violations}" for bound in row.bounds if bound.violations
        ]
        broken += (
            [f"the predicted gain in {row.identity_failures}"] if row.identity_failures else []
        )
        lines += [
            f"{row.run}, epoch {row.epoch}, {row.name}: {what} of {len(row.measured)} samples"
            for what in broken
        ]
    for epoch in (epoch for each in results.runs for epoch in each.epochs):
        if epoch.total is not None and fails_to_telescope(epoch.total):
            lines.append(
                f"{epoch.run}, epoch {epoch.epoch}: the product of the predicted gains is off "
                f"by {epoch.total.relative_error:.1e}"
            )
    lines += [
        (
            f"{limit.family} with {limit.inputs} inputs, seed {limit.seed}: a vanished branch "
            f"leaves {limit.measured}, not {limit.predicted}"
        )
        for limit in filter(misses_limit, results.vanishing)
    ]
    return lines
