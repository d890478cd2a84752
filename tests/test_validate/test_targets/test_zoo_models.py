"""Tests models of torchvision and timm by name; where these are missing, how they are refused."""

import importlib.util
import sys

import pytest
import torch

from derivations.errors import InputError
from validate.targets import zoo_models
from validate.targets.zoo_models import has_torchvision, timm_model, torchvision_model


@pytest.fixture
def bare(monkeypatch):
    """An environment with neither."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("bare")
def test_where_one_is_missing_the_way_out_is_named():
    assert not has_torchvision("alexnet")
    with pytest.raises(InputError, match="run `python -m pip install torchvision`"):
        torchvision_model("resnet18", None)
    with pytest.raises(InputError, match="run `python -m pip install timm`"):
        timm_model("resnet18", None)


def test_one_that_cannot_be_imported_is_reported(tmp_path, monkeypatch):
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm" / "__init__.py").write_text("raise RuntimeError('broken\\nat length')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(InputError, match=r"timm cannot be imported \(broken\): run `python"):
        timm_model("resnet18", None)


def test_the_nearest_name_is_told():
    assert zoo_models._closest("resnt", ["alexnet", "resnet"]) == ": did you mean 'resnet'?"
    assert zoo_models._closest("zzz", ["alexnet", "resnet"]) == ": it has 2, such as alexnet"


@pytest.mark.usefixtures("torchvision")
def test_a_model_of_torchvision_is_built():
    model, size = torchvision_model("mobilenet_v3_small", 5)
    assert size == (3, 224, 224)
    assert model.eval()(torch.zeros(1, *size)).shape == (1, 5)
    assert has_torchvision("mobilenet_v3_small")
    assert not has_torchvision("mobilenet_v3_smal")


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize(("name", "expected"), [("inception_v3", (3, 299, 299)), ("r3d_18", None)])
def test_some_models_take_other_inputs(name, expected):
    _, size = torchvision_model(name, None)
    assert size == expected


@pytest.mark.usefixtures("torchvision")
def test_backbones_are_not_downloaded(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a download")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    model, _ = torchvision_model("lraspp_mobilenet_v3_large", None)
    assert isinstance(model, torch.nn.Module)


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize(
    ("name", "classes", "words"),
    [
        ("resnet5", None, "torchvision has no model 'resnet5': did you mean 'resnet50'"),
        ("fasterrcnn_resnet50_fpn", None, "takes more than a batch of images: write a function"),
        ("raft_small", None, "takes more than a batch of images"),
        ("resnet18", -3, "torchvision:resnet18 cannot be built"),
    ],
)
def test_what_torchvision_cannot_give_is_named(name, classes, words):
    with pytest.raises(InputError, match=words) as caught:
        torchvision_model(name, classes)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("torchvision")
def test_operators_are_declared_once():
    zoo_models._provide_operators()
    zoo_models._provide_operators()
    assert zoo_models._declared("nms")
    assert not zoo_models._declared("nmss")
    assert len(zoo_models._kept_alive) <= 1


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("name", ["resnet10t", "resnet10t.c3_in1k"])
def test_a_model_of_timm_is_built(name):
    model = timm_model(name, 5)
    assert model.default_cfg["input_size"] == (3, 176, 176)
    assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


@pytest.mark.usefixtures("timm")
def test_a_model_of_fixed_size_is_made_for_the_input():
    model = timm_model("vit_tiny_patch16_224", 5, (1, 32, 48))
    assert model.eval()(torch.zeros(2, 1, 32, 48)).shape == (2, 5)


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnt18", "timm has no model 'resnt18': did you mean 'resnet18'"),
        ("hf-hub:timm/resnet18", "names a place, and nothing is downloaded"),
        ("local-dir:/tmp", "names a place"),
        ("timm/resnet18", "names a place"),
        ("resnet18.nonsense", "timm:resnet18.nonsense cannot be built .*nonsense"),
    ],
)
def test_what_timm_cannot_give_is_named(name, words):
    with pytest.raises(InputError, match=words) as caught:
        timm_model(name, None)
    assert "\n" not in str(caught.value)
