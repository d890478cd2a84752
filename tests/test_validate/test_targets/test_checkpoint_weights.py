"""Tests the loading of weights: all of them, from safetensors, or a refusal that names them."""

import os
import pickle  # noqa: TID251, to show that none is read
import re

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model
from torch import nn

from derivations.errors import InputError
from validate.targets.checkpoint_weights import PICKLES, load_weights


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_as_a_wrapper_has_them_are_named(tmp_path, prefix):
    path = tmp_path / "wrapped.safetensors"
    save_file({prefix + name: each for name, each in network().state_dict().items()}, path)
    with pytest.raises(InputError, match=f"every name in .* begins with '{prefix}'.*strip it"):
        load_weights(network(), path)
    if prefix == "module.":  # a model that has such names itself
        load_weights(nn.ModuleDict({"module": network()}), path)


def test_names_of_another_model_are_not_a_wrapper_s(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"module.other": torch.ones(2)}, path)
    with pytest.raises(InputError, match="names missing"):
        load_weights(network(), path)


class Trap:
    """A pickle that leaves a mark where it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_round_trip(path):
    saved, loaded = network(), network()
    save_file(saved.state_dict(), path)
    load_weights(loaded, path)
    assert all(map(torch.equal, loaded.state_dict().values(), saved.state_dict().values()))


def test_a_dtype_is_cast_to_that_of_the_model(path):
    saved, loaded = network(), network().double()
    save_file(saved.state_dict(), path)
    load_weights(loaded, path)
    assert loaded[0].weight.dtype == torch.float64
    assert torch.equal(loaded[0].weight, saved[0].weight.double())


def test_a_tensor_with_two_names_is_stored_under_one(path):
    saved, loaded = Tied(), Tied()
    save_model(saved, str(path))
    assert len(load_file(path)) == 3
    load_weights(loaded, path)
    assert torch.equal(loaded.second.weight, saved.first.weight)
    assert loaded.second.weight is loaded.first.weight


def test_uninitialised_parameters_take_the_shape_of_the_file(path):
    saved, loaded = nn.Linear(3, 4), nn.LazyLinear(4)
    save_file(saved.state_dict(), path)
    load_weights(loaded, path)
    assert torch.equal(loaded.weight, saved.weight)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("0.weight"), "1 names missing that the model has [(]0.weight[)]"),
        (lambda s: [s.pop(k) for k in list(s)[:5]], "5 names missing .* and 2 more[)]"),
        (
            lambda s: s.update(extra=torch.ones(1)),
            "1 names that the model has not [(]extra[)]: choose the checkpoint of this model",
        ),
        (
            lambda s: s.update({"0.bias": torch.ones(5)}),
            "1 other shapes .*[(]0.bias [(]5,[)] for [(]4,[)][)]",
        ),
        (
            lambda s: s.update({"0.weight": torch.ones(4, 3, dtype=torch.int8)}),
            "0.weight torch.int8 for torch.float32",
        ),
    ],
)
def test_what_does_not_fit_is_counted_and_named(path, change, words):
    state = network().state_dict()
    change(state)
    save_file(state, path)
    with pytest.raises(InputError, match=words) as caught:
        load_weights(network(), path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [*PICKLES, ".PTH"])
def test_pickles_are_refused_by_name(tmp_path, ending):
    mark = tmp_path / "mark"
    path = tmp_path / f"weights{ending}"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(InputError, match="is a pickle, which runs code when it is read: convert"):
        load_weights(network(), path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["x.safetensors", "x.weights", "x"])
def test_a_pickle_by_another_name_is_refused_unread(tmp_path, name):
    mark = tmp_path / "mark"
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(InputError, match=r"is no safetensors file .*: convert a state dict with"):
        load_weights(network(), path)
    torch.save(network().state_dict(), path)
    with pytest.raises(InputError, match="is no safetensors file"):
        load_weights(network(), path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(mark)))  # noqa: S301, negative control: the trap works
    assert mark.exists()


def test_the_line_that_converts_works(tmp_path):
    saved, loaded = Tied(), Tied()
    path = tmp_path / "weights.pt"
    torch.save(saved.state_dict(), path)
    with pytest.raises(InputError) as caught:
        load_weights(loaded, path)
    (line,) = re.findall("`(.*)`", str(caught.value))
    import safetensors.torch

    exec(line, {"safetensors": safetensors, "torch": torch})
    load_weights(loaded, path.with_suffix(".safetensors"))
    assert torch.equal(loaded.second.weight, saved.first.weight)


def test_truncated_files_are_refused(path):
    save_file(network().state_dict(), path)
    data = path.read_bytes()
    for length in (0, 7, 8, 100, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"is no safetensors file|cannot read"):
            load_weights(network(), path)


def test_places_that_hold_no_file_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        load_weights(network(), tmp_path / "nowhere")
    with pytest.raises(InputError, match="is no regular file"):
        load_weights(network(), tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no regular file"):
        load_weights(network(), tmp_path / "pipe")
