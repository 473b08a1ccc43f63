"""Names as people write them: in papers, in other tools, with the keys at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.edits import EDITS
from gazeshift.errors import UsageError
from gazeshift.evaluation.checks import CHECKS
from gazeshift.instrument.rows import ROWS
from gazeshift.models import HEADS
from gazeshift.models.spec import TextSpec
from gazeshift.registry import folded, known_name, lookup
from gazeshift.saliency import METHODS
from gazeshift.saliency.hide import FILLINGS, MIXINGS
from gazeshift.training import AUGMENTATIONS, RECIPES
from gazeshift.training.recipe import Recipe

REGISTRIES = {
    "method": METHODS,
    "edit": EDITS,
    "head": HEADS,
    "check": CHECKS,
    "recipe": RECIPES,
    "augmentation": AUGMENTATIONS,
    "row": ROWS,
    "filling": FILLINGS,
    "mixing": MIXINGS,
}
NAMES = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry]
FIELD = {
    "grad-cam": ["Grad-CAM", "gradcam", "GradCAM", "grad_cam", "GRAD CAM", "Grad‑CAM"],
    "hires-cam": ["HiResCAM", "hirescam", "HiRes-CAM", "hires_cam"],
    "xgrad-cam": ["XGradCAM", "XGrad-CAM"],
    "grad-cam++": [
        "Grad-CAM++",
        "gradcam++",
        "GradCAM++",
        "GradCAMPlusPlus",
        "GradCAMpp",
        "grad-cam-plus-plus",
        "ＧｒａｄＣＡＭ＋＋",
    ],
    "layer-cam": ["LayerCAM", "layer_cam", "Layer-CAM"],
    "eigen-cam": ["EigenCAM"],
    "ablation-cam": ["AblationCAM", "Ablation-CAM"],
    "score-cam": ["ScoreCAM", "Score-CAM", "score cam"],
    "integrated-gradients": ["IntegratedGradients", "Integrated Gradients", "integrated_gradients"],
    "rise": ["RISE"],
    "rollout": ["Rollout"],
    "occlusion": ["Occlusion"],
    "attention-gradient": ["AttentionGradient", "attention_gradient"],
}


@pytest.mark.parametrize(("name", "written"), [(name, each) for name, forms in FIELD.items() for each in forms])
def test_the_methods_are_known_as_the_field_writes_them(name: str, written: str) -> None:
    assert lookup(METHODS, written, "method") is METHODS[name]


def test_the_forms_are_of_methods_that_exist() -> None:
    assert FIELD.keys() <= METHODS.keys()


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_name_of_every_registry_is_known_in_every_form(kind: str, name: str) -> None:
    for written in (
        name,
        name.upper(),
        name.title(),
        name.replace("-", "_"),
        name.replace("-", " "),
        name.replace("-", ""),
    ):
        assert known_name(REGISTRIES[kind], written, kind) == name


@pytest.mark.parametrize("kind", REGISTRIES)
def test_no_two_names_of_a_registry_are_written_alike(kind: str) -> None:
    assert len({folded(name) for name in REGISTRIES[kind]}) == len(REGISTRIES[kind])


@given(st.text(max_size=20))
def test_a_name_as_it_stands_is_itself(name: str) -> None:
    others = ["apple pie", "Apple Pie", "apple_pie", name]
    assert known_name(others, name, "class") == name


def test_names_that_are_written_alike_are_asked_about() -> None:
    with pytest.raises(
        UsageError, match=r"unknown class 'applepie'\. Did you mean 'Apple Pie' or 'apple_pie'\? Known:"
    ):
        known_name(["Apple Pie", "apple_pie", "tart"], "applepie", "class")


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("gradcan", "'grad-cam'"),
        ("HiResCAN", "'hires-cam'"),
        ("layercma", "'layer-cam'"),
        ("Gradcam+", "'grad-cam++'"),
        ("riise", "'rise'"),
    ],
)
def test_an_unknown_name_brings_near_ones(written: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        lookup(METHODS, written, "method")
    hint = str(caught.value).partition("Did you mean ")[2].partition("?")[0]
    assert near in hint.split(" or ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("written", ["bert_lstm", "Bert-LSTM", "BERT LSTM"])
def test_choices_of_a_study_file_are_known_too(written: str) -> None:
    assert TextSpec(encoder=written).encoder == "bert-lstm"  # type: ignore[arg-type]
    recipe = Recipe.model_validate({"schedule": "One Cycle", "trunk": "Fine_tuned", "optimizer": "AdamW"})
    assert (recipe.schedule, recipe.trunk, recipe.optimizer) == ("one-cycle", "fine-tuned", "adamw")
