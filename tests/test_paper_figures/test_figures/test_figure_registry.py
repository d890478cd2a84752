"""Every figure is listed, drawn at a width of the paper, and described in words of its own."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from derivations.algebra.blocks import PAPER_BLOCKS
from paper_figures.drawing.figure_numbers import numbers
from paper_figures.figures.figure_registry import FIGURES
from validate.records.schema import BlockRow, EpochRow, Results


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_one(second: Results, name: str) -> None:
    figure = FIGURES[name](second)
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() in (3.35, 6.9)
    figure.draw_without_rendering()


def test_the_papers_blocks_are_its_figures_1_to_4(results: Results) -> None:
    for number, (name, block) in enumerate(PAPER_BLOCKS.items(), start=1):
        plate = FIGURES[f"block_{name}"]
        assert plate.title == f"Figure {number}"
        assert plate.caption.startswith(block.title)
        assert plate.alt.startswith("Flow diagram. ")


def test_figures_are_numbered_in_their_order_the_papers_seven_first() -> None:
    assert [plate.number for plate in FIGURES.values()] == list(range(1, len(FIGURES) + 1))
    assert [plate.title for plate in FIGURES.values()][:7] == [f"Figure {n}" for n in range(1, 8)]


def test_captions_explain_what_the_edges_carry_backward() -> None:
    assert FIGURES["block_residual"].caption.endswith("∂L/∂x = J_Fᵀ g + g.")
    assert "cuts g into g₁, g₂" in FIGURES["block_dense"].caption


@pytest.mark.parametrize("name", FIGURES)
def test_a_caption_says_from_what_and_names_the_data_where_there_are_runs(
    second: Results, name: str
) -> None:
    plate = FIGURES[name]
    caption = plate.full_caption(second)
    assert caption.startswith(f"Figure {plate.number}. ")
    assert f"Drawn from: {plate.source}." in caption
    said = "Data: digits, 1,437 training and 360 test images of 8 × 8 (smoke preset, 2 seeds)."
    assert (said in caption) == plate.of_runs


@pytest.mark.parametrize("name", [name for name, plate in FIGURES.items() if plate.of_runs])
def test_a_changed_record_changes_the_figure(second: Results, name: str) -> None:
    plate = FIGURES[name]
    assert numbers(plate(changed(second))) != numbers(plate(second))


def changed(results: Results) -> Results:
    """The same with every measurement a little other."""

    def block(row: BlockRow) -> BlockRow:
        law = row.law and row.law.model_copy(
            update={
                "probability": tuple(p and p * 0.9 for p in row.law.probability),
                "alignment": tuple(each and each + 0.5 for each in row.law.alignment),
            }
        )
        gains = tuple(gain and gain * 1.02 for gain in row.measured)
        return row.model_copy(update={"measured": gains, "law": law})

    def epoch(row: EpochRow) -> EpochRow:
        measured = tuple(gain and gain * 1.02 for gain in row.total.measured)
        return row.model_copy(
            update={
                "test_error": row.test_error * 0.9,
                "batch_ratio": row.batch_ratio * 1.1,
                "total": row.total.model_copy(update={"measured": measured}),
            }
        )

    runs = tuple(
        replace(run, blocks=tuple(map(block, run.blocks)), epochs=tuple(map(epoch, run.epochs)))
        for run in results.runs
    )
    vanishing = tuple(
        row.model_copy(update={"measured": row.measured * 1.01}) for row in results.vanishing
    )
    return replace(results, runs=runs, vanishing=vanishing)


@pytest.mark.parametrize("attribute", ["title", "caption", "alt"])
def test_no_figure_borrows_the_words_of_another(attribute: str) -> None:
    words = [getattr(plate, attribute) for plate in FIGURES.values()]
    assert all(words)
    assert len(words) == len(set(words))
