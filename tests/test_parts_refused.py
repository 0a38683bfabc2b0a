"""Parts of a set that may be anything are refused in words; what only looks like parts is read."""

import shutil

import pytest
from folder_makers import classes, flat, load, parts, sizes, table

pytestmark = pytest.mark.filterwarnings("error")


def _flat_parts(root):
    for part in ("train", "test"):
        for n in range(4):
            flat(root / part / f"{n}.png", n, len(part))


REFUSED = {
    "parts without classes": (_flat_parts, "none of them is a train with one subfolder a class"),
    "no train": (lambda root: parts(root, "val", "test"), "none of them is a train"),
    "two that may be train": (lambda root: parts(root, "train_a", "training_b", "test"), "2 folders that may be train"),
    "a class called train?": (
        lambda root: classes(root, 0, 4, ("bus", "car", "train")),
        "train may be a part .* class",
    ),
    "train and one more": (lambda root: classes(root, 0, 4, ("train", "cars")), "train may be a part .* or a class"),
    "test tube": (lambda root: classes(root, 0, 4, ("beaker", "flask", "test tube")), "test tube may be a part"),
    "a station and a tube": (
        lambda root: classes(root, 0, 4, ("train station", "test tube")),
        "If these .* are classes",
    ),
    "two sets": (lambda root: [parts(root / name, "train", "test") for name in ("v1", "v2")], "are sets of their own"),
    "parts of no name": (lambda root: parts(root, "first", "second"), "the same subfolders .*parts or classes"),
    "classes of other names": (
        lambda root: (classes(root / "train"), classes(root / "test", 50, 4, ("x", "y"))),
        "train and test share no class: train has ash, birch, test has x, y",
    ),
    "tables": (
        lambda root: [
            table(classes(root) / f"{n}.csv", "file,label", "ash/0.png,a", "ash/1.png,b") for n in ("one", "two")
        ],
        "has 2 tables that name files and classes",
    ),
}


@pytest.mark.parametrize("make, message", REFUSED.values(), ids=REFUSED)
def test_what_may_be_parts_or_classes_is_refused(empty_cache, tmp_path, make, message):
    make(tmp_path / "set")
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path / "set")
    assert len(str(caught.value).splitlines()) <= 3 and (
        "load_folder(" in str(caught.value) or "same names" in str(caught.value)
    )


@pytest.mark.parametrize("bare", ["test", "Validation", "test_images"])
def test_pictures_without_labels_are_no_class(empty_cache, tmp_path, bare):
    root = classes(tmp_path / "set", 0, 8)
    flat(root / bare / "1.png", 200)
    flat(root / "unlabeled" / "1.png", 201) if bare == "test" else None
    split = load(root)
    assert split.class_names == ["ash", "birch"] and bare in split.report.left_out


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "takes one path, or the parts"),
        ({"path": "a", "train": "b"}, "takes one path, or the parts"),
        ({"test": "a"}, "takes one path, or the parts"),
        ({"train": "nowhere"}, "There is no folder or file"),
        ({"train": "set", "test": "set"}, "the same path"),
        ({"train": "cut"}, "is cut into test and train itself"),
    ],
)
def test_parts_that_make_no_sense_are_refused(empty_cache, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    classes(tmp_path / "set")
    parts(tmp_path / "cut", "train", "test")
    with pytest.raises(ValueError, match=message) as caught:
        load(**options)
    assert len(str(caught.value).splitlines()) <= 3


def test_classes_may_be_called_labels(empty_cache, tmp_path):
    split = load(parts(tmp_path / "set", "train", "test", of=("label_1", "label_2")))
    assert split.class_names == ["label_1", "label_2"] and sizes(split)["test"] == 8


def test_a_test_part_of_one_class_may_have_subfolders(empty_cache, tmp_path):
    classes(tmp_path / "train", 0, 4)
    classes(tmp_path / "test" / "ash", 50, 4, ("day1", "day2"))
    split = load(train=tmp_path / "train", test=tmp_path / "test")
    assert split.class_names == ["ash", "birch"] and split.test.labels.tolist() == [0] * 8


def test_a_folder_in_no_folder_of_classes_is_entered_past_papers(empty_cache, tmp_path):
    classes(tmp_path / "set" / "PetImages")
    (tmp_path / "set" / "readme[1].txt").write_text("words")
    flat(tmp_path / "set" / "stray.png", 99)
    report = load(tmp_path / "set").report
    assert report.read == {"ash": 4, "birch": 4} and list(report.left_out) == ["stray.png"]


@pytest.mark.parametrize("top", ["set", "set/a", "set/a/b"])
def test_a_copy_of_the_classes_beside_them_is_no_class(empty_cache, tmp_path, top):
    classes(tmp_path / top)
    shutil.copytree(tmp_path / top, tmp_path / "copy")
    shutil.move(tmp_path / "copy", tmp_path / top / "PetImages")
    report = load(tmp_path / "set").report
    assert report.read == {"ash": 4, "birch": 4} and list(report.left_out) == ["PetImages"]
