"""To the hub and back, with the hub's own client: a server on loopback, and the client's cache without any server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants
from PIL import Image

import gazeshift as gs
from gazeshift.errors import DataError, ModelError, UsageError
from gazeshift.models.addresses import Address, Question
from tests.conftest import Build, Command
from tests.sharing.loopback import TOKEN, Hub, Repository

FILES = {
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
}


@pytest.fixture
def pushed(hub: Hub, build: Build) -> gs.Classifier:
    """A model that is on the hub as ``me/model``."""
    model = build()
    gs.push_to_hub(model, "me/model", token=TOKEN)
    return model


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    close_session()


def test_the_same_model_comes_back_from_one_commit(hub: Hub, pushed: gs.Classifier) -> None:
    repository = hub.repositories["me/model"]
    assert set(repository.files()) == FILES
    assert repository.messages == ["Upload model"], "the hub never holds half a model"
    assert 'gs.from_pretrained("me/model")' in repository.files()["README.md"].decode()
    assert gs.from_pretrained("me/model").digest() == pushed.digest()


def test_the_address_is_that_of_the_commit(hub: Hub, build: Build) -> None:
    where = gs.push_to_hub(build(), "me/model", token=TOKEN, private=True, message="First")
    repository = hub.repositories["me/model"]
    assert where == f"{hub.url}/me/model/commit/{repository.branches['main']}"
    assert (repository.private, repository.messages) == (True, ["First"])


def test_a_second_push_replaces_the_model_and_keeps_what_is_not_its(
    hub: Hub, pushed: gs.Classifier, build: Build
) -> None:
    repository = hub.repositories["me/model"]
    repository.files()["pictures/figure.png"] = b"theirs"
    first, second = repository.branches["main"], build("image-only")
    gs.push_to_hub(second, "me/model", token=TOKEN)
    assert set(repository.files()) == {"README.md", "config.json", "model.safetensors", "pictures/figure.png"}
    assert gs.from_pretrained("me/model").digest() == second.digest()
    assert gs.from_pretrained("me/model", revision=first).digest() == pushed.digest(), "a commit stays what it is"


def test_a_branch_is_made_and_read_as_a_revision(hub: Hub, pushed: gs.Classifier, build: Build) -> None:
    other = build("late-fusion")
    for _ in range(2):  # the branch is there at the second time
        gs.push_to_hub(other, "me/model", token=TOKEN, branch="late")
    assert gs.from_pretrained("me/model", "late").digest() == other.digest()
    assert gs.from_pretrained("me/model").digest() == pushed.digest()


def test_only_json_text_and_safetensors_are_downloaded(hub: Hub, pushed: gs.Classifier, cache: Path) -> None:
    hub.repositories["me/model"].files().update(
        {"pytorch_model.bin": b"pickle", "modeling.py": b"raise SystemExit", "sub/config.json": b"{}"}
    )
    hub.asked.clear()
    gs.from_pretrained("me/model")
    kept = {path.name for path in cache.glob("models--me--model/snapshots/*/**/*") if not path.is_dir()}
    assert kept == {Path(name).name for name in FILES - {"README.md"}}
    assert not [path for path in hub.asked if path.endswith((".bin", ".py", "sub/config.json"))]


def test_what_was_downloaded_is_there_without_a_network(
    hub: Hub, pushed: gs.Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    gs.from_pretrained("me/model")
    hub.asked.clear()
    offline(monkeypatch)
    assert gs.from_pretrained("me/model").digest() == pushed.digest()
    assert not hub.asked


def test_a_cache_that_somebody_else_filled_is_enough(build: Build, cache: Path, tmp_path: Path) -> None:
    """As the hub's client lays it out: a folder per commit, and the commits of branches and tags."""
    sha, entry = "a" * 40, cache / "models--me--model"
    model = build()
    gs.save_pretrained(model, entry / "snapshots" / sha)
    for reference in ("main", "v1"):
        (entry / "refs").mkdir(exist_ok=True)
        (entry / "refs" / reference).write_text(sha, encoding="utf-8")
    for revision in (None, "v1", sha):
        assert gs.from_pretrained("me/model", revision).digest() == model.digest()
    cache.rename(tmp_path / "elsewhere")
    assert gs.from_pretrained("me/model", cache=tmp_path / "elsewhere").digest() == model.digest()
    with pytest.raises(ModelError, match="me/model at v2: not in the cache of the hub's client, and HF_HUB_OFFLINE"):
        gs.from_pretrained("me/model", "v2", cache=tmp_path / "elsewhere")


def test_a_damaged_download_names_the_model_and_the_way_out(
    hub: Hub, pushed: gs.Classifier, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    gs.from_pretrained("me/model")
    offline(monkeypatch)
    (weights,) = cache.glob("models--me--model/snapshots/*/model.safetensors")
    weights.resolve().write_bytes(b"not safetensors")
    with pytest.raises(
        ModelError, match=r"^me/model: .*Download it again with `hf download me/model --force-download`"
    ):
        gs.from_pretrained("me/model")
    weights.unlink()
    with pytest.raises(ModelError, match=r"^me/model: "):
        gs.from_pretrained("me/model")


CONFIG = {"config.json": b'{"model_type": "clip"}'}
SOMEBODYS = {
    "me/private": Repository(private=True),
    "me/gated": Repository(gated=True),
    "me/clip": Repository(commits={"b" * 40: CONFIG}, branches={"main": "b" * 40}),
    "me/empty": Repository(),
}
REFUSED = [
    ("me/nothing", None, "me/nothing: not on the hub, or private; check the name, and if it is private log in"),
    ("me/private", None, "me/private: not on the hub, or private; check the name, and if it is private log in"),
    ("me/gated", None, "me/gated: its owner gives access on request"),
    ("me/clip", None, "me/clip: on the hub, but not a model that gazeshift saved; .* gs.from_hub"),
    ("me/empty", None, "me/empty: on the hub, but not a model that gazeshift saved"),
    ("me/empty", "v9", "me/empty at v9: on the hub, but without this revision"),
    ("me/a b", None, "me/a b: not a name on the hub; write USER/NAME"),
]


@pytest.mark.parametrize(("name", "revision", "message"), REFUSED)
def test_what_cannot_be_loaded_is_said_in_one_line(hub: Hub, name: str, revision: str | None, message: str) -> None:
    hub.repositories.update(SOMEBODYS)
    with pytest.raises(ModelError, match=f"^{message}") as raised:
        gs.from_pretrained(name, revision)
    assert "\n" not in str(raised.value)


def test_a_private_model_is_there_for_its_owner(hub: Hub, build: Build) -> None:
    model = build()
    gs.push_to_hub(model, "me/model", token=TOKEN, private=True)
    assert gs.from_pretrained("me/model", token=TOKEN).digest() == model.digest()


@pytest.fixture
def nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub answers: nothing listens where it is said to be."""
    for name in ("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE"):
        known = getattr(constants, name)
        monkeypatch.setattr(constants, name, known.replace(hub.url, "http://127.0.0.1:9"))


@pytest.mark.usefixtures("nobody")
def test_without_a_network_the_way_out_is_named(build: Build) -> None:
    with pytest.raises(
        ModelError, match=r"^me/model: .*the hub cannot be reached .*; check the network and try again.$"
    ):
        gs.from_pretrained("me/model")
    with pytest.raises(ModelError, match=r"^me/model: the hub cannot be reached .*; check the network and try again.$"):
        gs.push_to_hub(build(), "me/model", token=TOKEN)


def test_pushing_without_the_right_to_it(hub: Hub, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"^me/model: the hub refuses \(401\): .*hf auth login"):
        gs.push_to_hub(build(), "me/model")
    hub.repositories["them/model"] = Repository()
    hub.read_only.add("them/model")
    with pytest.raises(ModelError, match=r"^them/model: the hub refuses \(403\): you have no right to it"):
        gs.push_to_hub(build(), "them/model", token=TOKEN)
    with pytest.raises(ModelError, match=r"^no name: not a name on the hub; write USER/NAME"):
        gs.push_to_hub(build(), "no name", token=TOKEN)
    offline(monkeypatch)
    with pytest.raises(ModelError, match=r"^me/model: the hub cannot be asked, because HF_HUB_OFFLINE is set"):
        gs.push_to_hub(build(), "me/model", token=TOKEN)
    assert not hub.repositories["them/model"].files()
    assert "me/model" not in hub.repositories


def test_nothing_is_uploaded_with_figures_of_another_study(hub: Hub, build: Build, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such run folder"):
        gs.push_to_hub(build(), "me/model", tmp_path / "no run", token=TOKEN)
    assert not hub.asked


def test_an_address_opens_what_gazeshift_saved_and_asks_no_question(pushed: gs.Classifier) -> None:
    """A study asks every model on the hub about its data's classes; these are the model's own."""
    for question in (Question(), Question(classes=pushed.classes)):
        assert Address("hub:me/model", question).open().digest() == pushed.digest()
    for question in (Question(classes=("a red dog",)), Question(as_="zero-shot"), Question(prompt="{text}")):
        with pytest.raises(UsageError, match=r"^hub:me/model: gazeshift saved it with its 5 classes"):
            Address("hub:me/model", question).open()


@pytest.mark.slow
def test_the_commands_push_and_use_it(
    hub: Hub, tiny_run: Path, tmp_path: Path, gazeshift: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_run / "models" / "early-fusion" / "seed-1"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    code, out, err = gazeshift("push", model, "me/plates", "--run", tiny_run, "--license", "apache-2.0", "--public")
    assert (code, err) == (0, "")
    assert out.startswith(f"{hub.url}/me/plates/commit/")
    card = hub.repositories["me/plates"].files()["README.md"].decode()
    assert "license: apache-2.0\n" in card
    assert "those of seed 1" in card
    Image.new("RGB", (60, 50), "red").save(tmp_path / "photo.png")
    for address in (str(model), "hub:me/plates", f"hub:{model}"):
        code, out, _ = gazeshift("explain", address, tmp_path / "photo.png", "--text", "a donut", "--json")
        assert (code, json.loads(out)["model"]) == (0, gs.load(model).digest())
    code, _, err = gazeshift("explain", "hub:me/plates", tmp_path / "photo.png", "--as", "matching")
    assert code == 2
    assert "gazeshift saved it with its 4 classes" in err


@pytest.mark.slow
def test_the_endpoint_of_the_environment_is_used(hub: Hub, build: Build, tmp_path: Path) -> None:
    """In a process of its own: nothing here is patched there."""
    model = build()
    gs.save_pretrained(model, tmp_path / "model")
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "gazeshift", "push", tmp_path / "model", "me/model"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.url}/me/model/commit/")
    assert gs.from_pretrained("me/model").digest() == model.digest()
