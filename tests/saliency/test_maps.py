"""Maps as a thing to keep, to draw and to ask."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gazeshift.errors import DataError, UsageError
from gazeshift.saliency import SaliencyMaps, shift
from gazeshift.saliency.maps import MapRow

RAW = np.array([[[1.0, -2.0], [3.0, 0.0]], [[-1.0, -1.0], [-3.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]], dtype=np.float32)


@pytest.fixture
def maps() -> SaliencyMaps:
    rows = (MapRow(0, 1, 2.5, 0.75), MapRow(1, 0, -0.5, 0.25), MapRow(0, 0, 0.0, 0.125))
    return SaliencyMaps(
        key="apple_pie/1.jpg",
        raw=RAW.copy(),
        rows=rows,
        texts=("apple & <b>pie</b>", "蜂蜜 🍯"),
        predicted=(1, 0),
        target="predicted",
        classes=("apple pie", "baklava"),
        method="grad-cam",
        model="0" * 64,
    )


def test_saved_maps_come_back(maps: SaliencyMaps, tmp_path: Path) -> None:
    maps.save(tmp_path / "one.safetensors")
    again = SaliencyMaps.load(tmp_path / "one.safetensors")
    assert np.array_equal(again.raw, maps.raw)
    assert again.raw.dtype == np.float32
    for name in ("key", "rows", "texts", "predicted", "target", "classes", "method", "model"):
        assert getattr(again, name) == getattr(maps, name), name
    assert again.at(4, 4).shape == (3, 4, 4)


def test_a_crash_while_saving_leaves_nothing(
    maps: SaliencyMaps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: object, path: Path, **__: object) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("gazeshift.saliency.maps.save_file", half)
    with pytest.raises(KeyboardInterrupt):
        maps.save(tmp_path / "one.safetensors")
    assert not (tmp_path / "one.safetensors").exists()


def test_other_files_are_refused(maps: SaliencyMaps, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    with pytest.raises(DataError, match="holds no saved maps"):
        SaliencyMaps.load(path)
    path.write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(DataError, match="holds no saved maps"):
        SaliencyMaps.load(path)
    save_file({"weight": RAW}, path)
    with pytest.raises(DataError, match="holds no saved maps"):
        SaliencyMaps.load(path)
    save_file({"raw": RAW}, path)
    with pytest.raises(DataError, match="no maps of format"):
        SaliencyMaps.load(path)
    maps.save(path)
    save_file(load_file(path), path, metadata={"format": "gazeshift-maps-1", "maps": json.dumps({"key": "x"})})
    with pytest.raises(DataError, match="damaged"):
        SaliencyMaps.load(path)


def test_rows_are_found_and_missing_ones_named(maps: SaliencyMaps) -> None:
    assert [maps.row(0, 1), maps.row(1, 0), maps.row(0, 0)] == [0, 1, 2]
    with pytest.raises(UsageError, match="no map of class 'baklava' with text 1"):
        maps.row(1, 1)
    with pytest.raises(UsageError, match="no text 2: these maps have texts 0 to 1"):
        maps.row(2, 1)
    with pytest.raises(UsageError, match="no class 7: these maps have classes 0 to 1"):
        maps.row(0, 7)
    with pytest.raises(UsageError, match="no map of class 'baklava' with text 1"):
        shift(maps, 0, 1)
    with pytest.raises(UsageError, match="no text 5"):
        shift(maps, 0, 5)


def test_undefined_maps(maps: SaliencyMaps) -> None:
    assert maps.undefined.tolist() == [False, True, True]


def test_normalised(maps: SaliencyMaps) -> None:
    maximum, total, signed = (maps.normalised(how) for how in ("maximum", "sum", "signed"))
    assert maximum[0].tolist() == pytest.approx(np.array([[1 / 3, 0], [1, 0]]))
    assert total[0].tolist() == pytest.approx(np.array([[0.25, 0], [0.75, 0]]))
    assert signed[0].tolist() == pytest.approx(np.array([[1 / 3, -2 / 3], [1, 0]]))
    assert np.isnan(maximum[1:]).all()
    assert np.isnan(total[1:]).all()
    assert signed[1].tolist() == pytest.approx(np.array([[-1 / 3, -1 / 3], [-1, 0]]))
    assert np.isnan(signed[2]).all()
    with pytest.raises(UsageError, match="Did you mean 'maximum'"):
        maps.normalised("maximun")


def test_at_interpolates_between_cell_centres(maps: SaliencyMaps) -> None:
    large = maps.at(8, 8)
    assert large.shape == (3, 8, 8)
    # Corner pixels lie outside the outermost cell centres: bilinear interpolation keeps the cell's own value there.
    assert large[0, [0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [1, -2, 3, 0]
    assert maps.at(2, 2).tolist() == maps.raw.tolist()
    assert maps.at(4, 4)[0].mean() == pytest.approx(maps.raw[0].mean())
