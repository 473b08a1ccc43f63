"""Lightning's side of one or several processes: which device each trains on, and how their gradients meet."""

import signal
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.environments import ClusterEnvironment, LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy

from gazeshift.training.ranks import Ranks, wait


def machine(here: Ranks) -> dict[str, Any]:
    """The arguments of a ``Trainer`` for one process on its current device, or for one of several."""
    if here.size == 1:
        cuda = torch.cuda.is_available()
        return {"accelerator": "auto", "devices": [torch.cuda.current_device()] if cuda else 1}
    return {
        "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
        "devices": here.local_size,
        "num_nodes": here.size // here.local_size,
        "strategy": Together(),
        "use_distributed_sampler": False,  # ``Requests`` divides every batch
    }


def environment(here: Ranks) -> ClusterEnvironment:
    """One process, also inside a cluster's job; or those that were started together."""
    return LightningEnvironment() if here.size == 1 else _Launched(here)


class Together(DDPStrategy):
    """DDP among the processes that ``joined``; they wait for the one that writes a checkpoint as long as that takes."""

    def __init__(self) -> None:
        super().__init__(
            static_graph=True
        )  # every step is alike, and a net may hold weights that its output does not depend on

    def block_backward_sync(self) -> AbstractContextManager[None]:
        """Add up the gradients of every part of a step: DDP aborts if a static graph begins without."""
        return nullcontext()

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        """Wait for all processes."""
        wait()


class EndAtOnce(Callback):
    """A process that is told to end (SIGTERM, as ``torchrun`` tells the others when one has died) ends.

    Lightning would tell the others first, and wait for an answer of those that are gone.
    """

    def __init__(self) -> None:
        self.before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Lightning has taken the signal by now."""
        signal.signal(signal.SIGTERM, self.before)


class _Launched(TorchElasticEnvironment):
    """The environment of ``torchrun``, or of whoever sets its four variables by hand."""

    def __init__(self, here: Ranks) -> None:
        super().__init__()
        self.here = here

    def local_rank(self) -> int:
        return self.here.local_rank
