"""Bounds in numbers: never violated, attained where theory says so, named by their certainty."""

import math

import pytest
import torch
from cases import leaves
from hypothesis import given
from hypothesis import strategies as st
from strategies import DrawnBlock, drawn_blocks, gaussian
from torch import nn

from derivations.algebra.blocks import BLOCKS, DENSE, PLAIN, RESIDUAL
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Identity,
    Layer,
    Linear,
    Pointwise,
)
from derivations.errors import InputError
from numeric.evaluation.block_numbers import BlockNumbers
from numeric.evaluation.evaluate import evaluate
from numeric.evaluation.realize import realize
from numeric.operators.vector_norms import norm


def measured_gain(block: DrawnBlock, g: torch.Tensor) -> torch.Tensor:
    """γ by autograd through the realized term."""
    x = block.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        block.module(x), x, g, materialize_grads=True, allow_unused=True
    )
    return norm(gradient) / norm(g)


def numbers(block: DrawnBlock, g: torch.Tensor, **effort) -> BlockNumbers:
    return evaluate(block.term, block.leaves, block.x, g, **effort)


def by_id(found: BlockNumbers) -> dict[str, torch.Tensor]:
    return {bound.id: bound.value for bound in found.bounds}


@st.composite
def drawn_cases(draw) -> tuple[DrawnBlock, torch.Tensor]:
    """A plain, residual or dense block around a drawn branch of any structure, and a backward
    signal.
    """
    branch = draw(drawn_blocks(square=True, depth=2))
    term = draw(
        st.sampled_from(
            [
                branch.term,
                Add(branch.term, Identity()),
                Concat(branch.term, Identity()),
                Concat(Identity(), branch.term),
            ]
        )
    )
    block = DrawnBlock(term, branch.leaves, branch.x)
    return block, gaussian(
        *block.module(block.x).shape, seed=draw(st.integers(0, 999)), dtype=branch.x.dtype
    )


@given(drawn_cases(), st.sampled_from([3, 40]))
def test_bounds_are_never_violated(case, steps):
    block, g = case
    gain = measured_gain(block, g).double()
    slack = {torch.float64: 1e-9, torch.float32: 1e-4}[g.dtype] * (1 + gain)
    for bound in numbers(block, g, steps=steps).bounds:
        assert bound.value.isfinite().all()
        gap = gain - bound.value if bound.side == "lower" else bound.value - gain
        assert (gap >= -slack).all(), (bound, gain)


@given(drawn_cases())
def test_the_gain_is_autograds_and_the_law_of_cosines_gives_it_exactly(case):
    block, g = case
    found, gain = numbers(block, g, spectra=False), measured_gain(block, g)
    rtol = {torch.float64: 1e-9, torch.float32: 1e-4}[g.dtype]
    assert torch.allclose(found.gain, gain, rtol=rtol, atol=rtol)
    if "cosine_law" in found.terms:
        # γ² = 1 + 2ct + t² loses half the digits where the branch cancels the skip.
        t = found.terms["t"]
        base = found.terms.get("norm g_y", found.terms["norm_g"]) / found.terms["norm_g"]
        slack = rtol * ((1 + t) * base) ** 2
        assert (
            ((found.terms["cosine_law"] - gain) * (found.terms["cosine_law"] + gain))
            .abs()
            .le(slack)
            .all()
        )


def multiple_of_identity(factor: float, size: int) -> nn.Module:
    layer = nn.Linear(size, size, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(factor * torch.eye(size))
    return layer


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0, 2.5])
def test_multiples_of_the_identity_attain_the_residual_bounds(tau):
    x, g = gaussian(4, 5, seed=0), gaussian(4, 5, seed=1)
    down, up = (
        numbers(DrawnBlock(RESIDUAL.term, {"F": multiple_of_identity(sign * tau, 5)}, x), g)
        for sign in (-1, 1)
    )
    for bound_id in (
        "residual.triangle.lower",
        "residual.uniform.lower",
        "residual.numerical_range.lower",
    ):
        assert torch.allclose(by_id(down)[bound_id], down.gain, atol=1e-12), bound_id
    for bound_id in ("residual.triangle.upper", "residual.uniform.upper"):
        assert torch.allclose(by_id(up)[bound_id], up.gain, atol=1e-12), bound_id


def test_singular_vectors_attain_the_plain_bounds():
    layer = nn.Linear(4, 4, bias=False).double()
    left, values, _ = torch.linalg.svd(layer.weight.detach())
    x, g = gaussian(2, 4, seed=0), torch.stack((left[:, 0], left[:, -1]))
    found = by_id(numbers(DrawnBlock(PLAIN.term, {"F": layer}, x), g))
    assert torch.allclose(found["singular.max.upper"], values[0].expand(2), rtol=1e-12)
    assert torch.allclose(found["singular.min.lower"], values[-1].expand(2), rtol=1e-10)
    gain = numbers(DrawnBlock(PLAIN.term, {"F": layer}, x), g).gain
    assert torch.allclose(gain, torch.stack((values[0], values[-1])), rtol=1e-12)


def test_the_dense_bounds_are_attained_where_the_branch_meets_the_skip():
    x, k = gaussian(3, 4, seed=0), 4
    for sign, side in ((-1, "lower"), (1, "upper")):
        direction = gaussian(3, k, seed=1)
        g = torch.cat((0.5 * direction, direction), 1)
        found = numbers(DrawnBlock(DENSE.term, {"F": multiple_of_identity(sign * 0.8, k)}, x), g)
        for name in ("triangle", "uniform"):
            assert torch.allclose(by_id(found)[f"dense.{name}.{side}"], found.gain, rtol=1e-12)


def test_a_branch_that_cancels_the_skip_gives_zero_and_never_nan():
    x, g = gaussian(50, 7, seed=0) * 1e3, gaussian(50, 7, seed=1) / 3
    found = numbers(DrawnBlock(RESIDUAL.term, {"F": multiple_of_identity(-1.0, 7)}, x), g)
    assert (found.gain == 0).all()
    assert found.terms["cosine_law"].isfinite().all()
    assert all(bound.value.isfinite().all() for bound in found.bounds)


@pytest.mark.parametrize(("dtype", "least"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_a_branch_that_all_but_cancels_the_skip_leaves_no_bound_above_the_gain(dtype, least):
    """By 1 + 2ct + t² the alignment bound was 4e-9 above a gain of 1e-8, and 9e-5 in float32 above
    one of 3e-4.
    """
    x, g = gaussian(64, 3, seed=0, dtype=dtype), gaussian(64, 3, seed=1, dtype=dtype)
    for step in range(1, 60):
        layer = multiple_of_identity(-1.0, 3).to(dtype)
        with torch.no_grad():
            layer.weight *= 1 + least * step * 1.07
        found = evaluate(RESIDUAL.term, {"F": layer}, x, g, spectra=False)
        for bound in found.bounds:
            excess = bound.value - found.gain if bound.side == "lower" else found.gain - bound.value
            assert excess.max() <= 8 * torch.finfo(dtype).eps, (bound.id, step, excess.max())


def test_wide_enclosures_are_used_at_the_end_that_keeps_the_bound_true():
    """After 3 of 60 steps the Ritz values are far inside the spectrum: bounds made from them would
    be false.
    """
    layer = nn.Linear(60, 60, bias=False).double()
    matrix = layer.weight.detach()
    block = DrawnBlock(RESIDUAL.term, {"F": layer}, gaussian(5, 60, seed=0))
    found = by_id(numbers(block, gaussian(5, 60, seed=1), steps=3, delta=1e-3))
    largest = torch.linalg.matrix_norm(matrix, 2)
    least = torch.linalg.eigvalsh((matrix + matrix.T) / 2)[0]
    assert (found["residual.uniform.upper"] >= 1 + largest).all()
    assert (found["residual.uniform.lower"] <= (1 - largest).clamp(min=0)).all()
    assert (found["residual.numerical_range.lower"] <= (1 + least).clamp(min=0)).all()
    small = DrawnBlock(RESIDUAL.term, {"F": nn.Linear(60, 60, bias=False).double()}, block.x)
    with torch.no_grad():
        small.leaves["F"].weight.copy_(matrix / (10 * largest))
    found = by_id(numbers(small, gaussian(5, 60, seed=1), steps=6, delta=1e-3))
    assert (found["residual.uniform.lower"] <= 0.9).all()
    assert (found["residual.uniform.lower"] > 0).all()
    assert (found["residual.numerical_range.lower"] <= 1 + least / (10 * largest)).all()
    assert (found["residual.numerical_range.lower"] > 0).all()


def test_bounds_are_in_units_of_the_whole_signal():
    """For H = (F(y), y) with F = 0 the gain is ‖g_y‖/‖g‖, and every dense bound equals it; over all
    g it lies between 0 and 1.
    """
    x, g = gaussian(3, 4, seed=0), gaussian(3, 8, seed=1)
    found = numbers(DrawnBlock(DENSE.term, {"F": multiple_of_identity(0.0, 4)}, x), g)
    expected = norm(g[:, 4:]) / norm(g)
    assert torch.allclose(found.gain, expected, rtol=1e-12)
    for bound in found.bounds:
        extreme = {
            "singular.min.lower": 0.0,
            "singular.max.upper": 1.0,
            "norms.factors.upper": 1.0,
        }.get(bound.id)
        wanted = expected if extreme is None else torch.full_like(expected, extreme)
        assert torch.allclose(bound.value, wanted, rtol=1e-12), bound.id


def test_certainty_follows_the_quantities():
    x, g = gaussian(2, 60, seed=0), gaussian(2, 60, seed=1)
    block = DrawnBlock(
        RESIDUAL.term, {"F": nn.Sequential(nn.Linear(60, 60), nn.Tanh()).double()}, x
    )
    short = {bound.id: bound for bound in numbers(block, g, steps=10, delta=0.01).bounds}
    assert {
        bound.certainty
        for name, bound in short.items()
        if "triangle" in name or "alignment" in name
    } == {"exact"}
    assert {
        short[name].certainty for name in ("residual.uniform.lower", "residual.uniform.upper")
    } == {"probable"}
    assert short["residual.uniform.upper"].delta == pytest.approx(0.01)
    assert short["residual.uniform.lower"].delta == pytest.approx(0.02)
    full = {bound.id: bound.certainty for bound in numbers(block, g, steps=60, delta=0.01).bounds}
    assert set(full.values()) == {"exact"}


@pytest.mark.parametrize("name", BLOCKS)
def test_without_spectra_only_bounds_that_need_none_remain(name):
    block = DrawnBlock(BLOCKS[name].term, leaves(), gaussian(2, 4, 3, 3, seed=0))
    g = gaussian(*block.module(block.x).shape, seed=1)
    light, full = numbers(block, g, spectra=False), numbers(block, g)
    assert torch.equal(light.gain, full.gain)
    kept = {bound.id for bound in light.bounds}
    needy = (
        ".uniform.lower",
        ".uniform.upper",
        "range.lower",
        "singular.min.lower",
        "singular.max.upper",
        "factors.lower",
        "factors.upper",
    )
    assert kept == {bound.id for bound in full.bounds if not bound.id.endswith(needy)}
    assert torch.allclose(full.gain, measured_gain(block, g), rtol=1e-9)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_tightest_bound_is_named_with_its_reason(name):
    block = DrawnBlock(BLOCKS[name].term, leaves(), gaussian(5, 4, 3, 3, seed=0))
    g = gaussian(*block.module(block.x).shape, seed=1)
    found = numbers(block, g)
    for side, better in (("lower", torch.amax), ("upper", torch.amin)):
        best = found.tightest(side)
        values = torch.stack([bound.value for bound in found.bounds if bound.side == side])
        assert [bound.value[k].item() for k, bound in enumerate(best)] == better(values, 0).tolist()
        assert all("holds for" in bound.reason for bound in best)
    assert (
        found.gain
        >= torch.stack([b.value[k] for k, b in enumerate(found.tightest("lower"))]) - 1e-12
    ).all()
    with pytest.raises(InputError, match="no middle bound"):
        found.tightest("middle")


def test_a_map_whose_slopes_belie_its_name_is_refused():
    with pytest.raises(InputError, match="'sigmoid' has slopes outside"):
        evaluate(
            Pointwise("sigmoid"),
            {"sigmoid": torch.tanh},
            gaussian(2, 3, seed=0),
            gaussian(2, 3, seed=1),
        )


def test_a_pointwise_map_is_bounded_by_its_slopes():
    x, g = gaussian(3, 50, seed=0), gaussian(3, 50, seed=1)
    for activation, slopes in (
        (torch.relu, (x > 0).double()),
        (torch.tanh, 1 - torch.tanh(x) ** 2),
    ):
        found = evaluate(Pointwise("phi"), {"phi": activation}, x, g, steps=2)
        assert {bound.certainty for bound in found.bounds} == {"exact"}
        assert torch.allclose(by_id(found)["singular.max.upper"], slopes.amax(1), rtol=1e-14)
        assert torch.allclose(by_id(found)["singular.min.lower"], slopes.amin(1), rtol=1e-14)


def test_a_batch_without_any_signal_is_refused():
    leaves, x = {"F": nn.Linear(3, 3).double()}, gaussian(2, 3, seed=0)
    with pytest.raises(InputError, match="backward signal is zero for every sample, 2 in all"):
        evaluate(RESIDUAL.term, leaves, x, torch.zeros_like(x))


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["input", "signal", "weight"])
def test_non_finite_tensors_are_refused(where, poison):
    layer, x, g = nn.Linear(3, 3).double(), gaussian(2, 3, seed=0), gaussian(2, 3, seed=1)
    target = {"input": x, "signal": g, "weight": layer.weight.data}[where]
    target[0, 0] = poison
    with pytest.raises(InputError):
        evaluate(RESIDUAL.term, {"F": layer}, x, g)


@pytest.mark.parametrize(
    "coupled",
    [nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))],
)
def test_a_train_mode_branch_is_refused_and_its_statistics_stay(coupled):
    branch = coupled.double().train()
    before = {name: value.clone() for name, value in branch.state_dict().items()}
    with pytest.raises(InputError, match="eval"):
        evaluate(RESIDUAL.term, {"F": branch}, gaussian(4, 3, seed=0), gaussian(4, 3, seed=1))
    assert all(torch.equal(value, before[name]) for name, value in branch.state_dict().items())
    assert branch.training


def test_the_model_is_left_as_it_was():
    branch = (
        nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(inplace=True)).double().eval()
    )
    branch[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in branch.state_dict().items()}
    evaluate(RESIDUAL.term, {"F": branch}, gaussian(4, 3, seed=0), gaussian(4, 3, seed=1))
    assert all(torch.equal(value, before[name]) for name, value in branch.state_dict().items())
    assert not branch.training
    assert [p.requires_grad for p in branch.parameters()] == [False, True, True, True]
    assert all(p.grad is None for p in branch.parameters())
    assert not branch._forward_hooks


@pytest.mark.parametrize("hide", [lambda part: part, lambda part: lambda x: 1 * part(x)])
def test_hooks_fire_no_more_than_in_a_pass_forward_and_backward(hide):
    branch, fired = nn.Sequential(nn.Linear(3, 3), nn.Tanh()).double(), []
    for part in branch.modules():
        part.register_forward_hook(lambda *_: fired.append("forward"))
        part.register_full_backward_hook(lambda *_: fired.append("backward"))
    evaluate(RESIDUAL.term, {"F": hide(branch)}, gaussian(4, 3, seed=0), gaussian(4, 3, seed=1))
    assert fired.count("forward") == 3
    assert fired.count("backward") <= 3


def test_a_hook_that_changes_the_value_is_part_of_the_leaf():
    layer = nn.Linear(3, 3, bias=False).double()
    layer.register_forward_hook(lambda module, args, out: -2 * out)
    x, g = gaussian(4, 3, seed=0), gaussian(4, 3, seed=1)
    found = evaluate(RESIDUAL.term, {"F": layer}, x, g)
    assert torch.allclose(found.pullback, g - 2 * g @ layer.weight.detach())


def test_near_cancellation_the_alignment_bound_stays_below_the_gain():
    for dtype, size in ((torch.float64, 50), (torch.float32, 4096)):
        layer = nn.Linear(size, size, bias=False).to(dtype)
        with torch.no_grad():
            traces = 1e-4 * gaussian(size, seed=3) if dtype == torch.float32 else torch.zeros(size)
            layer.weight.copy_(-torch.eye(size) + torch.diag(traces))
        x, g = gaussian(2, size, seed=0, dtype=dtype), gaussian(2, size, seed=1, dtype=dtype)
        found = numbers(DrawnBlock(RESIDUAL.term, {"F": layer}, x), g, spectra=False)
        assert (by_id(found)["residual.alignment.lower"] <= found.gain).all()


def test_a_signal_whose_slices_differ_beyond_the_dtype_leaves_the_bounds_relative_to_the_whole():
    """‖g_F‖/‖g_y‖ is beyond all floats: what is relative to g_y says nothing, not infinity."""
    leaves, x = {"F": multiple_of_identity(0.5, 1)}, gaussian(1, 1, seed=0)
    found = evaluate(DENSE.term, leaves, x, torch.tensor([[1e200, 1e-200]], dtype=torch.float64))
    values = by_id(found)
    assert found.gain.item() == pytest.approx(0.5, rel=1e-14)
    assert values["dense.triangle.lower"] == values["dense.uniform.lower"] == 0
    assert values["dense.triangle.upper"] == values["dense.uniform.upper"] == math.inf
    assert values["singular.max.upper"] == pytest.approx(1.25**0.5)


class Counter(nn.Module):
    """Another function at every call."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return self.calls * x


@pytest.mark.parametrize(
    ("term", "leaf", "message"),
    [
        (RESIDUAL.term, lambda x: x - x.mean(0), "depends on the other samples"),
        (RESIDUAL.term, lambda x: x.flip(0), "depends on the other samples"),
        (RESIDUAL.term, lambda x: x + torch.rand_like(x), "draws random numbers"),
        (RESIDUAL.term, Counter(), "changes from call to call"),
        (RESIDUAL.term, nn.Linear(4, 3).double(), "'F' cannot be evaluated"),
        (RESIDUAL.term, None, "must be a module or a function"),
        (Add(Linear("F"), Identity()), torch.tanh, "not affine"),
        (Add(Linear("F"), Identity()), torch.relu, "not affine"),
        (
            Add(Linear("F"), Identity()),
            lambda x: x * x.abs() / x.norm(dim=1)[:, None],
            "not affine",
        ),
        (Add(Linear("F"), Identity()), lambda x: x.median(1)[0][:, None] + 0 * x, "not affine"),
        (Pointwise("F"), lambda x: x.softmax(1), "not act on each entry"),
        (Chain(Layer("F"), Linear("F")), torch.tanh, "different kinds"),
    ],
)
def test_leaves_that_are_not_what_the_term_says_are_refused(term, leaf, message):
    with pytest.raises(InputError, match=message):
        evaluate(term, {"F": leaf}, gaussian(4, 3, seed=0), gaussian(4, 3, seed=1), spectra=False)


def test_an_input_is_never_written_to():
    x = gaussian(4, 3, seed=0)
    before = x.clone()
    with pytest.raises(InputError, match="in place"):
        evaluate(RESIDUAL.term, {"F": nn.ReLU(inplace=True)}, x, gaussian(4, 3, seed=1))
    assert torch.equal(x, before)


def test_tensors_made_in_inference_mode_are_fine():
    with torch.inference_mode():
        x, g = gaussian(4, 3, seed=0), gaussian(4, 3, seed=1)
    leaves = {"F": nn.Linear(3, 3).double()}
    assert torch.equal(
        evaluate(RESIDUAL.term, leaves, x, g).gain,
        evaluate(RESIDUAL.term, leaves, x.clone(), g.clone()).gain,
    )


@pytest.mark.parametrize(
    "effort",
    [{"steps": 2.5}, {"steps": 0}, {"seed": 1.5}, {"seed": -1}, {"delta": "a"}, {"delta": 0.0}],
)
def test_settings_without_meaning_are_refused(effort):
    with pytest.raises(InputError):
        evaluate(
            RESIDUAL.term,
            {"F": nn.Linear(3, 3).double()},
            gaussian(4, 3, seed=0),
            gaussian(4, 3, seed=1),
            **effort,
        )


def test_tiny_signals_do_not_underflow():
    leaves, x = {"F": nn.Linear(3, 3)}, gaussian(2, 3, seed=0, dtype=torch.float32)
    g = gaussian(2, 3, seed=1, dtype=torch.float32)
    ordinary, tiny = (evaluate(RESIDUAL.term, leaves, x, scale * g) for scale in (1.0, 1e-30))
    assert torch.allclose(ordinary.gain, tiny.gain, rtol=1e-5)


@pytest.mark.parametrize(
    "term",
    [
        Add(Identity(), Pointwise("sigmoid")),
        Add(Pointwise("sigmoid"), Identity()),
        Add(Identity(), Complement()),
    ],
)
def test_bounds_that_are_numbers_alone_are_evaluated(term):
    """1 − ¼ for x + σ(x); a Jacobian that is 0 for x + (1 − x)."""
    x, g = gaussian(3, 4, seed=0), gaussian(3, 4, seed=1)
    found = evaluate(term, {"sigmoid": torch.sigmoid}, x, g)
    for bound in found.bounds:
        assert bound.value.shape == (3,)
        gap = found.gain - bound.value if bound.side == "lower" else bound.value - found.gain
        assert (gap >= -1e-12).all(), bound


@pytest.mark.parametrize("steps", [10, 20, 40])
def test_the_least_singular_value_says_no_less_than_what_is_proved_to_be_looser(steps):
    """σ_min(I + J) ≥ max(1 + μ, −1 − λ), by a proved order; few Krylov steps find less of it."""
    torch.manual_seed(3)
    n = 64
    weight = 0.3 * torch.randn(n, n, dtype=torch.float64) / n**0.5
    x, g = torch.randn(2, 5, n, dtype=torch.float64)
    layer = nn.Linear(n, n, bias=False, dtype=torch.float64)
    layer.weight.data = weight
    found = evaluate(RESIDUAL.term, {"F": layer}, x, g, steps=steps)
    values = by_id(found)
    truth = torch.linalg.svdvals(torch.eye(n, dtype=torch.float64) + weight)
    for looser in ("residual.numerical_range", "residual.uniform", "norms.factors"):
        assert (values["singular.min.lower"] >= values[f"{looser}.lower"]).all(), looser
    assert (values["singular.max.upper"] <= values["residual.uniform.upper"]).all()
    assert (values["singular.min.lower"] <= truth[-1] + 1e-12).all()
    assert (values["singular.max.upper"] >= truth[0] - 1e-12).all()
    # Short runs of Krylov steps find nothing of σ_min itself, and the looser bounds something.
    assert (values["singular.min.lower"] > 0).all()


def test_a_bound_that_another_one_raised_owes_its_chance_of_error_to_both():
    torch.manual_seed(3)
    layer = nn.Linear(24, 24, bias=False, dtype=torch.float64)
    layer.weight.data *= 0.3
    x, g = torch.randn(2, 5, 24, dtype=torch.float64)
    few, many = (evaluate(RESIDUAL.term, {"F": layer}, x, g, steps=steps) for steps in (10, 40))
    for numbers in (few, many):
        known = {bound.id: bound for bound in numbers.bounds}
        least = known["singular.min.lower"]
        if "; or by " in least.reason:
            looser = known[least.reason.rpartition("; or by ")[2]]
            assert least.delta > (looser.delta or 0)
            assert least.certainty == "probable"
    assert any("; or by " in b.reason for b in few.bounds if b.id == "singular.min.lower")


def many_sums(count: int) -> tuple[Chain, dict[str, nn.Module]]:
    torch.manual_seed(4)
    leaves = {f"F_{k}": nn.Linear(5, 5, dtype=torch.float64) for k in range(count)}
    for layer in leaves.values():
        layer.weight.data *= 0.1
    return Chain(*(Add(Layer(name), Identity()) for name in leaves)), leaves


def test_many_sums_are_evaluated_by_their_length():
    """Their pullback has 2^60 addends when it is written out."""
    term, leaves = many_sums(60)
    x, g = gaussian(2, 5, seed=5), gaussian(2, 5, seed=6)
    found = evaluate(term, leaves, x, g, spectra=False)
    (measured,) = torch.autograd.grad(realize(term, leaves)(h := x.requires_grad_()), h, g)
    assert torch.allclose(found.pullback.view_as(measured), measured, rtol=1e-10)
    for bound in found.bounds:
        slack = 1e-9 * found.gain
        gap = found.gain - bound.value if bound.side == "lower" else bound.value - found.gain
        assert (gap >= -slack).all(), bound.id
    said = [bound.reason for bound in found.bounds if bound.id.startswith("residual")]
    assert all(len(each) < 500 for each in said)


def test_addends_that_are_said_alike_keep_names_of_their_own(monkeypatch):
    term, leaves = many_sums(2)
    x, g = gaussian(2, 5, seed=5), gaussian(2, 5, seed=6)
    own = evaluate(term, leaves, x, g, spectra=False).terms
    monkeypatch.setattr("numeric.evaluation.evaluate._said", lambda _: "long")
    terms = evaluate(term, leaves, x, g, spectra=False).terms
    alike = ["norm long", "norm long (2)", "norm long (3)"]
    lengths = [own[name] for name in own if name.startswith("norm ")]
    assert torch.equal(torch.stack([terms[name] for name in alike]), torch.stack(lengths))
