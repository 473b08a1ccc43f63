"""How a tokenizer splits a text, for code that chooses texts: the pieces, and whether it knows a word."""

from gazeshift.models.tokenizer import TextTokenizer


class TokenizerPieces:
    """The pieces that a model reads.

    Attributes:
        limit: number of pieces of a text that the model reads, without the special tokens at the ends.
        mask: the text of the mask token, else of the unknown token; empty where the tokenizer has neither or its cleaning drops it.
    """

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._clean = tokenizer.clean
        self._tokenizer = tokenizer.tokenizer
        self._unknown = tokenizer.unk_token
        self._known: dict[str, tuple[str, ...]] = {}
        self.limit: int = tokenizer.max_tokens - self._tokenizer.num_special_tokens_to_add()
        tokens = (tokenizer.mask_token, tokenizer.unk_token)
        self.mask: str = next((token for token in tokens if token is not None and self.split(token) == (token,)), "")

    def split(self, text: str) -> tuple[str, ...]:
        """The pieces of a text after cleaning, without special tokens at the ends and without a limit.

        Example:
            >>> from gazeshift.models.tokenizer import train_tokenizer
            >>> pieces = TokenizerPieces(TextTokenizer(train_tokenizer(["apple pie"], 100), max_tokens=8))
            >>> pieces.split("Apple pip"), pieces.limit, pieces.mask
            (('apple', 'p', '##i', '##p'), 6, '[MASK]')
        """
        if text not in self._known:
            ids = self._tokenizer([self._clean(text)], add_special_tokens=False, verbose=False)["input_ids"][0]
            self._known[text] = tuple(self._tokenizer.convert_ids_to_tokens(ids))
        return self._known[text]

    def count(self, text: str) -> int:
        """The number of pieces of a text."""
        return len(self.split(text))

    def knows(self, word: str) -> bool:
        """Whether a word has at least one piece after cleaning, and no unknown token."""
        found = self.split(word)
        return bool(found) and self._unknown not in found
