"""Training: recipes, features computed once, resumable fitting, prediction."""

from typing import TYPE_CHECKING

from gazeshift.lazy import on_demand
from gazeshift.training.augment import AUGMENTATIONS
from gazeshift.training.features import CachedImages, CachedTexts, after_affine, image_features, text_features
from gazeshift.training.history import Fitted
from gazeshift.training.prediction import accuracy, predict
from gazeshift.training.ranks import joined
from gazeshift.training.recipe import RECIPES, Recipe, recipe_of
from gazeshift.training.split import Split

if TYPE_CHECKING:
    from gazeshift.training.fitting import fit
    from gazeshift.training.pretrain import fit_trunk

__all__ = [
    "AUGMENTATIONS",
    "RECIPES",
    "CachedImages",
    "CachedTexts",
    "Fitted",
    "Recipe",
    "Split",
    "accuracy",
    "after_affine",
    "fit",
    "fit_trunk",
    "image_features",
    "joined",
    "predict",
    "recipe_of",
    "text_features",
]

# Lightning takes longer to import than torch; whoever only predicts need not wait for it.
__getattr__ = on_demand(__name__, {"fit": "gazeshift.training.fitting", "fit_trunk": "gazeshift.training.pretrain"})
