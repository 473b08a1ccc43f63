import pytest
from pydantic import ValidationError

from gazeshift.errors import ConfigError, UsageError
from gazeshift.training import RECIPES, Recipe, recipe_of


def test_published_recipes_have_the_published_numbers() -> None:
    numbers = {
        name: (recipe.optimizer, recipe.learning_rate, recipe.momentum, recipe.batch_size, recipe.epochs)
        for name, recipe in RECIPES.items()
    }
    assert numbers["paper-image-only"] == ("sgd", 0.01, 0.9, 75, 10)
    assert numbers["paper-early-fusion"] == ("sgd", 0.01, 0.9, 8, 15)
    assert numbers["gallo-early-fusion"] == ("sgd", 0.0001, 0.9, 80, 15)
    assert numbers["gallo-text-only"][:2] == ("adam", 0.001)
    assert numbers["gallo-text-only"][3] == 512
    assert numbers["gallo-image-only"][:4] == ("sgd", 0.01, 0.9, 75)
    assert RECIPES["gallo-text-only"].text == "frozen"
    assert [name for name, recipe in RECIPES.items() if recipe.schedule == "plateau"] == [
        "paper-early-fusion", "gallo-early-fusion", "gallo-text-only",
    ]  # fmt: skip
    published = [name for name in numbers if "-" in name and name != "gallo-text-only"]
    assert all(RECIPES[name].trunk == RECIPES[name].text == "fine-tuned" for name in published)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid_and_survives_json(name: str) -> None:
    assert Recipe.model_validate_json(RECIPES[name].model_dump_json()) == RECIPES[name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "recipe: unknown key 'epoch'"),
        ({"epochs": 0}, "recipe.epochs: "),
        ({"learning_rate": float("nan")}, "recipe.learning_rate: "),
        ({"augmentation": "flips"}, "Did you mean 'flip'"),
        ({"optimizer": "lamb"}, "'sgd', 'adam' or 'adamw'"),
    ],
)
def test_a_wrong_change_is_one_line_that_names_it(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recipe_of("adamw", changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_recipe() -> None:
    with pytest.raises(UsageError, match="Did you mean 'adamw'"):
        recipe_of("adamv")


def test_a_recipe_does_not_change() -> None:
    with pytest.raises(ValidationError):
        RECIPES["adamw"].epochs = 1


def test_losses_that_are_not_asked_for_decide_nothing() -> None:
    """So a training begun before there were such losses is continued."""
    plain = recipe_of("plates").deciding()
    assert not {"ema", "modality_dropout", "unimodal", "auxiliary", "contrastive"} & plain.keys()
    asked = [
        {"ema": 0.9},
        {"modality_dropout": 0.1},
        {"unimodal": "blended"},
        {"unimodal": "auxiliary"},
        {"contrastive": 0.1},
    ]
    changed = [
        recipe_of("plates", changes).deciding() for changes in (*asked, {"unimodal": "auxiliary", "auxiliary": 2})
    ]
    assert len({repr(each) for each in (plain, *changed)}) == 7
    assert recipe_of("plates", {"auxiliary": 2}).deciding() == plain
