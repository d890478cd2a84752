"""Names the kind of processor that a device is: the same kind makes the same bytes, others not."""

from pathlib import Path

import torch

DRIVER = Path("/proc/driver/nvidia/version")


def processor(device: str) -> str:
    """Of the CPU its vector instructions, as torch uses them; of a GPU its model."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


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
