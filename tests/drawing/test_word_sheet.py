"""Words as coloured text, on a picture and on a page: right words, right colours, any language, nothing executed."""

from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gazeshift.drawing.coloured import coloured_words, strongest_words, without
from gazeshift.drawing.fonts import STAND_IN, typeface
from gazeshift.drawing.word_sheet import word_sheet
from gazeshift.report.word_page import word_page
from gazeshift.saliency import WordEffects
from gazeshift.saliency.words import split_words

CROP = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
HOSTILE = "<script>alert(1)</script> $x_{2}$ \"'& 赤い寿司 🍣 مرحبا \x07bell \u200bzero"
UNKNOWN = "\U000f0000"  # a private-use character, which no usual font has


def effects_of(
    text: str, explained: str = "pie", logit: list[float] | None = None, bits: list[float] | None = None
) -> WordEffects:
    spans, rng = tuple(split_words(text)), np.random.default_rng(0)
    count = len(spans)
    return WordEffects(
        text=text,
        words=tuple(text[a:b] for a, b in spans),
        spans=spans,
        explained=explained,
        logit=np.array(logit if logit is not None else rng.normal(size=count)),
        js_bits=np.array(bits if bits is not None else rng.random(count)),
        maps=rng.normal(size=(count, 4, 4)),
        whole=rng.normal(size=(4, 4)),
    )


class Reader(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_colours_say_for_against_and_how_much() -> None:
    words = coloured_words(effects_of("a b c d", logit=[2.0, -2.0, 1.0, 0.0], bits=[0.4, 0.2, 0.0, np.nan]))
    good, bad, half, none = (np.array(word.logit_colour) for word in words)
    assert good[1] > good[0]
    assert good[1] > good[2]
    assert bad[0] > bad[1]
    np.testing.assert_allclose(255 - half, (255 - good) / 2, atol=1)
    assert none.tolist() == [255, 255, 255]
    far, near, still, undefined = (np.array(word.bits_colour) for word in words)
    np.testing.assert_allclose(255 - near, (255 - far) / 2, atol=1)
    assert still.tolist() == undefined.tolist() == [255, 255, 255]
    assert words[3].bits is None


def test_rounding_noise_stays_pale() -> None:
    (word,) = coloured_words(effects_of("pie", logit=[1e-7], bits=[1e-9]))
    assert min(word.logit_colour + word.bits_colour) >= 254


def test_the_text_is_whole_again_from_its_words() -> None:
    effects = effects_of("  red 寿司\t pie ")
    assert "".join(word.before + word.text for word in coloured_words(effects)) == "  red 寿司\t pie"


def test_maps_without_a_word_are_those_of_the_shorter_text() -> None:
    effects = effects_of("a b c", bits=[0.1, np.nan, 0.3])
    assert strongest_words(effects, 2) == [2, 0]
    assert strongest_words(effects, 9) == [2, 0, 1]
    np.testing.assert_allclose(without(effects, 1) + effects.maps[1], effects.whole, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["leave-out", "mask"])
@pytest.mark.parametrize(
    "text", ["pie", HOSTILE, "word " * 60, "x" * 500, "寿" * 200], ids=["one", "hostile", "many", "long", "cjk"]
)
def test_the_picture_survives_every_text(text: str, how: str) -> None:
    """Without a warning, and with room for all words."""
    effects = effects_of(text, explained=text[:300])
    sheet = word_sheet(CROP, effects, how)
    assert sheet.image.mode == "RGB"
    lines = np.asarray(sheet.image)
    assert (lines[:, [0, -1]] == 255).all(), "nothing is cut at the edges"
    assert (lines[[0, -1]] == 255).all()
    few = word_sheet(CROP, effects_of("pie"), how).image.height
    assert (sheet.image.height > few) == (len(effects.words) > 1 or bool(sheet.missing))


@pytest.mark.slow
def test_words_stand_in_their_colours() -> None:
    effects = effects_of("good bad", logit=[1.0, -1.0], bits=[0.5, 0.5])
    found = {tuple(pixel) for pixel in np.asarray(word_sheet(CROP, effects).image).reshape(-1, 3)[:, :3].tolist()}
    for word in coloured_words(effects):
        assert {word.logit_colour, word.bits_colour} <= found


def test_the_picture_has_a_line_for_words_that_were_not_read() -> None:
    found = effects_of("apple pie")
    whole, cut = (word_sheet(CROP, found, cut=cut).image for cut in (False, True))
    assert cut.height > whole.height
    added = np.asarray(cut)[whole.height - 24 :]
    assert (added < 200).any(), "nothing is written there"


def test_what_no_font_has_is_said() -> None:
    sheet = word_sheet(CROP, effects_of(f"pie {UNKNOWN} tart"))
    assert sheet.missing == UNKNOWN
    assert not word_sheet(CROP, effects_of("Crème brûlée — ½ naïve ж λ")).missing
    face = typeface([UNKNOWN])
    assert face.width(UNKNOWN, 20) == face.width(STAND_IN, 20) > 0


def test_a_font_that_has_a_character_is_found_beyond_the_first() -> None:
    """Latin x with a palatal hook: DejaVu Sans lacks it, a font that comes with matplotlib has it."""
    face = typeface(["pie \u1d8d tart"])
    assert not face.missing
    assert len(face.paths) == 2
    assert face.width("pie\u1d8dtart", 20) == pytest.approx(
        sum(face.width(part, 20) for part in ("pie", "\u1d8d", "tart"))
    )


def test_the_page_escapes_everything_and_holds_every_word() -> None:
    effects = effects_of(HOSTILE, explained="<i>pie</i>")
    page = word_page(CROP, effects, "<b>.jpg", "<u>model</u>")
    reader = Reader(page)
    assert not {"script", "i>", "u"} & set(reader.tags)
    assert reader.tags.count("script") == 0
    shown = "".join(reader.words)
    for word in (
        "<script>alert(1)</script>",
        "$x_{2}$",
        "\"'&",
        "寿",
        "🍣",
        "مرحبا",
        "<b>.jpg",
        "<i>pie</i>",
        "<u>model</u>",
    ):
        assert word in shown
    assert "\x07" not in page
    assert reader.tags.count("img") == 2 + len(effects.words) + 1
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_says_what_is_undefined_and_how_words_were_taken() -> None:
    effects = effects_of("a b", bits=[np.nan, 0.2])
    effects = WordEffects(**{**vars(effects), "whole": -np.ones((4, 4)), "maps": np.zeros((2, 4, 4))})
    page = word_page(CROP, effects, "photo.jpg", "early-fusion", "mask")
    assert page.count("hatched: no positive evidence") == 3
    assert "masked in turn" in page
    assert "–" in page
