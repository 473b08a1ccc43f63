"""A trunk that is fine-tuned from a layer on: what stays frozen, and that keeping its output changes nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gazeshift.errors import ConfigError, ModelError, TrainingError
from gazeshift.models import ImageSpec, build_trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Split, fit, image_features, recipe_of
from gazeshift.training.inputs import Inputs, StemImages
from gazeshift.training.parts import frozen_parts, is_fixed, stem_of

SETTINGS = {"trunk": "fine-tuned", "frozen_until": "features.3", "epochs": 2, "batch_size": 8, "learning_rate": 0.01}
RECIPE = recipe_of("adamw", SETTINGS)


def test_first_layers_and_rest_are_the_trunk(build, validation: Split) -> None:
    trunk = build().trunk.eval()
    trunk.mean.normal_()
    stem = trunk.stem("features.3").eval()
    images = Preprocessing(size=32).normalise(torch.from_numpy(validation.images))
    with torch.no_grad():
        expected, found = trunk.encode(images), stem.finish(stem.encode(images))
    torch.testing.assert_close(found.grid, expected.grid)


def test_only_what_follows_the_layer_changes(build, train: Split, validation: Split, tmp_path: Path) -> None:
    model, before = build(), build()
    fit(model, train, validation, RECIPE, 0, tmp_path, progress=False)
    state, old = model.trunk.state_dict(), before.trunk.state_dict()
    changed = {
        name.split(".")[2] for name, value in state.items() if not torch.equal(value, old[name]) and "net" in name
    }
    assert changed == {"4", "5"}
    assert not is_fixed(model.trunk, frozen_parts(model, RECIPE))


def test_kept_output_trains_to_the_same_weights_as_the_pixels(
    build, train: Split, validation: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, live = build(), build()
    fit(kept, train, validation, RECIPE, 0, tmp_path / "kept", progress=False)
    # Fed with pixels, the first layers run at every step, frozen and in evaluation mode all the same.
    monkeypatch.setattr("gazeshift.training.fitting._Plan.kept_images", lambda *_: None)
    fit(live, train, validation, RECIPE, 0, tmp_path / "live", progress=False)
    for name, value in kept.state_dict().items():
        torch.testing.assert_close(value, live.state_dict()[name], rtol=1e-4, atol=1e-5, msg=name)


def test_features_of_other_first_layers_are_refused(build, train: Split) -> None:
    model = build()
    stem = stem_of(model.trunk, RECIPE)
    kept = image_features(stem, train.images, Preprocessing(size=32), pools_first=False, progress=False)
    Inputs.of(train, StemImages(kept, stem)).check(model)
    with torch.no_grad():
        model.trunk.net.features[0][0].weight.add_(1)
    with pytest.raises(TrainingError, match="a trunk other"):
        Inputs.of(train, StemImages(kept, stem)).check(model)
    with torch.no_grad():  # what follows the layer may differ: that is what is trained
        model.trunk.net.features[0][0].weight.sub_(1)
        model.trunk.net.features[5][0].weight.add_(1)
    kept = image_features(stem, train.images, Preprocessing(size=32), pools_first=False, progress=False)
    Inputs.of(train, StemImages(kept, stem)).check(model)
    assert np.asarray(kept.grid).shape[1] == 128


def test_what_cannot_be_frozen_in_part_is_said() -> None:
    with pytest.raises(ConfigError, match="set trunk: fine-tuned"):
        recipe_of("adamw", {"frozen_until": "features.3"})
    vit = build_trunk(ImageSpec(name="vit_tiny_patch16_224", options={"depth": 2}), 64)
    with pytest.raises(ModelError, match="other than a ViT"):
        stem_of(vit, RECIPE)
    with pytest.raises(ModelError, match=r"no layer .features\.3."):
        stem_of(build_trunk(ImageSpec(name="resnet18"), 64), RECIPE)
    assert stem_of(build_trunk(ImageSpec(name="none"), 64), RECIPE) is None
