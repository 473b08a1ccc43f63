"""The same seed, the same model: also on an accelerator, where a different summation order would make two runs diverge."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import deterministic

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def repeatable() -> Iterator[None]:
    """Choose deterministic kernels within a block; settings are restored afterwards.

    If PyTorch has no such kernel for an operation, it uses a nondeterministic one and warns, naming the operation
    (https://docs.pytorch.org/docs/stable/notes/randomness.html).

    Example:
        >>> with repeatable():
        ...     torch.are_deterministic_algorithms_enabled()
        True
    """
    asked, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filled: bool = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]  # set through a class of the module
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # else cuBLAS may share its workspace between streams, in any order
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a help in finding errors, which costs time
    torch.use_deterministic_algorithms(True, warn_only=True)
    # In warn-only mode, CUDA's fused attention kernels warn, and sum in any order.
    attention = sdpa_kernel(SDPBackend.MATH) if torch.cuda.is_available() else nullcontext()
    try:
        with attention:
            yield
    finally:
        torch.use_deterministic_algorithms(asked, warn_only=warn_only)
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
        if workspace is None:
            del os.environ[_WORKSPACE]
