"""An exponential moving average of the weights, which is what is validated and kept.

Lightning's own callback copies the whole module, with its data, and expects every weight in a checkpoint; ours hold the trained ones only.
"""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gazeshift.models import Classifier
from gazeshift.training.parts import trained_tensors


class Average:
    """The average of everything that training changes: weights, and the running statistics of batch norms with them.

    Args:
        model: on the device that it is trained on.
        frozen: its parts that do not change.
        decay: share of the average that stays at each step.
        state: of an average to continue, as ``state`` gives it; None: it begins with the model's own weights.
    """

    def __init__(
        self, model: Classifier, frozen: list[nn.Module], decay: float, state: dict[str, Tensor] | None = None
    ) -> None:
        self.decay = decay
        self._current = {name: tensor.detach() for name, tensor in trained_tensors(model, frozen).items()}
        begun = self._current if state is None else {name: state[name] for name in self._current}
        self._mean = {name: value.to(self._current[name].device, copy=True) for name, value in begun.items()}
        self._hidden: dict[str, Tensor] = {}

    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1.

        Early on the share that stays is ``(1 + step) / (10 + step)``, as in TensorFlow's ``ExponentialMovingAverage``: the average
        then reaches back over about a tenth of the steps so far, and soon forgets the initial weights.
        """
        mix = get_ema_multi_avg_fn(min(self.decay, (1 + step) / (10 + step)))  # type: ignore[no-untyped-call]
        real = [name for name, value in self._mean.items() if value.is_floating_point()]
        mix([self._mean[name] for name in real], [self._current[name] for name in real], step)
        if counts := [name for name in self._mean if name not in real]:  # of batches
            torch._foreach_copy_([self._mean[name] for name in counts], [self._current[name] for name in counts])

    def state(self) -> dict[str, Tensor]:
        """The average, copied to the CPU."""
        return {name: value.cpu().clone() for name, value in self._mean.items()}

    def show(self) -> None:
        """Put the average into the model, until ``hide``."""
        self._hidden = {name: value.clone() for name, value in self._current.items()}
        self._write(self._mean)

    def hide(self) -> None:
        """Put the weights of the last step back."""
        self._write(self._hidden)
        self._hidden = {}

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self._current[name].copy_(value)
