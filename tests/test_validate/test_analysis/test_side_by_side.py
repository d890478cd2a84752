"""Several models stand in one table, the one that loses most first."""

from dataclasses import replace

from printed import analysis

from validate.analysis.side_by_side import Comparison, comparison_text


def test_the_least_total_comes_first_and_the_worst_block_is_named():
    better = replace(
        analysis("better"),
        blocks=analysis().blocks[2:],
        total=replace(analysis().total, measured=2.0),
    )
    said = comparison_text([better, analysis("worse")]).splitlines()
    assert said[1].startswith("worse")
    assert "0 in dying (residual); 4 residual" in said[1]
    assert "0.125 in weak (residual); 2 residual" in said[2]
    assert str(Comparison((better,))) == comparison_text([better])
    assert list(Comparison((better,))) == [better]


def test_a_model_without_blocks_is_no_crash():
    assert "–" in comparison_text([replace(analysis(), blocks=())])
