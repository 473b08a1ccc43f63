"""Published models of pictures and texts, from a folder or a name on the Hugging Face hub, ready for pictures and sentences."""

from gazeshift.models.hub.load import from_hub

__all__ = ["from_hub"]
