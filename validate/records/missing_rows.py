"""Says what the records of a run lack, or hold too much, by what its configuration promises.

Of the second version it demands all that a measurement leaves behind: the gains of the training
batch, the bounds for every loss at the epochs with spectra, and the kind of processor.
"""

from collections.abc import Iterable, Iterator, Sequence

from validate.records.schema import LOSS_CLASSES, BlockRow, EpochRow, RunConfig

SIDES = ("lower", "upper")
EVERY_LOSS_ROWS = sorted((cls, side) for cls in LOSS_CLASSES for side in SIDES)


def lacking(config: RunConfig, epochs: Sequence[EpochRow], blocks: Sequence[BlockRow]) -> str:
    """The first thing that is wrong, as what a run does: "lacks an epoch".

    Empty if its rows end as they must, and each measured epoch has every segment and sample once.
    """
    if len({config.version, *(row.version for row in (*epochs, *blocks))}) > 1:
        return "mixes versions of records"
    found = _of_any_version(config, epochs, blocks)
    if not found and config.version > 1:
        found = next(_since_the_second(config, epochs, blocks), "")
    return found


def _of_any_version(
    config: RunConfig, epochs: Sequence[EpochRow], blocks: Sequence[BlockRow]
) -> str:
    last = len(epochs) - 1
    if (
        [row.epoch for row in epochs] != list(range(last + 1))
        or any(row.epoch > last for row in blocks)
        or not _ended(config, epochs)
    ):
        return "lacks an epoch, or the scores of one"
    segments = _segments(blocks)
    finished = [row.epoch for row in epochs if row.status == "ok" and config.measures(row.epoch)]
    grid = [(epoch, index) for epoch in finished for index in range(segments)]
    lengths = {len(gains) for row in blocks for gains in _all_gains(row)}
    lengths |= {len(row.total.measured) for row in epochs if row.total is not None}
    if (
        [(row.epoch, row.index) for row in blocks] != grid
        or not lengths <= {config.probe_size}
        or (finished and not segments)
    ):
        return "lacks rows or holds too many"
    return ""


def _segments(blocks: Sequence[BlockRow]) -> int:
    return sum(row.epoch == 0 for row in blocks)


def _ended(config: RunConfig, epochs: Sequence[EpochRow]) -> bool:
    """Whether the last row is that of the last epoch, or says that the run diverged, as no other
    does, and no score is missing.
    """
    scored = [None not in (row.train_loss, row.train_error, row.test_error) for row in epochs]
    fine = [row.status == "ok" for row in epochs]
    return (
        bool(epochs)
        and scored == fine
        and all(fine[:-1])
        and (len(epochs) == config.epochs + 1 or not fine[-1])
    )


def _all_gains(row: BlockRow) -> tuple[Sequence[object], ...]:
    of_law = (row.law.chi, row.law.probability, row.law.alignment) if row.law else ()
    return (
        row.measured,
        row.predicted,
        *([row.masked] if row.masked else []),
        *row.terms.values(),
        *(bound.value for bound in row.bounds),
        *of_law,
    )


def _is_a_share(error: float | None, images: int) -> bool:
    """Up to rounding: a count of images divided by their number."""
    return error is not None and abs(error * images - round(error * images)) < 1e-6


def _since_the_second(
    config: RunConfig, epochs: Sequence[EpochRow], blocks: Sequence[BlockRow]
) -> Iterator[str]:
    if config.statistics_samples > config.train_samples:
        yield "has statistics of more images than there were to train with"
    if config.copied_samples > config.test_samples:
        yield "has more copies among its test images than test images"
    if not all(row.made_on for row in epochs):
        yield "lacks the kind of processor of an epoch"
    measured = [row for row in epochs if row.status == "ok"]
    if not all(
        _is_a_share(row.test_error, config.test_samples)
        and _is_a_share(row.train_error, config.train_samples)
        for row in measured
    ):
        yield "states an error that is no share of so many images"
    if any(len(row.batch_gains) != _segments(blocks) for row in measured):
        yield "lacks a gain of the training batch"
    # A single class has no loss, so no bound.
    demanded = EVERY_LOSS_ROWS if config.num_classes > 1 else []
    bounded: list[EpochRow | BlockRow] = [*measured, *blocks]
    for row in bounded:
        some = sorted((bound.losses, bound.side) for bound in row.bounds if bound.losses)
        if some != (demanded if row.epoch in config.spectra_epochs else []):
            yield "lacks a bound for every loss, or holds too many"
    if any(len(some) > 1 for some in _bounds_by_segment(config, blocks)):
        yield "lacks a bound that the same block has at another epoch"


def _bounds_by_segment(
    config: RunConfig, blocks: Sequence[BlockRow]
) -> Iterable[set[tuple[str, ...]]]:
    """What bounds a segment has, at epochs with spectra and at those without."""
    found: dict[tuple[int, bool], set[tuple[str, ...]]] = {}
    for block in blocks:
        if block.vanished < len(block.measured):  # else no bound is known
            place = (block.index, block.epoch in config.spectra_epochs)
            found.setdefault(place, set()).add(tuple(bound.id for bound in block.bounds))
    return found.values()
