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
    assert numbers["gallo-image-only"][:4] == ("sgd", 0.01, 0.9, 75)
    assert all(RECIPES[name].trunk == RECIPES[name].text == "fine-tuned" for name in numbers if "-" in name)


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
