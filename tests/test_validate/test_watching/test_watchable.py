import tempfile
import warnings
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from test_validate.watched import batch, by_hand, gains, norm_of, residual
from torch import multiprocessing, nn
from torch.nn.functional import cross_entropy

from derivations.errors import CaptureError, InputError
from validate.watching.watch import watch
from validate.watching.watchable import watchable


def step(model, x, y):
    cross_entropy(model(x), y).backward()


def test_a_model_is_its_own_root():
    model = residual()
    found = watchable(model)
    assert found.root is found.original is model
    assert (found.compiled, found.fixed, found.remarks) == (False, False, ())


class FullyShardedDataParallel(nn.Module):
    """Goes by the name, and the place, of torch's own."""

    __module__ = "torch.distributed.fsdp"


class FSDPModule(nn.Identity):
    __module__ = "torch.distributed.fsdp._fully_shard"


@pytest.mark.parametrize("wrong", [FullyShardedDataParallel(), FSDPModule()])
def test_what_is_sharded_is_refused_by_name_wherever_it_is(wrong):
    with pytest.raises(InputError, match=rf"1: {type(wrong).__name__} shards the weights"):
        watch(nn.Sequential(nn.Linear(2, 2), wrong))


class DTensor(torch.Tensor):
    pass


def test_pieces_of_weights_are_refused():
    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(torch.ones(2, 2).as_subclass(DTensor))
    with pytest.raises(InputError, match=r"the model\.weight: DTensor shards"):
        watch(model)


def test_replicas_in_threads_are_refused_by_name():
    with pytest.raises(InputError, match="DataParallel runs copies"):
        watch(nn.DataParallel(residual()))


def test_what_is_no_module_is_refused():
    with pytest.raises(InputError, match=r"function cannot be watched"):
        watch(step)
    with pytest.raises(InputError, match="no shape yet"):
        watch(nn.LazyLinear(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to drop scripting
        scripted = torch.jit.script(nn.Linear(2, 2))
    with pytest.raises(CaptureError, match="scripted"):
        watch(scripted)


def test_a_compiled_model_is_watched_as_it_was_written():
    model, (x, y) = residual(), batch()
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend)
    with watch(compiled, every=2) as watched:
        step(compiled, x, y)
        assert graphs == []
        step(compiled, x, y)
        assert len(graphs) == 1
        step(compiled, x, y)
    assert {row.step for row in watched.rows} == {0, 2}
    assert gains(watched, 2)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)
    assert any("without its speed" in remark for remark in watched.remarks)
    assert not compiled._forward_pre_hooks
    assert not model._forward_pre_hooks
    assert {row.name for row in watched.parameters} > {"0.weight", "1.f.0.bias"}


def test_compiled_parts_of_a_model_run_as_they_were_written():
    model, (x, y) = residual(), batch()
    model[1].compile(backend="eager")
    model[2] = torch.compile(model[2], backend="eager")
    with watch(model) as watched:
        step(model, x, y)
    assert gains(watched)[1:] == pytest.approx(by_hand(residual(), x, y), rel=1e-12)


def test_a_model_that_is_compiled_in_place_is_refused():
    model = residual()
    model.compile(backend="eager")
    with pytest.raises(InputError, match="compiled in place"):
        watch(model)


def ranked(rank, meeting, results):
    """One of two processes that train together, and watch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    model, (x, y) = residual(), batch(seed=rank)
    together = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=rank < 2)
    with watch(together, details=1) as watched:
        for _ in range(2):
            together.zero_grad()
            step(together, x, y)
    mean = norm_of([p.grad for p in model.parameters()])
    found = (gains(watched, 1)[1:], by_hand(model, x, y), watched.parameters[-1].gradient, mean)
    Path(results, str(rank)).write_text(repr((*found, watched.remarks)))
    dist.barrier()  # gloo aborts a process whose peer has left in the middle of a call
    del watched, together
    dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_gloo_available(), reason="processes meet by gloo")
def test_each_process_watches_its_own_share_of_the_batch():
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(ranked, (f"{folder}/meeting", folder), 2)
        ranks = [eval(Path(folder, str(rank)).read_text()) for rank in range(2)]  # noqa: S307 ours
    for found, expected, gradient, mean, remarks in ranks:
        assert found == pytest.approx(expected, rel=1e-12)
        assert gradient == pytest.approx(mean, rel=1e-12)
        assert any("share of the batch" in remark for remark in remarks)
    assert ranks[0][0] != pytest.approx(ranks[1][0], rel=1e-3)
    assert ranks[0][2] == pytest.approx(ranks[1][2], rel=1e-12)


def test_batch_norm_over_processes_is_captured_once():
    model = nn.Sequential(nn.Linear(2, 2), nn.SyncBatchNorm(2))
    assert watchable(model).fixed
