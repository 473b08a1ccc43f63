"""Lightning's irrelevant warnings, silenced one by one; all others are still shown."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = (
    "lightning.pytorch",
    "lightning.fabric",
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
)
_REMARKS = (
    r".*does not have many workers which may be a bottleneck.*",  # everything is in memory
    r"This DataLoader will create .* worker processes in total.*",  # the caller asked for them; a lone CPU only makes them slower
    r".*module\(s\) in eval mode at the start of training.*",  # frozen parts, on purpose
    r".*This process \(pid=.*\) is multi-threaded, use of fork\(\).*",  # Python >= 3.12 of every DataLoader worker
    r".*Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`.*",  # float16 skips steps while it finds its scale
    r"Grad strides do not match bucket view strides.*",  # of DDP, about the layout of a weight with an axis of length 1
    r"`isinstance\(treespec, LeafSpec\)` is deprecated.*",  # Lightning's own use of torch
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Suppress Lightning's banners, tips and hints within a block; also prepares the tokenizers library for forks."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    parallel = os.environ.get("TOKENIZERS_PARALLELISM")
    with warnings.catch_warnings():
        for remark in _REMARKS:
            warnings.filterwarnings("ignore", message=remark)
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        os.environ["TOKENIZERS_PARALLELISM"] = parallel or "false"
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if parallel is None:
                os.environ.pop("TOKENIZERS_PARALLELISM", None)
