"""Names what records are made on and with: the same makes the same bytes, others not."""

import platform
from pathlib import Path

import numpy as np
import torch

DRIVER = Path("/proc/driver/nvidia/version")


def processor(device: str) -> str:
    """Of the CPU its vector instructions, as torch uses them; of a GPU its model."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def versions(device: str) -> dict[str, str]:
    """Of Python and of what computes: torch, NumPy, and what a GPU computes with."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        **accelerator(device),
    }


def accelerator(device: str) -> dict[str, str]:
    """What a GPU computes with: its model, and the versions of CUDA, cuDNN and the driver, as far
    as they are told. Nothing of a CPU.
    """
    if torch.device(device).type != "cuda":
        return {}
    told = {
        "gpu": processor(device),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "driver": DRIVER.read_text().partition("\n")[0] if DRIVER.is_file() else None,
    }
    return {name: str(value) for name, value in told.items() if value}
