"""Classifiers of an image and a text, split at the tap."""

from gazeshift.models.bound import Bound
from gazeshift.models.build import build_classifier, build_text, build_tokenizer, set_affine
from gazeshift.models.classifier import BoundClassifier, Classifier, encode_images, encode_texts
from gazeshift.models.face import Model
from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.files import load, save, versions
from gazeshift.models.fingerprint import digest
from gazeshift.models.fusions import HEADS, Structure
from gazeshift.models.image import build_trunk
from gazeshift.models.modes import evaluating
from gazeshift.models.pieces import TokenizerPieces
from gazeshift.models.spec import HeadSpec, ImageSpec, ModelSpec, TextSpec

__all__ = [
    "HEADS",
    "Bound",
    "BoundClassifier",
    "Classifier",
    "HeadSpec",
    "ImageFeatures",
    "ImageSpec",
    "Model",
    "ModelSpec",
    "Structure",
    "TextFeatures",
    "TextSpec",
    "TokenizerPieces",
    "build_classifier",
    "build_text",
    "build_tokenizer",
    "build_trunk",
    "digest",
    "encode_images",
    "encode_texts",
    "evaluating",
    "load",
    "save",
    "set_affine",
    "versions",
]
