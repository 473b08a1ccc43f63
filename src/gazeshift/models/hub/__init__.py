"""Models on the Hugging Face hub or in a folder: published ones of pictures and texts, and those that gazeshift saved."""

from gazeshift.models.hub.load import from_hub
from gazeshift.models.hub.saved import from_pretrained, is_saved

__all__ = ["from_hub", "from_pretrained", "is_saved"]
