"""Maps of many images equal those of one image at a time, whatever the batch; nothing is dropped in silence, nothing runs away."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image
from tests.precise import maps_in_double, well_scaled

import gazeshift as gs
from gazeshift.data.decode import decode
from gazeshift.data.loader import crops
from gazeshift.errors import UsageError
from gazeshift.pairs import Pair
from gazeshift.saliency import PIXEL_METHODS, MapBatch, Speed, stream, stream_maps
from gazeshift.saliency.speed import TOLERANCE
from gazeshift.saliency.stream import BATCHES_AHEAD

Build = Callable[..., gs.Classifier]
TEXTS = ["apple pie with cream", "red tomato ketchup", ""]
OWN = ["apple pie", "baklava & honey", "green edamame 枝豆", "", "red tomato"]


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    labels = ["apple pie", "baklava", "ceviche", "donuts", "edamame"]
    return [
        Pair(f"{index}.png", png(index), text, label, "test")
        for index, (text, label) in enumerate(zip(OWN, labels, strict=True))
    ]


def joined(batches: Iterator[MapBatch]) -> MapBatch:
    parts = list(batches)
    fields = ("maps", "classes", "logits", "gaps", "probabilities")
    kept = [part for part in parts if part.pairs]
    arrays = {name: np.concatenate([getattr(part, name) for part in kept]) for name in fields}
    return MapBatch(
        tuple(pair for part in parts for pair in part.pairs),
        **arrays,
        skipped=tuple(line for part in parts for line in part.skipped),
    )


def close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-5) -> None:
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("image", ["small_cnn", "vit_tiny_patch16_224"])
def test_own_texts_give_the_maps_of_explain(build: Build, pairs: list[Pair], image: str) -> None:
    model = build("early-fusion", image=image)
    found = joined(stream_maps(model, pairs, speed=Speed(batch=2, workers=2)))
    assert found.pairs == tuple(pairs)
    for index, pair in enumerate(pairs):
        one = gs.explain(model, pair.image, [pair.text])
        close(found.maps[index, 0, 0], one.raw[0])
        assert found.classes[index, 0, 0] == one.rows[0].target
        assert found.logits[index, 0, 0] == pytest.approx(one.rows[0].logit, rel=1e-4, abs=1e-5)


def test_a_large_photo_is_seen_alike_by_all(build: Build, tmp_path: Path) -> None:
    """Its decoder reduces it; training, maps and explanations crop the same pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).resize((601, 451), Image.Resampling.BICUBIC).save(path, quality=92)
    model, pair = build("early-fusion"), Pair("photo.jpg", path, "apple pie", "donuts", "test")
    preprocessing = model.spec.preprocessing
    reduced = decode(path, at_least=preprocessing.enough)
    assert reduced.size == (301, 226)
    assert np.array_equal(crops([pair], preprocessing)[0], preprocessing.crop(reduced))
    one = gs.explain(model, path, ["apple pie"])
    close(joined(stream_maps(model, [pair])).maps[0, 0, 0], one.raw[0])
    assert (
        np.abs(gs.explain(model, decode(path), ["apple pie"]).raw[0] - one.raw[0]).max()
        > 1e-5 * np.abs(one.raw[0]).max()
    )


@pytest.mark.parametrize("head", ["early-fusion", "image-only"])
def test_shared_texts_give_the_maps_of_explain(build: Build, pairs: list[Pair], head: str) -> None:
    model = build(head)
    found = joined(stream_maps(model, pairs, TEXTS, speed=Speed(batch=3)))
    assert found.maps.shape == (5, 3, 1, 4, 4)
    for index, pair in enumerate(pairs):
        one = gs.explain(model, pair.image, TEXTS)
        close(found.maps[index, :, 0], one.raw[:3])
        assert found.classes[index, :, 0].tolist() == list(one.predicted)


@pytest.mark.parametrize("image", ["small_cnn", "vit_tiny_patch16_224"])
def test_every_text_with_every_class(build: Build, pairs: list[Pair], image: str) -> None:
    model = build("early-fusion", image=image)
    found = joined(stream_maps(model, pairs[:3], TEXTS, target="all", speed=Speed(batch=2)))
    assert found.maps.shape == (3, 3, 5, 4, 4)
    for index, name in product(range(3), model.classes):
        one, column = gs.explain(model, pairs[index].image, TEXTS, name), model.classes.index(name)
        close(found.maps[index, :, column], one.raw[:3])
        assert (found.classes[index, :, column] == column).all()
        np.testing.assert_allclose(found.logits[index, :, column], [row.logit for row in one.rows[:3]], rtol=1e-4)


def test_targets(build: Build, pairs: list[Pair]) -> None:
    model = build("early-fusion")

    def classes(target: str | list[str]) -> np.ndarray:
        return joined(stream_maps(model, pairs, TEXTS, target=target)).classes

    assert classes("donuts").tolist() == [[[3]] * 3] * 5
    assert classes(["edamame", "baklava"]).tolist() == [[[4, 1]] * 3] * 5
    assert classes("label").tolist() == [[[label]] * 3 for label in range(5)]


@pytest.mark.parametrize(("budget", "parts"), [(2**25, 2), (4 * 3 * 5 * 16, 4), (1, 4)])
def test_parts_do_not_show(
    build: Build, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch, budget: int, parts: int
) -> None:
    """Many texts and classes come in several parts of a batch, an image alone if need be; told once what was left out."""
    model = build("early-fusion")
    whole = joined(stream_maps(model, pairs[:4], TEXTS, target="all"))
    monkeypatch.setattr(stream, "BLOCK_BYTES", budget)
    mixed = [*pairs[:2], replace(pairs[4], image=b"no image"), *pairs[2:4]]
    batches = list(stream_maps(model, mixed, TEXTS, target="all", speed=Speed(batch=3)))
    assert len(batches) == parts
    found = joined(iter(batches))
    assert found.pairs == whole.pairs
    (skipped,) = found.skipped
    assert (skipped.pair.key, skipped.status) == ("4.png", "undecodable")
    assert skipped.error.startswith("4.png: not an image of a known format (")
    close(found.maps, whole.maps)


def test_many_texts_and_classes_take_little_memory(build: Build, pairs: list[Pair]) -> None:
    """1,000 texts x 5 classes x 5 images: the head never sees more rows at once than fit 4 MB, the maps at once fit 32 MB."""
    model, sizes = build("early-fusion"), []
    model.head.register_forward_pre_hook(lambda module, arguments: sizes.append(len(arguments[0])))
    channels = model.encode_image(torch.zeros(1, 3, 64, 64)).grid.shape[1]
    found = list(stream_maps(model, pairs, [f"{index} pies" for index in range(1000)], target="all"))
    assert sum(batch.maps.size for batch in found) == 1000 * 5 * 5 * 16
    assert sum(sizes) == 1000 * 5 * 5
    assert max(sizes) * channels * 4 <= 4 * 2**20


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_what_cannot_be_decoded_is_told(build: Build, pairs: list[Pair], batch: int) -> None:
    broken = [replace(pairs[0], key="cut.png", image=png(0)[:200]), replace(pairs[0], key="none.png", image=b"")]
    mixed = [broken[0], pairs[0], pairs[1], broken[1], broken[0]]
    found = joined(stream_maps(build("early-fusion"), mixed, speed=Speed(batch=batch)))
    assert [pair.key for pair in found.pairs] == ["0.png", "1.png"]
    assert [each.error.split(":")[0] for each in found.skipped] == ["cut.png", "none.png", "cut.png"]


def test_nothing_gives_nothing_and_only_broken_images_give_no_map(build: Build, pairs: list[Pair]) -> None:
    model = build("early-fusion")
    assert list(stream_maps(model, [])) == []
    (only,) = stream_maps(model, [replace(pairs[0], image=b"")])
    assert only.pairs == ()
    assert len(only.skipped) == 1


def test_pairs_are_taken_as_they_are_needed(build: Build, pairs: list[Pair]) -> None:
    taken = []

    def endless() -> Iterator[Pair]:
        while True:
            taken.append(1)
            yield pairs[0]

    batches = stream_maps(build("early-fusion"), endless(), speed=Speed(batch=2, workers=1))
    for done in range(1, 6):
        next(batches)
        assert len(taken) <= (done + BATCHES_AHEAD) * 2
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]


def test_an_exception_ends_the_threads(build: Build, pairs: list[Pair]) -> None:
    def failing() -> Iterator[Pair]:
        yield from pairs
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(stream_maps(build("early-fusion"), failing(), speed=Speed(batch=1)))
    assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]


def test_what_cannot_be_drawn_is_said_at_once(build: Build, pairs: list[Pair]) -> None:
    model = build("early-fusion")
    for method in sorted(PIXEL_METHODS):
        with pytest.raises(UsageError, match="sends many changed images through the trunk"):
            stream_maps(model, pairs, method=method)
    with pytest.raises(UsageError, match="Did you mean 'donuts'"):
        stream_maps(model, pairs, target="donut")
    for wrong in ([], "a text alone"):
        with pytest.raises(UsageError, match="a list of at least one text"):
            stream_maps(model, pairs, wrong)
    with pytest.raises(UsageError, match="at least one class"):
        stream_maps(model, pairs, target=[])
    with pytest.raises(UsageError, match="batch: give 1 or more"):
        stream_maps(model, pairs, speed=Speed(batch=0))
    with pytest.raises(UsageError, match="sees no image"):
        stream_maps(build("text-only", image="none"), pairs)
    with pytest.raises(UsageError, match="unknown class 'pizza'"):
        list(stream_maps(model, [replace(pairs[0], label="pizza")], target="label"))


def test_default_is_the_method_that_suits(build: Build, pairs: list[Pair]) -> None:
    model = build("early-fusion", image="vit_tiny_patch16_224")
    suits, blind = (joined(stream_maps(model, pairs, method=method)) for method in ("default", "grad-cam"))
    close(suits.maps, joined(stream_maps(model, pairs, method="hires-cam")).maps)
    assert np.abs(suits.maps - blind.maps).max() > 0


FASTER = {"bfloat16": Speed(2, precision="bfloat16"), "compiled": Speed(2, compiled=True)}


@pytest.mark.slow
@pytest.mark.parametrize("head", ["early-linear", "early-fusion"])
@pytest.mark.parametrize(
    ("image", "speed"), [("small_cnn", "bfloat16"), ("vit_tiny_patch16_224", "bfloat16"), ("small_cnn", "compiled")]
)
def test_faster_maps_stay_within_the_stated_tolerance(
    build: Build, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch, head: str, image: str, speed: str
) -> None:
    """Of the same map in double precision. (Compilation needs a C++ compiler, as torch does; the test fails without one.)

    A linear head has no hidden unit that rounding could switch, so there every map is held to the bound.
    """
    monkeypatch.setattr(
        jaxtyping.config, "jaxtyping_disable", True
    )  # checks of types are for the tests; no user compiles them
    model, fast = well_scaled(build(head, image=image)), FASTER[speed]
    exact = maps_in_double(model, [decode(pair.image, pair.key) for pair in pairs], TEXTS)
    faster = joined(stream_maps(model, pairs, TEXTS, target="all", speed=fast)).maps
    apart = np.abs(faster - exact).max((3, 4)) / np.abs(exact).max((3, 4))
    median, most = TOLERANCE[fast.precision]
    assert np.median(apart) <= median
    assert apart.max() <= most or head == "early-fusion"
    assert np.median(apart) > 1e-3 or fast.compiled, "half precision leaves its mark"


def test_a_trunk_that_cannot_be_compiled_says_so(
    build: Build, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Callable[..., object]:
        def run(images: torch.Tensor) -> None:
            raise torch._dynamo.exc.InternalTorchDynamoError("no compiler")

        return run

    monkeypatch.setattr(torch, "compile", fails)
    with pytest.raises(UsageError, match=r"cannot be compiled here \(no compiler\); leave out compilation"):
        next(stream_maps(build("early-fusion"), pairs, speed=Speed(compiled=True)))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_on_an_accelerator_the_maps_are_those_of_the_cpu(build: Build, pairs: list[Pair], device: str) -> None:
    if not getattr(torch.backends if device == "mps" else torch, device).is_available():
        pytest.skip(f"no {device} device on this machine")
    model = build("early-fusion")
    here = joined(stream_maps(model, pairs, TEXTS, target="all"))
    there = joined(stream_maps(model.to(device), pairs, TEXTS, target="all"))
    model.cpu()
    close(there.maps, here.maps, 1e-3)
