"""Where the words of a text are, in any script."""

import regex

# These scripts have no spaces between words; readers split from knowledge. Line_Break=Complex_Context is Unicode's own list of the
# South East Asian ones (Thai, Lao, Burmese, Khmer, Tai Le, Tai Tham, ...; UAX #14, class SA). Digits and punctuation are not among them.
_UNSPACED = (
    r"[\p{Line_Break=Complex_Context}"
    r"[[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}ーｰ〆]&&[\p{L}\p{M}\p{Nl}]]]"
)
_TIBETAN = r"[\p{Script=Tibetan}&&[\p{L}\p{M}\p{N}]]"
_SPACE = r"[\s\x1c-\x1f]"
_CHARACTER = r"\X(?:(?=\p{M})\X)*"  # Annex 29 leaves some vowel signs alone, such as the Burmese aa
_WORD = regex.compile(
    rf"(?V1)(?:(?={_TIBETAN}){_CHARACTER})+[་༌]?|(?={_UNSPACED}){_CHARACTER}|(?:(?!{_SPACE}|{_UNSPACED}|{_TIBETAN}){_CHARACTER})+",
)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each word: text between spaces, and in scripts without spaces between words each character.

    A character is what a reader sees as one (an extended grapheme cluster, Unicode Standard Annex 29): marks, vowel signs and subscripts
    stay with their letter, composed or not. Tibetan is split after the mark that ends a syllable. Every
    character other than white space is in exactly one word.

    Example:
        >>> [("red 寿司 pie"[a:b]) for a, b in word_spans("red 寿司 pie")]
        ['red', '寿', '司', 'pie']
        >>> [("ฉันกินข้าว"[a:b]) for a, b in word_spans("ฉันกินข้าว")]
        ['ฉั', 'น', 'กิ', 'น', 'ข้', 'า', 'ว']
    """
    return [match.span() for match in _WORD.finditer(text)]
