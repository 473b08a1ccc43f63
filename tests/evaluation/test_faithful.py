"""Both sides of shift-faithfulness on Plates scenes, with the oracle trunk and the real heads."""

import numpy as np
import pytest
import torch
from PIL import Image

from gazeshift.data.plates import PlatesConfig, Scene, label_map
from gazeshift.data.plates.captions import all_captions
from gazeshift.data.plates.scene import sample_scene
from gazeshift.evaluation.faithful import TextChange, View, reading, region_changes, rendered
from gazeshift.instrument.oracle import code_picture, oracle_preprocessing, oracle_trunk
from gazeshift.measures import mask_to_grid
from gazeshift.models import Classifier, HeadSpec, ImageSpec, ModelSpec, TextSpec, build_classifier, build_text
from gazeshift.saliency import explain

CONFIG = PlatesConfig(size=48, objects=(2, 3), n_dishes=5, n_colours=3, clutter=0.0, mix={"colour": 1.0})
SCENES = [sample_scene(CONFIG, "test", index) for index in range(4)]
FUSIONS = ["early-fusion", "early-linear", "late-fusion"]


def changes() -> list[TextChange]:
    found = []
    for scene in SCENES:
        said = {c.referred: c.text for c in all_captions(scene) if c.kind == "colour"}
        found += [TextChange(scene, said[scene.target], text) for index, text in said.items() if index != scene.target]
    return found


def model(head: str = "early-fusion") -> Classifier:
    spec = ModelSpec(
        name=head,
        image=ImageSpec(name="small_cnn"),
        text=TextSpec(width=16, layers=1, heads=2, max_tokens=12),
        head=HeadSpec(head=head, image_width=0, hidden=32),
        classes=CONFIG.dishes,
        preprocessing=oracle_preprocessing(CONFIG.size),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        text = build_text(spec.text, [change.before for change in changes()])
    return build_classifier(spec, oracle_trunk(CONFIG), text, 0).eval()


def test_both_sides_against_the_definition_in_loops() -> None:
    net = model()
    found = region_changes(net, changes(), rendered(net, code_picture), reading(net))
    row = 0

    def logit(picture: np.ndarray, text: str, c: int) -> float:
        tokens = net.tokenize([text])
        pixels = torch.from_numpy(picture / np.float32(255)).permute(2, 0, 1)[None]
        with torch.no_grad():
            return float(net(pixels, tokens.ids, tokens.mask)[0, c])

    for number, change in enumerate(changes()):
        scene = change.scene
        logits = [logit(code_picture(scene), change.before, c) for c in range(5)]
        c = int(np.argmax(logits))
        for item in scene.objects:
            rest = code_picture(scene, item.index)
            loss = [logit(code_picture(scene), t, c) - logit(rest, t, c) for t in (change.before, change.after)]
            assert (found.change[row], found.index[row]) == (number, item.index)
            assert found.effect_before[row] == pytest.approx(loss[0], abs=1e-5)
            assert found.effect_change[row] == pytest.approx(loss[1] - loss[0], abs=1e-5)
            row += 1
    assert row == len(found.change)


def in_whole_cells(moved: np.ndarray, scene: Scene, index: int) -> float:
    """Cell by cell: all of it, if one object alone touches it, else this object's part of the covered area."""
    labels = label_map(scene)
    side = labels.shape[0] // moved.shape[0]
    total = 0.0
    for y, x in np.ndindex(moved.shape):
        seen = labels[y * side : (y + 1) * side, x * side : (x + 1) * side]
        if (seen == index).any():
            total += moved[y, x] * (seen == index).sum() / (seen > 0).sum()
    return total


def test_the_maps_side_is_the_raw_map_of_the_first_class_summed_by_area() -> None:
    net = model()
    asked = changes()
    found = region_changes(net, asked, rendered(net, code_picture), reading(net))
    for number in (0, len(asked) - 1):
        change = asked[number]
        picture = Image.fromarray(code_picture(change.scene))
        maps = explain(net, picture, [change.before, change.after], target="reference")
        moved = maps.raw[1].astype(np.float64) - maps.raw[0]
        for row in np.flatnonzero(found.change == number):
            region = mask_to_grid(label_map(change.scene) == found.index[row], *moved.shape)
            assert found.map_change[row] == pytest.approx((moved * region).sum(), abs=1e-6)
            assert found.cell_change[row] == pytest.approx(
                in_whole_cells(moved, change.scene, found.index[row]), abs=1e-6
            )
        whole = abs(moved).sum() / abs(maps.raw[0]).sum()
        assert found.whole_map_change[number] == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("head", FUSIONS)
def test_additive_logits_give_exactly_0_on_both_sides_and_no_rho(head: str) -> None:
    net = model(head)
    found = region_changes(net, changes(), rendered(net, code_picture), reading(net))
    additive = net.structure.additive
    assert additive == (not found.map_change.any()) == (not found.effect_change.any())
    assert np.isnan(found.faithfulness.rho) == additive
    assert found.effect_before.any()
    assert (found.whole_map_change < 1e-5).all() == additive


def test_a_map_that_ignores_the_text_has_no_faithfulness() -> None:
    net = model()
    found = region_changes(net, changes(), rendered(net, code_picture), reading(net), method="eigen-cam")
    assert not found.map_change.any()
    assert np.isnan(found.faithfulness.rho)
    assert found.faithfulness.rms_effect > 0


def test_shards_and_order_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    net, asked = model(), changes()
    see, read = rendered(net, code_picture), reading(net)
    whole = region_changes(net, asked, see, read)
    monkeypatch.setattr("gazeshift.evaluation.faithful.SHARD", 1)
    apart = region_changes(net, asked[::-1], see, read)
    back = np.lexsort((apart.index, len(asked) - 1 - apart.change))
    np.testing.assert_allclose(apart.effect_change[back], whole.effect_change, atol=1e-5)
    np.testing.assert_allclose(apart.map_change[back], whole.map_change, atol=1e-6)
    np.testing.assert_allclose(apart.whole_map_change[::-1], whole.whole_map_change, atol=1e-5)


def test_nothing_asked_is_nothing_found() -> None:
    net = model()
    found = region_changes(net, [], rendered(net, code_picture), reading(net))
    assert len(found.change) == len(found.whole_map_change) == found.faithfulness.n == 0


def test_pictures_are_drawn_and_cropped_as_the_model_sees_them(build) -> None:
    net = build("early-fusion", size=48)
    see = rendered(net)
    features = see.encode([View(SCENES[0]), View(SCENES[0], 1)])
    assert len(features) == 2
    assert not torch.equal(features.grid[0], features.grid[1])
    np.testing.assert_array_equal(see.labels(SCENES[0]), label_map(SCENES[0]))
