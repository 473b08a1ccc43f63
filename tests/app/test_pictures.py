"""What can be looked at: the data's pictures and dropped ones, and nothing else."""

import io

import pytest
from PIL import Image

from gazeshift.app import pictures as module
from gazeshift.app.asked import Ask
from gazeshift.app.house import House
from gazeshift.app.pictures import THUMBNAIL, Pictures
from gazeshift.errors import ImageError, UsageError
from gazeshift.pairs import Pair
from gazeshift.saliency.pictures import open_picture

from .conftest import file_of


@pytest.mark.parametrize(
    "name",
    [
        "",
        "pair-",
        "pair-99",
        "pair--1",
        "pair-1.0",
        "pair-²",
        "pair-0x0",
        "/etc/passwd",
        "../secret",
        "dropped-",
        "pair-" + "9" * 40,
    ],
)
def test_nothing_else_can_be_read(pairs: list[Pair], name: str) -> None:
    with pytest.raises(UsageError, match="choose a sample, or drop the image again"):
        Pictures(pairs).source(name)


def test_a_pair_by_its_number(pairs: list[Pair]) -> None:
    pictures = Pictures(pairs)
    for number, pair in enumerate(pairs):
        assert pictures.source(f"pair-{number}") == pair.image
        assert pictures.samples[number].text == pair.text
    assert pictures.pair("dropped-1") is None


def test_a_dropped_picture_stays_until_others_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DROPPED", 2)
    pictures = Pictures()
    files = [file_of(Image.new("RGB", (8, 8), (shade, 0, 0))) for shade in range(3)]
    first, second = (pictures.drop(file) for file in files[:2])
    assert pictures.drop(files[0]) == first  # the same picture has the same name, and is asked for now
    pictures.drop(files[2])
    assert pictures.source(first) == files[0]
    with pytest.raises(UsageError):
        pictures.source(second)


def test_what_is_too_large_or_no_picture_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Pictures()
    with pytest.raises(ImageError):
        pictures.drop(b"<script>alert(1)</script>")
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(UsageError, match="larger than"):
        pictures.drop(b"x" * 101)
    monkeypatch.setattr(module, "MAX_BYTES", 10_000_000)
    monkeypatch.setattr(module, "MAX_PIXELS", 99)
    with pytest.raises(ImageError):
        pictures.drop(file_of(Image.new("RGB", (10, 10))))
    assert not pictures._dropped


def test_words_are_found_in_class_and_text_in_any_case(pairs: list[Pair]) -> None:
    pictures = Pictures(pairs)
    pair = pairs[2]
    word = pair.text.split()[0]
    for search in (word.upper(), f"{pair.label[:3]} {word}", pair.text):
        assert "pair-2" in {sample.picture for sample in pictures.find(search)}
    assert pictures.find("no such words at all") == []
    assert {sample.label for sample in pictures.find(label=pair.label)} == {pair.label}
    assert len(pictures.find()) == len(pairs)


def test_a_thumbnail_is_a_small_jpeg() -> None:
    pictures = Pictures([Pair("a", file_of(Image.new("RGB", (800, 200), "red")), "a", "a", "test")])
    small = Image.open(io.BytesIO(pictures.thumbnail("pair-0")))
    assert small.format == "JPEG"
    assert small.size == (THUMBNAIL, THUMBNAIL // 4)


def test_a_picture_is_decoded_once_until_others_take_its_place(
    pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPENED", 2)
    decoded: list[object] = []

    def counting(source: bytes, at_least: int | None) -> Image.Image:
        decoded.append(source)
        return open_picture(source, at_least=at_least)

    monkeypatch.setattr(module, "open_picture", counting)
    pictures = Pictures(pairs)
    for number in (0, 1, 0, 1):
        assert pictures.opened(f"pair-{number}", None).tobytes() == open_picture(pairs[number].image).tobytes()
    assert decoded == [pairs[0].image, pairs[1].image]
    pictures.opened("pair-2", None)  # in the place of 0
    pictures.opened("pair-1", None)
    assert len(decoded) == 3
    pictures.opened("pair-0", None)
    assert len(decoded) == 4
    with pytest.raises(UsageError, match="choose a sample"):
        pictures.opened("pair-99", None)


def test_a_picture_of_the_data_that_a_model_can_look_at_is_shown_however_large(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 99)  # of dropped pictures
    name = next(iter(house.models))
    assert house.gaze(Ask(picture="pair-0", model=name, texts=("a",)), "").looks
    assert house.view(name, "pair-0")[:2] == house.pictures.thumbnail("pair-0")[:2] == b"\xff\xd8"
