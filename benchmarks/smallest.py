"""The smallest edits of ten scenes of Plates: off the dish that the text refers to, and to another class; with their times.

For every tenth of the test scenes whose text has three words or more: the fewest words to delete, or to replace by any word of the training
titles, so that half of what the map of the reference class has on the dish leaves it, or so that the predicted class switches.
"""
# ruff: noqa: T201

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import gazeshift as gs
from gazeshift.data.decode import image_size
from gazeshift.data.regions.masks import mask_of, reader
from gazeshift.data.sources import load_pairs
from gazeshift.pairs import Pair


def scenes(pairs: tuple[Pair, ...], count: int) -> Iterator[tuple[Pair, np.ndarray]]:
    """Test pairs, evenly by key, each with the mask of what its text refers to."""
    known = [each for each in pairs if each.split == "test" and any(one.referred for one in each.objects)]
    known = sorted((each for each in known if len(each.text.split()) >= 3), key=lambda each: each.key)
    for pair in known[:: max(1, len(known) // count)][:count]:
        size, read = image_size(pair.image), reader()
        referred = [mask_of(pair, each, size, read) for each in pair.objects if each.referred]
        yield pair, np.logical_or.reduce(referred)


def main() -> None:
    """Print a row of a table for each scene and goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/plates"), help="what make demo left")
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--limit", type=int, default=50_000)
    parser.add_argument("--most", type=int, default=4)
    options = parser.parse_args()
    model = gs.load(options.run / "models" / "early-fusion" / "seed-0")
    pairs = load_pairs(options.run / "plates").pairs
    titles = [pair.text for pair in pairs if pair.split == "train"]
    print(
        "| goal | text | new text | before | after | class | changes | exact | texts | s |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    asked = {"substitutes": {"corpus": titles}, "limit": options.limit, "most": options.most}
    for pair, mask in scenes(pairs, options.scenes):
        mass = gs.smallest_edit(model, pair.image, pair.text, "class", region=mask, most=1).mass[0]
        for goal, more in {"off": {"to": mass / 2}, "class": {}}.items():
            start = time.perf_counter()
            found = gs.smallest_edit(model, pair.image, pair.text, goal, region=mask, **asked, **more)
            taken = time.perf_counter() - start
            reached = f"{len(found.changes)}" if found.reached else f"not with {options.most}"
            classes = " to ".join(dict.fromkeys(found.predicted))
            texts = " | ".join(text.replace("|", "/") for text in (found.text, found.new_text))
            numbers = (
                f"{found.mass[0]:.3f} | {found.mass[1]:.3f} | {classes} | {reached} | {'yes' if found.exact else 'no'}"
            )
            print(f"| {goal} | {texts} | {numbers} | {found.tried:,} | {taken:.1f} |", flush=True)


if __name__ == "__main__":
    main()
