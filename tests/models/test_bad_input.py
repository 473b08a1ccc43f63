"""What users hand over by mistake, in Python and on the command line: one line that says what is wrong and what to do."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import gazeshift as gs
from gazeshift.errors import GazeshiftError
from gazeshift.models.adapters import devices, wrap
from gazeshift.models.adapters.devices import placed
from gazeshift.models.adapters.inputs import PackedRows
from gazeshift.models.addresses import Address
from gazeshift.saliency import explain_inputs
from tests.conftest import Command
from tests.models import bad_models
from tests.saliency.own_model import SIDE, net, picture, picture_to_tensor, texts_to_tensors

TEXTS = ("red", "blue dog")
REFUSED = {
    "wrong_layer": "no layer 'trunc'. Near it: trunk",
    "no_grid": "its grid cannot be located.*choose a layer before the pooling",
    "too_few_classes": "3 outputs for 2 classes .x, y.: give one name for each output",
    "too_many_classes": "3 outputs for 4 classes .x, y, z, w.: give one name for each output",
    "fails": "bad_models:fails: the factory fails with FileNotFoundError: no such file: weights.pt",
    "fails_in_lines": r"the factory fails with RuntimeError: Error\(s\) in loading state_dict: size mismatch for head.weight",
    "leaves": "the factory fails with SystemExit: 3",
    "nothing": "returns a NoneType; return what gazeshift.model",
    "on_no_device": "14 of the model's 14 weights are on the meta device.*load them, and move the whole model to one device",
    "partly_on_no_device": r"4 of the model's 14 weights are on the meta device.*\(head.0.weight.*move the whole model",
    "picture_elsewhere": "a tensor on the meta device.*give it on the CPU",
    "text_elsewhere": "a tensor on the meta device.*give it on the CPU",
    "other_tokenizer": "tokens beyond the model's vocabulary: take the tokenizer that was saved with this model",
    "four_bits_without_gradient": "does not depend on layer 'trunk'.*weights of head.0 are quantised.*before quantisation",
    "bytes_at_the_layer": "'quantised' gives numbers of type uint8.*choose a layer that gives floating point numbers",
}


def address(name: str) -> str:
    return f"python:{bad_models.__name__}:{name}"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture().save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_one_line_with_the_way_out(name: str, photo: Path, gazeshift: Command) -> None:
    with pytest.raises(GazeshiftError, match=REFUSED[name]) as error:
        gs.explain(Address(address(name)).open(), photo, TEXTS)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    code, out, err = gazeshift("explain", address(name), photo, "--text", TEXTS[0], "--text", TEXTS[1])
    assert (code, out) == (2, "")
    assert err.splitlines() == [f"{address(name)}: runs your own code.", f"gazeshift: {message}"]


NOT_FINITE = {
    "nan_in_the_picture": ("what the model reads of a picture is not finite", "check what preprocess= does"),
    "nan_in_the_trunk": ("the layer's output is not finite, though what it reads is", "check the model's weights"),
    "nan_logits": (None, None),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_numbers_that_are_none_are_traced_to_where_they_begin(name: str, photo: Path, gazeshift: Command) -> None:
    maps = gs.explain(Address(address(name)).open(), photo, TEXTS)
    assert maps.undefined.all()
    assert all(reason and "logit that it explains is nan: check the picture" in reason for reason in maps.reasons)
    where, way_out = NOT_FINITE[name]
    if where is None or way_out is None:
        assert maps.remarks == ()
    else:
        (remark,) = maps.remarks
        assert remark.startswith(where)
        assert way_out in remark
    code, out, _ = gazeshift("explain", address(name), photo, "--text", TEXTS[0], columns=400)
    assert code == 0
    assert all(said in out for said in (*maps.remarks, maps.reasons[0]) if said)
    told = json.loads(gazeshift("explain", address(name), photo, "--text", TEXTS[0], "--json")[1])
    assert (told["texts"][0]["defined"], told["texts"][0]["reason"]) == (False, maps.reasons[0])


def test_finite_numbers_need_no_remark(photo: Path) -> None:
    assert gs.explain(bad_models.mine(), photo, TEXTS).remarks == ()


def test_weights_in_four_bits_are_explained_where_they_give_a_gradient() -> None:
    """Against a backward pass of the quantised module itself; and the user is told what no gradient shows."""
    model, image = bad_models.four_bits(), picture()
    maps = gs.explain(model, image, TEXTS, target="y", method="hires-cam")
    module, kept = model.net.modules, []
    hook = module.get_submodule("trunk").register_forward_hook(lambda part, given, output: kept.append(output))
    for raw, text in zip(maps.raw, TEXTS, strict=False):
        kept.clear()
        score = module(picture_to_tensor(image)[None], texts_to_tensors([text]))[0, 1]
        (slope,) = torch.autograd.grad(score, kept[0])
        expected = (slope * kept[0]).sum(1)[0].detach().numpy()
        np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    hook.remove()
    full = gs.explain(bad_models.mine(), image, TEXTS, target="y", method="hires-cam").raw
    assert np.abs(maps.raw[0] - full[0]).max() > 1e-3 * np.abs(full[0]).max()  # the weights are others
    (remark,) = maps.remarks
    assert "the weights of head.0, head.2 are quantised" in remark
    assert "compare with method='occlusion'" in remark


def test_a_text_that_reaches_the_layer_though_the_user_says_no(photo: Path, gazeshift: Command) -> None:
    """Explained all the same, text by text, and said."""
    maps = gs.explain(bad_models.text_said_not_to_reach(), photo, TEXTS, target="x")
    assert maps.remarks == (
        "text_free=True was given, but the text reaches layer 'trunk': each combination gets its own grid",
    )
    honest = gs.explain(bad_models.mine(net=bad_models.text_in_trunk()), photo, TEXTS, target="x").raw
    np.testing.assert_allclose(maps.raw, honest, rtol=0, atol=1e-4 * np.abs(honest).max())
    said = (address("text_said_not_to_reach"), photo, "--text", TEXTS[0], "--text", TEXTS[1])
    assert maps.remarks[0] in gazeshift("explain", *said, columns=400)[1]


def test_what_is_read_goes_where_the_model_is(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {
        "pixels": torch.ones(2, 3),
        "words": ["a", "b"],
        "patches": PackedRows(torch.ones(4, 2), [1, 3]),
        "size": 2,
    }
    there = placed(inputs, nn.Linear(2, 2))
    assert (there["words"], there["size"], there["patches"].sizes) == (["a", "b"], 2, [1, 3])
    assert there["pixels"] is inputs["pixels"]  # it is there already
    assert placed(inputs, nn.Identity())["pixels"] is inputs["pixels"]
    monkeypatch.setattr(devices, "_EMPTY", "none")  # the only other device that every machine has
    there = placed(inputs, nn.Linear(2, 2, device="meta"))
    assert {there["pixels"].device.type, there["patches"].values.device.type} == {"meta"}
    spread = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2, device="meta")])
    assert placed(inputs, spread)["pixels"].device.type == "cpu"


def test_tensors_on_another_device_are_named_with_the_way_out() -> None:
    """Tensors that a user gives are left where they are."""
    wrapped = wrap(net(), "trunk", image="image", text="text")
    with pytest.raises(GazeshiftError, match=r"device.*; move the inputs to the model's device") as error:
        explain_inputs(wrapped, torch.zeros(1, 3, SIDE, SIDE, device="meta"), texts_to_tensors(["red"]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["on_no_device", "partly_on_no_device", "text_elsewhere", "other_tokenizer"])
def test_layers_are_not_listed_of_what_does_not_run(name: str, photo: Path, gazeshift: Command) -> None:
    code, out, err = gazeshift("layers", address(name), "--image", photo)
    assert (code, out) == (2, "")
    assert re.search(REFUSED[name], err)
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize("name", NOT_FINITE)
def test_nor_of_what_gives_no_numbers(name: str, photo: Path, gazeshift: Command) -> None:
    code, out, err = gazeshift("layers", address(name), "--image", photo)
    assert (code, out) == (2, "")
    assert "whatever the layer: the model's outputs are not finite: check the picture" in err


def test_what_own_code_prints_is_not_in_the_json(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gazeshift: Command
) -> None:
    (tmp_path / "chatty.py").write_text("from tests.saliency.own_model import make\nprint('hello')\n")
    monkeypatch.chdir(tmp_path)
    code, out, err = gazeshift("explain", "python:chatty:make", photo, "--text", TEXTS[0], "--json")
    assert (code, "hello" in err) == (0, True)
    assert json.loads(out)["texts"][0]["predicted"] in {"x", "y", "z"}


def test_an_answer_that_is_no_number_names_no_class(photo: Path, gazeshift: Command) -> None:
    given = ("python:tests.study.given_models:not_finite", photo, "--text", TEXTS[0])
    code, out, _ = gazeshift("explain", *given, "--json")
    (told,) = json.loads(out)["texts"]
    assert (code, told["predicted"], told["logit"], told["defined"]) == (0, None, None, False)
    assert "nan" in told["reason"]
    code, out, _ = gazeshift("explain", *given)
    assert (code, "is nan: check the picture, the model's weights" in " ".join(out.split())) == (0, True)


def test_a_model_that_reads_no_text_says_so(photo: Path, gazeshift: Command) -> None:
    given = [part for text in TEXTS for part in ("--text", text)]
    code, out, _ = gazeshift("explain", "python:tests.study.given_models:deaf", photo, *given)
    assert (code, "The model reads no text" in out) == (0, True)
    assert (
        "The model reads no text" not in gazeshift("explain", "python:tests.study.given_models:make", photo, *given)[1]
    )
