"""What goes wrong with published models, in Python and on the command line: one line that says what is wrong and what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers as hf

import gazeshift as gs
from gazeshift.errors import GazeshiftError
from gazeshift.models.addresses import Address, Question
from gazeshift.models.hub.answers import answer_tokens, answers
from gazeshift.models.hub.matching import matching
from gazeshift.models.hub.zero_shot import zero_shot
from tests.conftest import Command
from tests.hub import tiny_dual
from tests.hub.answering import PROMPT, picture
from tests.hub.tiny_vlm import builders

MODEL_FILES = {"config.json", "model.safetensors", "generation_config.json"}
BUILDERS: dict[str, Callable[[Path], None]] = {
    "llava": builders["llava"],
    "qwen": builders["qwen2_5_vl"],
    "clip": tiny_dual.builders["clip"],
}
ASKED = Question("answers", ("yes", "no"), PROMPT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("published")

    def make(name: str) -> Path:
        if not (folder / name).exists():
            BUILDERS[name](folder / name)
        return folder / name

    return make


def edited(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path, Callable[[str], Path]], None]:
    def edit(folder: Path, made: Callable[[str], Path]) -> None:
        values = json.loads((folder / file).read_text(encoding="utf-8"))
        change(values)
        (folder / file).write_text(json.dumps(values), encoding="utf-8")

    return edit


def processor_of_qwen(folder: Path, made: Callable[[str], Path]) -> None:
    for file in made("qwen").iterdir():
        if file.name not in MODEL_FILES:
            shutil.copy(file, folder)


def no_processor(folder: Path, made: Callable[[str], Path]) -> None:
    for file in folder.iterdir():
        if file.name not in MODEL_FILES:
            file.unlink()


def larger_pictures(values: dict[str, Any]) -> None:
    images = values["image_processor"]
    images["size"], images["crop_size"] = {"shortest_edge": 35}, {"height": 35, "width": 35}


def as_it_is(folder: Path, made: Callable[[str], Path]) -> None:
    """Only the question is wrong."""


IN_4_BITS = {"quant_method": "bitsandbytes", "load_in_4bit": True}
CASES: dict[str, tuple[str, Callable[[Path, Callable[[str], Path]], None], Question, str]] = {
    "a processor of another family": (
        "llava",
        processor_of_qwen,
        ASKED,
        "a Qwen2_5_VLProcessor does not read for a Llava.*load AutoProcessor from the model's own folder",
    ),
    "no processor": (
        "llava",
        no_processor,
        ASKED,
        "cannot be loaded.*a folder with config.json, model.safetensors and the processor's files",
    ),
    "pictures of another size": (
        "llava",
        edited("processor_config.json", larger_pictures),
        ASKED,
        "take the processor that was saved with this model",
    ),
    "pictures of another size, for a sentence": (
        "clip",
        edited("processor_config.json", larger_pictures),
        Question("matching"),
        "take the processor that was saved with this model",
    ),
    "in 4 bits, without what reads them": (
        "llava",
        edited("config.json", lambda values: values.update(quantization_config=IN_4_BITS)),
        ASKED,
        "cannot be loaded .*bitsandbytes",
    ),
    "an answer of no words": (
        "llava",
        edited("generation_config.json", lambda values: values.update(eos_token_id=list(range(400)))),
        Question("answers", (), PROMPT),
        "the model's answer to .* is empty: ask another way, or give classes=",
    ),
    "an option that is no token": (
        "llava",
        as_it_is,
        Question("answers", ("yes", " "), PROMPT),
        "the option ' ' gives no token: give a word",
    ),
    "an option twice": (
        "llava",
        as_it_is,
        Question("answers", ("yes", "yes"), PROMPT),
        "are the same to this model: give each answer once",
    ),
    "no place for the picture": (
        "llava",
        as_it_is,
        Question("answers", ("yes", "no"), "is it {text} ?"),
        "no place for the picture: write <image>",
    ),
    "a class twice": (
        "clip",
        as_it_is,
        Question("zero-shot", ("a cat", "a cat")),
        "classes: a cat given twice; name each class once",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_one_line(name: str, made: Callable[[str], Path], tmp_path: Path, gazeshift: Command) -> None:
    base, change, asked, said = CASES[name]
    folder, photo = tmp_path / "published", tmp_path / "photo.png"
    shutil.copytree(made(base), folder)
    change(folder, made)
    picture().save(photo)
    with pytest.raises(GazeshiftError, match=said) as error:
        gs.explain(Address(f"hub:{folder}", asked).open(), photo, ["a red dog"])
    message = str(error.value)
    assert "\n" not in message
    options = [option for one in asked.classes for option in ("--class", one)]
    prompt = [] if asked.prompt is None else ["--prompt", asked.prompt]
    code, out, err = gazeshift(
        "explain", f"hub:{folder}", photo, "--text", "a red dog", "--as", asked.as_, *options, *prompt
    )
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"gazeshift: {message}"
    assert "Traceback" not in err


def test_a_model_on_no_device_is_refused_before_it_is_asked(made: Callable[[str], Path]) -> None:
    (vlm, reads), (clip, pairs) = (_loaded(made(name)) for name in ("llava", "clip"))
    for model in (vlm, clip):
        model.to("meta")
    ways = [
        lambda: answers(vlm, reads, PROMPT, ["yes"]),
        lambda: answer_tokens(vlm, reads, PROMPT, picture(), "a dog"),
        lambda: matching(clip, pairs),
        lambda: zero_shot(clip, pairs, ["a cat", "a dog"]),
    ]
    for way in ways:
        with pytest.raises(GazeshiftError, match=r"weights are on the meta device.*\.to\('cpu'\)") as error:
            way()
        assert "\n" not in str(error.value)


def test_an_answer_that_holds_a_picture_is_refused(
    made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = _loaded(made("llava"))
    said = answer_tokens(model, processor, PROMPT, picture(), "a dog", max_new_tokens=2)
    texts = said.read([picture()], ["a dog"])[1]
    first = int(texts["input_ids"][0][texts["answer"][0]][0])
    answered = model.generate

    def with_a_picture(**asked: Any) -> Any:
        ids = answered(**asked)
        ids[ids == first] = model.config.image_token_id
        return ids

    monkeypatch.setattr(model, "generate", with_a_picture)
    with pytest.raises(GazeshiftError, match="holds '<image>', which stands for a picture: ask another way"):
        answer_tokens(model, processor, PROMPT, picture(), "a dog", max_new_tokens=2)


def _loaded(folder: Path) -> tuple[Any, Any]:
    """A model and its processor, loaded without gazeshift."""
    kind = getattr(hf, hf.AutoConfig.from_pretrained(folder).architectures[0])
    return kind.from_pretrained(folder).eval(), hf.AutoProcessor.from_pretrained(folder)


@pytest.mark.parametrize("kind", ["vilt", "bridgetower"])
def test_a_picture_that_a_processor_cannot_read_is_one_line(kind: str, tmp_path: Path, gazeshift: Command) -> None:
    tiny_dual.builders[kind](tmp_path / kind)
    picture(5000, 12).save(tmp_path / "wide.png")
    code, out, err = gazeshift("explain", f"hub:{tmp_path / kind}", tmp_path / "wide.png", "--as", "matching")
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "cannot read a picture of 5000 x 12 pixels" in err


@pytest.mark.parametrize("name", ["./nowhere", "~/no/where", "a/folder/that/is/not"])
def test_a_folder_that_is_missing_is_said_at_once(name: str) -> None:
    with pytest.raises(GazeshiftError, match="no such folder"):
        gs.from_hub(name, as_="matching")
