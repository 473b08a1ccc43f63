from pathlib import Path

import pytest
import yaml

from gazeshift.errors import ConfigError
from gazeshift.models.spec import HeadSpec, ImageSpec, Strict, TextSpec
from gazeshift.study.config import DataConfig, ExplainConfig, HeadConfig, ModelConfig, PretrainConfig, StudyConfig
from gazeshift.study.load import read_study, write_study
from gazeshift.training import Recipe
from tests.tiny_study import write_yaml

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_study_is_valid(path: Path, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").touch()
    files = [f"data.root={tmp_path}", f"weights={tmp_path / 'w.safetensors'}", f"text_encoder={tmp_path}"]
    root = [f"data.root={tmp_path}"]
    given = {"plates": [], "claims-plates": [], "shortcut": []} | dict.fromkeys(("paper", "gallo", "structures"), root)
    study = read_study(path, given.get(path.stem, files))
    assert {"image-only", "early-fusion"} <= {study.kind(name) for name in study.models}
    assert {"paraphrase", "colour"} & set(study.explain.edits)
    write_study(study, tmp_path / "again.yaml")
    assert read_study(tmp_path / "again.yaml") == study


def test_the_papers_rates_batches_and_epochs() -> None:
    study = read_study(next(path for path in CONFIGS if path.stem == "paper"), ["data.root=."])
    image, fusion = study.recipe_of("image-only"), study.recipe_of("early-fusion")
    assert (image.epochs, image.batch_size, image.learning_rate) == (10, 75, 0.01)
    assert (fusion.epochs, fusion.batch_size, fusion.learning_rate) == (15, 8, 0.01)
    assert image.trunk == fusion.trunk == "fine-tuned"


@pytest.mark.parametrize(
    "record",
    [
        DataConfig(),
        PretrainConfig(),
        HeadConfig(),
        ModelConfig(),
        ExplainConfig(),
        ImageSpec(name="small_cnn"),
        TextSpec(),
        HeadSpec(head="early-fusion"),
        Recipe(),
        StudyConfig(
            title="t",
            data=DataConfig(root="."),
            preprocessing={"size": 48},
            image=ImageSpec(name="small_cnn"),
            models={"early-fusion": ModelConfig()},
        ),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_key_left_out_means_what_its_default_means_written_out(record: Strict) -> None:
    """Else a default misses what validators make of a given value, as ``explain.edits`` missed ``original``."""
    assert type(record).model_validate(record.model_dump()) == record


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["colour=red"], ["colour", "unknown key"]),
        (["training.epocs=3"], ["training", "epocs"]),
        (["training.epochs=many"], ["training.epochs"]),
        (["models.early-fusion.training.batch_size=0"], ["models.early-fusion.training.batch_size"]),
        (["models.early-fusion.head.hiden=3"], ["models.early-fusion.head.hiden"]),
        (["models.late=null"], ["models", "late", "late-fusion"]),
        (["image.name=3"], ["image.name"]),
        (["preprocessing.size=0"], ["preprocessing.size"]),
        (["preprocessing.sise=3"], ["preprocessing", "sise"]),
        (["explain.edits=[rainbow]"], ["explain.edits", "rainbow"]),
        (["explain.edits=[{column: x, kinds: y}]"], ["explain.edits.0.kinds", "unknown key"]),
        (["explain.edits=[paraphrase, {kind: y}]"], ["explain.edits.1.column", "missing"]),
        (["explain.modifiers=1"], ["explain.modifiers", "2 or more"]),
        (["explain.lexicon=english.yml"], ["explain.lexicon", "english.yml"]),
        (
            ["explain.lexicon=plates", "explain.edits=[paraphrase, material]"],
            ["explain.lexicon", "'material'", "filler"],
        ),
        (["explain.method=gradcan"], ["explain.method", "grad-cam"]),
        (["explain.method=rise"], ["explain.method", "rise", "gs.explain"]),
        (["seeds=5"], ["seeds", "list"]),
        (["data=3"], ["data", "keys under it"]),
        (["weights=hub"], ["weights", "small_cnn"]),
        (["models={text-only: null}"], ["models", "sees the image"]),
        (["seeds=[]"], ["seeds"]),
        (["seeds=[1, 1]"], ["seeds"]),
        (["seeds=[-1]"], ["seeds", "greater than or equal to 0"]),
        (["seeds=[99999999999999999999]"], ["seeds", "less than"]),
        (["seeds=[true]"], ["seeds is a number"]),
        (["data.plates.seed=99999999999999999999"], ["seed must be 0 to"]),
        (["training.epochs=true"], ["training", "epochs is a number"]),
        (["training.learning_rate=yes"], ["training", "learning_rate is a number"]),
        (["text.width=16", "text.heads=3"], ["text", "width 16 is not a multiple of heads 3"]),
        (["expect.lift=.nan"], ["expect.lift", "finite"]),
        (["weights=no/such/file.safetensors"], ["weights", "no/such/file.safetensors"]),
        (["text.encoder=huggingface"], ["text_encoder"]),
        (["data.plates=null", "data.root=no/such/folder"], ["data.root", "no/such/folder"]),
        (["data.plates=null"], ["data.root"]),
        (["expect.luck=1"], ["expect", "luck"]),
        (["recipe=magic"], ["recipe", "magic"]),
        (["data.plates.kappa=9"], ["kappa"]),
        (["image.name=resnet9000"], ["resnet9000"]),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_names_key_and_file(
    tmp_path: Path, settings: list[str], words: list[str]
) -> None:
    path = write_yaml(tmp_path)
    with pytest.raises(ConfigError) as caught:
        read_study(path, settings)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
    assert str(path) in message or "--set" in message


@pytest.mark.parametrize("content", ["- a\n- b\n", "title: [", "", "title: only\n"])
def test_a_file_that_is_no_study(tmp_path: Path, content: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"study\.yaml"):
        read_study(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such study file"):
        read_study(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="key=value"):
        read_study(write_yaml(tmp_path), ["seeds"])


def test_a_model_may_have_a_name_of_its_own_and_texts_that_tell_it_nothing(tmp_path: Path) -> None:
    ladder = {"image-only": None, "empty-text": {"kind": "early-fusion", "texts": "constant"}}
    study = read_study(write_yaml(tmp_path, models=ladder))
    assert study.kind("empty-text") == "early-fusion"
    assert study.structure("empty-text").reads_text


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({"image-only": {"texts": "shuffled"}}, ["models.image-only.texts", "reads no text"]),
        ({"../escape": {"kind": "image-only"}}, ["../escape", "letters"]),
        ({"mine": {"kind": "fancy"}}, ["fancy", "early-fusion"]),
        ({"early-fusion": {"texts": "random"}}, ["models.early-fusion.texts", "constant"]),
    ],
)
def test_models_that_cannot_be_are_refused(tmp_path: Path, models: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_study(write_yaml(tmp_path, models=models))
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


def test_a_lexicon_without_a_kind_is_found_before_any_work(tmp_path: Path) -> None:
    words = {"language": "en", "template": "{modifier} {noun}", "kinds": {"colour": ["red", "green"]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(words))
    explain = {"modifiers": 2, "lexicon": str(tmp_path / "mine.yaml")}
    with pytest.raises(ConfigError, match=r"explain.lexicon.*position"):
        read_study(write_yaml(tmp_path, explain=explain))


def test_names_are_kept_as_they_are_known_however_they_are_written(tmp_path: Path) -> None:
    written = read_study(
        write_yaml(
            tmp_path,
            models={"image-only": None, "Early_Fusion": None, "seer": {"kind": "LateFusion", "recipe": "AdamW"}},
            recipe="Plates",
            explain={"method": "HiResCAM", "edits": ["Other Class", "PARAPHRASE"], "checks": ["Sanity"]},
        )
    )
    assert written.explain.method == "hires-cam"
    assert written.explain.edits == ("original", "other-class", "paraphrase")
    assert written.explain.checks == ("sanity",)
    assert written.recipe == "plates"
    assert [written.kind(name) for name in written.models] == ["image-only", "early-fusion", "late-fusion"]
    assert written.models["seer"].recipe == "adamw"
