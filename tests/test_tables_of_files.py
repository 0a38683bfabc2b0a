"""Tables of files as people write them, names from any system, and labels that are meant as one."""

import json

import pytest
from folder_makers import classes, flat, is_short, load, numbers, pets, rows_of, sizes, table

pytestmark = pytest.mark.filterwarnings("error")


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
    split = load(table(root / "labels.csv", head, *rows_of(root, mark)))
    assert split.report.read == {"ash": 4, "birch": 4} and split.report.left_out == {}
    file_column, label_column = head.split(mark)
    assert f"files from its column {file_column}, classes from {label_column}." in str(split.report)


def test_of_two_columns_the_one_is_taken_that_names_files_and_the_other_is_said(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    rows = [f"{k},{row.split(',')[0]},{int('birch' in row)},{row.split(',')[1]}" for k, row in enumerate(rows_of(root))]
    split = load(table(root / "labels.csv", "file,path,label,class_name", *rows))
    assert split.class_names == ["ash", "birch"]
    assert "files from its column path, classes from class_name (not from file, label)." in str(split.report)


def test_a_column_may_cut_the_set(empty_cache, tmp_path):
    root = classes(tmp_path / "set", count=8)
    usage = ["Training"] * 4 + ["PublicTest"] * 2 + ["validation", "extra"]
    rows = [f"{row},{usage[k % 8]}" for k, row in enumerate(rows_of(root))]
    split = load(table(root / "labels.csv", "file,label,Usage", *rows))
    assert sizes(split) == {"train": 8, "val": 2, "test": 4} and split.draw is None
    assert numbers(split.val) == [(0, 6), (1, 6)] and numbers(split.test) == [(0, 4), (0, 5), (1, 4), (1, 5)]
    assert set(split.report.left_out.values()) == {"its Usage is extra, which is no part"}


def test_a_column_that_names_no_parts_is_not_used_and_said(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    split = load(
        table(root / "labels.csv", "file,label,fold", *(f"{row},{k % 3}" for k, row in enumerate(rows_of(root))))
    )
    assert split.draw is not None and "The column fold was not used: its cells (0, 1, 2) name no parts." in str(
        split.report
    )


@pytest.mark.parametrize("name", ["labels.tsv", "metadata.jsonl"])
def test_tables_of_other_kinds(empty_cache, tmp_path, name):
    root = classes(tmp_path / "set")
    if name.endswith("tsv"):
        table(root / name, "file_name\tlabel", *rows_of(root, "\t"))
    else:
        rows = (dict(zip(("file_name", "label"), row.split(","))) for row in rows_of(root))
        table(root / name, *map(json.dumps, rows))
    assert load(root).report.read == {"ash": 4, "birch": 4}


def test_a_table_without_column_names(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", *rows_of(root))).report
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
    report = load(table(root / "labels.csv", "file,label", *rows_of(root), encoding=encoding)).report
    assert report.read == dict.fromkeys(sorted(names), 4) and report.left_out == {}
    guessed = {"cp1252": "Windows-1252", "gb18030": "GBK"}.get(encoding)
    assert ("is not in UTF-8" in str(report)) == bool(guessed) and (guessed or "") in str(report)


# --- Where files are


def test_backslashes_in_paths_mean_folders_on_any_system(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", "file,label", *rows_of(root, sep="\\"))).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {}


@pytest.mark.parametrize("before", ["C:\\Users\\me\\set\\", "/content/drive/set/", "set/", "./"])
def test_paths_of_another_machine_are_found_by_their_ends(empty_cache, tmp_path, before):
    root = classes(tmp_path / "set")
    report = load(table(root / "labels.csv", "file,label", *(before + row for row in rows_of(root)))).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {}
    assert ("Found by their names alone" in str(report)) == (before != "./")


def test_absolute_paths_and_folders_above_are_fine_in_a_table_of_yours(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    rows = [f"{root / row}" if "ash" in row else f"../set/{row}" for row in rows_of(root)]
    report = load(table(tmp_path / "lists" / "labels.csv", "file,label", *rows)).report
    assert report.read == {"ash": 4, "birch": 4} and "Found by" not in str(report)


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
    report = load(table(root / "labels.csv", "file,label", *rows_of(root), "0,ash", "yew/1.png,yew")).report
    assert report.read == {"ash": 4, "birch": 4} and report.left_out == {
        "0": "the CSV names it without its folder, and several files have this name",
        "yew/1.png": "the CSV names it without its folder, and several files have this name",
    }


def test_web_addresses_and_empty_labels_are_left_out(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    report = load(
        table(root / "labels.csv", "file,label", *rows_of(root)[1:], "http://x.org/1.png,ash", "ash/0.png,NaN")
    ).report
    assert report.read == {"ash": 3, "birch": 4} and report.left_out == {
        "http://x.org/1.png": "a web address: download it first, and name the file",
        "ash/0.png": "the CSV gives it no label",
    }


# --- Rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_names_files_and_labels(empty_cache, tmp_path, encoding):
    root = pets(tmp_path / "pets")
    (root / "cat").rename(root / "猫")
    lines = ["File, Label", *rows_of(root), "gone.png,dog", "dog/00.png,", ""]
    expected = {"dog": 15, "猫": 8}
    table(root / "labels.csv", *[line for line in lines if line != "dog/00.png,dog"], encoding=encoding)
    for path in (root / "labels.csv", root):  # the table, or the folder that it lies in
        report = load(path).report
        assert report.read == expected
        assert report.left_out == {
            "gone.png": "the CSV names it, but there is no such file",
            "dog/00.png": "the CSV gives it no label",
        }


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_csv_may_part_its_columns_by_other_marks(empty_cache, tmp_path, mark):
    root = pets(tmp_path / "pets")
    table(root / "labels.csv", *[line.replace(",", mark) for line in ["file,label", *rows_of(root)]])
    assert load(root).report.read == {"cat": 8, "dog": 16}


def test_a_row_twice_counts_once_and_with_two_labels_not_at_all(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    path = table(root / "labels.csv", "file,label", *rows_of(root), "cat/00.png,cat", "cat/01.png,dog")
    report = load(path).report
    assert report.read == {"cat": 7, "dog": 16}
    assert report.left_out == {"cat/01.png": "the same picture is in cat and dog"}


def test_a_csv_with_another_header_is_refused(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    with pytest.raises(ValueError, match="columns file and label, but it has: width, height, mode") as caught:
        load(table(root / "labels.csv", "width,height,mode", "1,2,RGB"))
    assert is_short(caught)


def test_a_csv_in_another_encoding_keeps_what_can_be_read(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    path = table(root / "labels.csv", "file,label", *rows_of(root), "kätzchen.png,cat", encoding="latin-1")
    report = load(path).report
    assert report.read == {"cat": 8, "dog": 16} and len(report.left_out) == 1
