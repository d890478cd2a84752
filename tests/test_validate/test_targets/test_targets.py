"""Tests that each form of a target gives its model and inputs, and that each fault is named."""

import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from derivations.errors import InputError
from validate.targets.targets import load_target

FILE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 2)
        self.register_buffer("count", torch.tensor(3))

    def forward(self, x, scale=1.0):
        return scale * self.layer(x)

def bare(): return Net()
def with_tensor(): return Net(), torch.ones(5, 6)
def with_tuple(): return Net(), (torch.ones(5, 6), torch.tensor(2))
def with_names(): return Net(), {"x": torch.ones(5, 6, requires_grad=True), "scale": 2.0}
def tokens(): return nn.Embedding(11, 4)
def number(): return 3
def three(): return Net(), torch.ones(5, 6), 2.0
def a_class(): return Net
def no_inputs(): return Net(), ()
def text_inputs(): return Net(), "x"
def lazy(): return nn.LazyLinear(3), torch.ones(2, 6)
def meta(): return nn.Linear(6, 2, device="meta"), torch.ones(2, 6)

def rotating():
    model = Net()
    model.register_buffer("turn", torch.ones(2, dtype=torch.complex64) * 1j)
    return model, torch.ones(5, 6)

def careless():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.rand(3, device="cpu")
    return nn.Linear(6, 2, device="cpu"), torch.ones(5, 6, device="cpu")

class Sized(Net):
    default_cfg = {"input_size": (4, 6)}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(FILE)
    return path


def weights(target):
    return target.model.state_dict()


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("name", "shape"), [("residual-8", (4, 1, 8, 8)), ("resnet18", (4, 3, 224, 224))]
)
def test_a_built_in_network_comes_at_its_own_size(name, shape):
    target = load_target(name, device="cpu")
    assert target.name == name
    (x,) = target.args
    assert x.shape == shape
    assert target.kwargs == {}
    assert target.remarks == ("the weights are random, drawn with seed 0",)


def test_a_built_in_network_is_made_for_the_input_asked_for():
    target = load_target("dense-7", input_size=(3, 16, 16), batch=2, num_classes=7, device="cpu")
    assert target.args[0].shape == (2, 3, 16, 16)
    assert target.model(*target.args).shape == (2, 7)


@pytest.mark.parametrize("name", ["residual-8", "{file}:bare"])
def test_the_seed_gives_the_same_weights_and_inputs_in_every_dtype(file, name):
    def load(seed, dtype="float32"):
        return load_target(
            name.format(file=file), seed=seed, dtype=dtype, input_size=(6, 8, 8), device="cpu"
        )

    first, again, other, double = load(1), load(1), load(2), load(1, "float64")
    assert equal(weights(first), weights(again))
    assert not equal(weights(first), weights(other))
    assert torch.equal(first.args[0], again.args[0])
    assert not torch.equal(first.args[0], other.args[0])
    assert torch.equal(first.args[0], double.args[0].float())
    assert all(
        torch.equal(value, double.model.state_dict()[key].to(value.dtype))
        for key, value in weights(first).items()
    )


@pytest.mark.parametrize("name", ["residual-8", "{file}:careless"])
def test_torch_and_the_path_are_left_as_found(file, name):
    path, state = list(sys.path), torch.random.get_rng_state()
    load_target(name.format(file=file), device="cpu")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_default_device() == torch.device("cpu")
    assert torch.overrides._len_torch_function_stack() == 0  # a default device is a mode
    assert torch.is_grad_enabled()
    assert sys.path == path


def test_they_are_left_as_found_also_by_what_fails(file):
    state = torch.random.get_rng_state()
    file.write_text("import torch\ntorch.set_default_dtype(torch.float64)\ntorch.rand(3)\n1 / 0")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        load_target(f"{file}:net")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32


def test_another_default_dtype_changes_nothing():
    usual = load_target("residual-8", device="cpu")
    torch.set_default_dtype(torch.float64)
    try:
        unusual = load_target("residual-8", device="cpu")
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert equal(weights(usual), weights(unusual))
    assert torch.equal(usual.args[0], unusual.args[0])


def test_inputs_that_come_with_the_module_are_used(file):
    (x,) = load_target(f"{file}:with_tensor", dtype="float64", device="cpu").args
    assert x.dtype == torch.float64
    assert torch.equal(x, torch.ones(5, 6, dtype=torch.float64))
    target = load_target(f"{file}:with_tuple", device="cpu")
    assert [each.dtype for each in target.args] == [torch.float32, torch.int64]
    target = load_target(f"{file}:with_names", dtype="float64", device="cpu")
    assert target.args == ()
    assert target.kwargs["scale"] == 2.0
    assert not target.kwargs["x"].requires_grad
    assert target.model(*target.args, **target.kwargs).dtype == torch.float64


def test_an_option_goes_before_the_inputs_that_come_with_the_module(file):
    target = load_target(f"{file}:with_tensor", input_size=(6,), batch=3, device="cpu")
    assert target.args[0].shape == (3, 6)
    assert target.remarks == (f"--input-size replaces the example inputs of {file}:with_tensor",)


def test_tokens_are_integers_of_the_vocabulary(file):
    target = load_target(f"{file}:tokens", tokens=50, vocab=11, dtype="float64", device="cpu")
    (x,) = target.args
    assert x.shape == (4, 50)
    assert x.dtype == torch.int64
    assert set(x.unique().tolist()) == set(range(11))
    assert target.model(x).shape == (4, 50, 4)


def test_a_size_stated_in_timms_way_is_used(file):
    assert load_target(f"{file}:Sized", device="cpu").args[0].shape == (4, 4, 6)


def test_a_package_is_a_source_too():
    target = load_target("torch.nn:Identity", input_size=(3,), device="cpu")
    assert isinstance(target.model, nn.Identity)
    assert target.remarks == ()


def test_integers_and_complex_numbers_keep_their_type(file):
    model = load_target(f"{file}:rotating", dtype="float64", device="cpu").model
    assert model.count.dtype == torch.int64
    assert model.layer.weight.dtype == torch.float64
    assert torch.equal(model.turn, torch.tensor([1j, 1j]))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_coarse_dtypes_come_with_a_remark(dtype):
    target = load_target("residual-8", dtype=dtype, device="cpu")
    assert target.args[0].dtype == next(target.model.parameters()).dtype == getattr(torch, dtype)
    assert target.remarks[-1] == f"in {dtype} gains are measured, and nothing is certified"


def test_what_a_capture_refuses_is_not_refused_here(file):
    model = load_target(f"{file}:lazy", dtype="float64", device="cpu").model
    assert model.has_uninitialized_params()


def test_the_device_is_the_one_there_is():
    target = load_target("residual-8")
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert target.args[0].device.type == next(target.model.parameters()).device.type == expected


def test_a_checkpoint_replaces_the_weights(tmp_path):
    saved = load_target("residual-8", seed=5, dtype="float64", device="cpu")
    generator = torch.Generator().manual_seed(1)
    state = {
        key: value + torch.rand(value.shape, generator=generator, dtype=value.dtype)
        if value.is_floating_point()
        else value
        for key, value in weights(saved).items()
    }
    path = tmp_path / "w.safetensors"
    save_file(state, path)
    target = load_target("residual-8", checkpoint=path, dtype="float64", device="cpu")
    assert equal(weights(target), state)
    assert target.remarks == ()
    assert equal(weights(load_target("residual-8", checkpoint=str(path), device="cpu")), {
        key: value.float() if value.is_floating_point() else value for key, value in state.items()
    })  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet5", "unknown target 'resnet5': did you mean 'resnet50'[?] Or write a built-in"),
        ("residul-20", "did you mean 'residual-20'"),
        ("", "unknown target ''"),
        ("residual-9", "depth 9 is not 6n"),
        ("{file}:number", "returns an object of type int: return an nn.Module"),
        ("{file}:three", "returns a tuple of 3: return an nn.Module, or [(]module, example"),
        ("{file}:a_class", "returns the class Net, not an instance"),
        ("{file}:no_inputs", "example inputs without a tensor"),
        ("{file}:text_inputs", "example inputs of type str: return a tensor, a tuple"),
        ("{file}:bare", "does not say what its inputs are: give --input-size C,H,W, or --tokens"),
        ("{file}:meta", "cannot be moved to cpu in torch.float32"),
        (
            "{file}",
            "holds 16 functions and classes that may make a module .*Net, bare, with_tensor",
        ),
    ],
)
def test_a_target_that_cannot_be_used_is_named(file, name, words):
    with pytest.raises(InputError, match=words) as caught:
        load_target(name.format(file=file), device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int8"}, "unknown dtype 'int8': choose from float32"),
        ({"device": "tpu"}, "unknown device 'tpu': choose auto, cpu, cuda"),
        ({"device": "cuda:"}, "unknown device 'cuda:'"),
        ({"device": "cuda:99"}, "no device 'cuda:99': choose --device auto or cpu"),
        ({"tokens": 3, "vocab": 5}, "residual-8 takes images, not tokens"),
        ({"input_size": (1, 8, 9)}, "takes square images, not --input-size 1,8,9"),
        ({"input_size": (64,)}, "takes square images"),
        ({"num_classes": 0}, "--num-classes is 0"),
        ({"batch": 0}, "--batch is 0"),
        ({"checkpoint": "w.pth"}, "w.pth is a pickle"),
    ],
)
def test_options_that_make_no_sense_are_named(options, words):
    with pytest.raises(InputError, match=words) as caught:
        load_target("residual-8", **options)
    assert "\n" not in str(caught.value)


def test_classes_are_not_for_what_is_called_without_arguments(file):
    with pytest.raises(InputError, match="leave out --num-classes"):
        load_target(f"{file}:bare", num_classes=3)


@pytest.mark.usefixtures("torchvision")
def test_a_name_that_is_not_built_in_is_torchvisions():
    target = load_target("squeezenet1_1", num_classes=3, batch=1, device="cpu")
    assert target.args[0].shape == (1, 3, 224, 224)
    assert target.remarks[0] == "'squeezenet1_1' is no built-in network: it is torchvision's"
    explicit = load_target("torchvision:squeezenet1_1", num_classes=3, device="cpu")
    assert equal(weights(target), weights(explicit))
    assert len(explicit.remarks) == 1


@pytest.mark.usefixtures("timm")
def test_a_model_of_timm_comes_at_its_own_size():
    target = load_target("timm:mobilenetv3_small_050", batch=1, device="cpu")
    assert target.args[0].shape == (1, 3, 224, 224)
    assert load_target(
        "timm:mobilenetv3_small_050", input_size=(1, 64, 64), device="cpu"
    ).model.eval()(torch.zeros(1, 1, 64, 64)).shape == (1, 1000)
