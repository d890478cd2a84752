"""Names the kind of processor that a device is: the same kind makes the same bytes, others not."""

import torch


def processor(device: str) -> str:
    """Of the CPU its vector instructions, as torch uses them; of a GPU its model."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"
