"""``gs.explain`` and ``gs.shift`` as a user meets them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from gazeshift.errors import ImageError, UsageError
from gazeshift.measures import amplitude, distribution, jensen_shannon
from gazeshift.models import Classifier, digest
from gazeshift.saliency import explain, shift

Build = Callable[..., Classifier]
TEXTS = ("apple pie", "red tomato ketchup", "edamame edamame", "蜂蜜 🍯")


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


@pytest.fixture
def model(build: Build, picture: Image.Image) -> Classifier:
    """An untrained early fusion whose first two texts predict different classes, with maps of both signs."""
    model = build("early-fusion")
    with torch.no_grad():
        model.trunk.mean.copy_(model.encode_image(pixels_of(model, picture)).grid.mean((0, 2, 3)))
        first, second = forward(model, picture, TEXTS[:2])
        # Lift the two classes between which the texts differ most, to the same height.
        lifted = torch.stack([(first - second).argmax(), (first - second).argmin()])
        model.head.joint[2].bias[lifted] += 10 - ((first + second) / 2)[lifted]
    return model


def pixels_of(model: Classifier, picture: Image.Image) -> torch.Tensor:
    preprocessing = model.spec.preprocessing
    return preprocessing.normalise(torch.from_numpy(preprocessing.crop(picture))[None])


def forward(model: Classifier, picture: Image.Image, texts: tuple[str, ...]) -> torch.Tensor:
    tokens = model.tokenize(texts)
    pixels = pixels_of(model, picture)
    with torch.no_grad():
        return model(pixels.expand(len(texts), -1, -1, -1), tokens.ids, tokens.mask)


def test_the_fixture_switches_classes(model: Classifier, picture: Image.Image) -> None:
    predicted = explain(model, picture, TEXTS).predicted
    assert predicted[0] != predicted[1]


def test_what_a_row_says_is_what_the_forward_pass_gives(model: Classifier, picture: Image.Image) -> None:
    maps = explain(model, picture, TEXTS, key="one.png")
    logits = forward(model, picture, TEXTS)
    assert maps.key == "one.png"
    assert maps.texts == TEXTS
    assert maps.classes == model.classes
    assert maps.method == "grad-cam"
    assert maps.model == digest(model)
    assert maps.predicted == tuple(logits.argmax(1).tolist())
    assert maps.raw.shape == (len(maps.rows), 4, 4)
    assert maps.raw.dtype == np.float32
    for row in maps.rows:
        assert row.logit == pytest.approx(float(logits[row.text, row.target]), rel=1e-4, abs=1e-5)
        assert row.probability == pytest.approx(float(logits.softmax(1)[row.text, row.target]), rel=1e-4)


@pytest.mark.parametrize("target", ["predicted", "reference", "label", "donuts"])
def test_targets(model: Classifier, picture: Image.Image, target: str) -> None:
    maps = explain(model, picture, TEXTS, target, label="baklava" if target == "label" else None)
    predicted = maps.predicted
    wanted = {"predicted": predicted, "reference": predicted[:1] * 4, "label": (1,) * 4, "donuts": (3,) * 4}[target]
    assert maps.target == target
    assert [(row.text, row.target) for row in maps.rows[:4]] == list(enumerate(wanted)), (
        "one requested row per text, first"
    )
    pairs = [(row.text, row.target) for row in maps.rows]
    assert len(set(pairs)) == len(pairs), "no map twice"
    assert {(text, c) for text in range(4) for c in predicted} <= set(pairs), "what the split of a shift needs"


def test_reference_equals_predicted_without_text(build: Build, picture: Image.Image) -> None:
    model = build("image-only")
    maps, reference = explain(model, picture), explain(model, picture, target="reference")
    assert maps.texts == ("",)
    assert np.array_equal(maps.raw, reference.raw)
    assert maps.rows == reference.rows


def test_a_text_alone_is_one_text_and_a_text_twice_is_two(model: Classifier, picture: Image.Image) -> None:
    assert explain(model, picture, "apple pie").texts == ("apple pie",)
    maps = explain(model, picture, ["apple pie", "apple pie"])
    assert len(maps.rows) == 2
    assert np.allclose(maps.raw[0], maps.raw[1], rtol=0, atol=1e-6 * np.abs(maps.raw).max())
    change = shift(maps)
    assert change.js_bits == pytest.approx(0, abs=1e-6)
    assert not change.switched


def test_an_image_may_be_a_path_bytes_or_a_picture(model: Classifier, picture: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    picture.save(path)
    maps = [explain(model, image, TEXTS) for image in (path, str(path), path.read_bytes(), picture)]
    assert [each.key for each in maps] == ["photo.png", "photo.png", "image", "image"]
    for other in maps[1:]:
        assert np.array_equal(other.raw, maps[0].raw)


@pytest.mark.parametrize("kind", ["RGBA.png", "P.gif", "I;16.png", "CMYK.tiff", "1.png", "RGB.turned.png"])
def test_a_picture_is_read_as_its_file_is(model: Classifier, picture: Image.Image, tmp_path: Path, kind: str) -> None:
    """Transparency over white, 16 bits scaled, turned upright: one decoder, however the image comes."""
    path, options = tmp_path / kind, {}
    if kind == "I;16.png":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 200)
    elif kind == "RGB.turned.png":
        options["exif"] = picture.getexif()
        options["exif"][ExifTags.Base.Orientation] = 6
    elif kind in {"RGBA.png", "P.gif"}:
        picture.putalpha(Image.linear_gradient("L").resize((64, 64)).point(lambda grey: 255 * (grey > 128)))
    else:
        picture = picture.convert(kind.partition(".")[0])
    picture.save(path, **options)
    with Image.open(path) as opened:
        assert np.array_equal(explain(model, opened).raw, explain(model, path).raw)


def test_an_odd_picture_is_named(model: Classifier, picture: Image.Image) -> None:
    with pytest.raises(ImageError, match=r"^odd: not a usable image"):
        explain(model, picture.convert("HSV"), key="odd")


def test_what_cannot_be_explained_is_said(
    model: Classifier, picture: Image.Image, build: Build, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="Did you mean 'donuts'"):
        explain(model, picture, TEXTS, "donut")
    with pytest.raises(UsageError, match="label=CLASS"):
        explain(model, picture, TEXTS, "label")
    with pytest.raises(UsageError, match="unknown class 'pizza'"):
        explain(model, picture, TEXTS, "label", label="pizza")
    with pytest.raises(UsageError, match="Did you mean 'grad-cam'"):
        explain(model, picture, TEXTS, method="grad-camera")
    with pytest.raises(UsageError, match="at least one text"):
        explain(model, picture, [])
    with pytest.raises(UsageError, match="sees no image"):
        explain(build("text-only", image="none"), picture, TEXTS)
    with pytest.raises(ImageError, match=r"^gone\.png: no such file"):
        explain(model, tmp_path / "gone.png", TEXTS)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_map_without_positive_evidence_is_undefined(build: Build, picture: Image.Image, sign: int) -> None:
    model = build("image-only")
    with torch.no_grad():
        weight = model.head.layers[1].weight
        weight.copy_(sign * weight.abs())  # the grid of a ReLU net is nowhere negative
    maps = explain(model, picture)
    assert maps.undefined.tolist() == [sign < 0]
    assert np.isnan(maps.normalised("sum")).all() == (sign < 0)
    assert np.isfinite(maps.normalised("signed")).all(), "the sign is still there to be drawn"
    change = shift(maps, 0, 0)
    assert np.isnan(change.js_bits) == np.isnan(change.within) == np.isnan(change.amplitude) == (sign < 0)


def test_a_shift_is_split_by_its_cause(model: Classifier, picture: Image.Image) -> None:
    maps = explain(model, picture, TEXTS)
    c0, c1 = maps.predicted[:2]
    m = {(i, j): distribution(maps.raw[maps.row(j, (c0, c1)[i])]) for i in (0, 1) for j in (0, 1)}
    both, switch, gates = (float(jensen_shannon(m[0, 0], m[key])) for key in ((1, 1), (1, 0), (0, 1)))
    change = shift(maps, 0, 1)
    assert change.js_bits == both
    assert change.switch == pytest.approx((switch + both - gates) / 2)
    assert change.within == pytest.approx((gates + both - switch) / 2)
    assert change.switch + change.within == pytest.approx(change.js_bits)
    assert change.amplitude == pytest.approx(
        float(amplitude(maps.raw[maps.row(1, c1)]) - amplitude(maps.raw[maps.row(0, c0)]))
    )
    raw = {(i, j): maps.raw[maps.row(j, (c0, c1)[i])].astype(float) for i in (0, 1) for j in (0, 1)}
    parts = (raw[1, 0] - raw[0, 0], raw[0, 1] - raw[0, 0], raw[1, 1] - raw[1, 0] - raw[0, 1] + raw[0, 0])
    sizes = [np.abs(part).sum() for part in parts]
    assert change.interaction == pytest.approx(sizes[2] / sum(sizes), rel=1e-3, abs=1e-4)
    assert (change.before, change.after) == (maps.classes[c0], maps.classes[c1])
    assert change.switched
    assert abs(change.within) > 1e-6, "the gates of this model move"


@pytest.mark.parametrize("head", ["early-linear", "late-fusion"])
def test_an_additive_model_shifts_by_its_class_alone(build: Build, picture: Image.Image, head: str) -> None:
    model = build(head)
    with torch.no_grad():
        layer = model.head.joint[0] if head == "early-linear" else model.head.text[1]
        layer.weight *= 30
        if head == "early-linear":
            layer.weight[:, :256] *= 1000
    maps = explain(model, picture, TEXTS)
    changes = [shift(maps, 0, other) for other in (1, 2, 3)]
    defined = [change for change in changes if not np.isnan(change.within)]
    assert defined
    for change in defined:
        assert change.within == pytest.approx(0, abs=1e-6)
        assert change.switch == pytest.approx(change.js_bits, abs=1e-6)
