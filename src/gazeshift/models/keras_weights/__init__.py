"""The image-only and early-fusion nets that Gallo et al. 2020 released as Keras files, as classifiers of ours."""

from gazeshift.models.keras_weights.convert import import_keras

__all__ = ["import_keras"]
