"""``gazeshift maps``: what is stored is what was drawn; a file is whole or not there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gazeshift as gs
from gazeshift.data.sources import load_pairs
from gazeshift.mapstore.collect import collect_maps
from gazeshift.mapstore.store import GROUP, MapFile, read_maps
from gazeshift.pairs import Pair
from gazeshift.saliency import Speed
from tests.conftest import Command

TEXTS = ["a donut at home", "赤い寿司 🍣"]


@pytest.fixture(scope="module")
def model(tiny_run: Path) -> gs.Classifier:
    return gs.load(tiny_run / "models" / "early-fusion" / "seed-0")


@pytest.fixture(scope="module")
def pairs(tiny_run: Path) -> list[Pair]:
    return [pair for pair in load_pairs(tiny_run / "plates").pairs if pair.split == "test"]


def test_the_file_holds_what_explain_draws(model: gs.Classifier, pairs: list[Pair], tmp_path: Path) -> None:
    broken = replace(pairs[0], key="broken.png", image=b"no image")
    done: list[int] = []
    found = collect_maps(
        model, [*pairs[:5], broken], tmp_path / "maps.parquet", TEXTS, speed=Speed(batch=4), progress=done.append
    )
    rows, maps = read_maps(tmp_path / "maps.parquet")
    assert done == [4, 6]
    assert (found.images, found.maps, len(found.skipped)) == (5, 10, 1)
    assert found.skipped[0].startswith("broken.png: ")
    assert rows["key"].tolist() == [pair.key for pair in pairs[:5] for _ in TEXTS]
    assert rows["label"].tolist() == [pair.label for pair in pairs[:5] for _ in TEXTS]
    assert rows["text"].tolist() == TEXTS * 5
    undefined = 0
    for index, pair in enumerate(pairs[:5]):
        one = gs.explain(model, pair.image, TEXTS)
        undefined += int(one.undefined[:2].sum())
        for text in range(2):
            place = 2 * index + text
            # Half precision, relative to each map's largest value.
            largest = abs(one.raw[text]).max()
            np.testing.assert_allclose(maps[place], one.raw[text], rtol=0, atol=1e-3 * largest)
            assert rows["class"][place] == one.classes[one.rows[text].target]
            assert rows["logit"][place] == pytest.approx(one.rows[text].logit, rel=1e-4, abs=1e-5)
    assert found.undefined == undefined


def test_every_class_of_every_text_is_named(model: gs.Classifier, pairs: list[Pair], tmp_path: Path) -> None:
    collect_maps(model, pairs[:2], tmp_path / "own.parquet", target="all")
    rows, maps = read_maps(tmp_path / "own.parquet")
    assert rows["class"].tolist() == [*model.classes] * 2
    assert rows["text"].tolist() == [pair.text for pair in pairs[:2] for _ in model.classes]
    one = gs.explain(model, pairs[1].image, [pairs[1].text], model.classes[2])
    place = len(model.classes) + 2
    np.testing.assert_allclose(maps[place], one.raw[0], rtol=0, atol=1e-3 * abs(one.raw[0]).max())


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_file_is_not_there_and_an_older_one_stays(
    model: gs.Classifier, pairs: list[Pair], tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "maps.parquet"

    def breaking() -> Iterator[Pair]:
        yield from pairs[:8]
        raise error

    for there in (False, True):
        if there:
            collect_maps(model, pairs[:1], path)
        before = path.read_bytes() if there else None
        with pytest.raises(error):
            collect_maps(model, breaking(), path, speed=Speed(batch=2))
        assert [each.name for each in tmp_path.iterdir()] == (["maps.parquet"] if there else [])
        assert before is None or path.read_bytes() == before


def test_an_interrupt_while_writing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), MapFile(tmp_path / "maps.parquet") as file:  # noqa: PT012
        file.add({"key": ["a"] * GROUP}, np.ones((GROUP, 2, 2)))
        assert len(list(tmp_path.iterdir())) == 1, "begun under another name"
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_no_image_no_file(model: gs.Classifier, pairs: list[Pair], tmp_path: Path) -> None:
    assert collect_maps(model, [], tmp_path / "maps.parquet").images == 0
    found = collect_maps(model, [replace(pairs[0], image=b"")], tmp_path / "maps.parquet")
    assert (found.images, found.maps, len(found.skipped)) == (0, 0, 1)
    assert not list(tmp_path.iterdir())


def test_the_command(gazeshift: Command, tiny_run: Path, pairs: list[Pair], tmp_path: Path) -> None:
    folder, out = tiny_run / "models" / "early-fusion" / "seed-0", tmp_path / "maps.parquet"
    model, shared = gs.load(folder), ["--text", TEXTS[0], "--text", TEXTS[1]]
    code, printed, err = gazeshift(
        "maps", folder, "--data", tiny_run / "plates", "--out", out, *shared, "--target", "all"
    )
    assert (code, err) == (0, "")
    count = len(pairs) * 2 * len(model.classes)
    assert f"{count:,} maps of {len(pairs)} images" in printed
    assert "0 images left out" in printed
    assert len(read_maps(out)[0]) == count
    names = ["--target", model.classes[1], "--target", model.classes[0]]
    every = tmp_path / "every.parquet"
    assert gazeshift("maps", folder, "--data", tiny_run / "plates", "--split", "all", "--out", every, *names)[0] == 0
    rows = read_maps(every)[0]
    assert rows["class"].tolist() == [model.classes[1], model.classes[0]] * (len(rows) // 2)
    assert len(rows) == 2 * (96 + 20)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "maps.csv"], "ends in .parquet"),
        (["--out", "gone/maps.parquet"], "the folder gone"),
        (["--out", "there.parquet"], "there.parquet: a file of that name already exists"),
        (["--split", "dev"], "train, validation, test, or all"),
        (["--method", "rise"], "unknown method for a whole data set 'rise'"),
        (["--target", "pizzza"], "unknown class 'pizzza'"),
    ],
)
def test_wrong_use_is_one_line(
    gazeshift: Command,
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.parquet").write_text("an hour's work")
    base = [
        "maps",
        tiny_run / "models" / "early-fusion" / "seed-0",
        "--data",
        tiny_run / "plates",
        "--out",
        "m.parquet",
    ]
    code, printed, err = gazeshift(*base, *arguments)
    assert (code, printed) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.parquet"]


def test_broken_images_are_named_and_counted(
    gazeshift: Command, tiny_run: Path, pairs: list[Pair], tmp_path: Path
) -> None:
    table = "".join(f"img{index}.png,a donut,{pair.label},test\n" for index, pair in enumerate(pairs[:9]))
    (tmp_path / "pairs.csv").write_text("image,text,label,split\n" + table, encoding="utf-8")
    for index, pair in enumerate(pairs[:9]):
        whole = pair.image.read_bytes() if isinstance(pair.image, Path) else pair.image
        (tmp_path / f"img{index}.png").write_bytes(whole if index < 2 else whole[:99])
    arguments = ["maps", tiny_run / "models" / "early-fusion" / "seed-0", "--data", tmp_path, "--out"]
    code, printed, err = gazeshift(*arguments, tmp_path / "maps.parquet")
    assert code == 0
    assert "2 maps of 2 images" in printed
    assert "7 images left out" in printed
    assert err.count("left out: img") == 5
    assert "left out: 2 more images" in err
    for index in range(2):
        (tmp_path / f"img{index}.png").write_bytes(b"gone")
    code, printed, err = gazeshift(*arguments, tmp_path / "none.parquet")
    assert (code, printed) == (2, "")
    assert "no image of the split 'test' can be decoded" in err
    assert not (tmp_path / "none.parquet").exists()
