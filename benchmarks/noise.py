"""How far maps are above the rounding error of their terms, for nets, heads and methods, at the tap of 0.1 and at today's.

``python benchmarks/noise.py``                      the tables
``python benchmarks/noise.py --figure MODEL PHOTO TEXT OUT.png``    one picture of a saved class-token transformer, at both taps

Each number of the first table is ``max |L|`` over ``max`` of what the terms of ``L`` would sum to if none cancelled, the median over maps:
1 if nothing cancels, 1e-7 if everything does. It is ``before -> now`` if the tap has moved (transformers that read a class token), else one
number. The second table compares ten texts in one call with ten calls, and single with double precision.
"""
# ruff: noqa: T201

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw

from gazeshift.drawing.overlay import overlay
from gazeshift.measures import distribution, jensen_shannon
from gazeshift.models import (
    BoundClassifier,
    Classifier,
    HeadSpec,
    ImageFeatures,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
    load,
)
from gazeshift.models.fusions import HEADS
from gazeshift.models.token_endings import ClassToken
from gazeshift.models.tokens import TokenTrunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.saliency import Probe, Rows, explain
from gazeshift.saliency.cams import METHODS, tap_methods
from gazeshift.saliency.magnitude import MAGNITUDES
from gazeshift.saliency.words import split_words

SHALLOW: dict[str, Any] = {"depth": 3}
NETS: list[tuple[str, int, dict[str, Any]]] = [
    ("resnet18", 96, {}),
    ("convnext_atto", 96, {}),
    ("swin_tiny_patch4_window7_224", 128, {"depths": [1, 1, 1, 1]}),
    ("vit_tiny_patch16_224", 224, {}),
    ("deit_tiny_distilled_patch16_224", 224, {}),
    ("vit_small_patch14_reg4_dinov2", 112, SHALLOW),
    ("vit_base_patch32_clip_224", 224, SHALLOW),
    ("vit_base_patch16_siglip_224", 64, SHALLOW),
    ("vit_base_patch16_reg4_gap_256", 64, SHALLOW),
]
TEXTS = tuple(f"{colour} {dish}" for colour in ("red", "green") for dish in ("pie", "soup", "tart", "cake", "rice"))
NAMES = [name for name in tap_methods() if name not in {"attention-gradient", "rollout"}]
CLASSES = tuple(f"class {index}" for index in range(8))


def classifier(name: str, size: int, options: dict[str, Any], head: str, tap: str) -> Classifier:
    """An untrained model; its weights do not depend on the tap."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        image = ImageSpec(name=name, options=options, tap=tap)
        trunk = build_trunk(image, size)
        text = build_text(TextSpec(encoder="transformer", width=32, layers=1), TEXTS)
        spec = ModelSpec(
            name=head, image=image, text=text.spec, head=HeadSpec(head=head), classes=CLASSES,
            preprocessing=Preprocessing(size=size),
        )  # fmt: skip
        return build_classifier(spec, trunk, text, 0).eval()


def taps(name: str, size: int, options: dict[str, Any]) -> tuple[str, ...]:
    """Today's tap, preceded by that of 0.1 if it was different."""
    trunk = build_trunk(ImageSpec(name=name, options=options), size)
    if not (isinstance(trunk, TokenTrunk) and isinstance(trunk.ending, ClassToken)):
        return ("last",)
    return (f"blocks.{len(trunk.net.blocks) - 1}", "last")


def probe(model: Classifier, size: int, rows: Rows | None = None) -> Probe:
    """Two random images with ten texts."""
    pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    tokens = model.tokenize(TEXTS)
    with torch.no_grad():
        image, text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
    ten = torch.arange(len(TEXTS))
    return Probe(BoundClassifier(model, image, text), rows or Rows(ten % 2, ten, ten % len(CLASSES)))


def above(asked: Probe, method: str) -> float:
    """``max |L|`` over the largest sum of absolute terms, the median over maps."""
    maps = METHODS[method](asked).detach().abs().amax((1, 2))
    return float((maps / MAGNITUDES[method](asked).detach().amax((1, 2))).median())


def stability(asked: Probe) -> tuple[float, float, float]:
    """HiResCAM of ten texts in one call and in ten calls: largest difference over the maximum, and in bits; correlation with double."""
    draw = METHODS["hires-cam"]
    together = draw(asked).numpy()
    alone = np.concatenate([draw(asked.of(torch.tensor([row]))).numpy() for row in range(len(asked.rows))])
    share = float(np.max(np.abs(together - alone).max((1, 2)) / np.abs(together).max((1, 2))))
    bits = float(np.nanmax(jensen_shannon(distribution(together), distribution(alone))))
    model: Classifier = asked.model.double()  # type: ignore[attr-defined]
    prefix = None if asked.image.prefix is None else asked.image.prefix.double()
    image = ImageFeatures(asked.image.grid.double(), prefix)
    double = draw(Probe(BoundClassifier(model, image, asked.text.with_precision(torch.float64)), asked.rows)).numpy()
    return (
        share,
        bits,
        float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(together, double, strict=True)])),
    )


def tables() -> None:
    """Print both tables."""
    heads = [name for name, head in HEADS.items() if head.structure.sees_image]
    print(f"{'net':32s} {'head':13s} " + " ".join(f"{method[:19]:>19s}" for method in NAMES))
    for name, size, options in NETS:
        where = taps(name, size, options)
        for head in heads:
            found = [probe(classifier(name, size, options, head, tap), size) for tap in where]
            cells = [" -> ".join(f"{above(asked, method):.0e}" for asked in found) for method in NAMES]
            print(f"{name:32s} {head:13s} " + " ".join(f"{cell:>19s}" for cell in cells), flush=True)
    print(
        "\nHiResCAM, early fusion: ten texts in one call against ten calls (share of the maximum, bits); single against double (r)"
    )
    for name, size, options in NETS:
        for tap in taps(name, size, options):
            share, bits, r = stability(probe(classifier(name, size, options, "early-fusion", tap), size))
            print(f"{name:32s} {tap:10s} {share:8.0e} {bits:8.0e} bits  r {r:.3f}", flush=True)


def at_the_old_tap(model: Classifier) -> Classifier:
    """The same weights with the tap before the last block's first norm."""
    trunk = model.trunk
    assert isinstance(trunk, TokenTrunk)  # noqa: S101
    assert isinstance(trunk.ending, ClassToken), "use a model that reads a class token"  # noqa: S101
    image = model.spec.image.model_copy(update={"tap": f"blocks.{len(trunk.net.blocks) - 1}"})
    spec = model.spec.model_copy(update={"image": image})
    old = Classifier(spec, build_trunk(image, spec.preprocessing.size), model.encoder, model.tokenizer)
    old.load_state_dict(model.state_dict())
    return old.eval()


def drawn_anyway(model: Classifier, photo: Path, text: str) -> Float[np.ndarray, "h w"]:
    """HiResCAM as 0.1 drew it: divided by its own maximum, however small that is."""
    pixels = model.spec.preprocessing.normalise(
        torch.from_numpy(model.spec.preprocessing.crop(Image.open(photo).convert("RGB")))[None]
    )
    tokens = model.tokenize([text])
    with torch.no_grad():
        image, words = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
        target = model.classify(image, words).argmax(1)
    zero = torch.zeros(1, dtype=torch.long)
    return np.asarray(
        METHODS["hires-cam"](Probe(BoundClassifier(model, image, words), Rows(zero, zero, target)))[0].numpy()
    )


def figure(folder: Path, photo: Path, text: str, out: Path) -> None:
    """Draw the picture; HiResCAM before the norm, as 0.1 drew it; and HiResCAM after it, today's default."""
    assert split_words(text), "the text must not be empty"  # noqa: S101
    model = load(folder)
    crop = model.spec.preprocessing.crop_image(Image.open(photo).convert("RGB")).resize(
        (288, 288), Image.Resampling.BICUBIC
    )
    before = drawn_anyway(at_the_old_tap(model), photo, text)
    now = explain(model, photo, [text], method="hires-cam").raw[0]
    sheet = Image.new("RGB", (3 * 288 + 2 * 12, 288 + 28), "white")
    pen = ImageDraw.Draw(sheet)
    titles = (
        f'"{text}"',
        f"before the norm: largest value {np.abs(before).max():.0e}",
        f"behind it: {np.abs(now).max():.0e}",
    )
    for column, (picture, title) in enumerate(
        zip((crop, overlay(crop, before), overlay(crop, now)), titles, strict=True)
    ):
        sheet.paste(picture, (column * 300, 28))
        pen.text((column * 300, 8), title, fill="black", font_size=14)
    sheet.save(out)
    print(out)


def main() -> int:
    """Print the tables or draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", nargs=4, metavar=("MODEL", "PHOTO", "TEXT", "OUT.png"))
    asked = parser.parse_args().figure
    if asked is None:
        tables()
    else:
        figure(Path(asked[0]), Path(asked[1]), asked[2], Path(asked[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
