"""Labels are names: those that are meant as one are one class, and the order is that of people."""

import unicodedata

import pytest
from folder_makers import classes, flat, load, rows_of, sizes, table

from tlkit.disk import spelling

pytestmark = pytest.mark.filterwarnings("error")


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
    rows = [f"{row.replace(',x', ',')}" for row in rows_of(tmp_path / "pictures")]
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
