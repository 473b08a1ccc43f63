"""Tables of any kind: columns by name, splits, class order, images in paths and in bytes."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gazeshift.data.contents import fingerprint
from gazeshift.data.decode import content_of, decode
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError

Writer = Callable[..., Path]
Rows = Callable[[str, list[list[str]]], Path]


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_one_table_with_usual_names_and_texts_that_look_missing(table: Rows, picture: Writer) -> None:
    texts = ["NA", "null", "None", "nan", ""]
    rows = [[f"a/{i}.png", text, "pie", "dev" if i == 4 else "Train"] for i, text in enumerate(texts)]
    for row in rows:
        picture(row[0])
    path = table("data.csv", [["File_Name", "Caption", "Label", "split"], *rows])
    loaded = load_pairs(path)
    assert [pair.text for pair in loaded.pairs] == texts
    assert [pair.split for pair in loaded.pairs] == ["train"] * 4 + ["validation"]
    assert load_pairs(path.parent).pairs == loaded.pairs
    assert [(finding.kind, finding.key) for finding in loaded.findings] == [("missing text", "a/4.png")]


def test_columns_can_be_named_and_a_wrong_name_lists_them(table: Rows, picture: Writer, tmp_path: Path) -> None:
    picture("1.png")
    table("pairs.csv", [["bild", "titel", "gericht"], ["1.png", "Ein Kuchen", "kuchen"]])
    names = {"image_column": "bild", "text_column": "titel", "label_column": "gericht"}
    (pair,) = load_pairs(tmp_path, **names).pairs
    assert (pair.text, pair.label) == ("Ein Kuchen", "kuchen")
    with pytest.raises(
        DataError, match=r"pairs\.csv: .*the text and none .* the label\. Columns: bild, titel, gericht"
    ):
        load_pairs(tmp_path)
    with pytest.raises(DataError, match=r"no column 'title'.*--text-column"):
        load_pairs(tmp_path, **{**names, "text_column": "title"})


def test_byte_order_mark_multi_line_fields_and_bad_rows(tmp_path: Path, picture: Writer) -> None:
    picture("1.png")
    picture("2.png")
    content = '\ufeffimage,text,label,split\n1.png,"two\nlines, ""quoted""",pie,train\n1.png,x\n2.png,y,pie,weird\n'
    (tmp_path / "data.csv").write_text(content, encoding="utf-8")
    loaded = load_pairs(tmp_path)
    assert [pair.text for pair in loaded.pairs] == ['two\nlines, "quoted"']
    assert [(finding.kind, finding.key) for finding in loaded.findings] == [
        ("unreadable row", "data.csv:4"),
        ("unknown split", "data.csv:5"),
    ]


def test_half_a_surrogate_pair_does_not_break_what_comes_later(tmp_path: Path, picture: Writer) -> None:
    picture("1.png")
    lines = [
        {"image": "1.png", "text": "pie \ud83d", "label": "pie"},
        {"image": "\ud83d.png", "text": "", "label": "pie"},
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, lines)))
    loaded = load_pairs(tmp_path)
    assert [pair.text for pair in loaded.pairs] == ["pie ?"]
    assert [finding.kind for finding in loaded.findings] == ["escaped path"]
    assert str(loaded.findings).encode()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.csv", b'image,text,label\n1.png,"open,pie\n2.png,x,pie\n', r"data\.csv: .*line 2: .*quote"),
        ("data.csv", b"image,text,label\n1.png,\xff,pie\n", "not UTF-8"),
        ("data.csv", b"", "the table is empty: it has no columns and no rows"),
        ("data.parquet", b"PAR1 no", r"cannot be read as a \.parquet table"),
        ("data.jsonl", b'{"image": "1.png"}\n', "looks like the text"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_pairs(tmp_path)
    assert "\n" not in str(caught.value)


def test_paths_out_of_the_root_are_findings(table: Rows, picture: Writer, tmp_path: Path) -> None:
    picture("data/1.png")
    rows = [["1.png", "in", "pie"], ["../2.png", "out", "pie"], ["/etc/hosts", "out", "pie"]]
    path = table("data/pairs.csv", [["image", "text", "label"], *rows])
    picture("2.png")
    loaded = load_pairs(path)
    assert [pair.key for pair in loaded.pairs] == ["1.png"]
    assert [f.key for f in loaded.findings if f.kind == "escaped path"] == ["pairs.csv:3", "pairs.csv:4"]


def test_parquet_with_hugging_face_bytes_and_numbered_classes(tmp_path: Path) -> None:
    images = [{"bytes": png("red"), "path": "a.png"}, {"bytes": png("blue"), "path": None}]
    data = pa.table({"image": images, "caption": ["one", None], "label": [1, 0]})
    features = {"info": {"features": {"label": {"names": ["soup", "apple"], "_type": "ClassLabel"}}}}
    data = data.replace_schema_metadata({"huggingface": json.dumps(features)})
    (tmp_path / "data").mkdir()
    pq.write_table(data, tmp_path / "data/train-00000-of-00001.parquet")
    loaded = load_pairs(tmp_path)
    assert loaded.classes == ("soup", "apple")  # the source's numbers, not the alphabet
    assert [(pair.label, pair.text) for pair in loaded.pairs] == [("apple", "one"), ("soup", "")]
    assert len({pair.key for pair in loaded.pairs}) == 2
    assert decode(loaded.pairs[1].image).getpixel((0, 0)) == (0, 0, 255)


def test_plain_bytes_in_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": [png("red"), b""], "text": ["one", "two"], "label": ["10", "9"], "split": "test"})
    frame.to_parquet(tmp_path / "pairs.parquet")
    loaded = load_pairs(tmp_path)
    assert [content_of(pair.image) for pair in loaded.pairs] == [png("red")]
    assert ("missing image", "pairs.parquet:2") in [(f.kind, f.key) for f in loaded.findings]


def test_mmbt(tmp_path: Path, picture: Writer) -> None:
    picture("images/train/pie/pie_1.jpg")
    picture("images/train/pie/pie_2.jpg")
    picture("images/test/soup/soup_3.jpg")
    for split, img, label in [
        ("train", "images/train/pie/pie_1.jpg", "pie"),
        ("dev", "pie_2.jpg", "pie"),
        ("test", "soup_3.jpg", "soup"),
    ]:
        record = {"id": f"{label}_{Path(img).name}", "label": label, "text": f"{split} text", "img": img}
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(record) + "\nnot json\n")
    loaded = load_pairs(tmp_path)
    assert loaded.format == "mmbt"
    assert sorted((pair.key, pair.split, pair.text) for pair in loaded.pairs) == [
        ("images/test/soup/soup_3.jpg", "test", "test text"),
        ("images/train/pie/pie_1.jpg", "train", "train text"),
        ("images/train/pie/pie_2.jpg", "validation", "dev text"),
    ]
    kinds = sorted((finding.kind, finding.key) for finding in loaded.findings)
    assert kinds[0] == ("empty class", "soup")
    assert kinds[1:] == [("unreadable row", f"{split}.jsonl:2") for split in ("dev", "test", "train")]


def test_train_and_test_tables_with_names_and_numbers(table: Rows, picture: Writer, tmp_path: Path) -> None:
    picture("images/train/pie/pie_1.jpg")
    picture("images/test/apple/apple_2.jpg")
    header = ["id", "text", "annotation", "label"]
    table("train.csv", [header, ["pie_1.jpg", "t", "pie", "0"]])
    table("test.csv", [header, ["apple_2", "t", "apple", "1"]])
    loaded = load_pairs(tmp_path)
    assert loaded.classes == ("pie", "apple")
    assert {pair.key: pair.split for pair in loaded.pairs} == {
        "images/train/pie/pie_1.jpg": "train",
        "images/test/apple/apple_2.jpg": "test",
    }


def test_class_numbers_beside_the_data_win_and_plain_numbers_sort(table: Rows, picture: Writer, tmp_path: Path) -> None:
    picture("1.png")
    picture("2.png")
    rows = [["image", "text", "label"], ["1.png", "t", "10"], ["2.png", "t", "9"]]
    table("data.csv", rows)
    assert load_pairs(tmp_path).classes == ("9", "10")
    (tmp_path / "class_idx.json").write_text('{"10": 0, "9": 1, "8": 2}')
    loaded = load_pairs(tmp_path)
    assert loaded.classes == ("10", "9", "8")
    assert ("empty class", "8") in [(finding.kind, finding.key) for finding in loaded.findings]
    (tmp_path / "class_idx.json").write_text("[1]")
    with pytest.raises(DataError, match=r"class_idx\.json"):
        load_pairs(tmp_path)


def test_imagefolder_with_split_folders_takes_classes_from_folders(
    table: Rows, picture: Writer, tmp_path: Path
) -> None:
    for relative in ("train/pie/1.png", "train/pie/extra.png", "test/soup/2.png"):
        picture(relative)
    table("train/metadata.csv", [["file_name", "text"], ["pie/1.png", "a pie"]])
    (tmp_path / "test/metadata.jsonl").write_text('{"file_name": "soup/2.png", "text": "a soup"}\n')
    loaded = load_pairs(tmp_path)
    assert loaded.format == "imagefolder"
    assert sorted((pair.key, pair.text, pair.label, pair.split) for pair in loaded.pairs) == [
        ("test/soup/2.png", "a soup", "soup", "test"),
        ("train/pie/1.png", "a pie", "pie", "train"),
        ("train/pie/extra.png", "", "pie", "train"),
    ]


def test_imagefolder_with_one_metadata_file_and_a_label_column(table: Rows, picture: Writer, tmp_path: Path) -> None:
    rows = [[f"{i}.png", f"text {i}", "pie" if i % 2 else "soup"] for i in range(8)]
    for row in rows:
        picture(row[0])
    table("metadata.csv", [["file_name", "caption", "label"], *rows])
    loaded = load_pairs(tmp_path)
    assert [pair.label for pair in loaded.pairs] == ["soup", "pie"] * 4
    assert sorted(pair.split for pair in loaded.pairs) == ["test"] * 2 + ["train"] * 6


def test_the_fingerprint_sees_every_change_but_not_the_order(table: Rows, picture: Writer) -> None:
    rows = [[f"{i}.png", f"text {i}", "pie", "train"] for i in range(3)]
    for row in rows:
        picture(row[0])
    header = ["image", "text", "label", "split"]
    pairs = load_pairs(table("data.csv", [header, *rows])).pairs
    prints = {fingerprint(pairs)}
    assert fingerprint(pairs[::-1]) in prints
    for column, value in [(1, "other"), (2, "soup"), (3, "test")]:
        changed = [*rows[:2], [value if i == column else old for i, old in enumerate(rows[2])]]
        prints.add(fingerprint(load_pairs(table("data.csv", [header, *changed])).pairs))
    Image.new("RGB", (90, 90), "blue").save(picture("0.png"))
    prints.add(fingerprint(pairs))
    assert len(prints) == 5
