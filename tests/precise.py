"""What single-precision results are held against: the same quantity in double precision, on weights of a sensible scale."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from gazeshift.models import BoundClassifier, Classifier
from gazeshift.saliency import Rows, compute_maps


def well_scaled(model: Classifier, seed: int = 0) -> Classifier:
    """Draw the trunk's weights anew so that every layer keeps the scale of what goes in, as trained layers do.

    Initial weights do not: a transformer's attend to all patches alike and a convolution's let the signal fade, so that a comparison of
    maps would be one of small differences.
    """
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, weight in model.trunk.named_parameters():
            if weight.ndim in {2, 4}:
                weight.normal_(0, weight[0].numel() ** -0.5)
            elif (
                name.endswith(("gamma", "gamma_1", "gamma_2", "weight")) and weight.abs().max() < 0.01
            ):  # layer scales, and norms that start as such
                weight.fill_(0.5)
            elif weight.ndim == 3:  # class tokens and places
                weight.normal_()
    return model


def maps_in_double(
    model: Classifier, pictures: Sequence[Image.Image], texts: Sequence[str], method: str = "default"
) -> np.ndarray:
    """Maps of every picture with every text for every class: ``images x texts x classes x h x w``."""
    exact, preprocessing = copy.deepcopy(model).double(), model.spec.preprocessing
    crops = torch.from_numpy(np.stack([preprocessing.crop(picture) for picture in pictures]))
    tokens = exact.tokenize(texts)
    counts = (len(pictures), len(texts), len(model.classes))
    rows = torch.meshgrid(*map(torch.arange, counts), indexing="ij")
    with torch.no_grad():
        image = exact.encode_image(preprocessing.normalise(crops).double())
        text = exact.encode_text(tokens.ids, tokens.mask)
    maps = compute_maps(BoundClassifier(exact, image, text), Rows(*(index.flatten() for index in rows)), method).maps
    return maps.numpy().reshape(*counts, *maps.shape[1:])
