"""Saved models: the same numbers again, whole or not at all, and nothing in a folder can run code."""

import json
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from gazeshift.errors import ModelError
from gazeshift.models import Classifier, ImageSpec, TextSpec, digest, load, save
from gazeshift.models.shelf import Shelf

Build = Callable[..., Classifier]
TEXTS = ["apple pie with cream", "", "寿司 🍣"]
MODELS: dict[str, dict[str, Any]] = {
    "early-fusion": {"head": "early-fusion"},
    "standardised": {"head": "late-fusion", "image": ImageSpec(name="small_cnn", features="standardised")},
    "image-only resnet18": {"head": "image-only", "image": "resnet18"},
    "vit": {"head": "early-linear", "image": "vit_tiny_patch16_224"},
    "swin": {
        "head": "image-mlp",
        "image": ImageSpec(name="swin_tiny_patch4_window7_224", options={"depths": [1, 1, 1, 1]}),
    },
    "text-only": {"head": "text-only", "image": "none"},
    "huggingface": {"head": "early-fusion", "text": TextSpec(encoder="huggingface", max_tokens=20)},
    "bert-lstm": {
        "head": "early-fusion",
        "text": TextSpec(encoder="bert-lstm", width=8, max_tokens=20, cleaning="gallo"),
    },
}


def logits(model: Classifier) -> torch.Tensor:
    tokens = model.tokenize(TEXTS)
    pixels = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return model(pixels, tokens.ids, tokens.mask)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_gives_the_same_numbers(build: Build, bert_folder: str, tmp_path: Path, name: str) -> None:
    model = build(**MODELS[name], source=bert_folder)
    if name == "standardised":
        model.trunk.mean.normal_()
        model.trunk.deviation.uniform_(0.5, 2)
    save(model, tmp_path / "model", data={"fingerprint": "abc"}, training={"seed": 0})
    torch.manual_seed(11)
    before = torch.get_rng_state()
    again = load(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), before), "loading draws from the caller's random state"
    assert torch.equal(logits(again), logits(model))
    assert digest(again) == digest(model)
    assert again.classes == model.classes
    assert again.spec == model.spec
    assert again.pools_first is model.pools_first
    assert not any(module.training for module in again.modules())


def test_the_folder_says_what_it_is(build: Build, tmp_path: Path) -> None:
    save(build(), tmp_path / "model", data={"fingerprint": "abc"}, training={"recipe": "adamw"})
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer",
    ]
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["data"] == {"fingerprint": "abc"}
    assert config["training"] == {"recipe": "adamw"}
    assert config["spec"]["classes"] == list(build().classes)
    assert config["spec"]["preprocessing"]["size"] == 64
    assert {"python", "torch", "timm", "transformers", "gazeshift"} <= set(config["versions"])


def test_a_digest_sees_weights_spec_and_vocabulary(build: Build) -> None:
    model = build("early-fusion")
    same, other_seed, other_head = build("early-fusion"), build("early-fusion", seed=1), build("early-linear")
    assert digest(same) == digest(model)
    changed = build("early-fusion")
    with torch.no_grad():
        changed.head.joint[2].bias[3] += 1e-3
    swapped = build("early-fusion")
    tokens = swapped.tokenizer.tokenizer.get_vocab()
    swapped.tokenizer.tokenizer.get_vocab = lambda: {**tokens, "pie": tokens["red"], "red": tokens["pie"]}
    digests = [digest(each) for each in (model, other_seed, other_head, changed, swapped, build().bfloat16())]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("broken", ["save_file", "json.dumps"])
def test_a_crash_while_saving_keeps_the_old_model(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    folder = tmp_path / "model"
    save(build(seed=0), folder)
    old = digest(load(folder))

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"gazeshift.models.files.{broken}", crash)
    with pytest.raises(KeyboardInterrupt):
        save(build(seed=1), folder)
    with pytest.raises(KeyboardInterrupt):
        save(build(seed=1), tmp_path / "new")
    monkeypatch.undo()
    assert digest(load(folder)) == old
    assert not (tmp_path / "new").exists(), "half a model"
    save(build(seed=1), folder)
    assert digest(load(folder)) == digest(build(seed=1))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_crash_between_the_old_and_the_new_leaves_the_old_beside(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    save(build(seed=0), folder)
    old = digest(load(folder))
    real = Path.replace

    def crash(path: Path, target: Path) -> Path:
        if path.suffix == ".unfinished" and path.is_dir():
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        save(build(seed=1), folder)
    monkeypatch.undo()
    assert digest(load(tmp_path / "model.retired")) == old
    save(build(seed=1), folder)
    assert digest(load(folder)) == digest(build(seed=1))


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """A damage to ``config.json``."""

    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return damage


def reshape(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    save_file({**state, "head.joint.2.bias": torch.zeros(9)}, folder / "model.safetensors")


def lose_a_tensor(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    save_file({key: value for key, value in state.items() if key != "head.joint.2.bias"}, folder / "model.safetensors")


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def share(folder: Path) -> None:
    """The same model with its trunk in a file of its own."""
    model = load(folder)
    trunk = [name for name in model.state_dict() if name.startswith("trunk.")]
    save(model, folder, shelf=Shelf(folder.with_name("shelf"), trunk))


def lose_the_shared(folder: Path) -> None:
    share(folder)
    (folder / "frozen.safetensors").unlink()


def halve_the_shared(folder: Path) -> None:
    share(folder)
    content = (folder / "frozen.safetensors").read_bytes()
    (folder / "frozen.safetensors").unlink()
    (folder / "frozen.safetensors").write_bytes(content[:-100])


def forget_the_shared(folder: Path) -> None:
    share(folder)
    edit(lambda c: c.update(weights=["model.safetensors"]))(folder)


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    "half a config": (write("config.json", b'{"format": "gaz'), "not JSON"),
    "binary config": (write("config.json", b"\xff\xfe\x00"), "not JSON"),
    "a list": (write("config.json", b"[]"), "not a gazeshift model"),
    "another format": (edit(lambda c: c.update(format="gazeshift-model-99")), "not a gazeshift model"),
    "no spec": (edit(lambda c: c.pop("spec")), "'spec' is missing"),
    "an unknown key": (edit(lambda c: c["spec"]["image"].update(nmae="x")), r"image\.nmae"),
    "a wrong type": (edit(lambda c: c["spec"]["head"].update(hidden="many")), r"head\.hidden"),
    "a wrong size": (edit(lambda c: c["spec"]["preprocessing"].update(size=0)), "size"),
    "an unknown head": (edit(lambda c: c["spec"]["head"].update(head="magic")), "unknown head 'magic'"),
    "an unknown trunk": (edit(lambda c: c["spec"]["image"].update(name="resnet17")), "resnet17"),
    "a class too few": (edit(lambda c: c["spec"]["classes"].pop()), r"size mismatch for head\.joint\.2\.weight"),
    "a file to unpickle": (
        edit(lambda c: c["spec"]["image"].update(options={"checkpoint_path": "x"})),
        "checkpoint_path",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
    "no shared weights": (lose_the_shared, "no frozen.safetensors"),
    "half the shared weights": (halve_the_shared, "frozen.safetensors is damaged or not"),
    "shared weights that are not named": (forget_the_shared, r"Missing key\(s\).*trunk"),
    "weights elsewhere": (edit(lambda c: c.update(weights=["../x.safetensors"])), "weights must be model.safetensors"),
    "weights of another shape": (reshape, r"size mismatch for head\.joint\.2\.bias"),
    "a tensor missing": (lose_a_tensor, r"Missing key\(s\).*head\.joint\.2\.bias"),
    "pickled weights": (
        lambda folder: torch.save({"a": torch.zeros(1)}, folder / "model.safetensors"),
        "not a safetensors file",
    ),
    "half the weights": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100]),
        "is damaged or not",
    ),
    "no tokenizer": (lambda folder: shutil.rmtree(folder / "tokenizer"), "no tokenizer.json"),
    "half a tokenizer": (write("tokenizer/tokenizer.json", b'{"version"'), "tokenizer"),
}


@pytest.fixture(scope="module")
def saved(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(build("early-fusion"), folder)
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_named_in_one_line(saved: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    how, message = DAMAGES[damage]
    how(folder)
    with pytest.raises(ModelError, match=message) as error:
        load(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_such_folder() -> None:
    with pytest.raises(ModelError, match=r"runs/none is not a saved model"):
        load("runs/none")


def test_loading_never_unpickles_and_never_asks_the_network(
    build: Build, bert_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vit", "bert-lstm"):
        save(build(**MODELS[name], source=bert_folder), tmp_path / name)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("forbidden")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    monkeypatch.setattr(pickle, "load", forbidden)
    monkeypatch.setattr(pickle, "loads", forbidden)
    monkeypatch.setattr(pickle, "Unpickler", forbidden)
    for name in ("vit", "bert-lstm"):
        assert load(tmp_path / name).spec.name == MODELS[name]["head"]


def test_a_configuration_cannot_name_code(build: Build, bert_folder: str, tmp_path: Path) -> None:
    """``attn_implementation`` may be a hub repository whose kernel would be fetched and run; ``auto_map`` names Python files."""
    folder = tmp_path / "model"
    model = build(**MODELS["huggingface"], source=bert_folder)
    save(model, folder)
    evil = {
        "attn_implementation": "someone/kernel",
        "_attn_implementation": "someone/kernel",
        "auto_map": {"AutoModel": "evil.Net"},
    }
    edit(lambda config: config["spec"]["text"]["config"].update(evil))(folder)
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    assert torch.equal(logits(load(folder)), logits(model))
