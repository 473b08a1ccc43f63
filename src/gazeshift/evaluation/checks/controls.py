"""What a model without the knowledge in question would score: the chance levels of claims C2 and C5, measured and not assumed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gazeshift.edits import Edited
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.checks.naming import gains, scores
from gazeshift.evaluation.checks.sanity import SEED
from gazeshift.evaluation.checks.subject import Subject, mean_of_defined, per_pair
from gazeshift.evaluation.faithful import reading
from gazeshift.evaluation.in_masks import excess
from gazeshift.evaluation.question import Question, named_region
from gazeshift.evaluation.viewer import viewer_of
from gazeshift.measures import centre_prior
from gazeshift.models import Classifier, ImageFeatures, evaluating
from gazeshift.models.randomise import with_random_head, with_random_weights

DRAWS = 3
"""Of random weights; a single draw may resemble the trained model by chance. The same for every model and training seed."""

RANDOM: Mapping[str, Callable[[Classifier, int], Classifier]] = MappingProxyType(
    {"random_head": with_random_head, "random_weights": with_random_weights}
)
"""Models that learnt nothing, by what of them is random."""


def controls(subject: Subject) -> pd.DataFrame:
    """Every pair with a visible region: what its map scores, and what maps score that cannot know where the text points.

    - ``excess``: mass on what the own text refers to, minus the same map's mass on what other pairs' texts refer to. 0 is expected of
      a map that does not depend on the image;
    - ``gain``: mass that another region gains when the text names it, minus what it gains with a paraphrase. 0 is expected of a map
      that does not depend on the text.

    Both for the model (no prefix), for ``random_head_`` (trunk and text encoder stay) and ``random_weights_`` (nothing stays), means of
    ``DRAWS`` in which they are defined; ``excess`` also for ``text_blind_`` (Eigen-CAM of the trained trunk: no text, no class),
    ``location_prior_`` (the mean region of training pairs) and ``centre_`` (a Gaussian). Each map is for the class that its model predicts.
    """
    asked = replace(subject, question=_with_few_texts(subject.question))
    own = _measured(asked)
    measures = {name: own[name] for name in ("excess", "gain", "text_blind_excess")} | _fixed(asked)
    for name, damage in RANDOM.items():
        drawn = [_measured(_damaged(asked, damage(asked.model, SEED + draw))) for draw in range(DRAWS)]
        measures |= {
            f"{name}_{what}": mean_of_defined(np.stack([each[what] for each in drawn])) for what in ("excess", "gain")
        }
    if not subject.model.structure.reads_text:
        measures = {name: values for name, values in measures.items() if not name.endswith("gain")}
    return per_pair(asked, range(len(asked.question.pairs)), measures)


def _with_few_texts(question: Question) -> Question:
    """Only the own texts, paraphrases, and texts that name another region: nothing else is measured here."""
    named = [named_region(question, index) for index in range(len(question.pairs))]

    def names(texts: Sequence[Edited | None]) -> bool:
        return any(text and region and text.refers == region for text, region in zip(texts, named, strict=True))

    texts = {edit: said for edit, said in question.texts.items() if edit in ("original", "paraphrase") or names(said)}
    return replace(question.with_texts(texts), wasserstein=0)


def _measured(subject: Subject) -> dict[str, Float[np.ndarray, " n"]]:
    """What the maps of a model score, by pair."""
    rows = analyse(viewer_of(subject.model, subject.images, subject.texts), subject.question).measures
    keys = [pair.key for pair in subject.question.pairs]
    own = rows[rows["edit"] == "original"].set_index("key").reindex(keys)
    gained = scores(gains(rows).reindex(keys))["gain"]
    return {
        "excess": own["mask_excess"].to_numpy(float),
        "text_blind_excess": own["blind_excess"].to_numpy(float),
        "gain": gained,
    }


def _fixed(subject: Subject) -> dict[str, Float[np.ndarray, " n"]]:
    """What maps score that are the same for every image."""
    question, shape = subject.question, subject.images([0]).grid.shape[2:]
    maps = {"centre": centre_prior(*shape), "location_prior": question.prior(*shape)}
    return {
        f"{name}_excess": np.array([excess(question, index, p) for index in range(len(question.pairs))])
        for name, p in maps.items()
        if p is not None
    }


def _damaged(subject: Subject, model: Classifier) -> Subject:
    """The same pairs seen and read by a model whose parts are not those of the study."""
    if model.trunk is subject.model.trunk:
        return replace(subject, model=model)

    def see(asked: Sequence[int]) -> ImageFeatures:
        pixels = subject.pixels(asked)
        with torch.no_grad(), evaluating(model):
            return model.encode_image(pixels)

    return replace(subject, model=model, images=see, texts=reading(model) if model.tokenizer else subject.texts)
