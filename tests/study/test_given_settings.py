"""The settings of given models in a study file: what contradicts itself, and what is compared."""

from pathlib import Path

import pytest

from gazeshift.errors import ConfigError
from gazeshift.study.check_units import unchecked_models
from gazeshift.study.load import read_study, write_study
from tests.tiny_study import TINY, run_tiny, write_yaml

HERE = "python:tests.study.given_models"
GIVEN = {"mine": {"from": f"{HERE}:make"}, "other": {"from": f"{HERE}:other"}}


WRONG = {
    "a recipe for a given model": (
        {"mine": {"from": f"{HERE}:make", "recipe": "adamw"}},
        "recipe: is for a model that is trained",
    ),
    "a prompt for a trained one": ({"image-only": {"prompt": "a {class}"}}, "prompt: is for a model that is given"),
    "a question for code": ({"mine": {"from": f"{HERE}:make", "as": "matching"}}, "as: is for a published model"),
    "no such counterpart": (
        {"mine": {"from": f"{HERE}:make", "counterpart": "nobody"}},
        "no model 'nobody' in this study",
    ),
    "shuffled texts": ({"mine": {"from": f"{HERE}:make", "texts": "shuffled"}}, "cannot be trained on shuffled texts"),
    "a taken name": (
        {"mine": {"from": f"{HERE}:make"}, "mine-without-text": {"from": f"{HERE}:other"}},
        "this name is needed for 'mine' told the empty text",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_settings_that_contradict_themselves(tmp_path: Path, case: str) -> None:
    models, words = WRONG[case]
    with pytest.raises(ConfigError, match=words) as error:
        read_study(write_yaml(tmp_path, models=models))
    assert "\n" not in str(error.value)


def test_given_models_that_a_check_would_apply_to_are_named(tmp_path: Path) -> None:
    models = {"image-only": None, "deaf": {"from": f"{HERE}:deaf", "reads_text": False}, **GIVEN}
    asked = [{**TINY["explain"], "checks": checks} for checks in ([], ["modality"], ["modality", "faithfulness"])]
    found = [unchecked_models(read_study(write_yaml(tmp_path, models=models, explain=explain))) for explain in asked]
    assert found[:2] == [[], ["mine", "other"]]  # modality needs a text
    assert set(found[2]) == {"deaf", "mine", "other", "mine-without-text", "other-without-text"}


@pytest.mark.parametrize(
    ("compare", "words"),
    [
        ([["mine", "image-only"]], "compare: 'image-only' is not a given model"),
        ([["mine", "nobody"]], "compare: 'nobody' is not a given model"),
        ([["mine", "mine"]], "compare: 'mine' with itself"),
    ],
)
def test_only_given_models_are_compared(tmp_path: Path, compare: list[list[str]], words: str) -> None:
    models = {"image-only": None, **GIVEN}
    with pytest.raises(ConfigError, match=words):
        read_study(write_yaml(tmp_path, models=models, compare=compare))


def test_every_two_given_models_are_compared_unless_the_study_names_some(tmp_path: Path) -> None:
    models = {**GIVEN, "image-only": None, "third": {"from": f"{HERE}:reads_more"}}
    every = read_study(write_yaml(tmp_path, models=models))
    assert every.compared == [("mine", "other"), ("mine", "third"), ("other", "third")]
    assert read_study(write_yaml(tmp_path, models=models, compare=[["third", "mine"]])).compared == [("third", "mine")]
    assert read_study(write_yaml(tmp_path, models=models, compare=[])).compared == []


def test_a_trained_model_needs_a_trunk(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name the image trunk"):
        read_study(write_yaml(tmp_path, image={"name": "none"}))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"from": f"{HERE}:nothing"}, "models.mine.from: .*no function 'nothing'"),
        ({"from": "nowhere"}, "models.mine.from: nowhere is not a saved model"),
        ({"from": f"{HERE}:deaf"}, "say so with reads_text: false"),
    ],
)
def test_a_model_that_cannot_be_opened_is_named(tmp_path: Path, own: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run_tiny(tmp_path, tmp_path / "run", models={"mine": own}, image={"name": "none"}, seeds=[0])


def test_the_study_file_that_is_written_is_read_as_the_same_study(tmp_path: Path) -> None:
    study = read_study(write_yaml(tmp_path, models=GIVEN))
    again = tmp_path / "again.yaml"
    write_study(study, again)
    assert read_study(again) == study
    assert study.roles.without_text("mine") == "mine-without-text"
