"""Tables of networks, bounds and limits hold the numbers of the records."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.columns import cells
from test_paper_figures.with_every_loss import with_every_loss

from derivations.errors import InputError
from paper_figures.figures.select import MissingRecordsError, runs_of
from paper_figures.tables.measured_tables import bounds, limits, networks
from validate.records.schema import Results


def test_networks_are_counted_family_by_family(results: Results) -> None:
    table = networks(results)
    assert cells(table, "network")[:3] == ["plain-8", "plain-14", "residual-8"]
    runs = runs_of(results, "plain", 8)
    assert cells(table, "test error (%)")[0] == pytest.approx(
        100 * np.median([run.epochs[-1].test_error for run in runs])
    )
    blocks = [row for run in runs for row in run.blocks]
    assert cells(table, "bound checks")[0] == sum(len(row.bounds) * 4 for row in blocks)
    assert cells(table, "largest identity error")[0] == max(row.identity_error for row in blocks)
    assert cells(table, "violations") == [0] * 8


def test_a_violation_is_never_lost(results: Results) -> None:
    run = results.runs[0]
    row = run.blocks[0]
    broken = row.model_copy(
        update={"bounds": (row.bounds[0].model_copy(update={"violations": 3}), *row.bounds[1:])}
    )
    changed = replace(
        results, runs=(replace(run, blocks=(broken, *run.blocks[1:])), *results.runs[1:])
    )
    assert sum(cells(networks(changed), "violations")) == 3
    assert sum(cells(bounds(changed), "violations")) == 3


def test_bounds_are_listed_by_theorem_side_and_certainty(results: Results) -> None:
    table = bounds(results)
    names = list(
        zip(cells(table, "bound"), cells(table, "side"), cells(table, "certainty"), strict=True)
    )
    assert ("residual.triangle", "lower", "exact") in names
    assert ("residual.uniform", "upper", "probable, δ = 1e-6") in names
    assert len(names) == len(set(names))
    tightness = dict(zip(names, cells(table, "measured / bound"), strict=True))
    assert tightness["singular", "lower", "probable, δ = 1e-6"] == pytest.approx(10)
    assert tightness["residual.uniform", "lower", "probable, δ = 1e-6"] is None


def test_bounds_on_whole_networks_are_counted_apart(results: Results) -> None:
    made = with_every_loss(results)
    table = bounds(made)
    checks: dict[object, list[object]] = {}
    for name, count in zip(cells(table, "bound"), cells(table, "checks"), strict=True):
        checks.setdefault(name, []).append(count)
    ends = [row.bounds for run in made.runs for row in run.epochs if row.bounds]
    for cls in ("shift_invariant", "labels"):
        name = f"every_loss.{cls}, end to end"
        lower = [
            bound for row in ends for bound in row if (bound.losses, bound.side) == (cls, "lower")
        ]
        assert checks[name] == [sum(bound.checks for bound in lower)] * 2
        assert checks[f"every_loss.{cls}"] > checks[name]
    assert sum(cells(table, "checks")) == sum(cells(networks(made), "bound checks"))


def test_one_bound_with_two_certainties_is_two_rows(results: Results) -> None:
    run = results.runs[0]
    row = run.blocks[0]
    certain = row.model_copy(
        update={
            "bounds": tuple(
                bound.model_copy(update={"certainty": "exact", "delta": None})
                for bound in row.bounds
            )
        }
    )
    table = bounds(replace(results, runs=(replace(run, blocks=(row, certain)),)))
    assert cells(table, "certainty") == ["exact", "probable, δ = 1e-6"] * 2
    assert cells(table, "checks") == [4] * 4


def test_limits_stand_beside_their_measurements(results: Results) -> None:
    table = limits(results)
    assert cells(table, "block") == ["plain", "residual", "SE residual", *["dense"] * 12]
    assert cells(table, "predicted limit")[3:] == pytest.approx(np.sqrt(np.arange(1, 13)))
    assert cells(table, "measured, ε = 0")[3:] == pytest.approx(np.sqrt(np.arange(1, 13)))
    assert cells(table, "measured, ε = 0.01")[0] == pytest.approx(0.01)


@pytest.mark.parametrize("make", [bounds, limits])
def test_no_records_no_table(results: Results, make: object) -> None:
    with pytest.raises(MissingRecordsError, match="validate"):
        make(replace(results, runs=(), vanishing=()))


def test_limits_of_an_unknown_family_are_refused(results: Results) -> None:
    strange = results.vanishing[0].model_copy(update={"family": "highway"})
    with pytest.raises(InputError, match="highway"):
        limits(replace(results, vanishing=(*results.vanishing, strange)))


def test_a_network_without_an_error_has_a_dash_for_it(results: Results) -> None:
    run = results.runs[0]
    lost = run.epochs[-1].model_copy(update={"test_error": None, "train_error": None})
    alone = replace(results, runs=(replace(run, epochs=(*run.epochs[:-1], lost)),))
    table = networks(alone)
    assert cells(table, "test error (%)") == cells(table, "training error (%)") == [None]
    assert cells(table, "seeds") == [1]
