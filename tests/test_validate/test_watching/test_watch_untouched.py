import copy
import gc
import weakref
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from test_validate.watched import batch, residual
from torch import nn
from torch.nn.functional import cross_entropy

from validate.watching.watch import watch


def step(model, x, y):
    cross_entropy(model(x), y).backward()


def test_the_training_is_the_same_with_and_without():
    trained = []
    for watching in (False, True):
        model, (x, y) = (
            nn.Sequential(residual(), nn.Dropout(0.3), nn.BatchNorm1d(4)).double(),
            batch(),
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        torch.manual_seed(3)
        watched = watch(model) if watching else None
        for _ in range(3):
            optimizer.zero_grad()
            step(model, x, y)
            optimizer.step()
        if watched is not None:
            assert len(watched.rows) > 12
            watched.close()
        trained.append((model.state_dict(), torch.rand(1)))
    for name, value in trained[0][0].items():
        assert torch.equal(value, trained[1][0][name])
    assert trained[0][1] == trained[1][1]


def everything(model):
    return [
        {name: copy.copy(value) for name, value in vars(each).items()} for each in model.modules()
    ]


def test_closing_leaves_nothing_on_the_model():
    model, (x, y) = residual(), batch()
    step(model, x, y)
    before = everything(model)
    watched = watch(model)
    step(model, x, y)
    watched.close()
    watched.close()
    assert everything(model) == before
    assert torch.overrides._len_torch_function_stack() == 0
    assert all(p._backward_hooks is None for p in model.parameters())
    assert all(not p._post_accumulate_grad_hooks for p in model.parameters())
    rows = len(watched.rows)
    step(model, x, y)
    assert len(watched.rows) == rows == 5


def test_closing_between_the_passes_ends_the_watch():
    model, (x, y) = residual(), batch()
    watched = watch(model)
    loss = cross_entropy(model(x), y)
    watched.close()
    loss.backward()
    assert watched.rows == []


def test_a_dropped_model_and_its_graph_are_freed_while_the_watch_lives():
    model, (x, y) = residual(), batch()
    watched = watch(model)
    step(model, x, y)
    saved = []

    class Saved:
        def __init__(self, tensor):
            self.tensor = tensor.detach()  # a result would hold the graph that holds it
            saved.append(weakref.ref(self))

    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda each: each.tensor):
        pending = cross_entropy(model(x), y)
    gone = [weakref.ref(each) for each in (model, model[1], model[0].weight, pending)] + saved
    assert len(gone) > 10
    assert all(each() is not None for each in gone)
    del model, pending
    gc.collect()
    assert [each() for each in gone] == [None] * len(gone)
    assert len(watched.rows) == 5
    watched.close()


def test_copies_of_a_watched_model_are_not_watched():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        for other in (copy.deepcopy(model), ForkingPickler.loads(ForkingPickler.dumps(model))):
            step(other, x, y)
        assert watched.rows == []
        step(model, x, y)
    assert {row.step for row in watched.rows} == {0}


def test_a_model_that_raises_leaves_no_mode_behind():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        step(model, x, y)
        with pytest.raises(RuntimeError):
            model(x[:, :3])
        assert torch.overrides._len_torch_function_stack() == 0
        step(model, x, y)
    assert {row.step for row in watched.rows} == {0, 2}


class Interrupted(nn.Module):
    now = False

    def forward(self, x):
        if self.now:
            raise KeyboardInterrupt
        return x * 1.0


def test_after_an_interrupt_the_watch_goes_on():
    stop = Interrupted()
    model, (x, y) = nn.Sequential(*residual(), stop), batch()
    with watch(model) as watched:
        step(model, x, y)
        stop.now = True
        with pytest.raises(KeyboardInterrupt):
            model(x)
        stop.now = False
        step(model, x, y)
        assert torch.overrides._len_torch_function_stack() == 0
    assert {row.step for row in watched.rows} == {0, 2}
