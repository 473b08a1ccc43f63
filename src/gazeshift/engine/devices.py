"""The devices of this machine that maps are computed on."""

import torch


def accelerators() -> list[str]:
    """Every accelerator of this machine; none: the CPU computes."""
    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else []
