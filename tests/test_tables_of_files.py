"""Tables of files as people write them, names from any system, and labels that are meant as one."""

import io
import json
import unicodedata
import zipfile

import pytest
from folder_makers import classes, flat, load, numbers, sizes, table, zipped
from PIL import Image

from tlkit import spelling

pytestmark = pytest.mark.filterwarnings("error")


def _rows(root, mark=",", sep="/"):
    """A row for each picture of class folders: file, and its folder as the label."""
    files = sorted(root.glob("*/*.png"))
    return [f"{str(path.relative_to(root)).replace('/', sep)}{mark}{path.parent.name}" for path in files]


# --- Columns

HEADS = str.split("""
    file,label image,class file_name,label filename,category filepath,species path,target img,class_name
    image_path,breed File;Label Image_Name,Class image_id,label id,breed photo,tag name,y
    """)
HEADS += ["Image Path,Class Name", "img_name\tlabel", "image|label", "picture,plant"]


@pytest.mark.parametrize("head", HEADS)
def test_columns_have_many_names(empty_cache, tmp_path, head):
    root = classes(tmp_path / "set")
    mark = next(mark for mark in ";\t|," if mark in head)
    split = load(table(root / "labels.csv", head, *_rows(root, mark)))
    assert split.report.read == {"ash": 4, "birch": 4} and split.report.left_out == {}
    file_column, label_column = head.split(mark)
    assert f"files from its column {file_column}, classes from {label_column}." in str(split.report)


def test_of_two_columns_the_one_is_taken_that_names_files_and_the_other_is_said(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    rows = [f"{k},{row.split(',')[0]},{int('birch' in row)},{row.split(',')[1]}" for k, row in enumerate(_rows(root))]
    split = load(table(root / "labels.csv", "file,path,label,class_name", *rows))
    assert split.class_names == ["ash", "birch"]
    assert "files from its column path, classes from class_name (not from file, label)." in str(split.report)


def test_a_column_may_cut_the_set(empty_cache, tmp_path):
    root = classes(tmp_path / "set", count=8)
    usage = ["Training"] * 4 + ["PublicTest"] * 2 + ["validation", "extra"]
    rows = [f"{row},{usage[k % 8]}" for k, row in enumerate(_rows(root))]
    split = load(table(root / "labels.csv", "file,label,Usage", *rows))
    assert sizes(split) == {"train": 8, "val": 2, "test": 4} and split.draw is None
    assert numbers(split.val) == [(0, 6), (1, 6)] and numbers(split.test) == [(0, 4), (0, 5), (1, 4), (1, 5)]
    assert set(split.report.left_out.values()) == {"its Usage is extra, which is no part"}


def test_a_column_that_names_no_parts_is_not_used_and_said(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    split = load(
        table(root / "labels.csv", "file,label,fold", *(f"{row},{k % 3}" for k, row in enumerate(_rows(root))))
    )
    assert split.draw is not None and "The column fold was not used: its cells (0, 1, 2) name no parts." in str(
        split.report
    )


@pytest.mark.parametrize("name", ["labels.tsv", "metadata.jsonl"])
def test_tables_of_other_kinds(empty_cache, tmp_path, name):
    root = classes(tmp_path / "set")
    if name.endswith("tsv"):
        table(root / name, "file_name\tlabel", *_rows(root, "\t"))
    else:
        rows = (dict(zip(("file_name", "label"), row.split(","))) for row in _rows(root))
        table(root / name, *map(json.dumps, rows))
    assert load(root).report.read == {"ash": 4, "birch": 4}


def test_a_table_without_column_names(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", *_rows(root))).report
    assert report.read == {"ash": 4, "birch": 4} and "has no line of column names" in str(report)


@pytest.mark.parametrize(
    "lines", [["name,label", "ash,1", "birch,2"], ["file_name,size", "1.png,16"], ["a,b"], []], ids="|".join
)
def test_a_csv_that_names_no_labelled_files_does_not_hide_the_folders(empty_cache, tmp_path, lines):
    root = classes(tmp_path / "set")
    table(root / "metadata.csv", *lines)
    report = load(root).report
    assert report.read == {"ash": 4, "birch": 4} and list(report.left_out) == ["metadata.csv"]


# --- Encodings

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "gb18030"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_csv_in_any_encoding(empty_cache, tmp_path, encoding):
    names = ("猫咪图片", "小狗的照片") if encoding == "gb18030" else ("Kätzchen", "größere Hunde")
    root = classes(tmp_path / "set", names=names)
    report = load(table(root / "labels.csv", "file,label", *_rows(root), encoding=encoding)).report
    assert report.read == dict.fromkeys(sorted(names), 4) and report.left_out == {}
    guessed = {"cp1252": "Windows-1252", "gb18030": "GBK"}.get(encoding)
    assert ("is not in UTF-8" in str(report)) == bool(guessed) and (guessed or "") in str(report)


def _zip_of(tmp_path, names, encoding, sep="/"):
    files = {}
    for k, name in enumerate(names):
        for number in range(3):
            content = io.BytesIO()
            Image.new("RGB", (16, 16), (40 * k, number, 0)).save(content, "PNG")
            files[f"{name}{sep}{number}.png".encode(encoding)] = content.getvalue()
    return zipped(tmp_path / "set.zip", files)


ZIPS = {
    "utf-8": (("玫瑰", "Übung"), "UTF-8"),
    "gbk": (("玫瑰", "郁金香"), "GBK"),
    "cp1252": (("Löwenzahn", "Gänseblümchen", "café"), "Windows-1252"),
    "cp437": (("Löwenzahn", "Gänseblümchen", "café"), "those of DOS"),
    "ascii": (("ash", "birch"), ""),
}


@pytest.mark.parametrize("encoding", ZIPS)
def test_names_in_a_zip_come_out_right(empty_cache, tmp_path, encoding):
    names, said = ZIPS[encoding]
    path = _zip_of(tmp_path, names, encoding)
    for _ in range(2):  # unpacked, and then found unpacked
        report = load(path).report
        assert report.read == dict.fromkeys(sorted(names), 3)
        assert (f"they were read as {said}." in str(report)) == bool(said)


def test_a_zip_with_backslashes(empty_cache, tmp_path):
    assert load(_zip_of(tmp_path, ("ash", "birch"), "ascii", "\\")).report.read == {"ash": 3, "birch": 3}


def test_names_of_a_zip_that_are_marked_stay(empty_cache, tmp_path):
    root = classes(tmp_path / "set", names=("猫", "Ä"))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in root.glob("*/*.png"):
            archive.write(path, path.relative_to(root).as_posix())
    report = load(tmp_path / "set.zip").report
    assert report.read == {"Ä": 4, "猫": 4} and "how they are written" not in str(report)


# --- Where files are


def test_backslashes_in_paths_mean_folders_on_any_system(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", "file,label", *_rows(root, sep="\\"))).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {}


@pytest.mark.parametrize("before", ["C:\\Users\\me\\set\\", "/content/drive/set/", "set/", "./"])
def test_paths_of_another_machine_are_found_by_their_ends(empty_cache, tmp_path, before):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", "file,label", *(before + row for row in _rows(root)))).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {}
    assert ("Found by their names alone" in str(report)) == (before != "./")


def test_absolute_paths_and_folders_above_are_fine_in_a_table_of_yours(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    rows = [f"{root / row}" if "ash" in row else f"../set/{row}" for row in _rows(root)]
    report = load(table(tmp_path / "lists" / "labels.csv", "file,label", *rows)).report
    assert report.read == {"ash": 4, "birch": 4} and "Found by" not in str(report)


@pytest.mark.parametrize(
    "cell", ["../outside.png", "/etc/passwd", "C:\\secret.png", "ash/../../outside.png", "..\\x.png"]
)
def test_a_table_in_a_zip_that_names_files_outside_is_refused(empty_cache, tmp_path, cell):
    root = classes(tmp_path / "set")
    flat(tmp_path / "outside.png", 99)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in root.glob("*/*.png"):
            archive.write(path, path.relative_to(root).as_posix())
        archive.writestr("labels.csv", "\n".join(["file,label", *_rows(root), f"{cell},ash"]))
    with pytest.raises(ValueError, match="names a file outside of its folder") as caught:
        load(tmp_path / "set.zip")
    assert len(str(caught.value).splitlines()) <= 3


def test_names_without_an_ending_are_found(empty_cache, tmp_path):
    root = tmp_path / "set"
    rows = []
    for number in range(8):
        flat(root / "train" / f"{number:03}.png", 40 * (number % 2), number)
        rows.append(f"{number:03},{('ash', 'birch')[number % 2]}")
    flat(root / "test" / "900.png", 99)
    table(root / "labels.csv", "id,breed", *rows, "404,ash")
    report = load(root).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {
        "404": "the CSV names it, but there is no such file"
    }
    assert "Found by their names alone, without the folder or ending: 000, 001, 002 and 5 more." in str(report)


def test_a_name_that_several_files_have_is_left_out(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", "file,label", *_rows(root), "0,ash", "yew/1.png,yew")).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {
        "0": "the CSV names it without its folder, and several files have this name",
        "yew/1.png": "the CSV names it without its folder, and several files have this name",
    }


def test_web_addresses_and_empty_labels_are_left_out(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(
        table(root / "labels.csv", "file,label", *_rows(root)[1:], "http://x.org/1.png,ash", "ash/0.png,NaN")
    ).report
    assert report.read == {"ash": 3, "birch": 4} and report.left_out == {
        "http://x.org/1.png": "a web address: download it first, and name the file",
        "ash/0.png": "the CSV gives it no label",
    }


# --- Labels are names


def _labelled(tmp_path, labels):
    """A table of pictures with these labels; their numbers are their rows."""
    for k in range(len(labels)):
        flat(tmp_path / "set" / f"{k}.png", 0, k)
    rows = (f'{k}.png,"{label}"' for k, label in enumerate(labels))
    return table(tmp_path / "set" / "labels.csv", "file,label", *rows)


@pytest.mark.parametrize("ending", ["", ".0"])
def test_whole_numbers_are_in_the_order_of_numbers(empty_cache, tmp_path, ending):
    labels = [f"{number}{ending}" for number in (10, 2, 1, 0, -1) for _ in range(3)]
    assert load(_labelled(tmp_path, labels)).class_names == ["-1", "0", "1", "2", "10"]


def test_names_with_numbers_stay_in_the_order_of_letters(empty_cache, tmp_path):
    assert load(_labelled(tmp_path, ["c10", "c2", "10"] * 3)).class_names == ["10", "c10", "c2"]


SAME = {
    "Unicode": (["Rosé", unicodedata.normalize("NFD", "Rosé")], "Rosé", "spellings that look the same"),
    "blanks": (["rose", " rose  ", "rose\u00a0"], "rose", ""),
    "unseen": (["rose", "rose\u200b", "\ufeffrose"], "rose", "spellings that look the same"),
    "case": (["Rose", "Rose", "rose", "ROSE"], "Rose", '"ROSE", "rose" are taken for it'),
    "width": (["rose", "rose", "ｒｏｓｅ"], "rose", '"ｒｏｓｅ" is taken for it'),
    "whole numbers": (["7", "7", "07", "7.0"], "7", '"07", "7.0" are taken for it'),
}


@pytest.mark.parametrize("spellings, name, said", SAME.values(), ids=SAME)
def test_spellings_that_are_meant_as_one_are_one_class(empty_cache, tmp_path, spellings, name, said):
    report = load(_labelled(tmp_path, spellings * 3 + ["8"] * 4)).report
    assert report.read == {name: 3 * len(spellings), "8": 4} and said in str(report)


def test_letters_that_differ_in_case_stay_apart_and_are_said(empty_cache, tmp_path):
    report = load(_labelled(tmp_path, ["a", "A", "b"] * 3)).report
    assert list(report.read) == ["A", "a", "b"] and "Letters that differ in case" in str(report)


def test_spellings_are_one_across_parts(empty_cache, tmp_path):
    classes(tmp_path / "set" / "train", 0, 4, ("Ash", unicodedata.normalize("NFD", "Bürke")))
    classes(tmp_path / "set" / "test", 50, 4, ("ash ", "bürke"))
    split = load(tmp_path / "set")
    assert split.class_names == ["Ash", "Bürke"] and sizes(split)["test"] == 8 and split.report.left_out == {}


def test_folders_with_leading_zeros_meet_the_numbers_of_a_table(empty_cache, tmp_path):
    classes(tmp_path / "train", 0, 4, ("00000", "00002", "00010"))
    classes(tmp_path / "pictures", 50, 2, ("x0", "x2", "x10"))
    rows = [f"{row.replace(',x', ',')}" for row in _rows(tmp_path / "pictures")]
    split = load(train=tmp_path / "train", test=table(tmp_path / "pictures" / "test.csv", "Path,ClassId", *rows))
    assert split.class_names == ["00000", "00002", "00010"]
    assert set(zip(split.test.images[:, 0, 0, 0].tolist(), split.test.labels.tolist())) == {(0, 0), (40, 1), (80, 2)}


def test_a_folder_whose_name_linux_could_not_decode(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    try:
        (root / "ash").rename(root / b"K\xe4fer".decode("utf-8", "surrogateescape"))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    report = load(root, quiet=False).report
    assert report.read == {"Käfer": 4, "birch": 4}


@pytest.mark.parametrize(
    "raw, dos, expected",
    [
        ("é".encode(), True, "utf-8"),
        ("玫瑰".encode("gbk"), False, "gb18030"),
        ("Gefäß".encode("cp1252"), False, "cp1252"),
        ("Gefäß".encode("cp1252"), True, "cp1252"),
        ("Käse".encode("cp437"), True, "cp437"),
        ("fleurs d’été".encode("cp1252"), True, "cp1252"),
        ("Œuf".encode("cp1252"), True, "cp1252"),
        ("file,label".encode("utf-16-le"), False, "utf-16-le"),
        (b"plain", True, "utf-8"),
    ],
)
def test_encodings_are_told_apart(raw, dos, expected):
    assert spelling.encoding_of(raw, dos) == expected
