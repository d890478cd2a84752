"""Names of processors: those whose bytes may differ have different ones."""

import os
import platform
import subprocess
import sys

import numpy as np
import torch
from root import ROOT

from validate.training.processor import processor, versions


def test_a_cpu_is_named_by_its_vector_instructions():
    assert processor("cpu") == f"cpu {torch.backends.cpu.get_cpu_capability()}"
    code = "from validate.training.processor import processor; print(processor('cpu'))"
    other = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"ATEN_CPU_CAPABILITY": "default", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip().lower() in ("cpu default", "cpu no avx")


def test_a_gpu_is_named_by_its_model(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"model of {device}")
    assert processor("cuda:1") == "model of cuda:1"


def test_versions_are_those_that_compute(monkeypatch):
    found = versions("cpu")
    assert found == {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    monkeypatch.setattr("validate.training.processor.accelerator", lambda device: {"gpu": device})
    assert versions("cuda:1") == found | {"gpu": "cuda:1"}
