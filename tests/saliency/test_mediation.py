"""The gaze of one text in the pass with another: against passes written out by hand, and where the structure says 0."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.saliency import own_model
from tests.saliency.conftest import Encoded
from torch.nn import functional

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models import HEADS, BoundClassifier, load, save
from gazeshift.models.fusions.concatenation import Concatenation
from gazeshift.models.fusions.grid import FiLM, TextAttendsToImage
from gazeshift.saliency import exchanged_logits
from gazeshift.saliency.mediation import can_exchange

Build = Callable[..., gs.Classifier]
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
BEFORE, AFTER = "apple pie with cream", "red tomato ketchup"
GAZING = [name for name, head in HEADS.items() if head.structure.mediator]
ADDITIVE = [name for name, head in HEADS.items() if head.structure.additive and head.structure.sees_image]
NEITHER = [name for name, head in HEADS.items() if not can_exchange(head.structure)]


def rows(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


def by_hand(case: Encoded, image: int, text: int, gaze: int) -> torch.Tensor:
    """One pass with one image, a text, and the gaze of a text, for three fusions."""
    head, grid = case.model.head, case.image.grid[image]
    vector, u, u2 = grid.mean((1, 2)), case.text.pooled[text], case.text.pooled[gaze]
    cells = grid.flatten(1).T
    match head:
        case Concatenation():
            first, last = head.joint[0], head.joint[2]
            seen = head.image(vector)
            gates = (first(torch.cat([seen, u2])) > 0).double()
            return last(gates * first(torch.cat([seen, u])))
        case FiLM():
            scale, shift = head.text(u2)[: head.image.out_features], head.text(u)[head.image.out_features :]
            return head.classes(sum(((1 + scale) * head.image(cell) + shift).relu() for cell in cells) / len(cells))
        case TextAttendsToImage():
            attention, seen = head.attention, []
            for token in case.text.tokens[gaze][case.text.mask[gaze]]:
                query, parts = attention.query(token), []
                for h in range(4):
                    own = slice(h * len(query) // 4, (h + 1) * len(query) // 4)
                    scores = attention.key(cells)[:, own] @ query[own] / (len(query) // 4) ** 0.5
                    parts.append(functional.softmax(scores, 0) @ attention.value(cells)[:, own])
                seen.append(attention.out(torch.cat(parts)))
            return head.classes(torch.cat([sum(seen) / len(seen), u]))
    raise AssertionError(type(head))


@pytest.mark.parametrize("name", ["early-fusion", "film", "text-to-image-attention"])
@torch.no_grad()
def test_every_pass_is_the_one_by_hand(tiny: Callable[..., Encoded], name: str) -> None:
    case = tiny(name)
    case.model.eval()
    images, before, after = rows(0, 1, 1), rows(0, 1, 3), rows(1, 0, 0)
    found = exchanged_logits(BoundClassifier(case.model, case.image, case.text), images, before, after)
    for row, (image, *texts) in enumerate(zip(images.tolist(), before.tolist(), after.tolist(), strict=True)):
        for t, text in enumerate(texts):
            for a, gaze in enumerate(texts):
                expected = by_hand(case, image, text, gaze).numpy()
                np.testing.assert_allclose(found[row, t, a], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", GAZING)
@torch.no_grad()
def test_a_texts_own_gaze_gives_its_own_logits(tiny: Callable[..., Encoded], name: str) -> None:
    case = tiny(name)
    case.model.eval()
    found = exchanged_logits(BoundClassifier(case.model, case.image, case.text), rows(0, 1), rows(0, 0), rows(1, 3))
    for side, texts in enumerate((rows(0, 0), rows(1, 3))):
        plain = case.model.classify(case.image, case.text.rows(texts))
        np.testing.assert_allclose(found[:, side, side], plain.numpy(), rtol=0, atol=1e-12)


@torch.no_grad()
def test_many_pairs_are_each_as_alone(tiny: Callable[..., Encoded], monkeypatch: pytest.MonkeyPatch) -> None:
    case = tiny("film")
    bound = BoundClassifier(case.model, case.image, case.text)
    asked = rows(0, 1, 0, 1), rows(0, 1, 2, 3), rows(3, 2, 1, 0)
    whole = exchanged_logits(bound, *asked)
    monkeypatch.setattr("gazeshift.saliency.probe.CHUNK_BYTES", 1)
    np.testing.assert_allclose(exchanged_logits(bound, *asked), whole, rtol=0, atol=1e-12)
    assert exchanged_logits(bound, *(each[:0] for each in asked)).shape == (0, 2, 2, len(case.model.classes))


@pytest.mark.parametrize("name", GAZING)
def test_the_parts_are_of_the_four_passes_and_add_up(build: Build, name: str) -> None:
    found = gs.mediation(build(head=name), PICTURE, BEFORE, AFTER)
    assert found.mediator == HEADS[name].structure.mediator
    assert found.explained == found.predicted
    for effects in (found.effects, found.effects.reverse, found.switch):
        assert effects.total == effects.mediated + effects.direct + effects.interaction
    maps = gs.explain(build(head=name), PICTURE, [BEFORE, AFTER], "reference")
    change = maps.rows[1].logit - maps.rows[0].logit
    assert found.effects.total == pytest.approx(change, abs=1e-4 * max(abs(row.logit) for row in maps.rows))
    back = gs.mediation(build(head=name), PICTURE, AFTER, BEFORE, found.explained)
    for part in ("total", "mediated", "direct", "interaction"):
        assert getattr(back.effects, part) == pytest.approx(getattr(found.effects.reverse, part), abs=1e-4)
    assert (back.predicted, back.predicted_with_gaze) == (found.predicted_after, found.predicted_with_text)


@pytest.mark.parametrize("name", GAZING)
def test_the_same_text_twice_changes_nothing(build: Build, name: str) -> None:
    found = gs.mediation(build(head=name), PICTURE, BEFORE, BEFORE)
    for effects in (found.effects, found.effects.reverse, found.switch):
        assert (effects.total, effects.mediated, effects.direct, effects.interaction) == (0, 0, 0, 0)
        assert np.isnan(effects.share)


@pytest.mark.parametrize("name", [name for name in ADDITIVE if HEADS[name].structure.reads_text])
def test_an_additive_structure_mediates_exactly_nothing(build: Build, name: str) -> None:
    found = gs.mediation(build(head=name), PICTURE, BEFORE, AFTER)
    assert found.mediator is None
    for effects in (found.effects, found.effects.reverse):
        assert effects.mediated == effects.interaction == effects.share == 0
        assert effects.total == effects.direct != 0


def test_film_whose_scales_the_text_does_not_move_mediates_nothing(build: Build) -> None:
    """What the text does to the answer may go by the other way alone, and then the other number is 0."""
    for silenced, part in ((slice(0, 32), "mediated"), (slice(32, 64), "direct")):
        model = build(head="film")
        model.head.text.weight.data[silenced] = 0
        found = gs.mediation(model, PICTURE, BEFORE, AFTER)
        assert getattr(found.effects, part) == found.effects.interaction == 0
        assert found.effects.total != 0


def test_attention_that_is_added_to_the_text_does_not_interact_with_it(build: Build) -> None:
    model = build(head="text-to-image-attention")
    for weight in model.head.attention.parameters():
        weight.data *= 10  # so that untrained attention hears anything
    found = gs.mediation(model, PICTURE, BEFORE, AFTER)
    assert found.effects.interaction == 0
    assert 0 not in (found.effects.mediated, found.effects.direct)
    assert found.effects.reverse.mediated == -found.effects.mediated


def test_the_answers_own_change_is_that_of_both_classes(build: Build) -> None:
    model = build(head="early-fusion")
    for weight in (model.head.joint[2].weight, model.head.joint[0].weight):
        weight.data *= 10  # so that the two texts have different answers
    found = gs.mediation(model, PICTURE, BEFORE, AFTER)
    assert found.predicted != found.predicted_after
    as_target = gs.mediation(model, PICTURE, BEFORE, AFTER, f"{found.predicted_after} rather than {found.predicted}")
    one, other = (
        gs.mediation(model, PICTURE, BEFORE, AFTER, name).effects for name in (found.predicted_after, found.predicted)
    )
    assert found.switch.total > 0
    for part in ("total", "mediated", "direct", "interaction"):
        assert getattr(found.switch, part) == pytest.approx(getattr(as_target.effects, part), rel=1e-6)
        assert getattr(found.switch, part) == pytest.approx(getattr(one, part) - getattr(other, part), rel=1e-3)


@pytest.mark.parametrize("name", [name for name in NEITHER if HEADS[name].structure.reads_text and name != "text-only"])
def test_a_structure_without_a_gaze_says_so_and_what_to_do(build: Build, name: str) -> None:
    with pytest.raises(UsageError, match=rf"model '{name}'.*none can be exchanged.*docs/mediation.md.*gs\.modality"):
        gs.mediation(build(head=name), PICTURE, BEFORE, AFTER)


def test_models_of_one_modality_and_from_outside_say_so(build: Build) -> None:
    for name, said in (("image-only", "reads no text"), ("image-mlp", "reads no text"), ("text-only", "sees no image")):
        with pytest.raises(UsageError, match=said):
            gs.mediation(build(head=name), PICTURE, BEFORE, AFTER)
    with pytest.raises(UsageError, match=r"was not trained here.*mediate nothing.*docs/mediation\.md"):
        gs.mediation(own_model.make(), PICTURE, BEFORE, AFTER)
    with pytest.raises(UsageError, match="unknown class 'pizzza'"):
        gs.mediation(build(head="film"), PICTURE, BEFORE, AFTER, "pizzza")


def test_a_saved_model_has_the_same_effects(build: Build, tmp_path: Path) -> None:
    model = build(head="text-to-image-attention")
    save(model, tmp_path / "model")
    assert gs.mediation(load(tmp_path / "model"), PICTURE, BEFORE, AFTER) == gs.mediation(model, PICTURE, BEFORE, AFTER)


@pytest.fixture
def folder(build: Build, tmp_path: Path) -> Path:
    save(build(head="film"), tmp_path / "model")
    PICTURE.save(tmp_path / "photo.png")
    return tmp_path


@pytest.mark.slow
def test_the_command_prints_what_python_finds(gazeshift: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    arguments = ("mediate", f"{folder / 'model'}", f"{folder / 'photo.png'}", "--text", BEFORE, "--text", AFTER)
    code, out, err = gazeshift(*arguments, "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    found = gs.mediation(load(folder / "model"), folder / "photo.png", BEFORE, AFTER)
    assert said["mediator"] == "scales of the channels"
    assert said["texts"] == [BEFORE, AFTER]
    for name, effects in (("effects", found.effects), ("reverse", found.effects.reverse), ("switch", found.switch)):
        for part in ("total", "mediated", "direct", "interaction"):
            assert said[name][part] == pytest.approx(getattr(effects, part))
    assert said["predicted"]["after"] == found.predicted_after
    code, out, err = gazeshift(*arguments)
    assert (code, err) == (0, "")
    assert "scales of the channels" in out
    assert f"{found.effects.mediated:+.3f}" in out


@pytest.mark.slow
def test_wrong_use_of_the_command_is_one_line(
    gazeshift: Callable[..., tuple[int, str, str]], build: Build, folder: Path
) -> None:
    save(build(head="mutan"), folder / "mutan")
    photo = f"{folder / 'photo.png'}"
    for arguments, said in (
        ((f"{folder / 'model'}", photo, "--text", "one"), "give two"),
        ((f"{folder / 'model'}", photo, *["--text", "one"] * 3), "3 given"),
        ((f"{folder / 'mutan'}", photo, "--text", "one", "--text", "two"), "none can be exchanged"),
        ((f"{folder / 'model'}", f"{folder}", "--text", "one", "--text", "two"), "is a folder"),
        ((f"{folder / 'model'}", photo, "--text", "1", "--text", "2", "--label", "x"), "--target label"),
    ):
        code, out, err = gazeshift("mediate", *arguments)
        assert (code, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1
