"""Every kind of image that people have, against what a person would see."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from gazeshift.data.decode import MAX_PIXELS, decode, image_size, resolve
from gazeshift.errors import DataError, ImageError
from gazeshift.preprocessing import Preprocessing

RED, WHITE = (255, 0, 0), (255, 255, 255)


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_shows_what_a_viewer_shows(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encode(Image.fromarray(pixels), "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(stored)))
    assert np.array_equal(np.asarray(decode(stored)), np.asarray(expected))
    assert image_size(stored) == expected.size


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Detail at every scale, its strength falling with frequency, as in photos."""
    rng, picture = np.random.default_rng(0), np.zeros((height, width, 3))
    for cells, strength in ((3, 60), (9, 40), (30, 26), (90, 16), (300, 9)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        picture += strength * (np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 128 - 1)
    return Image.fromarray(np.clip(picture + 128, 0, 255).astype(np.uint8)).convert(mode)


def likeness(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Cosine of two crops about their means: stricter than about zero."""
    a, b = (crop.astype(float).ravel() - crop.mean() for crop in (ours, theirs))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1001, 683), (683, 1003)])
@pytest.mark.parametrize("size", [64, 96, 140])
def test_a_reduced_photo_gives_the_crop_of_the_whole(width: int, height: int, size: int, interpolation: str) -> None:
    stored = encode(photo(width, height), "JPEG", quality=92)
    preprocessing = Preprocessing(size=size, interpolation=interpolation)
    whole, reduced = decode(stored), decode(stored, at_least=preprocessing.enough)
    assert whole.size == (width, height)
    assert max(whole.size) / max(reduced.size) == pytest.approx({64: 4, 96: 2, 140: 2}[size], rel=0.01)
    assert min(reduced.size) >= 2 * size
    assert likeness(preprocessing.crop(reduced), preprocessing.crop(whole)) >= 0.999


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_photo_is_turned_about_its_own_middle(orientation: int) -> None:
    """Stored sizes that no factor divides: the last column and row are partly empty, and after a turn they are the first."""
    exif, preprocessing = Image.Exif(), Preprocessing(size=24)
    exif[0x0112] = orientation
    stored = encode(photo(449, 451), "JPEG", quality=92, exif=exif)
    whole, reduced = decode(stored), decode(stored, at_least=preprocessing.enough)
    assert max(reduced.size) == 57
    assert likeness(preprocessing.crop(reduced), preprocessing.crop(whole)) >= 0.999
    by_size = Image.fromarray(np.asarray(reduced))  # without the note of its edges
    assert likeness(preprocessing.crop(by_size), preprocessing.crop(whole)) < 0.999


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_kind_of_jpeg_is_reduced(mode: str, progressive: bool) -> None:
    stored = encode(photo(512, 400, mode), "JPEG", quality=92, progressive=progressive)
    whole, reduced = decode(stored), decode(stored, at_least=200)
    assert (reduced.size, reduced.mode) == ((256, 200), "RGB")
    smaller = np.asarray(whole.resize((256, 200), Image.Resampling.BOX))
    assert likeness(np.asarray(reduced), smaller) >= 0.99


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP"])
def test_only_jpegs_are_reduced_and_none_below_what_is_asked(format: str) -> None:
    assert decode(encode(photo(512, 400), format), at_least=64).size == (512, 400)
    assert decode(encode(photo(512, 400), "JPEG"), at_least=201).size == (512, 400)
    assert decode(encode(photo(512, 400), "JPEG"), at_least=400).size == (512, 400)
    assert Preprocessing(size=64, interpolation="nearest").enough is None


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_jpeg_is_refused_at_any_size(kept: float) -> None:
    stored = encode(photo(512, 400), "JPEG")
    cut = stored[: int(kept * len(stored))]
    messages = []
    for at_least in (None, 64):
        with pytest.raises(ImageError, match=r"^cut\.jpg: damaged or truncated") as refused:
            decode(cut, "cut.jpg", at_least=at_least)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    with pytest.raises(ImageError, match="512 x 400 pixels exceed the limit"):  # the limit is on what is stored
        decode(stored, max_pixels=100_000, at_least=64)


def test_broken_exif_does_not_spoil_the_picture() -> None:
    assert decode(encode(Image.new("RGB", (3, 3), RED), "PNG", exif=b"Exif\0\0garbage")).getpixel((1, 1)) == RED


def test_cmyk_becomes_the_colour_it_prints() -> None:
    pixel = decode(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)).getpixel((4, 4))
    assert np.abs(np.subtract(pixel, RED)).max() < 12


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
@pytest.mark.parametrize("compression", [None, "tga_rle"])
def test_tga_is_read(mode: str, compression: str | None, tmp_path: Path) -> None:
    picture = Image.new("RGB", (4, 3), WHITE)
    picture.putpixel((1, 0), (0, 0, 0))
    stored = encode(picture.convert(mode), "TGA", compression=compression)
    for source in (stored, tmp_path / "photo.TGA", tmp_path / "photo"):  # by its footer, its name, its footer again
        if isinstance(source, Path):
            source.write_bytes(stored)
        assert np.array_equal(np.asarray(decode(source)), np.asarray(picture))
        assert image_size(source) == (4, 3)
    first_version = stored[:-26]  # it has no footer: the name alone tells
    assert decode(first_version, "photo.tga").size == (4, 3)
    with pytest.raises(ImageError, match="not an image of a known format"):
        decode(first_version, "photo.bin")


@given(st.binary(max_size=400))
def test_bytes_that_no_name_and_no_mark_call_a_tga_are_none(content: bytes) -> None:
    header = bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 24, 0])  # 2 x 2, as good as any
    with pytest.raises(ImageError):
        decode(header + content + b"!")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_are_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    stored = encode(image.convert(mode), "TIFF" if mode == "PA" else "PNG")
    decoded = decode(stored)
    assert [decoded.getpixel((x, 0)) for x in (0, 1)] == [WHITE, (0, 0, 0)]


def test_half_transparent_is_mixed_with_white() -> None:
    assert decode(encode(Image.new("RGBA", (1, 1), (255, 0, 0, 128)), "PNG")).getpixel((0, 0)) == (255, 127, 127)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_palette_with_and_without_transparency(transparency: object) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 0, 0, 255])
    image.putpixel((1, 0), 1)
    opaque = decode(encode(image, "PNG"))
    clear = decode(encode(image, "PNG", transparency=transparency))
    assert [opaque.getpixel((x, 0)) for x in (0, 1)] == [RED, (0, 0, 255)]
    assert [clear.getpixel((x, 0)) for x in (0, 1)] == [RED, WHITE]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_colour_key_is_transparent(mode: str) -> None:
    stored = encode(Image.new(mode, (1, 1), "black"), "PNG", transparency=0 if mode == "L" else (0, 0, 0))
    assert decode(stored).getpixel((0, 0)) == WHITE


@pytest.mark.parametrize(
    ("values", "dtype", "format", "expected"),
    [
        ([0, 32768, 65535], np.uint16, "PNG", [0, 128, 255]),
        ([0, 300, 600], np.uint16, "PNG", [0, 1, 2]),  # a dark picture stays dark
        ([0, 32768, 65535], np.uint16, "TIFF", [0, 128, 255]),
        ([0, 32768, 65535], np.int32, "TIFF", [0, 128, 255]),
        ([-100, 0, 100], np.int32, "TIFF", [0, 128, 255]),
        ([0.0, 0.5, 1.0], np.float32, "TIFF", [0, 128, 255]),
        ([0.0, 100.0, 200.0], np.float32, "TIFF", [0, 100, 200]),
        ([-1.0, 0.0, 1.0], np.float32, "TIFF", [0, 128, 255]),
        ([7.5e4, 7.5e4, 7.5e4], np.float32, "TIFF", [0, 0, 0]),
    ],
)
def test_deep_grey_is_scaled(values: list[float], dtype: type, format: str, expected: list[int]) -> None:
    decoded = decode(encode(Image.fromarray(np.array([values], dtype)), format))
    assert decoded.mode == "RGB"
    assert np.asarray(decoded)[0, :, 0].tolist() == expected


def test_pixels_that_are_no_numbers_are_an_error() -> None:
    stored = encode(Image.fromarray(np.array([[np.nan, 1]], np.float32)), "TIFF")
    with pytest.raises(ImageError, match=r"^x\.tif: .*not finite"):
        decode(stored, "x.tif")


@pytest.mark.parametrize(("mode", "format"), [("1", "PNG"), ("L", "JPEG"), ("L", "BMP"), ("RGB", "WEBP"), ("L", "PPM")])
def test_grey_and_black_and_white(mode: str, format: str) -> None:
    assert decode(encode(Image.new(mode, (4, 4), "white"), format)).getpixel((2, 2)) == WHITE


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    stored = encode(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert decode(stored).getpixel((0, 0)) == RED


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_names_the_file(tmp_path: Path, format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    stored = encode(noise, format)
    path = tmp_path / "half.img"
    path.write_bytes(stored[: len(stored) * 2 // 3])
    with pytest.raises(ImageError, match=r"^pies/half\.img: ") as caught:
        decode(path, "pies/half.img")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<html>404</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (png_header(12_000, 12_000), "exceed the limit"),
        (png_header(60_000, 60_000), "too many pixels"),
        (png_header(5, 5), "damaged or truncated"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        decode(content, "a.png")
    assert str(caught.value).startswith("a.png: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ImageError, match="no such file"):
            decode(path)


def test_the_cap_is_a_choice_and_exact() -> None:
    stored = encode(Image.new("RGB", (10, 10)), "PNG")
    assert decode(stored, max_pixels=100).size == (10, 10)
    with pytest.raises(ImageError, match="limit of 99"):
        decode(stored, max_pixels=99)
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"II*\0", b"P6 "]),
)
def test_no_bytes_make_it_fail_otherwise(content: bytes, head: bytes) -> None:
    message = "x: "
    try:
        mode = decode(head + content, "x").mode
    except ImageError as error:
        mode, message = "RGB", str(error)
    assert mode == "RGB"
    assert message.startswith("x: ")


@pytest.mark.parametrize(
    "relative", ["../a.png", "a/../../b.png", "/etc/passwd", "C:\\x.png", "C:x.png", "a\\b.png", "", "a\0b"]
)
def test_paths_that_leave_the_root_are_refused(tmp_path: Path, relative: str) -> None:
    with pytest.raises(DataError, match="data root"):
        resolve(tmp_path, relative)


def test_links_are_followed_inside_the_root_alone(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret.png"
    root.mkdir()
    (root / "real.png").touch()
    secret.touch()
    (root / "inside.png").symlink_to(root / "real.png")
    (root / "outside.png").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (tmp_path / "alias").symlink_to(root)
    assert resolve(root, "inside.png").samefile(root / "real.png")
    assert resolve(tmp_path / "alias", "real.png").is_file()  # the root itself may be a link
    for relative in ("outside.png", "folder/secret.png"):
        with pytest.raises(DataError, match="symbolic link"):
            resolve(root, relative)
    with pytest.raises(DataError, match="loop"):
        resolve(root, "loop")
