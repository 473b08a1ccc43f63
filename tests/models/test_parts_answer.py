"""Trunks, text encoders and heads answer for themselves: every one of them, and right; nobody asks which one it is."""

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.errors import ModelError, UsageError
from gazeshift.models import (
    HEADS,
    BoundClassifier,
    HeadSpec,
    ImageSpec,
    TextSpec,
    build_text,
    build_trunk,
    encode_texts,
)
from gazeshift.models.affine import Affine
from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions import Fusion, Widths
from gazeshift.models.fusions.concatenation import Concatenation
from gazeshift.models.fusions.fusion import GridFusion, PooledFusion
from gazeshift.models.fusions.late import CombiningRule
from gazeshift.models.text import Encoder
from gazeshift.models.trunk import Trunk
from gazeshift.saliency.descent import after
from gazeshift.saliency.recording import AttentionRecorder

SOURCE = Path(gs.__file__).parent
VIT = {"depth": 3, "embed_dim": 32, "num_heads": 2}


@dataclass(frozen=True)
class Kind:
    """A trunk, and what is expected of it.

    Attributes:
        spec: what to build.
        averages: whether its tail is nothing but the mean over its grid.
        layer: one that its first layers may end with; None where they cannot be frozen alone.
    """

    spec: ImageSpec
    averages: bool
    layer: str | None


TRUNKS = {
    "small_cnn": Kind(ImageSpec(name="small_cnn"), True, "features.3"),
    "ResNet": Kind(ImageSpec(name="resnet18"), True, "layer2"),
    "norm after the mean": Kind(ImageSpec(name="convnext_atto"), False, "stages.1"),
    "channels last": Kind(
        ImageSpec(name="swin_tiny_patch4_window7_224", options={"depths": [1, 1, 1, 1]}), True, "layers.1"
    ),
    "earlier tap": Kind(ImageSpec(name="small_cnn", tap="features.3"), False, None),
    "class token": Kind(ImageSpec(name="vit_tiny_patch16_224", options=VIT), False, None),
    "attention pooling": Kind(ImageSpec(name="vit_base_patch16_siglip_224", options=VIT), False, None),
    "tokens": Kind(ImageSpec(name="vit_base_patch16_siglip_gap_224", options=VIT), False, None),
    "earlier block": Kind(ImageSpec(name="vit_tiny_patch16_224", options=VIT, tap="blocks.0"), False, None),
    "none": Kind(ImageSpec(name="none"), False, None),
}
SIZE = 64


@pytest.fixture(params=TRUNKS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return TRUNKS[request.param]


@pytest.fixture
def trunk(kind: Kind) -> Trunk:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_trunk(kind.spec, SIZE).eval()


def pictures() -> Tensor:
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def concrete(base: type) -> set[type]:
    return {each for each in everything(base) if not inspect.isabstract(each)}


def everything(base: type) -> set[type]:
    ours = {each for each in base.__subclasses__() if each.__module__.startswith("gazeshift.")}
    return ours.union(*map(everything, ours))


def test_every_class_of_trunk_is_tried() -> None:
    assert {type(build_trunk(kind.spec, SIZE)) for kind in TRUNKS.values()} == concrete(Trunk)


@torch.no_grad()
def test_the_tap_is_where_the_trunk_says(trunk: Trunk) -> None:
    emitted = trunk.emit(pictures())
    assert emitted.ndim == (3 if trunk.emits_tokens else 4)
    features, whole = trunk.tapped(emitted), trunk.encode(pictures())
    assert torch.equal(features.grid, whole.grid)
    assert features.grid.ndim == 4
    if trunk.emits_tokens:  # every number that is emitted is in the grid or beside it
        assert features.places.tokens == emitted.shape[1]
    else:
        assert features.prefix is None
        assert features.grid.numel() == emitted.numel()


def test_cells_are_known_to_mix_where_they_attend(trunk: Trunk) -> None:
    with torch.no_grad():
        features = trunk.encode(pictures())
    leaf = features.grid.clone().requires_grad_()
    with AttentionRecorder() as recorder:
        trunk.pool(type(features)(leaf * 1, features.prefix))
    tokens = features.places.tokens
    heard = [one for one in after(recorder.weights, leaf) if one.shape[-1] == tokens] if recorder.weights else []
    assert bool(heard) is trunk.mixes_cells


@torch.no_grad()
def test_an_affine_is_taken_where_it_loses_nothing_and_refused_elsewhere(kind: Kind, trunk: Trunk) -> None:
    before, names = trunk.encode(pictures()), set(trunk.state_dict())
    channels = before.grid.shape[1]
    assert trunk.affine.is_identity
    affine = Affine(torch.rand(channels), 1 + torch.rand(channels))
    if not kind.averages:
        with pytest.raises(ModelError, match="use 'plain'"):
            trunk.fix_affine(affine, SIZE)
        assert trunk.affine.is_identity
        return
    pooled = trunk.pool(before)
    trunk.fix_affine(affine, SIZE)
    found = trunk.encode(pictures())
    expected = (before.grid - affine.mean.view(1, -1, 1, 1)) / affine.deviation.view(1, -1, 1, 1)
    peak = float(expected.abs().max())
    torch.testing.assert_close(found.grid, expected, rtol=0, atol=1e-6 * peak)
    torch.testing.assert_close(trunk.affine.undo(found.grid), before.grid, rtol=0, atol=3e-6 * peak)
    # A head takes it back: pooled features are the same up to the affine itself.
    again = trunk.pool(found) * affine.deviation + affine.mean
    torch.testing.assert_close(again, pooled, rtol=0, atol=3e-6 * peak)
    assert not trunk.affine.is_identity
    assert trunk.affine.identity.is_identity
    assert set(trunk.state_dict()) == names


@torch.no_grad()
def test_first_layers_are_the_trunks_own_or_said_not_to_be_had(kind: Kind, trunk: Trunk) -> None:
    if not trunk.parts_in_order():
        assert trunk.stem("features.3") is None
        return
    if kind.layer is None:
        with pytest.raises(ModelError, match="other than a ViT"):
            trunk.stem("features.1")
        return
    stem = trunk.stem(kind.layer)
    assert stem is not None
    assert {id(one) for one in stem.parameters()} < {id(one) for one in trunk.parameters()}
    stem.eval()
    expected = trunk.encode(pictures()).grid
    found = stem.finish(stem.encode(pictures())).grid
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_the_parts_in_order_are_the_whole_trunk(trunk: Trunk) -> None:
    weights = [id(one) for part in trunk.parts_in_order() for one in part.parameters()]
    assert sorted(weights) == sorted(id(one) for one in trunk.parameters())


def test_the_names_of_saved_weights_are_as_ever() -> None:
    names = set(build_trunk(ImageSpec(name="small_cnn"), SIZE).state_dict())
    assert {name for name in names if not name.startswith("net.")} == {"mean", "deviation"}
    vit = build_trunk(TRUNKS["class token"].spec, SIZE)
    assert {name.partition(".")[0] for name in vit.state_dict()} == {"net", "last_blocks", "norm"}
    assert not build_trunk(ImageSpec(name="none"), SIZE).state_dict()


ENCODERS = {
    "none": False,
    "transformer": False,
    "tf-idf": False,
    "huggingface": True,
    "bert-lstm": True,
    "bert-lstm-padded": True,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_what_of_an_encoder_was_trained_elsewhere(name: str, bert_folder: str) -> None:
    spec = TextSpec(encoder=name, width=16, layers=1, heads=2, max_tokens=12)
    encoder = build_text(spec, ["apple pie"], bert_folder).encoder
    found = {id(one) for part in encoder.pretrained for one in part.parameters()}
    named = {id(one) for key, one in encoder.named_parameters() if key.startswith("net.")}
    assert found == named
    assert bool(found) is ENCODERS[name]


def test_every_class_of_encoder_is_tried(bert_folder: str) -> None:
    specs = [TextSpec(encoder=name, width=16, layers=1, heads=2, max_tokens=12) for name in ENCODERS]
    assert {type(build_text(spec, ["apple pie"], bert_folder).encoder) for spec in specs} == concrete(Encoder)


WIDTHS = Widths(vector=12, channels=12, cells=4, text=10, classes=5)


@pytest.mark.parametrize("name", ["early-linear", "early-fusion", "early-deep"])
@torch.no_grad()
def test_gates_are_the_head_written_out(name: str) -> None:
    torch.manual_seed(0)
    head = HEADS[name].build(WIDTHS, HeadSpec(head=name, image_width=8, hidden=32)).eval()
    assert isinstance(head, Concatenation)
    vector, text = torch.randn(3, 12), TextFeatures.from_pooled(torch.randn(3, 10))
    gates = head.gates
    assert (gates is None) is (name != "early-fusion")
    if gates is not None:
        hidden = gates.hidden(vector, text)
        open_units = (hidden > 0).float()
        by_hand = (hidden * open_units) @ gates.last.weight.T + gates.last.bias
        logits = head.fuse(head.see(vector), text)
        torch.testing.assert_close(logits, by_hand, rtol=0, atol=1e-5 * float(by_hand.abs().max()))


def test_every_class_of_head_is_tried() -> None:
    built = [HEADS[name].build(WIDTHS, HeadSpec(head=name)) for name in HEADS]
    assert {type(head) for head in built} == concrete(Fusion)


KINDS = (Trunk, Encoder, PooledFusion, GridFusion, CombiningRule)


def test_a_fusion_reads_the_vector_or_the_grid() -> None:
    assert set(Fusion.__subclasses__()) == {PooledFusion, GridFusion}


@pytest.mark.parametrize("base", KINDS, ids=lambda base: base.__name__)
def test_classes_are_abstract_or_final_and_nothing_concrete_is_written_over(base: type) -> None:
    assert inspect.isabstract(base)
    final = {
        name for name, value in vars(base).items() if callable(value) and not hasattr(value, "__isabstractmethod__")
    }
    for each in everything(base):
        assert each.__mro__[1] is base, f"{each.__name__}: its base is not {base.__name__} itself"
        assert not (final - {"__init__"}) & vars(each).keys(), each.__name__


def _asked(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names that ``isinstance`` and ``type(...) is`` are asked with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"isinstance", "issubclass"}:
            yield from ((node.lineno, name) for name in _names(node.args[1]))
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Call)
            and getattr(node.left.func, "id", "") == "type"
        ):
            yield from ((node.lineno, name) for other in node.comparators for name in _names(other))


def _names(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        if isinstance(each, ast.Attribute):
            yield each.attr


def test_nobody_asks_which_part_it_is() -> None:
    parts = {each.__name__ for base in KINDS for each in {base, *everything(base)}} | {"Classifier"}
    asked = [
        f"{path.relative_to(SOURCE)}:{line}: {name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, name in _asked(ast.parse(path.read_text(encoding="utf-8")))
        if name in parts
    ]
    assert not asked, f"ask the part itself: {asked}"


@pytest.mark.parametrize(
    "asking", ["isinstance(trunk, GridTrunk)", "isinstance(x, (A, image.NoTrunk | B))", "type(x) is GridTrunk"]
)
def test_asking_is_noticed(asking: str) -> None:
    assert {name for _, name in _asked(ast.parse(asking))} & {"GridTrunk", "NoTrunk"}


def test_a_model_answers_what_an_explanation_asks(build: Callable[..., gs.Classifier]) -> None:
    for name in HEADS:
        model = build(name, image=ImageSpec(name="none") if name == "text-only" else "small_cnn")
        with torch.no_grad():
            features = model.encode_image(pictures())
        bound = BoundClassifier(model, features, encode_texts(model, ["pie"]))
        assert bound.affine.is_identity
        if model.head.pooled is None:
            with pytest.raises(UsageError, match="the text meets the cells"):
                bound.places()
        else:
            assert bound.places().tokens == features.grid.shape[2] * features.grid.shape[3]
        assert 0 < bound.step < 1e-2
        assert isinstance(model.head, nn.Module)
