"""C5: the smallest blocks that lose the gradient, and the branches for which none does."""

from dataclasses import replace

from test_validate.audited import gathered, judged


def test_the_smallest_branch_that_loses_the_gradient():
    assert judged("C5").counterexample["given"] == {"∂F/∂x": "−1", "∂L/∂H": "1"}


def test_behind_a_relu_the_input_is_one_that_a_relu_gives():
    """x > 0, F = −2 and so H = −1: by hand, ReLU′(−1) = 0."""
    found = gathered("C5").after_relu
    assert found.given == {
        "F": "−2 (∂F/∂x = 0)",
        "x": "1",
        "H": "−1",
        "∂L/∂ReLU(H)": "1",
    }
    assert found.autograd == {"dL/dx": 0.0}


def test_it_is_said_where_the_gradient_is_kept():
    evidence = gathered("C5")
    assert evidence.kept.proved
    assert "σ_max(∂F/∂x) < 1 and H is that of Eq. (2)" in judged("C5").summary
    unproved = replace(evidence, kept=replace(evidence.kept, derived=False))
    assert "σ_max" not in judged("C5", unproved).summary


def test_either_loss_alone_refutes():
    evidence = gathered("C5")
    for part in ("of_the_block", "after_relu"):
        found = judged("C5", replace(evidence, **{part: None}))
        assert found.verdict == "refuted"
        assert found.counterexample


def test_the_reading_is_every_slope_and_no_limit():
    reading = judged("C5").reading
    assert "for every ∂F/∂x" in reading
    assert "is judged in C4" in reading
    assert "even in the case of deep neural networks" in reading.partition("not judged")[2]
