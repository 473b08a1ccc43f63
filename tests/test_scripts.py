"""Words of texts in any script."""

import unicodedata
from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from gazeshift import names, scripts
from gazeshift.edits.words import split_words
from gazeshift.saliency.words import split_words as words_for_maps
from gazeshift.scripts import word_spans

# Letters, marks, digits and signs of many scripts, so that every few characters a rule is touched.
BLOCKS = [
    (0x20, 0x17F), (0x300, 0x36F), (0x900, 0x97F), (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x11FF), (0x1780, 0x17FF), (0x1950, 0x1AAF),
    (0x1B00, 0x1B7F), (0x2000, 0x206F), (0x3000, 0x30FF), (0x4E00, 0x4E2F), (0xA9E0, 0xA9FF), (0xAA60, 0xAADF), (0xAC00, 0xAC2F),
    (0xF900, 0xFA2F), (0xFE00, 0xFE0F), (0xFF60, 0xFF9F), (0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F64F), (0x20B9F, 0x20BFF),
]  # fmt: skip
MANY_SCRIPTS = st.text(
    st.one_of([st.characters(min_codepoint=low, max_codepoint=high) for low, high in BLOCKS]), max_size=12
)
TEXTS = MANY_SCRIPTS | st.text(st.characters(exclude_categories=["Cs"]))


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Best apple-pie, ever!", ["Best", "apple-pie,", "ever!"]),
        ("", []),
        (" \t\n", []),
        ("美味しいパイ", list("美味しいパイ")),
        ("ケーキ、パイ・タルト", ["ケ", "ー", "キ", "、", "パ", "イ", "・", "タ", "ル", "ト"]),
        ("か\u3099き", ["か\u3099", "き"]),
        ("ｶﾞﾗｽ", ["ｶﾞ", "ﾗ", "ｽ"]),
        ("葛\U000e0100餅", ["葛\U000e0100", "餅"]),
        ("𠮷野家 2号店", ["𠮷", "野", "家", "2", "号", "店"]),
        ("ข้าวผัด 25 บาท", ["ข้", "า", "ว", "ผั", "ด", "25", "บ", "า", "ท"]),
        ("๒๕ น้ำ", ["๒๕", "น้ำ"]),
        ("ເຂົ້າ", ["ເ", "ຂົ້", "າ"]),
        ("ឆ្ងាញ់", ["ឆ្ងា", "ញ់"]),
        ("မင်္ဂလာပါ", ["မ", "င်္ဂ", "လာ", "ပါ"]),
        ("བོད་ཡིག་གི།", ["བོད་", "ཡིག་", "གི", "།"]),
        ("한국 요리", ["한국", "요리"]),
        ("हिन्दी खाना", ["हिन्दी", "खाना"]),
        ("עוגת תפוחים", ["עוגת", "תפוחים"]),
        ("cre\u0300me bru\u0302le\u0301e", ["cre\u0300me", "bru\u0302le\u0301e"]),
        ("👨‍👩‍👧 🇯🇵家", ["👨‍👩‍👧", "🇯🇵", "家"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert words_for_maps(text) == word_spans(text)


@given(TEXTS)
def test_words_tile_the_text_without_its_white_space(text: str) -> None:
    spans = word_spans(text)
    assert all(start < end for start, end in spans)
    assert all(before <= after for (_, before), (after, _) in pairwise(spans))
    inside = {place for start, end in spans for place in range(start, end)}
    assert inside == {place for place, letter in enumerate(text) if not letter.isspace()}


@given(TEXTS)
def test_composed_and_decomposed_texts_have_the_same_words(text: str) -> None:
    composed, decomposed = (words(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))
    assert [unicodedata.normalize("NFC", word) for word in decomposed] == [
        unicodedata.normalize("NFC", word) for word in composed
    ]


@given(TEXTS)
def test_a_mark_stays_with_its_letter(text: str) -> None:
    for start, _ in word_spans(text):
        if start and unicodedata.category(text[start])[0] == "M":
            before = text[start - 1]
            assert before.isspace() or unicodedata.category(before)[0] in "CZ", "nothing there for the mark to stand on"


@given(TEXTS)
def test_words_that_edits_draw_from_keep_their_marks_too(text: str) -> None:
    decomposed = [
        unicodedata.normalize("NFC", word) for word in split_words(unicodedata.normalize("NFD", "がパ" + text))[0]
    ]
    for word in decomposed:
        assert word[:1] not in {"\u3099", "\u309a"}


@pytest.mark.slow
def test_class_names_and_words_agree_on_the_scripts_without_spaces() -> None:
    letter = regex.compile(r"(?V1)[[\p{L}\p{Nl}]--\p{Grapheme_Extend}]")
    unspaced = regex.compile(f"(?V1){scripts._UNSPACED}|{scripts._TIBETAN}")
    ranges = regex.compile(f"[{names.UNSPACED}]")
    for number in range(0x110000):
        if letter.match(chr(number)):
            assert bool(unspaced.match(chr(number))) == bool(ranges.match(chr(number))), hex(number)
