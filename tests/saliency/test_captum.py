"""Maps agree with an independent implementation: captum's LayerGradCam."""

from collections.abc import Callable

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from gazeshift.models import BoundClassifier, Classifier, ImageFeatures
from gazeshift.saliency import Rows, compute_maps

ENCODERS = [
    ("inception_v3", 139),
    ("resnet18", 96),
    ("mobilenetv1_100", 96),
    ("convnext_atto", 96),
    ("efficientnet_b0", 96),
    ("small_cnn", 64),
    ("vit_tiny_patch16_224", 64),
    ("vit_small_patch14_reg4_dinov2", 56),
    ("swin_tiny_patch4_window7_224", 96),
]


class Tapped(nn.Module):
    """The classifier as one module with a layer that emits the grid at the tap, so that captum's hooks find it."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model
        self.tap = nn.Identity()

    def forward(self, images: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        features = self.model.encode_image(images)
        tapped = ImageFeatures(self.tap(features.grid), features.prefix)
        return self.model.classify(tapped, self.model.encode_text(ids, mask))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), ENCODERS)
def test_grad_cam_equals_captum(build: Callable[..., Classifier], name: str, size: int) -> None:
    model = build("early-fusion", image=name, size=size).double()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tokens = model.tokenize(["red tomato ketchup", "a bowl of edamame"])
    target = torch.tensor([1, 4])
    net = Tapped(model)
    expected = (
        LayerGradCam(net, net.tap)
        .attribute(images, target=target, additional_forward_args=(tokens.ids, tokens.mask), relu_attributions=False)[
            :, 0
        ]
        .detach()
    )
    with torch.no_grad():
        image, text = model.encode_image(images), model.encode_text(tokens.ids, tokens.mask)
        scores = net(images, tokens.ids, tokens.mask)[torch.arange(2), target]
    computed = compute_maps(
        BoundClassifier(model, image, text), Rows(torch.arange(2), torch.arange(2), target), "grad-cam"
    )
    peak = expected.abs().amax((1, 2))
    assert (peak > 0).all()
    error = (computed.maps - expected).abs().amax((1, 2)) / peak
    assert float(error.max()) < 1e-12
    torch.testing.assert_close(computed.scores, scores, rtol=0, atol=1e-12 * float(scores.abs().max()))
