"""What is taken along is what was seen: the files hold the numbers of ``explain``, and the lines of Python run and give them again."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs
from gazeshift.app.asked import AskScene
from gazeshift.app.export import EXPORTS, Shown, opening
from gazeshift.app.house import House
from gazeshift.errors import UsageError
from gazeshift.models import Classifier
from gazeshift.models.addresses import Address, Question
from gazeshift.models.files import save
from gazeshift.pairs import Pair

TEXTS = ("apple pie with cream", 'a "quoted" \\ \U0001f967 pie')


@pytest.fixture
def asked(house: House) -> AskScene:
    return AskScene(picture="pair-0", models=tuple(house.models), texts=TEXTS, target="baklava")


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_kind_of_file_is_what_its_name_says(house: House, asked: AskScene, kind: str) -> None:
    export = EXPORTS[kind]
    content = export.content(house.scene(asked, ""))
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "npz": b"PK", "json": b"{", "python": b"import gazeshift as gs"}
    assert content.startswith(begins[kind])


def test_maps_and_numbers_are_those_of_explain(house: House, asked: AskScene, pairs: list[Pair]) -> None:
    scene = house.scene(asked, "")
    arrays = np.load(io.BytesIO(EXPORTS["npz"].content(scene)))  # without pickle
    record = json.loads(EXPORTS["json"].content(scene))
    assert arrays["texts"].tolist() == record["texts"] == list(TEXTS)
    assert (record["key"], record["label"]) == (pairs[0].key, pairs[0].label)
    for place, (name, resident) in enumerate(house.models.items()):
        maps = gs.explain(resident.model, pairs[0].image, TEXTS, "baklava")
        np.testing.assert_array_equal(arrays[f"raw_{place}"], maps.raw[:2])
        assert arrays["models"][place] == name == record["models"][place]["name"]
        assert record["models"][place]["digest"] == resident.model.digest()
        moved = gs.shift(maps, 0, 1).js_bits
        assert record["models"][place]["moved"][0]["js_bits"] == (pytest.approx(moved) if np.isfinite(moved) else None)


@pytest.mark.slow
def test_the_lines_of_python_give_the_numbers_again(
    house: House, asked: AskScene, pairs: list[Pair], tmp_path: Path
) -> None:
    file = tmp_path / "it's a photo.png"
    file.write_bytes(pairs[0].image)  # type: ignore[arg-type]
    models = [resident.model.model for resident in house.models.values()]
    folders = [tmp_path / f"model {n}" for n in range(len(models))]
    for model, folder in zip(models, folders, strict=True):
        assert isinstance(model, Classifier)
        save(model, folder)
    pair = Pair("p", file, pairs[0].text, pairs[0].label, "test")
    there = House.of(models, [pair], addresses=[Address(str(folder)) for folder in folders])
    scene = there.scene(asked, "")
    script = tmp_path / "again.py"
    script.write_bytes(EXPORTS["python"].content(scene))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=tmp_path)
    for line, each in zip(done.stdout.splitlines(), scene.models, strict=True):
        moved = gs.shift(each.maps, 0, 1)
        assert line == f"{each.name} {moved.before} {moved.after} {moved.js_bits} {moved.switch} {moved.within}"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address("runs/it's"), ((), 'gs.load("runs/it\'s")')),
        (Address("python:mine.models:make"), (("import mine.models",), "mine.models.make()")),
        (Address("hub:openai/clip"), ((), "gs.from_hub('openai/clip')")),
        (
            Address("hub:a/b", Question(as_="answers", classes=("yes", "no"), prompt="<image> {text}")),
            ((), "gs.from_hub('a/b', as_='answers', prompt='<image> {text}', classes=('yes', 'no'))"),
        ),
        (None, ((), "gs.load('fusion')")),
    ],
)
def test_each_model_is_opened_as_it_was(
    house: House, asked: AskScene, address: Address | None, expected: object
) -> None:
    seen = house.scene(asked, "").models[0]
    assert opening(Shown("fusion", address, "", Image.new("RGB", (1, 1)), seen.maps, seen.gaze)) == expected


def test_a_dropped_picture_is_named_in_words(house: House, asked: AskScene, pairs: list[Pair]) -> None:
    name = house.pictures.drop(pairs[0].image)  # type: ignore[arg-type]
    scene = house.scene(asked.model_copy(update={"picture": name}), "")
    assert "that you dropped" in EXPORTS["python"].content(scene).decode()
    assert json.loads(EXPORTS["json"].content(scene))["key"] is None


def test_an_unknown_model_is_refused(house: House, asked: AskScene) -> None:
    with pytest.raises(UsageError, match="nobody"):
        house.scene(asked.model_copy(update={"models": ("nobody",)}), "")
