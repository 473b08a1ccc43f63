"""Hugging Face text encoders and tokenizers; imported on demand, because this imports transformers."""

from pathlib import Path

from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from gazeshift.errors import ModelError
from gazeshift.json_types import Json
from gazeshift.models.reason import reason

_NO_TOKENIZER = "no tokenizer for {!r}; give a Hugging Face name or a local folder with its files."


def encoder_from_config(config: Json | None) -> PreTrainedModel:
    """An untrained Hugging Face encoder from its configuration only: no download, no third-party code.

    Raises:
        ModelError: the configuration names no known architecture.
    """
    values = _architecture(config or {})
    kind = values.pop("model_type", None)
    if kind is None:
        raise ModelError("text encoder: its configuration names no model_type, so it cannot be built.")
    try:
        return AutoModel.from_config(AutoConfig.for_model(kind, **values), trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds
        raise ModelError(f"text encoder of type {kind!r} cannot be built: {reason(error)}.") from error


def _architecture(config: Json) -> Json:
    """A configuration without the keys that choose an implementation: these may name code to be fetched from a hub."""
    kept = {key: value for key, value in config.items() if "attn_implementation" not in key and key != "auto_map"}
    return {key: _architecture(value) if isinstance(value, dict) else value for key, value in kept.items()}


def load_encoder(name: str) -> PreTrainedModel:
    """A Hugging Face encoder by name or local folder, from safetensors only; code in a repository is never run.

    Raises:
        ModelError: there is none.
    """
    transformers_logging.disable_progress_bar()  # loading from disk needs no bar; downloads have their own
    try:
        return AutoModel.from_pretrained(name, trust_remote_code=False, use_safetensors=True)
    except Exception as error:  # transformers raises many kinds
        raise ModelError(
            f"text_encoder: {name!r} cannot be loaded ({reason(error)}); give a Hugging Face name or a local folder."
        ) from error


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """A Hugging Face tokenizer by name or from a local folder; code in a repository is never run.

    Raises:
        ModelError: there is none, or one that knows no word or cannot pad.
    """
    try:
        local = Path(name).is_dir()  # then no hub is contacted
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, local_files_only=local)
    except Exception as error:  # transformers raises many kinds
        raise ModelError(f"text_encoder: {_NO_TOKENIZER.format(name)}") from error
    if len(tokenizer) <= len(
        tokenizer.all_special_tokens
    ):  # what transformers makes of a folder without tokenizer files
        raise ModelError(f"text_encoder: {_NO_TOKENIZER.format(name)}")
    # Longer texts are truncated, whatever the tokenizer's own settings.
    tokenizer.truncation_side = "right"
    if tokenizer.pad_token is None:
        raise ModelError(
            f"text_encoder: the tokenizer of {name!r} has no padding token; choose an encoder such as BERT."
        )
    return tokenizer
