"""The verb `analyze`, from a file of the user's to every format."""

import json
from pathlib import Path

import pytest

import gradbound as gb
from derivations.errors import InputError
from gradbound.cli import main
from validate.analysis.analysis_document import Analysis

NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, dying=False):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.dying = dying
        if dying:
            nn.init.constant_(self.conv1.bias, -30.0)

    def forward(self, x):
        branch = self.conv2(torch.relu(self.conv1(x)))
        return branch if self.dying else x + branch

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.Sequential(Block(), Block(dying=True), Block())
        self.head = nn.Linear(4, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))

def make():
    return Net()
"""


@pytest.fixture
def net(tmp_path: Path) -> str:
    (tmp_path / "mynet.py").write_text(NET)
    return f"{tmp_path / 'mynet.py'}:make"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["analyze", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_dying_block_is_named_with_its_reason(capsys, net):
    code, out, _ = run(capsys, net, "--input-size", "3,8,8")
    assert code == 0
    lost = out[out.index("where the gradient is lost") :].splitlines()
    assert lost[1].strip().startswith("blocks.1.conv1 (plain): mask")
    assert "dead units" in lost[1]


@pytest.mark.parametrize("mode", ["made", "train", "eval", "calibrated"])
def test_json_is_the_document(capsys, net, mode):
    code, out, _ = run(capsys, net, "--input-size", "3,8,8", "--format", "json", "--mode", mode)
    assert code == 0
    found = Analysis.of(out)
    assert found.schema == "gradbound.analyze/1"
    assert [block.kind for block in found][:2] == ["linear", "residual"]


def test_html_is_written_to_a_file_and_latex_printed(capsys, net, tmp_path):
    target = tmp_path / "page.html"
    code, out, _ = run(
        capsys, net, "--input-size", "3,8,8", "--format", "html", "--out", str(target)
    )
    assert (code, out.strip()) == (0, str(target))
    assert target.read_text().startswith("<!DOCTYPE html>")
    code, out, _ = run(capsys, net, "--input-size", "3,8,8", "--format", "latex")
    assert out.startswith(r"\begin{tabular}")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.html", "<!DOCTYPE html>"),
        ("a.HTM", "<!DOCTYPE html>"),
        ("a.json", '{\n  "schema": "gradbound.analyze/1"'),
        ("a.tex", r"\begin{tabular}"),
        ("a.txt", "/"),
    ],
)
def test_the_suffix_of_a_file_says_its_format(capsys, net, tmp_path, name, start):
    code, out, _ = run(capsys, net, "--input-size", "3,8,8", "--out", str(tmp_path / name))
    assert (code, out.strip()) == (0, str(tmp_path / name))
    assert (tmp_path / name).read_text().startswith(start)


@pytest.mark.parametrize(("form", "name"), [("pdf", "a.html"), ("json", "a.TXT")])
def test_a_format_and_a_suffix_that_disagree_are_refused(capsys, net, tmp_path, form, name):
    target = tmp_path / name
    code, _, err = run(capsys, net, "--input-size", "3,8,8", "--format", form, "--out", str(target))
    assert code == 2
    assert f"--format {form}" in err
    assert not target.exists()


def test_a_format_may_be_given_for_a_file_of_any_other_name(capsys, net, tmp_path):
    for name in ("a.json", "a.record", "a"):
        target = tmp_path / name
        run(capsys, net, "--input-size", "3,8,8", "--format", "json", "--out", str(target))
        assert target.read_text().startswith("{")


def test_one_result_of_several_is_followed(capsys, tmp_path):
    (tmp_path / "cells.py").write_text(
        "from torch import nn\ndef make():\n    return nn.GRU(5, 8, batch_first=True)\n"
    )
    cells, sizes = f"{tmp_path / 'cells.py'}:make", ("--input-size", "6,5")
    code, _, err = run(capsys, cells, *sizes)
    assert code == 5
    assert "or --result 1" in err
    code, out, _ = run(capsys, cells, *sizes, "--result", "1", "--format", "json")
    assert code == 0
    (block,) = Analysis.of(out).blocks
    assert block.tags == ("recurrent",)
    code, _, err = run(capsys, cells, *sizes, "--result", "3")
    assert code == 3
    assert "the result has no tensor 3: it has 2" in err


def test_a_pdf_is_written_to_a_file_alone(capsys, net, tmp_path):
    target = tmp_path / "net.pdf"
    arguments = (net, "--input-size", "3,8,8", "--format", "pdf")
    code, out, _ = run(capsys, *arguments, "--out", str(target))
    assert (code, out.strip()) == (0, str(target))
    assert target.read_bytes().startswith(b"%PDF")
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "--out" in err


def test_several_targets_are_compared(capsys, net):
    sizes = ("--input-size", "3,8,8", "--format")
    code, out, _ = run(capsys, net, net, *sizes, "text")
    assert code == 0
    assert "least gain" in out
    code, out, _ = run(capsys, net, net, *sizes, "json")
    assert [each["target"] for each in json.loads(out)] == [net, net]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.py:make"], 3, "none.py"),
        (["resnet5O"], 3, "did you mean"),
        (["resnet18", "--input-size", "3,x"], 2, "C,H,W"),
        ([], 2, "TARGET"),
        (["resnet18", "vgg11", "--checkpoint", "a.safetensors"], 2, "one target"),
        (["resnet18", "--input-size", "3,32,32", "--out", "no/such/x.html"], 3, "no folder"),
        (["resnet18", "--input-size", "3,32,32", "--out", "x.doc"], 2, "--format"),
    ],
)
def test_refusals_are_one_line(capsys, arguments, code, said):
    found, out, err = run(capsys, *arguments)
    assert found == code
    assert said in err
    assert not out
    assert err.count("\n") == 1


def test_a_model_that_cannot_be_captured_ends_with_5(capsys, tmp_path):
    (tmp_path / "keeper.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Keeper(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.kept = torch.zeros(4, 4)\n"
        "    def forward(self, x):\n"
        "        self.kept.copy_(x)\n"
        "        return x + self.kept.tanh()\n"
    )
    code, _, err = run(capsys, f"{tmp_path / 'keeper.py'}:Keeper", "--input-size", "4")
    assert code == 5
    assert "changes a tensor of its own" in err


def test_the_library_says_the_same(net):
    import torch
    from torch import nn

    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)), torch.randn(3, 4)
    found = gb.analyze(model, x)
    assert found.target == "Sequential"
    both = gb.compare({"a": (model, x), "b": (model, (x,))})
    assert [each.target for each in both] == ["a", "b"]
    assert both.analyses[0].blocks == both.analyses[1].blocks == found.blocks


def test_nothing_to_compare_is_refused():
    with pytest.raises(InputError, match="no model to compare"):
        gb.compare({})


def test_bounds_for_every_loss_are_printed_and_are_in_the_json(capsys, net):
    code, out, _ = run(capsys, net, "--input-size", "3,8,8", "--every-loss")
    assert code == 0
    assert "whatever the loss" in out
    assert "shift-invariant" in out
    code, out, _ = run(capsys, net, "--input-size", "3,8,8", "--every-loss", "--format", "json")
    ids = {bound["id"] for block in json.loads(out)["blocks"] for bound in block["bounds"]}
    assert {"every_loss.all", "every_loss.shift_invariant", "every_loss.labels"} <= ids
