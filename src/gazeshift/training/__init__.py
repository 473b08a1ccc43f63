"""Training: recipes, features computed once, resumable fitting, prediction."""

from gazeshift.training.augment import AUGMENTATIONS, Augmentation
from gazeshift.training.features import CachedImages, CachedTexts, after_affine, image_features, text_features
from gazeshift.training.fitting import fit
from gazeshift.training.history import EpochRecord, Fitted
from gazeshift.training.prediction import accuracy, predict
from gazeshift.training.pretrain import fit_trunk
from gazeshift.training.recipe import RECIPES, Recipe, recipe_of
from gazeshift.training.split import Split

__all__ = [
    "AUGMENTATIONS",
    "RECIPES",
    "Augmentation",
    "CachedImages",
    "CachedTexts",
    "EpochRecord",
    "Fitted",
    "Recipe",
    "Split",
    "accuracy",
    "after_affine",
    "fit",
    "fit_trunk",
    "image_features",
    "predict",
    "recipe_of",
    "text_features",
]
