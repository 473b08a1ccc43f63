"""``gazeshift app`` before it serves anything: what is wrong is said in one line, with exit code 2."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def refused(gazeshift: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        code, out, said = gazeshift("app", "--no-open", *arguments)
        assert (code, out) == (2, "")
        assert "Traceback" not in said
        return said

    return run


def test_without_gradio_the_extra_is_named(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "gazeshift.app.server"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.delattr("gazeshift.app.server", raising=False)
    assert "pip install 'gazeshift[app]'" in refused("nothing")


def test_a_short_token_is_refused(refused: Callable[..., str]) -> None:
    assert "8 characters" in refused("nothing", "--token", "short")


def test_what_cannot_be_opened_is_named(refused: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the page's server needs Gradio")
    assert "name a model" in refused()  # no demo here, and no file to make it from
    assert "nobody" in refused("nobody")
    assert "nowhere" in refused("--study", "nowhere")
    assert not list(tmp_path.iterdir())


def test_what_is_left_out_of_the_data_is_said(refused: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the page's server needs Gradio")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    rows = ["image,text,label,split", "a.png,one,pie,train", "a.png,two,pie,test", "missing.png,three,pie,test"]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    said = refused("nobody", "--data", "table.csv")
    assert "1 x missing image" in said
    assert "the 1 test pairs of 2" in said
