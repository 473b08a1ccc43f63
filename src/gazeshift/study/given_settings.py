"""The settings of given models: what is assumed of their structure, and which model without text each is compared with."""

from collections.abc import Mapping

from gazeshift.models import Structure
from gazeshift.study.sections import ModelConfig

GIVEN, TEXT_FREE = "given", "text-free"
"""Kinds of models that were not trained here: one that reads the text, and one that does not or is told the empty text."""
_WITHOUT = "-without-text"


def structure_of_given(own: ModelConfig) -> Structure:
    """What is assumed of a given model until it is tried: that the text may do anything it is let.

    Example:
        >>> structure_of_given(ModelConfig(from_="hub:clip", texts="constant")).reads_text
        False
    """
    if own.texts == "constant":
        sentence = (
            "This given model is told the empty text, whatever the pair's: nothing of the text can reach the map."
        )
    elif not own.reads_text:
        sentence = "This given model reads no text: nothing of the text can reach the map."
    else:
        sentence = "This model was given, not trained here: what the text can do to its map is measured, not known from its structure."
    reads = own.reads_text and own.texts == "own"
    return Structure(sees_image=True, reads_text=reads, additive=not reads, sentence=sentence)


def with_counterparts(models: Mapping[str, ModelConfig]) -> dict[str, ModelConfig]:
    """The models, and for each given one that reads the text and names no counterpart itself, told the empty text.

    Raises:
        ValueError: a counterpart that is not a model of the study, or a name that is taken.

    Example:
        >>> list(with_counterparts({"clip": ModelConfig(from_="hub:clip")}))
        ['clip', 'clip-without-text']
    """
    found, silent = dict(models), {}
    for name, own in models.items():
        if own.counterpart is not None and own.counterpart not in models:
            raise ValueError(f"{name}.counterpart: no model {own.counterpart!r} in this study")
        if own.from_ is None or own.counterpart is not None or not structure_of_given(own).reads_text:
            continue
        other = name + _WITHOUT
        if other in models:
            if models[other].from_ != own.from_:
                raise ValueError(
                    f"{other}: this name is needed for {name!r} told the empty text; name this model otherwise"
                )
        else:
            silent[other] = own.model_copy(update={"texts": "constant"})
        found[name] = own.model_copy(update={"counterpart": other})
    return {**found, **silent}
