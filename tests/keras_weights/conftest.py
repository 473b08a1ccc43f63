"""Keras takes seconds to import and InceptionV3 has 22 million weights: both are made once, and only for the tests that need them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gazeshift.models.pretrained import load_tokenizer
from gazeshift.models.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from tests.keras_weights.released import Split

collect_ignore = ["released.py"]  # pytest would import it, and Keras with it, to look for examples in its docstrings

TITLES = ("apple pie with cream", "red tomato ketchup", "green edamame in a bowl", "baklava and honey")
TEXTS = (
    "apple pie with cream",
    "",
    "red tomato ketchup in the bowl with green edamame and honey and baklava and cream and apple pie and ketchup",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``tests.keras_weights.released``, with Keras on torch and its settings in a folder of the test's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        from tests.keras_weights import released  # noqa: PLC0415  only now

        return released


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(TITLES, 200).save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Kept:
    """A model of Keras, and the two files that it wrote."""

    split: "Split"
    whole: Path
    weights: Path

    def texts(self, tokenizer: Path, texts: tuple[str, ...]) -> list[np.ndarray]:
        """Ids, masks and segments as the published code makes them: cut after 20 tokens, [SEP] or not, and padded with 0."""
        words, length = load_tokenizer(str(tokenizer)), 20
        rows = [["[CLS]", *words.tokenize(text), "[SEP]"][:length] for text in texts]
        masks = np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        ids = np.array([words.convert_tokens_to_ids(row) + [0] * (length - len(row)) for row in rows])
        return [each.astype("int32") for each in (ids, masks, 0 * masks)]


@pytest.fixture(scope="session")
def models(released: Any, tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kept]:
    folder, pieces = tmp_path_factory.mktemp("files"), len(load_tokenizer(str(tokenizer)))
    released.keras.utils.set_random_seed(0)
    kept = {}
    for name, model in (("image-only", released.image_only()), ("early-fusion", released.early_fusion(pieces))):
        released.randomised(model)
        whole = released.save_whole(model, folder / f"{name}.hdf5")
        weights = released.save_weights(model, folder / f"{name} weights.hdf5")
        kept[name] = Kept(released.Split(model), whole, weights)
    return kept


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A picture of the models' own size, so that nobody resamples it: smooth patches and noise."""
    random = np.random.default_rng(1)
    patches = np.asarray(Image.fromarray(random.integers(0, 256, (6, 6, 3), np.uint8)).resize((299, 299)))
    noisy = patches.astype(int) + random.integers(-40, 41, patches.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
