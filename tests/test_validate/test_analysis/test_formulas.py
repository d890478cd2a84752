"""Formulas speak of the user's modules, and terms are written as functions of x."""

import pytest
import torch
from test_numeric.branched import Partial, built, image
from torch import Tensor, nn

from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import UnknownNodeError
from numeric import capture
from validate.analysis.formulas import LONGEST, formula, written

F, G, W, X, RELU = Layer("F_1"), Layer("F_2"), Linear("W_1"), Identity(), Pointwise("relu")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Add(F, X), "F_1(x) + x"),
        (Chain(F, RELU, G), "F_2(relu(F_1(x)))"),
        (Concat(X, F), "[x, F_1(x)]"),
        (Gate(X, F), "x ⊙ F_1(x)"),
        (Chain(Add(F, X), RELU), "relu(F_1(x) + x)"),
        (Add(Chain(F, Gate(X, G), W), X), "W_1(F_1(x) ⊙ F_2(F_1(x))) + x"),
        (Chain(F, Complement()), "(1 - F_1(x))"),
        (Chain(Add(F, X), Complement()), "(1 - (F_1(x) + x))"),
        (Gate(Add(F, X), W), "(F_1(x) + x) ⊙ W_1(x)"),
        (Chain(Add(X, F), Gate(X, W)), "(x + F_1(x)) ⊙ W_1(x + F_1(x))"),
    ],
    ids=str,
)
def test_terms_are_functions_of_x(term, text):
    assert written(term, "x") == text


def test_an_unknown_node_is_refused():
    with pytest.raises(UnknownNodeError, match=r"formulas\.py"):
        written(Term(), "x")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem_layer = nn.Linear(4, 4)
        self.branch = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_layer(x)
        return torch.relu(x + self.branch(x))


def formulas():
    found = capture(Net(), (torch.randn(2, 4),), {})
    return {each.name: formula(each.name, each.term, each.regions) for each in found.segments}


def test_letters_are_replaced_by_paths():
    found = formulas()
    stem = found["stem_layer"]
    assert stem.where == {"W_1": "stem_layer"}
    assert stem.pullback_latex == r"\frac{\partial L}{\partial x} = \text{stem\_layer}^{\top} g"
    join = next(each for each in found.values() if "+" in each.term)
    assert list(join.where.values()) == ["branch.0..branch.3"]
    assert r"J_{\text{branch.0..branch.3}}^{\top} g + g" in join.pullback_latex


def said(model, x):
    found = capture(model, (x,), {})
    return [
        formula(each.name, each.term, each.regions, found.containers).where
        for each in found.segments
    ]


def test_a_stretch_names_all_that_it_runs():
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2))
    assert said(model, torch.randn(2, 4)) == [{"F_1": "0.0, 0.1"}, {"W_1": "1"}]

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm = nn.Linear(4, 4), nn.LayerNorm(4)

        def forward(self, x):
            return torch.tanh(self.a(self.norm(x)))

    (where,) = said(nn.Sequential(Functional()), torch.randn(2, 4))
    assert where == {"F_1": "0.norm, 0.a, 0:tanh"}


def test_a_gate_names_what_bounds_it():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4)

        def forward(self, x):
            return x * torch.sigmoid(self.a(x))

    assert said(nn.Sequential(Gated()), torch.randn(2, 4)) == [{"F_1": "a, sigmoid"}]


def test_two_maps_never_share_a_name():
    class Difference(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4)

        def forward(self, x):
            return x - self.a(x)

    (where,) = said(nn.Sequential(Difference()), torch.randn(2, 4))
    assert len(set(where.values())) == len(where) == 3
    named = {f"sub ({letter})" for letter, text in where.items() if text != "a"}
    assert set(where.values()) == {"a"} | named


def test_a_long_formula_keeps_its_letters():
    parts = [Layer(f"F_{index}") for index in range(1, 9)]

    class Long:
        traits, modules = None, ("a" * 60,)
        functions = ("linear",)

    said = formula("block", Add(*parts), {part.name: Long() for part in parts})
    assert r"\text" not in said.pullback_latex
    assert len(said.pullback_latex) <= LONGEST


def test_names_of_modules_are_set_as_they_are():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.Conv2d_1a_3x3, self.max_pool = nn.Linear(4, 4), nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            return x + self.max_pool(self.Conv2d_1a_3x3(x))

    found = capture(Named(), (torch.randn(2, 4),), {})
    said = [formula(each.name, each.term, each.regions).pullback_latex for each in found.segments]
    assert r"J_{\text{Conv2d\_1a\_3x3, max\_pool}}^{\top} g" in said[0]


def test_parts_of_a_state_keep_their_letters_and_say_what_they_are():
    found = capture(built(Partial), (image(),), {})
    segment = found.segments[2]
    told = formula(segment.name, segment.term, segment.regions, found.containers)
    assert told.term == "x + E_1(F_1(S_1(x)))"
    assert told.where == {
        "S_1": "2 of 2: blocks.0",
        "F_1": "first.conv, first:tanh, second",
        "E_1": "into 2 of 2: blocks.0",
    }
    assert "S_{1}" in told.pullback_latex or "S_1" in told.pullback_latex
    assert "2 of 2" not in told.pullback_latex
    assert "first.conv" in told.pullback_latex
