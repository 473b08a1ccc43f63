"""A model for others: its folder with a card, which says what its maps can show and what a study found; and the hub."""

from gazeshift.sharing.card import Publication, model_card
from gazeshift.sharing.push import push_to_hub
from gazeshift.sharing.save import save_pretrained

__all__ = ["Publication", "model_card", "push_to_hub", "save_pretrained"]
