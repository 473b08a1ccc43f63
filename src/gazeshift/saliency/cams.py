"""Class activation maps: functions of a probe that return raw, signed maps on the native grid. One dict of them."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from gazeshift.registry import folded, known_name
from gazeshift.saliency.attention import attention_gradient, rollout
from gazeshift.saliency.gradient import grad_cam, grad_cam_plus_plus, hires_cam, layer_cam, xgrad_cam
from gazeshift.saliency.path import INTEGRATED_GRADIENTS
from gazeshift.saliency.probe import Probe
from gazeshift.saliency.score import Occlusion, Rise, ablation_cam, score_cam
from gazeshift.saliency.subspace import eigen_cam

CamMethod = Callable[[Probe], Float[Tensor, "r h w"]]

METHODS: dict[str, CamMethod] = {
    "grad-cam": grad_cam,
    "hires-cam": hires_cam,
    "xgrad-cam": xgrad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "layer-cam": layer_cam,
    "eigen-cam": eigen_cam,
    "ablation-cam": ablation_cam,
    "integrated-gradients": INTEGRATED_GRADIENTS,
    "attention-gradient": attention_gradient,
    "rollout": rollout,
    "score-cam": score_cam,
    "occlusion": Occlusion(),
    "rise": Rise(),
}
PIXEL_METHODS = {"score-cam", "occlusion", "rise"}
"""Those that show changed images to the trunk, and so need the pixels. The others only need the features at the tap, stored ones too."""


def tap_methods() -> tuple[str, ...]:
    """The methods that need no pixels.

    Example:
        >>> "grad-cam" in tap_methods(), "rise" in tap_methods()
        (True, False)
    """
    return tuple(name for name in METHODS if name not in PIXEL_METHODS)


DEFAULT = "default"
"""Use instead of a method's name to get the method that suits the model."""


@runtime_checkable
class Pooling(Protocol):
    """A model, or a bound model, that says what follows its tap."""

    @property
    def pools_first(self) -> bool:
        """Whether everything after the tap depends on the grid only through its mean."""


def method_for(model: Pooling, name: str) -> str:
    """The method of a name in any spelling; ``default`` is the one that suits the model.

    Raises:
        UsageError: an unknown method; suggests similar names.
    """
    return default_method(model) if folded(name) == DEFAULT else known_name({*METHODS, DEFAULT}, name, "method")


def default_method(model: Pooling) -> str:
    """The default method: Grad-CAM under global pooling, HiResCAM elsewhere.

    Under global pooling the two are the same map. Elsewhere (flatten, attention) the mean of a channel's gradient can vanish where the
    gradient does not, and Grad-CAM is blind.
    """
    return "grad-cam" if model.pools_first else "hires-cam"
